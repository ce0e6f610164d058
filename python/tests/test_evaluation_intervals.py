"""The bootstrap: what it covers, and what its pairs are worth."""

import numpy as np
import pytest

from nearside.evaluation.intervals import MOST_DRAWN, bootstrap


def test_means_are_those_of_the_impressions_that_have_the_metric() -> None:
    column = np.array([1.0, np.nan, 3.0, 8.0])
    means = bootstrap(np.array([7, 7, 2, 900]), [column, column[::-1]], seed=1, resamples=50)
    assert means.interval(0).mean == pytest.approx(4.0)
    assert means.interval(1).mean == pytest.approx(4.0)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    held, ignorant = 0, 0
    for trial in range(300):
        reader = np.repeat(np.arange(80), rng.integers(1, 9, 80))
        # Readers differ more than their impressions do: the truth is 0.
        value = rng.normal(0, 1, 80)[reader] + rng.normal(0, 0.5, len(reader))
        by_reader = bootstrap(reader, [value], seed=trial, resamples=300).interval(0)
        by_impression = bootstrap(np.arange(len(reader)), [value], seed=trial, resamples=300).interval(0)
        held += by_reader.low <= 0 <= by_reader.high
        ignorant += by_impression.low <= 0 <= by_impression.high
    assert 0.89 <= held / 300 <= 0.99
    assert ignorant < held - 30  # impressions taken for independent promise too much


def test_a_reader_with_all_impressions_leaves_no_doubt_and_many_readers_little() -> None:
    values = np.random.default_rng(3).normal(0, 1, 4000)
    only = bootstrap(np.zeros(4000, int), [values], seed=1).interval(0)
    assert only.low == pytest.approx(only.mean) and only.high == pytest.approx(only.mean)
    many = bootstrap(np.arange(4000), [values], seed=1).interval(0)
    assert many.high - many.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(4000), rel=0.1)


def test_readers_drawn_in_groups_give_the_same_width() -> None:
    rng = np.random.default_rng(6)
    reader = rng.integers(0, 3 * MOST_DRAWN, 12 * MOST_DRAWN)
    values = rng.normal(0, 1, 3 * MOST_DRAWN)[reader]
    sums, counts = np.bincount(reader, values), np.bincount(reader)
    error = np.sqrt(((sums - counts * values.mean()) ** 2).sum()) / len(reader)
    found = bootstrap(reader, [values], seed=1).interval(0)
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_a_paired_difference_is_surer_than_two_means() -> None:
    rng = np.random.default_rng(4)
    base = rng.normal(0, 1, 2000)
    means = bootstrap(np.arange(2000) // 4, [base + 0.05 + rng.normal(0, 0.1, 2000), base], seed=1)
    difference = means.difference(0, 1)
    assert difference.mean == pytest.approx(means.interval(0).mean - means.interval(1).mean)
    assert difference.low > 0
    assert means.interval(0).low < means.interval(1).high


def test_equal_seeds_give_equal_intervals() -> None:
    column = np.random.default_rng(5).normal(0, 1, 500)
    first, again, other = (bootstrap(np.arange(500), [column], seed=seed).interval(0) for seed in (1, 1, 2))
    assert first == again != other


def test_nothing_to_average_is_null_in_json() -> None:
    found = bootstrap(np.arange(3), [np.full(3, np.nan)], seed=1).interval(0)
    assert found.record() == {"mean": None, "low": None, "high": None}
