"""MIND's files: what cannot be read is counted with its line, and histories are spread over the weeks before."""

from pathlib import Path

import pytest

from nearside.log import Log, LogError
from nearside.mind import read_mind
from nearside.space import Space

NEWS = [
    "N1\tsports\ttennis\tA final in five sets\tIt took four hours.\t\t[]\t[]",
    "N2\tnews\tworld\tA treaty is signed\t\t\t[]\t[]",
    "N3\tsports\ttennis\tThe champion of the open retires\t\t\t[]\t[]",
]
BEHAVIORS = [
    "1\tU1\t11/11/2019 9:05:58 AM\tN1 N3\tN2-1 N3-0",
    "2\tU2\t11/11/2019 9:06:58 PM\t\tN1-0 N2-1",
]
NINE = 1_573_463_158  # the first row's second
DAY = 86_400


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def folder(tmp_path: Path, behaviors: list[str] = BEHAVIORS, news: list[str] | None = NEWS) -> Path:
    made = tmp_path / "mind"
    made.mkdir()
    (made / "behaviors.tsv").write_bytes("\n".join(behaviors).encode("utf-8", "surrogateescape") + b"\n")
    if news is not None:
        (made / "news.tsv").write_bytes("\n".join(news).encode("utf-8", "surrogateescape") + b"\n")
    return made


def faults(log: Log) -> dict[str, tuple[int, str]]:
    return {reason: (fault.count, fault.first) for reason, fault in log.faults.by_reason.items()}


def test_a_sound_folder_is_read_without_faults(tmp_path: Path) -> None:
    log = Log.open(folder(tmp_path), Space.load())
    assert faults(log) == {}
    assert (log.ids, log.topics) == (["N1", "N2", "N3"], ["sports", "news", "sports"])
    assert (log.space, log.about["source"], log.shown_order) == ("minilm-l6-pca64-v1", "mind/mind", False)
    (batch,) = log.batches()
    assert batch.second.tolist() == [NINE, NINE + 12 * 3600 + 60]
    assert sorted(log.ids[row] for row in batch.article[:2]) == ["N2", "N3"]
    assert sorted(log.ids[row] for row in batch.article[2:]) == ["N1", "N2"]
    assert [log.ids[row] for row in batch.article[batch.clicked]] == ["N2", "N2"]


def test_histories_are_spread_over_the_days_before(tmp_path: Path) -> None:
    mind = folder(tmp_path)
    for days in (28.0, 3.0):
        log = Log(read_mind(mind, Space.load(), history_days=days))
        clicks = log.clicks
        assert [log.ids[row] for row in clicks.article] == ["N1", "N3", "N2", "N2"]
        ages = (NINE - clicks.second[:2].astype(int)) / DAY
        assert ages == pytest.approx([days * 2 / 3, days / 3], abs=1e-4)
        assert clicks.impression.tolist() == [-1, -1, 0, 1]


def test_broken_rows_are_counted_with_their_line(tmp_path: Path) -> None:
    behaviors = [
        *BEHAVIORS,
        "3\tU1\t11/11/2019 9:05:58 AM\tN1",  # four fields
        "4\tU1\tyesterday\tN1 N3\tN2-1",
        "5\tU1\t11/12/2019 9:05:58 AM\tN1 N2\tN2-1 N3 N1-2 -1 N1-0",  # another history, three odd candidates
        "\udcff\udcfe",
        "2\tU2\t11/13/2019 9:06:58 PM\t\tN1-1",  # a repeated id, one candidate
        "6\tU2\t11/10/2019 9:06:58 PM\t\tN1-0 N2-0",  # earlier, no click
        "7\tU3\t11/14/2019 9:06:58 PM\t\t",  # nothing shown
    ]
    news = [
        *NEWS,
        "N4\tsports",
        "N1\tnews\tworld\tAgain\tAgain\t",
        "N5\tnews\tworld\t\t\t",
        "N6\t\t\tTennis news\t\t\t",
    ]
    log = Log.open(folder(tmp_path, behaviors, news), Space.load())
    assert faults(log) == {
        "a row without five fields was left out": (2, "behaviors.tsv line 3"),
        "a row without a readable time was left out": (1, "behaviors.tsv line 4"),
        "a candidate without a label 0 or 1 was left out": (3, "behaviors.tsv line 5"),
        "a history differs from the reader's first; the first was kept": (1, "behaviors.tsv line 5"),
        "an article row without id, topic, subtopic, title and abstract was left out": (1, "news.tsv line 4"),
        "an article was listed again; the first was kept": (1, "news.tsv line 5"),
        "an article has no text, so no vector": (1, "N5"),
        "an article has no topic; it was predicted from its nearest neighbours": (1, "N6"),
        "an article has no vector: it gets no personal part": (1, "N5"),
        "an impression is earlier than the one before it; they were sorted": (1, "6"),
        "an impression id was used again; its line was added to it": (1, "behaviors.tsv line 7"),
        "an impression shows nothing; it was passed over": (1, "7"),
        "an impression shows one article: there is nothing to order": (1, "2, behaviors.tsv line 7"),
        "an impression has no click: it counts for shows, not for quality": (2, "6"),
    }
    assert log.topics[log.ids.index("N6")] == "sports"
    assert log.impressions == 6


def test_a_folder_without_news_has_articles_without_text(tmp_path: Path) -> None:
    log = Log.open(folder(tmp_path, news=None), Space.load())
    assert faults(log) == {"an article is not in the articles table: it has no text, topic or vector": (3, "N2")}
    assert not log.articles.has_vector.any()


def test_a_folder_without_a_sound_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="the log has no impression"):
        Log.open(folder(tmp_path, ["1\tU1"]), Space.load())
