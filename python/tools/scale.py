"""How much memory and time a large log takes: simulates, replays and evaluates it, each in a process of its own.

    uv run tools/scale.py [--impressions 1000000] [--model ../models/reranker.onnx] [--keep FOLDER]

Prints seconds, impressions a second and peak resident memory of each, and fails where one took
2 GB or more. A million impressions take about ten minutes and 3 GB of disk.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nearside.space import ROOT

MOST_BYTES = 2 * 1024**3
KILOBYTE = 1 if sys.platform == "darwin" else 1024  # the unit of `ru_maxrss`


@dataclass(frozen=True)
class Measured:
    """What one command took."""

    command: str
    seconds: float
    peak: int  # bytes


def measure(*arguments: str) -> Measured:
    """Runs a command of the lab and waits for it."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "nearside.cli", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"nearside {' '.join(arguments)} failed")
    return Measured(arguments[0], time.perf_counter() - began, usage.ru_maxrss * KILOBYTE)


def course(folder: Path, impressions: int, model: Path) -> Iterator[Measured]:
    """Simulates, replays and evaluates a log."""
    log = str(folder / "log")
    yield measure("simulate", "-o", log, "--impressions", str(impressions))
    yield measure("replay", log, "-o", str(folder / "features"))
    yield measure("evaluate", str(model), log, "-o", str(folder / "report"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the memory and time that a large log takes.")
    parser.add_argument("--impressions", type=int, default=1_000_000)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "reranker.onnx")
    parser.add_argument("--keep", type=Path, help="folder for log, features and report, which else are removed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as removed:
        folder = arguments.keep or Path(removed)
        too_much = False
        for measured in course(folder, arguments.impressions, arguments.model):
            rate = arguments.impressions / measured.seconds
            print(
                f"{measured.command:<9} {measured.seconds:7.1f} s {rate:10,.0f} impressions a second"
                f" {measured.peak / 1024**2:8,.0f} MB at most",
                flush=True,
            )
            too_much |= measured.peak >= MOST_BYTES
    if too_much:
        raise SystemExit("one took 2 GB or more")


if __name__ == "__main__":
    main()
