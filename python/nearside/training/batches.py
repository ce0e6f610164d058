"""Feature rows as padded arrays of few sizes, so that JAX compiles few programs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearside.rows import Rows

SIZES = (16, 32, 64, 128, 200)  # candidates; the crate ranks no more than 200
HISTORY = 50  # a profile keeps no more clicks
POSITIONS = 24  # slots with a bias of their own; all behind share the last


@dataclass(frozen=True)
class Lists:
    """B impressions padded to N candidates; padding has `valid` false."""

    features: NDArray[np.float32]  # [B, N, F]
    server_logit: NDArray[np.float32]  # [B, N]
    scorable: NDArray[np.bool_]  # [B, N]
    valid: NDArray[np.bool_]  # [B, N]
    clicked: NDArray[np.bool_]  # [B, N]
    position: NDArray[np.int32]  # [B, N] below POSITIONS
    article: NDArray[np.int32]  # [B, N]
    weight: NDArray[np.float32]  # [B] strength * n / (n + k)
    history: NDArray[np.int32]  # [B, H]
    history_weight: NDArray[np.float32]  # [B, H]
    history_mask: NDArray[np.bool_]  # [B, H]

    def take(self, places: NDArray[np.int64]) -> "Lists":
        """Some of the impressions."""
        return Lists(**{name: value[places] for name, value in vars(self).items()})

    def __len__(self) -> int:
        return len(self.weight)


def padded(rows: Rows, impressions: NDArray[np.int64], *, strength: float, k: float) -> list[Lists]:
    """The impressions in groups of like size."""
    lengths = np.minimum(np.diff(rows.offsets)[impressions], SIZES[-1])
    size = np.searchsorted(SIZES, lengths)
    return [
        _pad(rows, impressions[size == at], SIZES[at], strength=strength, k=k)
        for at in range(len(SIZES))
        if (size == at).any()
    ]


def _pad(rows: Rows, impressions: NDArray[np.int64], size: int, *, strength: float, k: float) -> Lists:
    starts, ends = rows.offsets[impressions], rows.offsets[impressions + 1]
    places = starts[:, None] + np.arange(size)
    valid = places < ends[:, None]
    at = np.where(valid, places, 0)
    begins, stops = rows.history_offsets[impressions], rows.history_offsets[impressions + 1]
    entries = np.maximum(begins, stops - HISTORY)[:, None] + np.arange(HISTORY)
    mask = entries < stops[:, None]
    entry = np.where(mask, entries, 0)
    evidence = rows.evidence[impressions]
    return Lists(
        features=np.where(valid[:, :, None], rows.features[at], 0),
        server_logit=np.where(valid, rows.server_logit[at], 0),
        scorable=valid & rows.scorable[at],
        valid=valid,
        clicked=valid & rows.clicked[at],
        position=np.minimum(rows.position[at], POSITIONS - 1).astype(np.int32),
        article=rows.article[at].astype(np.int32),
        weight=(strength * evidence / (evidence + k)).astype(np.float32),
        history=rows.history[entry].astype(np.int32),
        history_weight=np.where(mask, rows.history_weight[entry], 0).astype(np.float32),
        history_mask=mask,
    )


def shuffled(groups: list[Lists], size: int, random: np.random.Generator) -> Iterator[Lists]:
    """Minibatches of one group each, in a random order. The few that do not fill one wait for another epoch's order,
    unless the group is smaller than a minibatch: then it is one."""
    jobs = []
    for group in groups:
        order = random.permutation(len(group))
        full = max(len(order) // size, 1)
        jobs += [(group, order[at * size : (at + 1) * size]) for at in range(full)]
    for at in random.permutation(len(jobs)):
        group, places = jobs[at]
        yield group.take(places)
