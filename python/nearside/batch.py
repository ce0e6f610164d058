"""What replay gives for consecutive impressions: one row a candidate, in the server's order."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """B impressions with S candidates in all. Impression b has the candidates `offsets[b]:offsets[b + 1]`."""

    impression: NDArray[np.int64]  # [B] row in the impressions table
    reader: NDArray[np.uint32]  # [B] dense number of the reader
    second: NDArray[np.uint32]  # [B] time, seconds since 1970
    offsets: NDArray[np.int64]  # [B + 1]
    article: NDArray[np.uint32]  # [S] row in the articles table
    clicked: NDArray[np.bool_]  # [S]
    shows: NDArray[np.float64]  # [S] what the page carries at that moment
    clicks: NDArray[np.float64]  # [S]
    server_logit: NDArray[np.float32]  # [S] the crate's, monotone in the server's order
    scorable: NDArray[np.bool_]  # [S] has vector and topic
    features: NDArray[np.float32]  # [S, F]
    names: tuple[str, ...]  # F feature names
    evidence: NDArray[np.float32]  # [B] n: dwell-weighted clicks of the last 30 days
    clicked_offsets: NDArray[np.int64]  # [B + 1] into the three below: the profile's clicks, oldest first, at most 50
    clicked_article: NDArray[np.uint32]  # row in the articles table
    clicked_second: NDArray[np.uint32]
    clicked_weight: NDArray[np.float32]  # dwell weight in [0.2, 1]
    history_offsets: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(1, np.int64)
    )  # [B + 1] into the two below
    history_article: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))  # clicks with a vector
    history_weight: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(0, np.float32)
    )  # a model's `history_weight`
    position: NDArray[np.int32] = field(
        default_factory=lambda: np.zeros(0, np.int32)
    )  # [S] slot it was shown in, from 0
    scores: dict[str, NDArray[np.float32]] = field(
        default_factory=dict
    )  # name -> [S], higher is better; by the model or a baseline
