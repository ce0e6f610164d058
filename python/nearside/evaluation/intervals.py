"""95 % intervals by the bootstrap over readers: a reader's impressions are alike, so whole readers are resampled.

Every statistic is a ratio of two sums over readers (of a metric's values, and of how many there are). One resample is
a vector of how often each reader was drawn, and the product of these with the readers' sums gives all statistics of
all rows at once. Differences between two rows are taken within a resample, which is what pairs them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
LEVEL = 0.95
# More readers than this are drawn in groups of equal size, put together at random. The variance of a sum is the same
# for groups as for their members; its estimate is 1.4 % off with 10,000 of them, less than 1,000 resamples are.
MOST_DRAWN = 10_000
BLOCK = 1 << 22  # counts held at a time: 32 MB

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean with the ends of its interval; all NaN where there is nothing to average."""

    mean: float
    low: float
    high: float

    def record(self) -> dict[str, float | None]:
        """The three as JSON has them: null where not a number."""
        return {key: value if np.isfinite(value) else None for key, value in vars(self).items()}

    def above(self, bound: float = 0.0) -> bool:
        return self.low > bound

    def below(self, bound: float = 0.0) -> bool:
        return self.high < bound


@dataclass(frozen=True)
class Means:
    """Means of C columns, on the impressions and on each resample."""

    mean: Doubles  # [C]
    resampled: Doubles  # [resamples, C]

    def interval(self, column: int) -> Interval:
        return _interval(self.mean[column], self.resampled[:, column])

    def difference(self, column: int, other: int) -> Interval:
        """The first less the second. Both have to be defined on the same impressions."""
        return _interval(self.mean[column] - self.mean[other], self.resampled[:, column] - self.resampled[:, other])


def bootstrap(
    reader: NDArray[np.integer],  # [N] number of the reader, in any range from 0
    columns: Sequence[NDArray[np.floating]],  # C of [N]; NaN: not defined there
    seed: int,
    resamples: int = RESAMPLES,
) -> Means:
    """Resamples the readers that have a row here, with replacement."""
    rng = np.random.default_rng(seed)
    present = np.zeros(int(reader.max(initial=0)) + 1, np.int64)
    present[reader] = 1
    dense = np.cumsum(present) - 1
    reader, readers = dense[reader], int(present.sum())
    if readers > MOST_DRAWN:
        reader, readers = (rng.permutation(readers) % MOST_DRAWN)[reader], MOST_DRAWN
    patterns: dict[bytes, int] = {}  # columns that are defined on the same impressions share their counts
    sums, counts, count_of = [], [], []
    for column in columns:
        valid = ~np.isnan(column)
        sums.append(np.bincount(reader, np.where(valid, column, 0.0), readers))
        pattern = hashlib.sha256(valid.tobytes()).digest()
        if pattern not in patterns:
            patterns[pattern] = len(counts)
            counts.append(np.bincount(reader, valid, readers))
        count_of.append(patterns[pattern])
    matrix = np.stack(sums + counts, axis=1)  # [readers, C + patterns]
    drawn = np.zeros((resamples, matrix.shape[1]))
    block = max(1, min(resamples, BLOCK // max(readers, 1)))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        picks = rng.integers(0, readers, (rows, readers)) + (np.arange(rows) * readers)[:, None]
        times = np.bincount(picks.ravel(), minlength=rows * readers).reshape(rows, readers)
        drawn[start : start + rows] = times.astype(np.float64) @ matrix
    with np.errstate(invalid="ignore", divide="ignore"):
        total = matrix.sum(axis=0)
        mean = total[: len(sums)] / total[len(sums) :][count_of]
        resampled = drawn[:, : len(sums)] / drawn[:, len(sums) :][:, count_of]
    return Means(mean, resampled)


def _interval(mean: float, resampled: Doubles) -> Interval:
    tail = (1.0 - LEVEL) / 2.0
    finite = resampled[np.isfinite(resampled)]
    if not len(finite):
        return Interval(float(mean), float("nan"), float("nan"))
    low, high = np.quantile(finite, (tail, 1.0 - tail))
    return Interval(float(mean), float(low), float(high))
