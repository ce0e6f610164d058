"""From synthetic batches to report.json, the table and the page."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_batches import TOPICS, make_articles, make_batches
from rich.console import Console

from nearside.articles import Articles
from nearside.batch import Batch
from nearside.evaluation import Evaluation, Report
from nearside.evaluation.baselines import BASELINES, BLEND_PERSONAL, COSINE, ORACLE, SERVER, TOPIC_RATE, TOPIC_SHARE
from nearside.evaluation.metrics import METRICS
from nearside.evaluation.page import summary, verdict
from nearside.evaluation.rows import DEFAULT_POLICY, PERSONAL_ALONE, UNLIMITED, pair_name

ABOUT = {
    "faults": {"unknown <article>": {"count": 12, "line": 345}, "no click": 77},
    "log": {"source": "synthetic"},
    "model": {"id": "m-1", "bytes": 12345},
}


def batches(impressions: int = 1500, batch: int = 500) -> tuple[Articles, Iterator[Batch]]:
    articles = make_articles(np.random.default_rng(10))
    return articles, make_batches(np.random.default_rng(11), articles, impressions, 400, batch)


def evaluate(articles: Articles, given: Iterator[Batch] | list[Batch], **about: dict) -> Report:
    evaluation = Evaluation(articles, resamples=200)
    for batch in given:
        evaluation.add(batch)
    return evaluation.finish(**about)


@pytest.fixture(scope="module")
def report() -> Report:
    return evaluate(*batches(), **ABOUT)


def test_every_row_has_every_metric_within_its_interval(report: Report) -> None:
    expected = [*BASELINES, TOPIC_RATE, PERSONAL_ALONE, DEFAULT_POLICY, UNLIMITED, ORACLE]
    assert list(report.data["rows"]) == expected
    for row in report.data["rows"].values():
        for metric in METRICS:
            assert 0 <= row[metric]["low"] <= row[metric]["mean"] <= row[metric]["high"] <= 1


def test_rows_are_told_apart(report: Report) -> None:
    mean = {name: row["auc"]["mean"] for name, row in report.data["rows"].items()}
    assert mean["random"] == pytest.approx(0.5, abs=0.02)
    assert mean[SERVER] < mean[DEFAULT_POLICY] < mean[UNLIMITED] < mean[ORACLE] == 1.0


def test_pairs_and_their_slices(report: Report) -> None:
    paired, slices = report.data["paired"], report.data["paired_slices"]
    for row, other in (
        (DEFAULT_POLICY, SERVER),
        (UNLIMITED, SERVER),
        (PERSONAL_ALONE, COSINE),
        (PERSONAL_ALONE, TOPIC_SHARE),
        (PERSONAL_ALONE, BLEND_PERSONAL),
    ):
        pair = paired[pair_name(row, other)]
        for metric in METRICS:
            rows = report.data["rows"]
            assert pair[metric]["mean"] == pytest.approx(rows[row][metric]["mean"] - rows[other][metric]["mean"])
        assert all(pair_name(row, other) in found for found in slices["history"].values())
    assert set(slices["history"]) == {"0", "1-5", "6-10", "11-20", "21-50", "0-5", "6+"}
    assert set(slices["topic"]) == set(TOPICS)
    cold = slices["history"]["0"][pair_name(DEFAULT_POLICY, SERVER)]["ndcg10"]
    assert cold == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert slices["history"]["6+"][pair_name(UNLIMITED, SERVER)]["ndcg10"]["low"] > 0


def test_slices_add_up(report: Report) -> None:
    sizes = report.data["slice_sizes"]["history"]
    assert sum(sizes[value] for value in ("0", "1-5", "6-10", "11-20", "21-50")) == report.data["measured"]
    assert sizes["0-5"] + sizes["6+"] == report.data["measured"] < report.data["impressions"] == 1500
    whole = report.data["rows"][UNLIMITED]["auc"]["mean"] * report.data["measured"]
    parts = sum(
        report.data["slices"]["history"][value][UNLIMITED]["auc"]["mean"] * sizes[value] for value in ("0-5", "6+")
    )
    assert parts == pytest.approx(whole)


def test_beyond_accuracy(report: Report) -> None:
    rows = report.data["rows"]
    assert rows[SERVER]["displacement"]["mean"] == 0 < rows[DEFAULT_POLICY]["displacement"]["mean"]
    assert rows[SERVER]["same"]["mean"] == 1.0
    for name in (DEFAULT_POLICY, UNLIMITED):
        assert sum(rows[name][key]["mean"] for key in ("better", "worse", "same")) == pytest.approx(1.0)
    # What follows one topic or one centre shows fewer topics, nearer to each other.
    assert rows[TOPIC_SHARE]["topic_diversity"]["high"] < rows["random"]["topic_diversity"]["low"]
    assert rows[COSINE]["cosine_diversity"]["high"] < rows["random"]["cosine_diversity"]["low"]
    assert all(0 < row["coverage"] <= 1 for name, row in rows.items() if name != TOPIC_RATE)
    assert sum(report.data["moves"][UNLIMITED]) == report.data["candidates"]


def test_beyond_accuracy_by_hand() -> None:
    vectors = np.zeros((3, 64), np.int8)
    vectors[[0, 1, 2], [0, 1, 1]] = 100
    codes = np.array([0, 0, 1], np.int32)
    articles = Articles(vectors, np.ones(3, bool), codes, codes, np.full(3, np.nan))
    (made,) = make_batches(np.random.default_rng(1), make_articles(np.random.default_rng(1)), 1, 1, longest=2)
    batch = replace(
        made,
        offsets=np.array([0, 3]),
        article=np.array([0, 1, 2], np.uint32),
        clicked=np.array([False, False, True]),
        shows=np.full(3, 10.0),
        clicks=np.array([3.0, 1.0, 1.0]),  # 4, 2, 2 of 8
        server_logit=np.array([2, 1, 0], np.float32),
        scorable=np.ones(3, bool),
        features=np.zeros((3, 2), np.float32),
        clicked_offsets=np.array([0, 0]),
        clicked_article=np.zeros(0, np.uint32),
        scores={"mine": np.array([0, 1, 2], np.float32)},
    )
    row = evaluate(articles, [batch]).data["rows"]["mine"]
    expected = {"displacement": 4 / 3, "topic_diversity": 2 / 3, "cosine_diversity": 2 / 3, "novelty": 5 / 3}
    assert {key: row[key]["mean"] for key in expected} == pytest.approx(expected)
    assert (row["better"]["mean"], row["ndcg10"]["mean"], row["coverage"]) == (1.0, 1.0, 1.0)


def test_calibration_counts_every_click_and_sees_exaggeration(report: Report) -> None:
    articles, given = batches()
    boast = [replace(batch, scores={"ours, log-odds": 3 * batch.server_logit}) for batch in given]
    exaggerated = evaluate(articles, boast).data["calibration"]

    def error(table: list[dict[str, float]]) -> float:
        return sum(abs(row["predicted"] - row["clicked"]) for row in table) / sum(row["clicked"] for row in table)

    for table in report.data["calibration"].values():
        assert sum(row["predicted"] for row in table) == pytest.approx(sum(row["clicked"] for row in table))
    assert error(exaggerated["ours"]) > 2 * error(exaggerated["server"])


def test_the_size_of_batches_does_not_matter() -> None:
    articles, given = batches(400, 400)
    (whole,) = given
    evaluation = Evaluation(articles, resamples=20)
    for _ in range(2):
        evaluation.add(whole)
    twice = evaluation.finish().data["rows"]
    once = evaluate(articles, [whole]).data["rows"]
    for name, row in once.items():
        assert twice[name]["ndcg10"]["mean"] == pytest.approx(row["ndcg10"]["mean"])


def test_an_empty_batch_and_an_impression_without_candidates_change_nothing() -> None:
    articles, given = batches(200)
    (batch,) = given
    by_impression = ("impression", "reader", "second", "evidence")
    others = ("article", "clicked", "shows", "clicks", "server_logit", "scorable", "features")
    history = ("clicked_article", "clicked_second", "clicked_weight")
    cut = {name: getattr(batch, name)[:0] for name in (*by_impression, *others, *history)}
    cut["offsets"] = cut["clicked_offsets"] = np.array([0])
    empty = replace(batch, **cut, scores={name: score[:0] for name, score in batch.scores.items()})
    one = {name: getattr(batch, name)[:1] for name in by_impression}
    barren = replace(empty, **one, offsets=np.array([0, 0]), clicked_offsets=np.array([0, 0]))
    expected = evaluate(articles, [batch]).data
    found = evaluate(articles, [empty, batch, barren]).data
    assert (found["impressions"], found["measured"]) == (201, expected["measured"])
    assert found["rows"] == expected["rows"]


def test_a_scorer_of_ones_own_stands_in_the_table() -> None:
    articles, given = batches(300)
    mine = [replace(batch, scores={"mine": batch.server_logit}) for batch in given]
    report = evaluate(articles, mine)
    assert pair_name("mine", SERVER) in report.data["paired"]
    assert "mine" in render(report)


def test_scores_that_are_missing_in_a_batch_are_named() -> None:
    articles, given = batches(1000)
    first, second = given
    evaluation = Evaluation(articles)
    evaluation.add(first)
    with pytest.raises(ValueError, match=re.escape(UNLIMITED)):
        evaluation.add(replace(second, scores={PERSONAL_ALONE: second.scores[PERSONAL_ALONE]}))


def test_a_finished_evaluation_takes_nothing_more() -> None:
    articles, given = batches(200)
    (batch,) = given
    evaluation = Evaluation(articles, resamples=20)
    evaluation.add(batch)
    evaluation.finish()
    for again in (lambda: evaluation.add(batch), evaluation.finish):
        with pytest.raises(RuntimeError, match="finished"):
            again()


def test_nothing_to_measure_is_said() -> None:
    articles, given = batches(200)
    (batch,) = given
    with pytest.raises(ValueError, match="no impression has both"):
        evaluate(articles, [replace(batch, clicked=np.zeros_like(batch.clicked))])
    with pytest.raises(ValueError, match="there is no impression"):
        evaluate(articles, [])


def test_a_log_without_topics_vectors_or_histories_is_reported(tmp_path: Path) -> None:
    articles, given = batches(300)
    bare = replace(
        articles,
        has_vector=np.zeros(len(articles), bool),
        topic=np.full(len(articles), -1, np.int32),
        subtopic=np.full(len(articles), -1, np.int32),
        topic_names=(),
    )
    (batch,) = given
    batch = replace(
        batch,
        clicked_offsets=np.zeros_like(batch.clicked_offsets),
        clicked_article=np.zeros(0, np.uint32),
        shows=np.zeros_like(batch.shows),
        clicks=np.zeros_like(batch.clicks),
        scores={},
    )
    report = evaluate(bare, [batch])
    assert report.data["rows"][TOPIC_SHARE]["auc"]["mean"] == 0.5
    assert report.data["rows"][SERVER]["topic_diversity"]["mean"] is None
    assert report.data["slices"]["topic"] == {}
    assert set(report.data["slices"]["history"]) == {"0", "0-5"}
    report.write(tmp_path)
    assert "Only baselines were measured" in (tmp_path / "report.html").read_text("utf-8")


def render(report: Report) -> str:
    out = io.StringIO()
    Console(width=200, file=out).print(report.table())
    return out.getvalue()


def test_the_table_shows_rows_and_lift(report: Report) -> None:
    text = render(report)
    assert all(name in text for name in report.data["rows"])
    lift = report.data["paired"][pair_name(UNLIMITED)]["ndcg10"]["mean"]
    assert f"{100 * lift:+.1f} [" in next(line for line in text.splitlines() if UNLIMITED in line)


def test_written_files_are_whole_and_the_page_fetches_nothing(report: Report, tmp_path: Path) -> None:
    report.write(tmp_path / "new")
    assert json.loads((tmp_path / "new" / "report.json").read_text("utf-8")) == report.data
    page = (tmp_path / "new" / "report.html").read_text("utf-8")
    page = page.replace('xmlns="http://www.w3.org/2000/svg"', "").replace(
        'xmlns:xlink="http://www.w3.org/1999/xlink"', ""
    )
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<iframe|<img|\bsrc\s*=", page)
    assert all(target.startswith("#") for target in re.findall(r'(?:href="|url\()([^")]*)', page))
    assert page.count("<svg") == page.count("</svg>") == 4
    assert "unknown &lt;article&gt;" in page and "<article>" not in page
    for said in (*report.data["rows"], *TOPICS, "m-1", "12,345", "line 345"):
        assert said in page, said


def test_pages_of_equal_runs_are_equal(report: Report, tmp_path: Path) -> None:
    evaluate(*batches(), **ABOUT).write(tmp_path)
    report.write(tmp_path / "first")
    for name in ("report.json", "report.html"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


@pytest.mark.parametrize(
    ("low", "high", "said", "word"),
    [(0.01, 0.03, "lifts", "above"), (-0.03, -0.01, "lowers", "below"), (-0.01, 0.01, "not measurably", "level")],
)
def test_the_page_claims_what_the_interval_allows(
    report: Report, low: float, high: float, said: str, word: str
) -> None:
    found = {"mean": (low + high) / 2, "low": low, "high": high}
    other = {"mean": 0.0, "low": -1.0, "high": 1.0}
    lift = pair_name(DEFAULT_POLICY)
    data = {**report.data, "paired": {lift: {"ndcg10": found}}}
    assert said in summary(data, [DEFAULT_POLICY])
    assert verdict(lift, {"ndcg10": found, "auc": other}) == word
    # The personal part knows no counts, so its AUC decides.
    assert verdict(pair_name(PERSONAL_ALONE, COSINE), {"ndcg10": other, "auc": found}) == word
