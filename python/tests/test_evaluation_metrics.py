"""The metrics against scikit-learn, and the order they are taken from."""

import time
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import ndcg_score, roc_auc_score

from nearside.evaluation.metrics import METRICS, Lists, measure, ranking


def expected_reciprocal_rank(clicked: np.ndarray, score: np.ndarray) -> float:
    """Mean over the clicked of 1/rank, averaged over 1/rank of all places of a tie."""
    found = []
    for own in score[clicked]:
        first = int((score > own).sum()) + 1
        found.append(np.mean([1 / rank for rank in range(first, first + int((score == own).sum()))]))
    return float(np.mean(found))


def random_lists(rng: np.random.Generator, impressions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sizes = rng.integers(2, 60, impressions)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    levels = np.repeat(rng.integers(1, 40, impressions), sizes)
    score = (np.floor(rng.random(offsets[-1]) * levels) - 5).astype(np.float32) / 7
    return offsets, score, rng.random(offsets[-1]) < 0.15


def test_metrics_equal_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(1)
    offsets, score, clicked = random_lists(rng, 600)
    found = measure(Lists.of(offsets), score, clicked)
    compared = 0
    for row, (start, end) in enumerate(pairwise(offsets)):
        mine, truth = score[start:end].astype(float), clicked[start:end]
        if not truth.any():
            assert np.isnan(found[row]).all()
            continue
        if truth.all():
            assert np.isnan(found[row, 0])
        else:
            assert found[row, 0] == pytest.approx(roc_auc_score(truth, mine), abs=1e-9)
        assert found[row, 1] == pytest.approx(expected_reciprocal_rank(truth, mine), abs=1e-9)
        for column, k in ((2, 5), (3, 10)):
            assert found[row, column] == pytest.approx(ndcg_score([truth.astype(int)], [mine], k=k), abs=1e-9)
        compared += 1
    assert compared > 400


def test_metrics_of_a_case_by_hand() -> None:
    # Ranks: b 1, a and c share 2 and 3, d 4; clicked: a and d.
    score = np.array([1.0, 2.0, 1.0, 0.0], np.float32)
    clicked = np.array([True, False, False, True])
    found = dict(zip(METRICS, measure(Lists.of(np.array([0, 4])), score, clicked)[0], strict=True))
    assert found["auc"] == pytest.approx((0.0 + 0.5 + 0.0 + 0.0) / 4)
    assert found["mrr"] == pytest.approx(((1 / 2 + 1 / 3) / 2 + 1 / 4) / 2)
    gain = (1 / np.log2(3) + 1 / np.log2(4)) / 2 + 1 / np.log2(5)
    assert found["ndcg10"] == pytest.approx(gain / (1 + 1 / np.log2(3)))


def test_impressions_without_a_click_or_a_candidate_are_not_numbers() -> None:
    lists = Lists.of(np.array([0, 2, 2, 4, 5]))
    clicked = np.array([False, False, True, True, True])
    found = measure(lists, np.zeros(5, np.float32), clicked)
    assert np.isnan(found[:2]).all()
    assert np.isnan(found[2:, 0]).all()
    np.testing.assert_allclose(found[2:, 1:], [[0.75, 1, 1], [1, 1, 1]])


def test_order_falls_and_ties_keep_the_servers_order() -> None:
    rng = np.random.default_rng(2)
    offsets, score, _ = random_lists(rng, 300)
    score[rng.random(len(score)) < 0.05] = -0.0
    score[rng.random(len(score)) < 0.02] = np.inf
    score[rng.random(len(score)) < 0.02] = -np.inf
    order = ranking(Lists.of(offsets), score)
    for start, end in pairwise(offsets):
        np.testing.assert_array_equal(order[start:end], start + np.argsort(-score[start:end], kind="stable"))


def test_a_long_list_among_many_is_ordered_too() -> None:
    # 19 bits of place and 14 of impression do not fit beside a score: the other way to sort is taken.
    sizes = np.concatenate([[300_000], np.full(10_000, 2)])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    score = np.random.default_rng(3).integers(-4, 4, offsets[-1]).astype(np.float32)
    order = ranking(Lists.of(offsets), score)
    np.testing.assert_array_equal(order[:300_000], np.argsort(-score[:300_000], kind="stable"))
    np.testing.assert_array_equal(order[-2:] - offsets[-2], np.argsort(-score[-2:], kind="stable"))


def test_a_score_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        ranking(Lists.of(np.array([0, 2])), np.array([1, np.nan], np.float32))


def benchmark() -> float:
    """Candidate rows a second for all four metrics."""
    rng = np.random.default_rng(4)
    offsets, score, clicked = random_lists(rng, 10_000)
    lists = Lists.of(offsets)
    start = time.perf_counter()
    for _ in range(10):
        measure(lists, score, clicked)
    return 10 * len(score) / (time.perf_counter() - start)


if __name__ == "__main__":
    print(f"{benchmark():,.0f} candidate rows a second")
