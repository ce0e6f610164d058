"""Topics from the nearest labelled neighbours."""

import numpy as np

from nearside.space import DIMENSION
from nearside.topics import BLOCK, fill_labels, predict_labels, unit


def test_near_neighbours_outvote_the_rest() -> None:
    known = np.zeros((12, DIMENSION), np.int8)
    known[:4, 0], known[4:, 1] = 100, 100
    few = [("sports", "tennis"), ("sports", "football"), ("sports", "football"), ("world", "")]
    query = np.zeros((2, DIMENSION), np.int8)
    query[0, 0], query[1, 1] = 50, 50
    assert predict_labels(query, known, few + [("culture", "")] * 8) == [("sports", "football"), ("culture", "")]


def test_of_many_vectors_only_the_ten_nearest_vote() -> None:
    rng = np.random.default_rng(1)
    known = rng.integers(-127, 128, (300, DIMENSION), np.int8)
    labels = [(f"topic {at}", "") for at in rng.integers(0, 5, len(known))]
    queries = rng.integers(-127, 128, (BLOCK + 5, DIMENSION), np.int8)
    predicted = predict_labels(queries, known, labels)
    for row in (0, BLOCK - 1, BLOCK, BLOCK + 4):
        cosines = unit(known) @ unit(queries[row : row + 1])[0]
        votes: dict[str, float] = {}
        for at in np.argsort(-cosines)[:10]:
            votes[labels[at][0]] = votes.get(labels[at][0], 0.0) + max(float(cosines[at]), 0.0)
        assert predicted[row] == (max(votes, key=votes.__getitem__), "")


def test_only_missing_topics_are_filled() -> None:
    vectors = np.zeros((4, DIMENSION), np.int8)
    vectors[:3, 0] = 100
    labels = [("sports", "tennis"), ("", ""), ("world", ""), ("", "")]
    assert fill_labels(vectors, [0, 1, 2], labels) == ([*labels[:1], ("sports", "tennis"), *labels[2:]], [1])
    assert fill_labels(vectors, [1], labels) == (labels, [])
