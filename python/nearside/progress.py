"""Progress bars on standard error, for anything that may take more than a second."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

T = TypeVar("T")


def bar() -> Progress:
    """A progress display; it vanishes when done, and is silent where standard error is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)


def progress(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Passes `items` through and shows how many of `total` are done."""
    with bar() as display:
        yield from display.track(items, total=total, description=label)
