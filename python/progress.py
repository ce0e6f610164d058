"""One line of progress on standard error, for anything that may take more than a second."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Passes `items` through and says now and then how many of `total` are done."""
    start = time.monotonic()
    last = start
    done = 0
    terminal = sys.stderr.isatty()
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - last >= (0.2 if terminal else 10.0):
            last = now
            rate = done / (now - start)
            line = f"{label}: {done:,} of {total:,}, {(total - done) / rate:.0f} s left"
            print(f"\r\x1b[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
    elapsed = time.monotonic() - start
    if elapsed >= 1.0:
        line = f"{label}: {done:,} in {elapsed:.1f} s"
        print(f"\r\x1b[K{line}" if terminal else line, file=sys.stderr, flush=True)
