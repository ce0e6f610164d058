"""Topics for articles that have none, from the articles most like them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 10

Label = tuple[str, str]  # topic, subtopic


def predict_labels(
    vectors: NDArray[np.int8],  # [N, 64]
    known: NDArray[np.int8],  # [M, 64]
    labels: Sequence[Label],  # M of them
) -> list[Label]:
    """Gives each vector the topic for which its ten nearest labelled neighbours vote, and of that topic the subtopic.

    A vote weighs as much as the neighbour's cosine; a tie goes to the label whose voter is nearest.
    """
    cosines = unit(vectors) @ unit(known).T  # [N, M]
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBOURS]
    predicted: list[Label] = []
    for row, neighbours in zip(cosines, nearest, strict=True):
        topics: dict[str, float] = {}
        full: dict[Label, float] = {}
        for neighbour in neighbours:
            label, weight = labels[neighbour], max(float(row[neighbour]), 0.0)
            topics[label[0]] = topics.get(label[0], 0.0) + weight
            full[label] = full.get(label, 0.0) + weight
        topic = max(topics, key=topics.__getitem__)
        predicted.append(max((label for label in full if label[0] == topic), key=full.__getitem__))
    return predicted


def unit(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    """The vectors scaled to length one."""
    wide = vectors.astype(np.float32)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)
