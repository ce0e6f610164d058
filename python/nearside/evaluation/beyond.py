"""Beyond accuracy: how far a ranking moves things and what stands in its first ten places."""

import numpy as np
from numpy.typing import NDArray

from nearside.articles import Articles
from nearside.batch import Batch
from nearside.evaluation.metrics import Lists

TOP = 10
BEYOND = ("displacement", "topic_diversity", "cosine_diversity", "novelty")

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def first_ten(lists: Lists) -> tuple[Rows, Rows]:
    """Returns which ranked rows stand in a first ten, and the impression of each. Equal for all rankings of a batch."""
    rows = np.flatnonzero(lists.place < TOP)
    return rows, lists.owner[rows]


def surprise(batch: Batch, lists: Lists) -> Floats:
    """-log2 of each candidate's share of the clicks its page carries [S], one click added to each."""
    clicks = batch.clicks + 1.0
    total = np.bincount(lists.owner, clicks, len(lists.offsets) - 1)[lists.owner]
    return -np.log2(clicks / total).astype(np.float32)


def moves(lists: Lists, order: Rows) -> Rows:
    """How many slots each ranked row [S] stands from its place in the server's order."""
    return np.abs(lists.place[order] - lists.place)


def beyond(
    batch: Batch,
    lists: Lists,
    order: Rows,  # [S]
    articles: Articles,
    unit: Floats,  # [A, 64]
    surprises: Floats,  # [S]
) -> Floats:  # [B, 4] in the order of BEYOND
    """Mean slots moved; distinct topics over articles with one; mean 1 - cosine of pairs; mean surprise.

    All but the first are of the first ten places. NaN where there is nothing to say: no candidate, no topic, fewer than
    two vectors.
    """
    impressions = len(lists.offsets) - 1
    rows, owner = first_ten(lists)
    top = order[rows]
    article = batch.article[top]
    sizes = np.diff(lists.offsets)
    result = np.full((impressions, len(BEYOND)), np.nan, np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        result[:, 0] = np.bincount(lists.owner, moves(lists, order), impressions) / sizes
        topic = articles.topic[article].astype(np.int64)
        labels = int(articles.topic.max(initial=-1)) + 1
        labelled = topic >= 0
        if labels:
            distinct = np.unique((owner * labels + topic)[labelled]) // labels
            count = np.bincount(owner[labelled], minlength=impressions)
            result[:, 1] = np.bincount(distinct, minlength=impressions) / count
        # The sum over pairs of unit vectors is (|sum|^2 - n) / 2, so no pair is formed.
        has_vector = articles.has_vector[article]
        vectors = np.zeros((impressions, TOP, unit.shape[1]), np.float32)
        vectors[owner, lists.place[rows]] = unit[article]
        total = vectors.sum(axis=1)
        n = np.bincount(owner, has_vector, impressions)
        pairs = n * (n - 1) / 2.0
        result[:, 2] = 1.0 - (np.einsum("ij,ij->i", total, total) - n) / 2.0 / pairs
        result[:, 3] = np.bincount(owner, surprises[top], impressions) / np.bincount(owner, minlength=impressions)
    result[~np.isfinite(result)] = np.nan
    return result
