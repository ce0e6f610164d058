"""`nearside encode` on tables of articles."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from nearside.article_table import ENCODED, read_articles, read_time
from nearside.cli import app
from nearside.encoder import Encoder
from nearside.faults import Faults
from nearside.log import ARTICLES, Log
from nearside.simulate import simulate
from nearside.space import Space, article_text

runner = CliRunner()
HEADING = "id,title,summary,topic,subtopic,published\n"
CSV = (
    HEADING
    + 'a,"Rain, again","A lot\nof it",weather,rain,2026-01-02\n'
    + "b,Snow,,weather,,2026-01-02T10:00:00+02:00\n"
    + "c,Hail in the north,,,,\n"
)


def encode(source: Path, output: Path, *options: str) -> str:
    result = runner.invoke(app, ["encode", str(source), "-o", str(output), *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_table_becomes_the_articles_of_a_log(tmp_path: Path) -> None:
    source = tmp_path / "articles.csv"
    source.write_text(CSV)
    output = encode(source, tmp_path / "log")
    assert "3 articles in the space minilm-l6-pca64-v1; 1 topics predicted" in output
    table = pq.read_table(tmp_path / "log" / "articles.parquet")
    assert table.schema.equals(ENCODED)
    assert ENCODED.names == [*ARTICLES.names, "predicted"]
    space = Space.load()
    texts = [article_text("Rain, again", "A lot of it"), "Snow", "Hail in the north"]
    expected = space.quantise(Encoder().encode(texts))
    np.testing.assert_array_equal([np.frombuffer(v, np.int8) for v in table["vector"].to_pylist()], expected)
    assert table["topic"].to_pylist() == ["weather"] * 3
    assert table["predicted"].to_pylist() == [False, False, True]
    two, eight = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, 8, tzinfo=UTC)
    assert table["published"].to_pylist() == [two, eight, None]
    about = {"version": 1, "space": "minilm-l6-pca64-v1", "source": "articles.csv"}
    assert json.loads((tmp_path / "log" / "log.json").read_text()) == about


def test_encoding_again_gives_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "articles.csv"
    source.write_text(CSV)
    encode(source, tmp_path / "a")
    encode(source, tmp_path / "b")
    first = (tmp_path / "a" / "articles.parquet").read_bytes()
    assert (tmp_path / "b" / "articles.parquet").read_bytes() == first
    # Its own output, in place: the predicted topic is predicted again, not taken for a label.
    encode(tmp_path / "a" / "articles.parquet", tmp_path / "a")
    assert (tmp_path / "a" / "articles.parquet").read_bytes() == first


def test_all_formats_are_read_alike(tmp_path: Path) -> None:
    csv, tsv, mind = tmp_path / "articles.csv", tmp_path / "articles.tsv", tmp_path / "news.tsv"
    csv.write_text(HEADING + '1,"The ""open"" is won",By a newcomer,sports,tennis,\n2,Rain,,,,\n')
    tsv.write_text('\ufeffTitle\tID\tsummary\ttopic\tsubtopic\nThe "open" is won\t1\tBy a newcomer\tsports\ttennis\n')
    with tsv.open("a") as file:
        file.write("\nRain\t2\t\t\t\n")
    mind.write_text('1\tsports\ttennis\tThe "open" is won\tBy a newcomer\thttps://\t[]\t[]\n2\t\t\tRain\t\t\t\t\n')
    pq.write_table(read_articles(csv, Faults()), tmp_path / "articles.parquet")
    ids = pa.table({"id": pa.array([1, 2]), "title": pa.array(['The "open" is won', "Rain"]).dictionary_encode()})
    pq.write_table(ids, tmp_path / "numbers.parquet")
    faults = Faults()
    tables = [read_articles(path, faults) for path in (csv, tsv, mind, tmp_path / "articles.parquet")]
    for table in tables[1:]:
        assert table.equals(tables[0])
    assert tables[0]["subtopic"].to_pylist() == ["tennis", None]
    assert (
        read_articles(tmp_path / "numbers.parquet", faults)
        .select(["id", "title"])
        .equals(tables[0].select(["id", "title"]))
    )
    assert not faults.by_reason


def test_bad_rows_are_counted_with_the_line_of_the_first(tmp_path: Path) -> None:
    source = tmp_path / "bad.csv"
    lines = [
        "id,title,topic,subtopic,published,section",
        'a,"Rain, again\nand again",weather,,2026-01-02,north',  # lines 2 and 3
        "b,Sun,,rain,yesterday,north",
        ",No id,,,,north",
        "a,Rain again,weather,,,north",
        "c,,,,,north",
        "d,Too few,weather",
        'e,"Broken" quotes,weather,,,north',
        "f,Lost \ufffd characters,weather,,,north",
        'g,"Never closed,,,,north',
        "h,Lost with it,,,,north",
    ]
    source.write_text("\n".join(lines) + "\n")
    faults = Faults()
    table = read_articles(source, faults)
    assert table["id"].to_pylist() == ["a", "b", "c", "f"]
    assert [(reason, fault.count, fault.first) for reason, fault in faults.by_reason.items()] == [
        ("a column is not one of an articles table; it was left out", 1, "section"),
        ("an article has a subtopic without a topic; it was left out", 1, "bad.csv line 4"),
        ("a date is not in ISO 8601; it was left out", 1, "bad.csv line 4"),
        ("an article has no id; it was left out", 1, "bad.csv line 5"),
        ("an article was listed again; the first was kept", 1, "bad.csv line 6"),
        ("a row has not as many fields as the heading; it was left out", 1, "bad.csv line 8"),
        ("a row is no CSV (',' expected after '\"'); it was left out", 1, "bad.csv line 9"),
        ("an article has characters that were lost before it came here (U+FFFD, or no UTF-8)", 1, "bad.csv line 10"),
        ("a row is no CSV (unexpected end of data); it was left out", 1, "bad.csv line 11 to line 12"),
    ]
    output = encode(source, tmp_path / "log")
    assert "1 × an article has no text, so no vector (first: c)" in output
    assert "1 × an article has no topic, and none could be predicted (first: c)" in output
    vectors = pq.read_table(tmp_path / "log" / "articles.parquet")["vector"]
    assert [vector.is_valid for vector in vectors] == [True, True, False, True]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "id,headline\n1,Rain\n", "has no column title; it has id, headline"),
        ("a.csv", "", "has no column id and no column title; it has none"),
        ("a.csv", "id,title,title\n", "has the column title twice"),
        ("a.csv", "id,title\n1,\n", "no article can be encoded"),
        ("a.tsv", "id\ttitle\n", "no article can be encoded"),
        ("a.parquet", "id", "no Parquet file"),
        ("a.txt", "id", "articles are a .json feed, or a .parquet, .tsv or .csv table"),
    ],
)
def test_what_has_no_articles_is_refused(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    result = runner.invoke(app, ["encode", str(tmp_path / name), "-o", str(tmp_path / "log")])
    assert result.exit_code == 1
    assert sentence in result.output
    assert not (tmp_path / "log").exists()


def test_check_and_output_go_with_what_they_are_for(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    assert "--check is for feeds" in runner.invoke(app, ["encode", str(tmp_path / "a.csv"), "--check"]).output
    assert "say by -o where" in runner.invoke(app, ["encode", str(tmp_path / "a.csv")]).output


def test_a_date_without_a_zone_is_utc() -> None:
    assert read_time("2026-01-02 03:04") == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert read_time("2026-01-02T03:04:05Z") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert read_time(" ") is None


def test_a_log_in_place_keeps_its_other_tables_and_names_the_space(tmp_path: Path) -> None:
    """The articles of a simulated log, given titles: as a site's own log would be encoded."""
    log = tmp_path / "log"
    simulate(log, readers=20, impressions=200, days=2, articles_per_day=20, candidates=8)
    before = {name: (log / f"{name}.parquet").read_bytes() for name in ("impressions", "clicks")}
    articles = pq.read_table(log / "articles.parquet").drop_columns(["vector", "title", "summary"])
    words = [f"Story {at} about {topic}" for at, topic in enumerate(articles["topic"].to_pylist())]
    pq.write_table(articles.append_column("title", pa.array(words)), log / "articles.parquet")
    about = json.loads((log / "log.json").read_text())
    (log / "log.json").write_text(json.dumps({**about, "space": None}))
    encode(log / "articles.parquet", log)
    assert json.loads((log / "log.json").read_text()) == {**about, "space": "minilm-l6-pca64-v1"}
    assert {name: (log / f"{name}.parquet").read_bytes() for name in ("impressions", "clicks")} == before
    opened = Log.open(log)
    assert opened.articles.has_vector.all()
    assert opened.space == "minilm-l6-pca64-v1"
