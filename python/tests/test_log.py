"""Logs that are not as they should be: what is odd is counted by reason, its first case named, the rest used."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from logs import article, at, click, shown, vector, write_log

from nearside.log import Log, LogError
from nearside.log.reader import Impressions
from nearside.replay import read_counts

ABC = [article(name) for name in "abc"]
PAGES = [shown("i1", "ann", 0, "abc"), shown("i2", "bob", 10, "cab")]
CLICKS = [click("ann", 5, "b", "i1"), click("bob", 15, "c", "i2")]


def opened(folder: Path, articles: Any = None, impressions: Any = None, clicks: Any = None, **other: Any) -> Log:
    def given(rows: Any, usual: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return usual if rows is None else rows

    return Log.open(write_log(folder, given(articles, ABC), given(impressions, PAGES), given(clicks, CLICKS), **other))


def only(log: Log) -> Impressions:
    (batch,) = log.batches()
    return batch


def faults(log: Log) -> dict[str, tuple[int, str]]:
    return {reason: (fault.count, fault.first) for reason, fault in log.faults.by_reason.items()}


def lists(log: Log) -> list[list[str]]:
    batch = only(log)
    return [
        [log.ids[row] for row in batch.article[start:end]]
        for start, end in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)
    ]


def marked(log: Log) -> list[str]:
    """The clicked articles of all impressions."""
    batch = only(log)
    return [log.ids[row] for row in batch.article[batch.clicked]]


def test_a_sound_log_has_no_faults(tmp_path: Path) -> None:
    log = opened(tmp_path)
    assert faults(log) == {}
    assert lists(log) == [["a", "b", "c"], ["c", "a", "b"]]
    assert marked(log) == ["b", "c"]
    assert log.shown_order
    assert log.readers.to_pylist() == ["ann", "bob"]


def test_unknown_articles_are_used_without_text(tmp_path: Path) -> None:
    pages = [shown("i1", "ann", 0, "axb"), shown("i2", "ann", 10, "ba")]
    log = opened(tmp_path, impressions=pages, clicks=[click("ann", 5, "x", "i1"), click("ann", 20, "y")])
    reason = "an article is not in the articles table: it has no text, topic or vector"
    assert faults(log)[reason] == (2, "x")
    assert log.ids == ["a", "b", "c", "x", "y"]
    assert log.articles.has_vector.tolist() == [True, True, True, False, False]
    assert log.articles.topic.tolist() == [0, 0, 0, -1, -1]
    assert marked(log) == ["x"]


def test_missing_text_is_counted(tmp_path: Path) -> None:
    articles = [ABC[0], article("b", topic=None), article("c", vector=None, title=None)]
    log = opened(tmp_path, articles=articles)
    assert faults(log) == {
        "an article has no vector: it gets no personal part": (1, "c"),
        "an article has no topic: it gets no personal part": (1, "b"),
    }
    assert log.articles.has_vector.tolist() == [True, True, False]


def test_repeated_articles_of_the_table_and_of_a_list(tmp_path: Path) -> None:
    pages = [shown("i1", "ann", 0, "abac"), shown("i2", "bob", 10, "cab"), shown("i3", "bob", 20, "bb")]
    log = opened(tmp_path, articles=[*ABC, article("b", topic="music")], impressions=pages)
    found = faults(log)
    assert found["an article was listed again; the first was kept"] == (1, "b")
    assert found["an impression shows an article twice; its first place counts"] == (2, "i1")
    assert found["an impression shows one article: there is nothing to order"] == (1, "i3")
    assert log.topics == ["sports"] * 3
    assert lists(log) == [["a", "b", "c"], ["c", "a", "b"], ["b"]]


def test_a_repeated_impression_id_keeps_the_clicks_of_the_first(tmp_path: Path) -> None:
    log = opened(tmp_path, impressions=[*PAGES, shown("i1", "ann", 20, "abc")])
    assert faults(log)["an impression id was used again; its clicks count for the first of that id"] == (1, "i1")
    batch = only(log)
    assert [batch.clicked[batch.offsets[i] : batch.offsets[i + 1]].sum() for i in range(3)] == [1, 1, 0]


def test_odd_clicks(tmp_path: Path) -> None:
    clicks = [
        click("ann", -60, "b", "i1"),  # before its impression
        click("bob", 15, "c", "i9"),  # of no impression
        click("bob", 14, "c", "i2", dwell=-3.0),  # earlier than the one before, and of negative dwell
        click("bob", 16, "c", "i2", dwell=30.0),  # again
        click("ann", 17, "x", "i1"),  # not shown
        click("ann", 18, "a"),
    ]
    log = opened(tmp_path, clicks=clicks)
    found = faults(log)
    assert found["a click is earlier than its impression; it was moved to it"] == (1, "i1")
    assert found["a click names an impression that is not in the log; it only counts as history"] == (1, "i9")
    assert found["a click is earlier than the one before it; they were sorted"] == (1, "row 3")
    assert found["a dwell time is negative; it counts as unknown"] == (1, "row 3")
    assert found["an impression was clicked on an article that it does not show, or twice"] == (2, "i1")
    assert marked(log) == ["b", "c"]
    assert (np.diff(log.clicks.second.astype(int)) >= 0).all()
    assert log.clicks.second[0] == int(at(0).timestamp())
    assert log.clicks.impression.tolist() == [0, 1, -1, 1, 0, -1]
    np.testing.assert_array_equal(log.clicks.dwell[3], 30.0)
    assert np.isnan(log.clicks.dwell[[0, 1, 2, 4, 5]]).all()


def test_unsorted_impressions_come_in_the_order_of_time(tmp_path: Path) -> None:
    log = opened(tmp_path, impressions=PAGES[::-1])
    assert faults(log) == {"an impression is earlier than the one before it; they were sorted": (1, "i1")}
    batch = only(log)
    assert batch.row.tolist() == [1, 0]
    assert [log.readers[reader].as_py() for reader in batch.reader] == ["ann", "bob"]
    assert lists(log) == [["a", "b", "c"], ["c", "a", "b"]]
    assert marked(log) == ["b", "c"]


def test_short_and_unclicked_lists(tmp_path: Path) -> None:
    pages = [shown("i1", "ann", 0, ""), shown("i2", "ann", 1, "a"), *(shown(f"i{n}", "ann", n, "abc") for n in (3, 4))]
    log = opened(tmp_path, impressions=pages, clicks=[click("ann", 5, "b", "i4")])
    assert faults(log) == {
        "an impression shows nothing; it was passed over": (1, "i1"),
        "an impression shows one article: there is nothing to order": (1, "i2"),
        "an impression has no click: it counts for shows, not for quality": (3, "i1"),
    }
    assert lists(log) == [[], ["a"], ["a", "b", "c"], ["a", "b", "c"]]


def test_rows_without_a_name_or_a_time_are_left_out(tmp_path: Path) -> None:
    pages = [
        shown("i0", "", 0, "abc"),
        shown("i1", "ann", 0, ["a", None, "b", "", "c"]),
        {**shown("i3", "ann", 0, "abc"), "time": None},
        shown("i2", "bob", 10, "cab"),
    ]
    clicks = [*CLICKS, {**click("bob", 20, "c"), "article": None}]
    log = opened(tmp_path, articles=[*ABC, {**article("d"), "id": None}], impressions=pages, clicks=clicks)
    assert faults(log) == {
        "an impression without id or reader or time was left out": (2, "row 1"),
        "an article without id was left out": (1, "row 4"),
        "a click without reader or time or article was left out": (1, "row 3"),
        "an impression has an article without a name; it was left out": (1, "i1"),
    }
    assert lists(log) == [["a", "b", "c"], ["c", "a", "b"]]
    assert log.impression_ids().to_pylist() == ["i1", "i2"]
    assert len(log.clicks.second) == 2


def test_positions_give_the_order(tmp_path: Path) -> None:
    pages = [shown("i1", "ann", 0, "abc", positions=[2, 0, 1], viewed=[True, False, False])]
    pages.append({**PAGES[1], "viewed": [True, True, True]})
    log = opened(tmp_path, impressions=pages)
    assert lists(log)[0] == ["b", "c", "a"]
    viewed = only(log).viewed
    assert viewed is not None
    assert viewed[:3].tolist() == [False, False, True]


@pytest.mark.parametrize("positions", [None, [0, 1]])
def test_positions_that_do_not_fit_leave_the_order_unknown(tmp_path: Path, positions: list[int] | None) -> None:
    log = opened(tmp_path, impressions=[PAGES[0], {**PAGES[1], "positions": positions}])
    assert faults(log) == {"`positions` does not fit the articles of an impression; the column was left out": (1, "i2")}
    assert not log.shown_order
    assert [sorted(shown) for shown in lists(log)] == [["a", "b", "c"]] * 2


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    without = ("title", "summary", "subtopic", "published", "positions", "viewed", "dwell")
    log = opened(tmp_path, without=without)
    assert faults(log) == {}
    assert not log.shown_order
    assert only(log).viewed is None
    assert np.isnan(log.clicks.dwell).all()
    assert np.isnan(log.articles.published_ms).all()


@pytest.mark.parametrize("column", ["id", "reader", "time", "articles", "article"])
def test_a_missing_column_is_refused_by_name(tmp_path: Path, column: str) -> None:
    with pytest.raises(LogError, match=rf"\.parquet has no column {column}$"):
        opened(tmp_path, without=(column,))


def test_nothing_left_is_refused(tmp_path: Path) -> None:
    for name, rows, sentence in (
        ("impressions", [], "the log has no impression"),
        ("impressions", [shown("i1", "", 0, "abc")], "the log has no impression"),
        ("clicks", [], "has no click"),
        ("clicks", [click("ann", 5, "x", "i1")], "no impression of the log has a click"),
    ):
        with pytest.raises(LogError, match=sentence):
            opened(tmp_path, **{name: rows})
    with pytest.raises(LogError, match=r"has no articles\.parquet, and no behaviors\.tsv"):
        Log.open(tmp_path / "..")
    with pytest.raises(LogError, match="is no directory"):
        Log.open(tmp_path / "none")
    for text in ("{", '{"version": 2}', "[]"):
        (tmp_path / "log.json").write_text(text)
        with pytest.raises(LogError, match=r"log\.json is "):
            Log.open(tmp_path)


def test_a_log_may_have_no_articles_table_to_speak_of(tmp_path: Path) -> None:
    log = opened(tmp_path, articles=[])
    assert faults(log) == {"an article is not in the articles table: it has no text, topic or vector": (3, "a")}
    assert lists(log) == [["a", "b", "c"], ["c", "a", "b"]]


def test_broken_rows_of_counts(tmp_path: Path) -> None:
    log = opened(tmp_path / "log")
    counts = tmp_path / "counts.tsv"
    rows = ["id\tshows\tclicks", "a\t100\t5", "b\t10\t11", "b\tmany\t1", "c", "", "x\t5\t1", "a\t9\t9", "c\tinf\t1"]
    counts.write_bytes("\n".join([*rows, "c\t8.5\t1"]).encode() + b"\n\xff\t1\t1\n")
    shows, clicks = read_counts(counts, log)
    assert (shows.tolist(), clicks.tolist()) == ([100, 0, 8.5], [5, 0, 1])
    assert faults(log) == {
        "a row of counts is not id, shows and clicks; it was left out": (5, "counts.tsv line 3"),
        "a row of counts is of an article that the log does not mention": (2, "counts.tsv line 7"),
        "an article has counts again; the first were kept": (1, "counts.tsv line 8"),
    }
    counts.write_text("a\tx\t1\n")
    with pytest.raises(LogError, match="has no row of id, shows and clicks"):
        read_counts(counts, log)


def test_a_vector_of_another_length_counts_as_none(tmp_path: Path) -> None:
    opened(tmp_path)
    table = pq.read_table(tmp_path / "articles.parquet")
    vectors = pa.array([vector(1), b"short", bytes(64)], pa.binary())
    table = table.set_column(table.column_names.index("vector"), "vector", vectors)
    pq.write_table(table, tmp_path / "articles.parquet")
    log = Log.open(tmp_path)
    assert faults(log) == {
        "a vector has not 64 bytes; it counts as none": (1, "b"),
        "an article has no vector: it gets no personal part": (2, "b"),
    }
    assert log.articles.has_vector.tolist() == [True, False, False]


def test_an_order_that_is_not_known_does_not_tell_what_was_clicked(tmp_path: Path) -> None:
    names = "abcdefghij"
    pages = [{**shown(f"i{at}", "ann", at, names), "positions": None} for at in range(200)]
    log = opened(tmp_path, impressions=pages, clicks=[click("ann", at, "a", f"i{at}") for at in range(200)])
    batch = only(log)
    assert not log.shown_order
    assert batch.clicked[batch.offsets[:-1]].sum() < 50, "first in every list of the file, seldom in the batch"


def test_a_click_on_another_readers_page_is_only_history(tmp_path: Path) -> None:
    log = opened(tmp_path, clicks=[click("ann", 5, "b", "i1"), click("ann", 15, "c", "i2")])
    assert faults(log)["a click names another reader's impression; it only counts as history"] == (1, "i2")
    assert marked(log) == ["b"]


def test_times_finer_than_milliseconds_are_cut_and_numbers_are_no_times(tmp_path: Path) -> None:
    folder = write_log(tmp_path, ABC, PAGES, CLICKS)
    path = folder / "clicks.parquet"
    table = pq.read_table(path)
    at_column = table.column_names.index("time")
    micro = table["time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy() + 7
    pq.write_table(table.set_column(at_column, "time", pa.array(micro, pa.timestamp("us", "UTC"))), path)
    assert marked(Log.open(folder)) == ["b", "c"]
    pq.write_table(table.set_column(at_column, "time", pa.array(micro // 1_000_000)), path)
    with pytest.raises(LogError, match="the column time is int64"):
        Log.open(folder)
