"""The replay looks at nothing that was not known a second earlier, and how it is cut into batches changes nothing."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from logs import NOON, article, click, shown, write_log

from nearside import _core
from nearside.batch import Batch
from nearside.evaluation.run import evaluate, open_sources
from nearside.log import Log, LogError
from nearside.replay import replay
from nearside.simulate import simulate
from nearside.space import ROOT

MODEL = ROOT / "models" / "reranker.onnx"
ABC = [article("a"), article("b"), article("c", topic="music")]


def rows(log: Log, **options: Any) -> dict[str, dict[str, Any]]:
    """What was known at each impression, by its id; columns of candidates by the article's id."""
    ids = log.impression_ids().to_pylist()
    found = {}
    for batch, _ in replay(log, **options):
        for at, row in enumerate(batch.impression):
            here = slice(batch.offsets[at], batch.offsets[at + 1])
            clicked = slice(batch.clicked_offsets[at], batch.clicked_offsets[at + 1])
            found[ids[row]] = {
                "articles": [log.ids[number] for number in batch.article[here]],
                "counts": list(zip(batch.shows[here].tolist(), batch.clicks[here].tolist(), strict=True)),
                "seen": np.expm1(batch.features[here, batch.names.index("log_times_seen")]).round(3).tolist(),
                "evidence": round(float(batch.evidence[at]), 4),
                "profile": [
                    (log.ids[number], int(second) - NOON)
                    for number, second in zip(
                        batch.clicked_article[clicked], batch.clicked_second[clicked], strict=True
                    )
                ],
            }
    return found


def test_only_what_was_known_a_second_before(tmp_path: Path) -> None:
    yes, no = True, False
    pages = [
        shown("first", "ann", 0, "abc", viewed=[yes, yes, no]),
        shown("same second", "bob", 0, "cba", viewed=[yes, yes, yes]),
        shown("second of the click", "ann", 5.9, "ab", viewed=[no, no]),
        shown("after the click", "ann", 6, "ab", viewed=[yes, no]),
        shown("second of leaving", "ann", 25, "ab", viewed=[no, no]),
        shown("after leaving", "ann", 26, "ab", viewed=[no, no]),
        shown("another reader", "bob", 30, "ab", viewed=[no, no]),
    ]
    clicks = [
        click("bob", -3600, "a"),  # before the log
        click("ann", 5.2, "b", "first", dwell=20),  # 20 seconds weigh 0.4
        click("bob", 29.9, "c"),  # on no page of the log
    ]
    found = rows(Log.open(write_log(tmp_path, ABC, pages, clicks)))
    nothing, shows_of_two = [(0, 0)] * 3, [(2, 0), (2, 0)]
    assert found == {
        "first": {"articles": ["a", "b", "c"], "counts": nothing, "seen": [0, 0, 0], "evidence": 0, "profile": []},
        "same second": {
            "articles": ["c", "b", "a"],
            "counts": nothing,
            "seen": [0, 0, 0],
            "evidence": 1,
            "profile": [("a", -3600)],
        },
        "second of the click": {
            "articles": ["a", "b"],
            "counts": shows_of_two,
            "seen": [1, 1],
            "evidence": 0,
            "profile": [],
        },
        "after the click": {
            "articles": ["a", "b"],
            "counts": [(3, 0), (3, 1)],
            "seen": [1, 1],
            "evidence": 1,
            "profile": [("b", 5)],
        },
        "second of leaving": {
            "articles": ["a", "b"],
            "counts": [(4, 0), (4, 1)],
            "seen": [2, 1],
            "evidence": 1,
            "profile": [("b", 5)],
        },
        "after leaving": {
            "articles": ["a", "b"],
            "counts": [(5, 0), (5, 1)],
            "seen": [2, 1],
            "evidence": 0.4,
            "profile": [("b", 5)],
        },
        "another reader": {
            "articles": ["a", "b"],
            "counts": [(6, 0), (6, 1)],
            "seen": [1, 1],
            "evidence": 2,
            "profile": [("a", -3600), ("c", 29)],
        },
    }


@pytest.mark.parametrize("size", [1, 2, 2048])
def test_leaving_an_article_and_opening_it_again_in_one_second(tmp_path: Path, size: int) -> None:
    pages = [shown("i1", "ann", 0, "ab"), shown("i2", "ann", 10, "ab"), shown("i3", "ann", 40, "ab")]
    clicks = [click("ann", 5, "b", "i1", dwell=20), click("ann", 25, "b", "i2")]
    found = rows(Log.open(write_log(tmp_path, ABC, pages, clicks)), size=size)
    assert found["i3"]["profile"] == [("b", 5), ("b", 25)]
    assert found["i3"]["evidence"] == 1.4  # the 20 seconds are of the first


def test_without_positions_the_servers_order_is_the_click_through_so_far(tmp_path: Path) -> None:
    pages = [shown(f"i{n}", "ann", 10 * n, "abc", positions=None) for n in range(4)]
    clicks = [click("ann", 5, "c", "i0"), click("ann", 15, "b", "i1"), click("ann", 16, "c", "i1")]
    found = rows(Log.open(write_log(tmp_path, ABC, pages, clicks)))
    orders = ["".join(found[f"i{n}"]["articles"]) for n in range(4)]
    assert orders[0][0] in "abc", "without counts any order"
    assert orders[1][0] == "c", "then what was clicked"
    assert orders[2:] == ["cba", "cba"]
    # What a page carries may be given instead, and then stays.
    counts = (np.array([10.0, 10, 10]), np.array([1.0, 5, 0]))
    found = rows(Log.open(tmp_path), counts=counts)
    for n in range(4):
        assert (found[f"i{n}"]["articles"], found[f"i{n}"]["counts"]) == (["b", "a", "c"], [(10, 5), (10, 1), (10, 0)])


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay") / "log"
    simulate(folder, readers=40, impressions=900, days=10, articles_per_day=40, candidates=20, seed=3)
    return folder


def joined(log: Log, size: int = 2048) -> dict[str, Any]:
    """All batches one after another; offsets as lengths."""
    batches = [batch for batch, _ in replay(log, size=size)]
    found = {}
    for field in fields(Batch):
        values = [getattr(batch, field.name) for batch in batches]
        if field.name.endswith("offsets"):
            values = [np.diff(value) for value in values]
        if field.name not in ("names", "scores"):
            found[field.name] = np.concatenate(values)
    return found


def test_the_size_of_a_batch_changes_no_row(simulated: Path) -> None:
    log = Log.open(simulated)
    whole = joined(log)
    assert len(whole["article"]) > 10_000
    assert whole["evidence"].max() > 5
    for size in (1, 7, 100):
        for name, values in joined(log, size).items():
            np.testing.assert_array_equal(values, whole[name], err_msg=f"{name} at {size}")


def test_an_unsorted_log_gives_the_same_rows(simulated: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    for folder in ("sorted", "shuffled"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "log.json").write_bytes((simulated / "log.json").read_bytes())
    for name in ("articles", "impressions", "clicks"):
        table = pq.read_table(simulated / f"{name}.parquet")
        if "time" in table.column_names:
            # Of two rows of one millisecond, nothing but their order says which came first.
            table = table.filter(pa.array(np.append(True, np.diff(table["time"].cast("int64").to_numpy()) > 0)))
        pq.write_table(table, tmp_path / "sorted" / f"{name}.parquet")
        if "time" in table.column_names:
            table = table.take(pa.array(random.permutation(table.num_rows)))
        pq.write_table(table, tmp_path / "shuffled" / f"{name}.parquet", row_group_size=100)
    sorted_log, log = Log.open(tmp_path / "sorted"), Log.open(tmp_path / "shuffled")
    whole = joined(sorted_log)
    assert "an impression is earlier than the one before it; they were sorted" in log.faults.by_reason
    assert len(whole["article"]) > 10_000
    found = joined(log)
    ids, readers = log.impression_ids(), log.readers
    for name, values in found.items():
        if name == "impression":
            assert ids.take(pa.array(values)).equals(sorted_log.impression_ids().take(pa.array(whole[name])))
        elif name == "reader":
            assert readers.take(pa.array(values)).equals(sorted_log.readers.take(pa.array(whole[name])))
        else:
            np.testing.assert_array_equal(values, whole[name], err_msg=name)


def test_a_model_of_another_space_is_refused_by_name(tmp_path: Path) -> None:
    pages, clicks = [shown("i1", "ann", 0, "abc")], [click("ann", 5, "b", "i1")]
    log = Log.open(write_log(tmp_path, ABC, pages, clicks, space="other-v2"))
    model = _core.Ranker(MODEL.read_bytes())
    sentence = f"the log's vectors are of the space other-v2, the model wants {model.space}"
    with pytest.raises(LogError, match=sentence):
        next(replay(log, rankers=[(model, [_core.Policy()])]))
    with pytest.raises(LogError, match=sentence):
        evaluate(MODEL, open_sources([log], []))


def test_the_core_refuses_what_is_out_of_range() -> None:
    articles = _core.Articles(["a"], [""], [""], np.zeros((1, 64), np.int8), np.zeros(1, bool), np.full(1, np.nan))
    machine = _core.Replay(articles, 1, "", [])
    one, zero = np.ones(1, np.uint32), np.zeros(1, np.uint32)
    offsets = np.array([0, 1])
    for step in (
        (one, one, offsets, zero),  # a reader
        (zero, one, offsets, one),  # an article
        (zero, one, np.array([0, 2]), zero),  # an end
        (zero, np.array([2, 1], np.uint32), offsets, zero),  # two times for one reader
    ):
        with pytest.raises(_core.NearsideError):
            machine.step(*step)
    machine.step(zero, one + 1, offsets, zero)
    with pytest.raises(_core.NearsideError):
        machine.step(zero, one, offsets, zero)  # back in time
    with pytest.raises(ValueError, match="there is no feature shoe_size"):
        _core.Replay(articles, 1, "", ["shoe_size"])
