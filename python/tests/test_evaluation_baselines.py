"""The baselines on a page small enough to compute by hand, and on lists that lack something."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from evaluation_batches import NOON, make_articles, make_batches

from nearside.articles import Articles
from nearside.batch import Batch
from nearside.evaluation import baselines
from nearside.evaluation.baselines import BASELINES, PERSONAL, Known, Page
from nearside.evaluation.history import unit_vectors


def axis(*parts: float) -> list[int]:
    """A vector whose first parts are these, in signed bytes."""
    return [round(127 * part) for part in parts] + [0] * (64 - len(parts))


# Articles 0..2 are candidates, 3..6 the history (oldest first), 7 a candidate that nothing is known of.
ARTICLES = Articles(
    vectors=np.array(
        [axis(1), axis(0, 1), axis(0.6, 0.8), axis(0, 0, 1), axis(0, 1), axis(1), axis(1), axis(0)], np.int8
    ),
    has_vector=np.array([True] * 7 + [False]),
    topic=np.array([0, 1, 0, 1, 1, 0, 0, -1], np.int32),
    subtopic=np.array([0, 1, 2, 1, 3, 0, 0, -1], np.int32),
    published_ms=np.array([NOON - 18 * 3600, NOON, np.nan, 0, 0, 0, 0, NOON + 60]) * 1000.0,
)
KNOWN = Known(ARTICLES)


def one(history: list[int], **changes: object) -> Page:
    """One impression of the articles 0, 1, 2 and 7."""
    batch = Batch(
        impression=np.array([5]),
        reader=np.array([0], np.uint32),
        second=np.array([NOON], np.uint32),
        offsets=np.array([0, 4]),
        article=np.array([0, 1, 2, 7], np.uint32),
        clicked=np.array([True, False, False, False]),
        shows=np.array([100.0, 100.0, 0.0, 0.0]),
        clicks=np.array([20.0, 10.0, 0.0, 0.0]),
        server_logit=np.array([2.0, 1.0, 1.0, 0.0], np.float32),
        scorable=np.array([True, True, True, False]),
        features=np.zeros((4, 0), np.float32),
        names=(),
        evidence=np.array([len(history)], np.float32),
        clicked_offsets=np.array([0, len(history)]),
        clicked_article=np.array(history, np.uint32),
        clicked_second=np.zeros(len(history), np.uint32),
        clicked_weight=np.ones(len(history), np.float32),
    )
    return Page(replace(batch, **changes), KNOWN)  # pyright: ignore[reportArgumentType]


def test_click_through_is_shrunk_to_the_lists_rate() -> None:
    base = 31 / 221
    expected = np.log(np.array([(20 + 20 * base) / 120, (10 + 20 * base) / 120, base, base]) / base)
    np.testing.assert_allclose(one([]).click_through, expected, atol=1e-6)


def test_click_through_is_shrunk_to_a_given_rate() -> None:
    page = Page(one([]).batch, Known(ARTICLES, base_rate=0.05))
    np.testing.assert_allclose(page.click_through, np.log(np.array([21 / 120, 11 / 120, 0.05, 0.05]) / 0.05), atol=1e-6)


def test_popularity_halves_every_18_hours_and_needs_no_date() -> None:
    page = one([])
    rate = page.click_through / np.log(2)
    # Older by one half-life; new; no date; published after the page was shown.
    np.testing.assert_allclose(BASELINES[baselines.RECENCY](page), rate - np.array([1, 0, 0, 0]), atol=1e-5)


def test_server_order_is_the_place() -> None:
    np.testing.assert_array_equal(BASELINES[baselines.SERVER](one([])), [0, -1, -2, -3])


def test_topic_share_centres_what_it_knows() -> None:
    found = BASELINES[baselines.TOPIC_SHARE](one([3, 5, 6, 7]))  # shares 2/4, 1/4, 2/4 and no topic
    np.testing.assert_allclose(found, np.array([1, -2, 1, 0]) / 12, atol=1e-6)


def test_cosine_with_the_mean_of_the_history() -> None:
    # The mean of (0, 0, 1) and (1, 0, 0) has the length 1 / sqrt(2).
    cosine = np.array([0.5, 0, 0.3]) * np.sqrt(2)
    found = BASELINES[baselines.COSINE](one([3, 7, 5]))
    np.testing.assert_allclose(found, [*(cosine - cosine.mean()), 0], atol=5e-3)


def test_untrained_blend_follows_its_formula() -> None:
    history = [3, 4, 5, 6]
    vectors = unit_vectors(ARTICLES)
    table = vectors[[0, 1, 2]] @ vectors[history].T
    weights = np.array([0.9**3, 0.9**2, 0.9, 1.0])
    recent = table @ (weights / weights.sum())
    top3 = np.sort(table, axis=1)[:, 1:].mean(axis=1)
    share = np.array([4, 3, 4]) / 7
    lift = np.log((2 + 3 * share) / 7 / share)
    sub = np.log1p([2, 1, 0])
    personal = 4 * top3 + 4 * recent + lift + 0.5 * sub
    personal = np.array([*(personal - personal.mean()), 0])
    page = one(history)
    np.testing.assert_allclose(BASELINES[baselines.BLEND_PERSONAL](page), personal, atol=1e-5)
    blend = page.click_through + 0.8 * 4 / 14 * personal
    np.testing.assert_allclose(BASELINES[baselines.BLEND](page), blend, atol=1e-5)


def test_topic_rate_blend_goes_from_the_servers_order_to_the_topics() -> None:
    found = baselines.topic_rate_blend(one([3, 5, 6, 7]))  # interests 2, 1, 2 and none
    np.testing.assert_allclose(found[0.0], [1, 0.5, 0.5, 0])
    np.testing.assert_allclose(found[1.0], [1, 0.5, 1, 0])
    np.testing.assert_allclose(found[0.2], 0.2 * found[1.0] + 0.8 * found[0.0])


def test_topic_rate_is_taken_where_views_make_it_known() -> None:
    rates = np.log([[1.0], [4.0], [1.0], [1.0]])
    features = np.concatenate([rates, np.ones((4, 1))], axis=1).astype(np.float32)
    page = one([5], features=features, names=("topic_rate", "topic_rate_known"))
    np.testing.assert_allclose(baselines.topic_rate_blend(page)[1.0], [0.25, 1, 0.25, 0], atol=1e-6)


@pytest.mark.parametrize("name", PERSONAL)
def test_without_a_history_no_candidate_is_preferred(name: str) -> None:
    np.testing.assert_array_equal(BASELINES[name](one([])), np.zeros(4))


def test_without_a_history_blends_are_the_popular_order() -> None:
    page = one([])
    np.testing.assert_array_equal(BASELINES[baselines.BLEND](page), page.click_through)
    np.testing.assert_array_equal(baselines.topic_rate_blend(page)[1.0], baselines.topic_rate_blend(page)[0.0])


def test_scores_do_not_depend_on_how_a_log_is_cut_into_batches() -> None:
    articles = make_articles(np.random.default_rng(5))
    known = Known(articles)
    (whole,) = make_batches(np.random.default_rng(6), articles, 40, 20)
    expected = {name: baseline(Page(whole, known)) for name, baseline in BASELINES.items()}
    swept = baselines.topic_rate_blend(Page(whole, known))
    for row, (start, end) in enumerate(pairwise(whole.offsets)):
        clicks = slice(whole.clicked_offsets[row], whole.clicked_offsets[row + 1])
        rows, here = slice(row, row + 1), slice(start, end)
        part = Batch(
            impression=whole.impression[rows],
            reader=whole.reader[rows],
            second=whole.second[rows],
            offsets=np.array([0, end - start]),
            article=whole.article[here],
            clicked=whole.clicked[here],
            shows=whole.shows[here],
            clicks=whole.clicks[here],
            server_logit=whole.server_logit[here],
            scorable=whole.scorable[here],
            features=whole.features[here],
            names=whole.names,
            evidence=whole.evidence[rows],
            clicked_offsets=np.array([0, clicks.stop - clicks.start]),
            clicked_article=whole.clicked_article[clicks],
            clicked_second=whole.clicked_second[clicks],
            clicked_weight=whole.clicked_weight[clicks],
        )
        page = Page(part, known)
        for name, baseline in BASELINES.items():
            np.testing.assert_allclose(baseline(page), expected[name][here], atol=1e-5, err_msg=name)
        for weight, score in baselines.topic_rate_blend(page).items():
            np.testing.assert_allclose(score, swept[weight][here], atol=1e-6)


def test_random_has_no_preference() -> None:
    articles = make_articles(np.random.default_rng(7))
    (batch,) = make_batches(np.random.default_rng(8), articles, 500, 50)
    page = Page(batch, Known(articles))
    score = BASELINES[baselines.RANDOM](page)
    assert len(np.unique(score)) > 0.99 * len(score)
    assert abs(np.corrcoef(score, page.lists.place)[0, 1]) < 0.03
    assert abs(np.corrcoef(score[1:], score[:-1])[0, 1]) < 0.03


def test_the_oracle_scores_the_clicks() -> None:
    np.testing.assert_array_equal(baselines.oracle(one([])), [1, 0, 0, 0])
