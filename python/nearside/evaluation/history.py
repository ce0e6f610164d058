"""What an impression's history says of its candidates: cosines and counts over ragged lists, for the baselines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearside.articles import Articles
from nearside.batch import Batch
from nearside.evaluation.metrics import Lists

DECAY = 0.9  # a click's weight against the next newer one's
TOP = 3

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Cosines:
    """Cosines of the candidates with the clicked vectors; 0 without a vector or a history that has one."""

    top3: Floats  # [S] mean of the three highest, of fewer where the history is shorter
    recent: Floats  # [S] weighted mean, a click 0.9 of the next newer one, weights summing to 1
    with_mean: Floats  # [S] cosine with the mean of the clicked unit vectors


def unit_vectors(articles: Articles) -> Floats:
    """The vectors [A, 64] scaled to length one; zeros for articles that have none."""
    wide = articles.vectors.astype(np.float32)
    wide[~articles.has_vector] = 0.0
    norm = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    wide /= np.where(norm > 0, norm, 1.0)[:, None]
    return wide


def cosines(batch: Batch, unit: Floats, has_vector: NDArray[np.bool_]) -> Cosines:
    """Compares each candidate with all clicks of its impression's history that have a vector.

    One small matrix product an impression: 20 to 60 microseconds for 37 candidates and 50 clicks.
    """
    top3, recent, with_mean = np.zeros((3, len(batch.article)), np.float32)
    known = has_vector[batch.clicked_article]
    kept = np.concatenate([[0], np.cumsum(known)])[batch.clicked_offsets]  # [B + 1] into the clicks with a vector
    history = unit[batch.clicked_article[known]]  # [K, 64]
    candidates = unit[batch.article]  # [S, 64]
    longest = int(np.diff(kept).max(initial=0))
    newest_first = (DECAY ** np.arange(longest)).astype(np.float32)
    for row in np.flatnonzero(np.diff(kept)):
        clicks = history[kept[row] : kept[row + 1]]  # [h, 64]
        here = slice(batch.offsets[row], batch.offsets[row + 1])
        table = candidates[here] @ clicks.T  # [n, h]
        h = len(clicks)
        weights = newest_first[:h][::-1]
        recent[here] = table @ (weights / weights.sum())
        top = table if h <= TOP else np.partition(table, h - TOP, axis=1)[:, h - TOP :]
        top3[here] = top.mean(axis=1)
        mean = clicks.mean(axis=0)
        length = np.sqrt(mean @ mean)
        if length > 0:
            with_mean[here] = table.mean(axis=1) / length
    return Cosines(top3, recent, with_mean)


def same_label(batch: Batch, lists: Lists, codes: NDArray[np.int32]) -> Floats:
    """Counts for each candidate [S] the clicks of the history with its label; 0 for candidates without one."""
    labels = int(codes.max(initial=-1)) + 1
    if not labels:
        return np.zeros(len(batch.article), np.float32)
    clicked = codes[batch.clicked_article].astype(np.int64)
    owner = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.clicked_offsets))
    keys = (owner * labels + clicked)[clicked >= 0]
    candidate = codes[batch.article].astype(np.int64)
    wanted = lists.owner * labels + candidate
    seen, times = np.unique(keys, return_counts=True)
    if not len(seen):
        return np.zeros(len(batch.article), np.float32)
    at = np.minimum(np.searchsorted(seen, wanted), len(seen) - 1)
    return np.where((candidate >= 0) & (seen[at] == wanted), times[at], 0).astype(np.float32)


def history_length(batch: Batch, lists: Lists) -> Floats:
    """The number of clicks in the history of each candidate's impression [S]."""
    return np.diff(batch.clicked_offsets).astype(np.float32)[lists.owner]


def centred(lists: Lists, score: Floats, usable: NDArray[np.bool_]) -> Floats:
    """Subtracts the mean over the usable candidates of each impression; the others get 0, as a neutral place."""
    impressions = len(lists.offsets) - 1
    total = np.bincount(lists.owner, np.where(usable, score, 0.0), impressions)
    count = np.bincount(lists.owner, usable, impressions)
    mean = total / np.maximum(count, 1)
    return np.where(usable, score - mean[lists.owner], 0.0).astype(np.float32)
