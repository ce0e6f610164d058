"""Topics for articles that have none, from the articles most like them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 10
BLOCK = 1024  # articles compared at a time: 200 MB with 50,000 labelled ones

Label = tuple[str, str]  # topic, subtopic


def predict_labels(
    vectors: NDArray[np.int8],  # [N, 64]
    known: NDArray[np.int8],  # [M, 64]
    labels: Sequence[Label],  # M of them
) -> list[Label]:
    """Gives each vector the topic for which its ten nearest labelled neighbours vote, and of that topic the subtopic.

    A vote weighs as much as the neighbour's cosine; a tie goes to the label whose voter is nearest.
    """
    directions, predicted = unit(known), []
    for start in range(0, len(vectors), BLOCK):
        for row in unit(vectors[start : start + BLOCK]) @ directions.T:  # [M] cosines
            predicted.append(_vote(row, labels))
    return predicted


def _vote(cosines: NDArray[np.float32], labels: Sequence[Label]) -> Label:
    least = np.partition(cosines, -NEIGHBOURS)[-NEIGHBOURS] if len(cosines) > NEIGHBOURS else -np.inf
    near = np.flatnonzero(cosines >= least)
    topics: dict[str, float] = {}
    full: dict[Label, float] = {}
    for neighbour in near[np.argsort(-cosines[near], kind="stable")][:NEIGHBOURS]:
        label, weight = labels[neighbour], max(float(cosines[neighbour]), 0.0)
        topics[label[0]] = topics.get(label[0], 0.0) + weight
        full[label] = full.get(label, 0.0) + weight
    topic = max(topics, key=topics.__getitem__)
    return max((label for label in full if label[0] == topic), key=full.__getitem__)


def fill_labels(
    vectors: NDArray[np.int8],  # [N, 64]
    encoded: Sequence[int],  # places of the articles that have a vector
    labels: Sequence[Label],  # N of them; a topic of "" is missing
) -> tuple[list[Label], list[int]]:
    """Predicts topics for the encoded articles that lack one; gives all labels and the places of the predicted."""
    labelled = [at for at in encoded if labels[at][0]]
    missing = [at for at in encoded if not labels[at][0]]
    filled = list(labels)
    if not labelled or not missing:
        return filled, []
    guesses = predict_labels(vectors[missing], vectors[labelled], [labels[at] for at in labelled])
    for at, guess in zip(missing, guesses, strict=True):
        filled[at] = guess
    return filled, missing


def unit(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    """The vectors scaled to length one."""
    wide = vectors.astype(np.float32)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)
