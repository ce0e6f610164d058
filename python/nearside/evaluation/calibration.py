"""Calibration: do articles of which the model says 5 % get 5 % of the clicks?

A listwise model says nothing of how many clicks an impression gets, only how they fall among its candidates. The
prediction therefore is the softmax over the list times the clicks the impression had, and it is compared with the
clicks themselves, in bins of the softmax's log-odds.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nearside.evaluation.metrics import Lists

EDGES = np.arange(-9.0, 3.01, 0.5)  # log-odds; the outer bins are open


@dataclass
class Calibration:
    """Sums by bin of predicted log-odds, over the candidates of impressions with a click."""

    candidates: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(EDGES) + 1))
    predicted: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(EDGES) + 1))  # expected clicks
    clicked: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(EDGES) + 1))

    def add(self, lists: Lists, score: NDArray[np.float32], clicked: NDArray[np.bool_]) -> None:
        """Adds a batch; `score` [S] is on the log-odds scale up to a constant of the list."""
        impressions = len(lists.offsets) - 1
        filled = np.flatnonzero(np.diff(lists.offsets))
        if not len(filled):
            return
        wide = score.astype(np.float64)
        highest = np.zeros(impressions)
        highest[filled] = np.maximum.reduceat(wide, lists.offsets[filled])
        raised = np.exp(wide - highest[lists.owner])
        share = raised / np.bincount(lists.owner, raised, impressions)[lists.owner]
        clicks = np.bincount(lists.owner, clicked, impressions)[lists.owner]
        kept = (clicks > 0) & (share < 1.0)  # a list of one says nothing
        share, clicks = share[kept], clicks[kept]
        bins = np.digitize(np.log(share) - np.log1p(-share), EDGES)
        self.candidates += np.bincount(bins, minlength=len(EDGES) + 1)
        self.predicted += np.bincount(bins, share * clicks, len(EDGES) + 1)
        self.clicked += np.bincount(bins, clicked[kept], len(EDGES) + 1)

    def table(self) -> list[dict[str, float]]:
        """One record a bin that holds a candidate."""
        edges = np.concatenate([[-np.inf], EDGES, [np.inf]])
        return [
            {
                "from": float(max(edges[bin_], EDGES[0] - 0.5)),
                "to": float(min(edges[bin_ + 1], EDGES[-1] + 0.5)),
                "candidates": int(self.candidates[bin_]),
                "predicted": float(self.predicted[bin_]),
                "clicked": int(self.clicked[bin_]),
            }
            for bin_ in np.flatnonzero(self.candidates)
        ]
