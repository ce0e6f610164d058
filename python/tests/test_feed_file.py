"""`nearside encode` on feeds as content systems write them: told by reason, and readable for every browser."""

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_feed import encoder
from typer.testing import CliRunner

from nearside.cli import app
from nearside.faults import Faults
from nearside.feed import encode_feed
from nearside.feed_fields import settle_fields
from nearside.feed_file import FeedError, read_feed, write_feed
from nearside.markup import plain_text
from nearside.space import Space, article_text

runner = CliRunner()


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nearside.onnx_encoder.open_encoder", lambda _: encoder())


def item(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"s{number}", "title": f"Story {number} of the harbour vote", **fields}


def encode(tmp_path: Path, text: str | bytes) -> tuple[Any, str]:
    """What a browser reads of the encoded feed, and what the command said."""
    feed, output = tmp_path / "feed.json", tmp_path / "out.json"
    feed.write_bytes(text if isinstance(text, bytes) else text.encode())
    result = runner.invoke(app, ["encode", str(feed), "-o", str(output)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    if result.exit_code != 0:
        return None, result.output
    assert runner.invoke(app, ["encode", str(output), "--check"]).exit_code == 0, "encoded once is encoded"
    script = (
        "const text = new TextDecoder('utf-8', { fatal: true }).decode(require('fs').readFileSync(process.argv[1]));"
        "process.stdout.write(JSON.stringify(JSON.parse(text)))"
    )
    node = shutil.which("node")
    assert node, "node reads the feed as a browser does"
    read = subprocess.run([node, "-e", script, str(output)], capture_output=True, check=True).stdout
    return json.loads(read), result.output


def flat(output: str) -> str:
    return " ".join(output.split())


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "\\ud83d\\ud83d", "\\ude00\\ud83d"])
def test_half_a_character_becomes_one_that_browsers_read(tmp_path: Path, half: str) -> None:
    cut = "cut HALF here"
    items = [
        item(
            1,
            summary=cut,
            content_html=cut,
            authors=[{"name": cut}],
            HALF=True,
            _nearside={"topic": "sea", "note": cut},
        ),
        item(2, title=cut, _nearside={"topic": "sea"}),
        item(3, id=cut, _nearside={"topic": "sea"}),
    ]
    feed, output = encode(tmp_path, json.dumps({"items": items}).replace("HALF", half))
    assert len(feed["items"]) == 3
    halves = 7 * half.count("ud")
    assert json.dumps(feed, ensure_ascii=False).count("\ufffd") == halves
    assert f"{halves} × half a surrogate pair" in flat(output)


def test_a_whole_surrogate_pair_is_a_character(tmp_path: Path) -> None:
    feed, output = encode(tmp_path, '{"items": [{"id": "a", "title": "Rain \\ud83d\\ude00 again"}]}')
    assert feed["items"][0]["title"] == "Rain \U0001f600 again"
    assert "half a surrogate pair" not in output


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e400", "9" * 400, "9" * 5000])
@pytest.mark.parametrize("where", ["score", "deep"])
def test_what_is_no_number_in_json_becomes_null(tmp_path: Path, number: str, where: str) -> None:
    one = item(1, _nearside={"topic": "politics", **({"score": "N"} if where == "score" else {})})
    if where == "deep":
        one["attachments"] = [{"size_in_bytes": "N"}]
    feed, output = encode(tmp_path, json.dumps({"items": [one]}).replace('"N"', number))
    found = feed["items"][0]
    assert (found["_nearside"]["score"] if where == "score" else found["attachments"][0]["size_in_bytes"]) is None
    assert "1 × a number is NaN or beyond what a browser can hold; it became null" in flat(output)


@pytest.mark.parametrize(
    ("id_", "text"),
    [(7, "7"), (0, "0"), (-3, "-3"), (1.0, "1"), (9007199254740993, "9007199254740993"), (10**30, "1" + "0" * 30)],
)
def test_a_numeric_id_is_its_text(id_: Any, text: str) -> None:
    one, faults = item(1, id=id_), Faults()
    settle_fields(one, faults, "item 1")
    assert one["id"] == text
    assert list(faults.by_reason) == ["an item's id is a number; its text was written"]


@pytest.mark.parametrize("id_", [1.5, True, None, [], {}, "", 1e300])
def test_an_id_that_is_none_is_left_and_told(id_: Any) -> None:
    feed, faults = {"items": [item(1, id=id_), item(2)]}, Faults()
    encode_feed(feed, encoder(), Space.load(), faults)
    assert feed["items"][0]["id"] == id_
    assert any("an item has no id" in reason for reason in faults.by_reason)


def test_a_number_and_its_text_are_one_id() -> None:
    feed, faults = {"items": [item(1, id=7), item(2, id="7")]}, Faults()
    encode_feed(feed, encoder(), Space.load(), faults)
    assert faults.by_reason["an id is used again: the page cannot be ranked with it"].first == "item 2, 7"


@pytest.mark.parametrize("own", [None, {}])
def test_an_empty_extension_is_filled(own: Any) -> None:
    feed = {"_nearside": None, "items": [item(1, _nearside=own)]}
    assert encode_feed(feed, encoder(), Space.load(), Faults()) == 1
    assert feed["items"][0]["_nearside"]["vector"]
    assert feed["_nearside"] == {"space": "minilm-l6-pca64-v1"}


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-01-15T08:30:00Z", "2026-01-15T08:30:00Z"),
        ("2026-01-15t08:30:00.25+01:00", "2026-01-15t08:30:00.25+01:00"),
        ("Thu, 15 Jan 2026 08:30:00 GMT", "2026-01-15T08:30:00Z"),
        ("Thu, 15 Jan 2026 08:30:00 +0130", "2026-01-15T07:00:00Z"),
        ("15 Jan 2026 08:30 EST", "2026-01-15T13:30:00Z"),
        ("2026-01-15T08:30:00+0000", "2026-01-15T08:30:00Z"),
        ("2026-01-15 08:30:00+02:00", "2026-01-15T06:30:00Z"),
        ("20260115T083000Z", "2026-01-15T08:30:00Z"),
        (" 2026-01-15T08:30:00Z ", "2026-01-15T08:30:00Z"),
    ],
)
def test_a_date_with_its_zone_is_written_in_rfc_3339(text: str, date: str) -> None:
    one, faults = item(1, date_published=text), Faults()
    settle_fields(one, faults, "item 1")
    assert one["date_published"] == date
    assert list(faults.by_reason) == ([] if text == date else ["a date is not in RFC 3339; it was written so"])


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-15",
        "2026-01-15T08:30:00",
        "Thu, 15 Jan 2026 08:30:00",
        "Thu, 15 Jan 2026 08:30:00 -0000",
        "yesterday",
        "",
        *[1768465800, [], "9" * 10_000_000, "99999999999999999999 Jan 2026 08:30 GMT", "2026-02-30T08:30:00Z"],
    ],
)
def test_a_date_that_may_mean_anything_is_left_and_told(value: Any) -> None:
    one, faults = item(1, date_published=value), Faults()
    settle_fields(one, faults, "item 1")
    assert one["date_published"] == value
    assert sum(fault.count for fault in faults.by_reason.values()) == 1


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        *[("shows", "4200", 4200), ("clicks", " 357 ", 357), ("score", "-1.25", -1.25), ("score", "+2.0", 2)],
        *[("pinned", "false", False), ("pinned", 1, True), ("personalize", "0", False), ("personalize", " TRUE", True)],
        *[("topic", ["politics", "local"], "politics"), ("topic", [None, "sport"], "sport")],
        *[("shows", None, None), ("pinned", True, True), ("personalize", None, None), ("score", 1.5, 1.5)],
    ],
)
def test_a_field_of_another_type_is_written_as_what_it_means(name: str, value: Any, written: Any) -> None:
    one, faults = item(1, _nearside={name: value}), Faults()
    settle_fields(one, faults, "item 1")
    assert one["_nearside"][name] == written
    assert type(one["_nearside"][name]) is type(written)
    assert len(faults.by_reason) == int(value is not written)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shows", "4,200"),
        ("clicks", "many"),
        ("score", True),
        ("score", "1e5"),
        ("shows", {}),
        ("shows", "9" * 10_000_000),
        *[
            ("pinned", "no"),
            ("pinned", 2),
            ("personalize", []),
            ("personalize", "falsehood"),
            ("topic", 5),
            ("topic", []),
        ],
    ],
)
def test_a_field_that_may_mean_anything_is_left_and_told(name: str, value: Any) -> None:
    one, faults = item(1, _nearside={name: value}), Faults()
    settle_fields(one, faults, "item 1")
    assert one["_nearside"][name] is value
    assert sum(fault.count for fault in faults.by_reason.values()) == 1


def test_a_list_of_topics_names_a_subtopic_unless_there_is_one() -> None:
    for own, subtopic in (({}, "local"), ({"subtopic": "mine"}, "mine")):
        one = item(1, _nearside={"topic": ["politics", "local", "more"], **own})
        settle_fields(one, Faults(), "item 1")
        assert one["_nearside"]["subtopic"] == subtopic


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("AT&T buys R&D; Q&A at 5 < 6", "AT&T buys R&D; Q&A at 5 < 6"),
        ("Council &amp; mayor&#233;s &#x201C;deal&#x201D;", "Council & mayorés “deal”"),
        ("Council &amp;amp; mayor", "Council & mayor"),
        ("<em>Rain</em>, again<br/>and <a href='x > y'>snow</a>", " Rain , again and   y'>snow "),
        ("&lt;em&gt;Rain&lt;/em&gt;", " Rain "),
        ("<!-- a > note -->Rain", " Rain"),
        ("&#0; &#xD800; &#99999999; &nosuch;", "\ufffd \ufffd &#99999999; &nosuch;"),
    ],
)
def test_tags_and_entities_are_no_text(text: str, plain: str) -> None:
    assert plain_text(text) == plain


def test_hostile_texts_take_no_time() -> None:
    for text in ("<" * 200_000, "&" * 200_000, "<a " * 100_000, "<!--" * 100_000, "&amp;" * 100_000):
        assert len(plain_text(text)) <= len(text)
        assert len(article_text(text, text)) <= 20_002


def test_titles_with_tags_get_the_vector_of_the_text_without_and_stay(tmp_path: Path) -> None:
    bare, marked = item(1, title="Rain & snow"), item(2, title="<b>Rain</b> &amp; snow")
    feed, output = encode(tmp_path, json.dumps({"items": [bare, marked]}))
    assert feed["items"][0]["_nearside"]["vector"] == feed["items"][1]["_nearside"]["vector"]
    assert feed["items"][1]["title"] == marked["title"]
    assert "1 × a title has tags or entities" in flat(output)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_any_encoding_of_unicode_is_read(tmp_path: Path, encoding: str) -> None:
    feed, _ = encode(tmp_path, '{"items": [{"id": "a", "title": "Räin"}]}'.encode(encoding))
    assert feed["items"][0]["title"] == "Räin"


SECRET = "SECRETWORDS"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"items": [{{"id": "a", "title": "{SECRET}é"}}]}}'.encode("latin-1"),
        f'{{"items": [{{"id": "a", "title": "{SECRET}" "x"}}]}}'.encode(),
        f'["{SECRET}"]'.encode(),
        f'{{"{SECRET}": 1}}'.encode(),
        (f'{{"title": "{SECRET}", "items": ' + "[" * 100_000).encode(),
        (f'{{"title": "{SECRET}", "items": [' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "]}").encode(),
        f'{{"items": [{{"id": "{SECRET * 100_000}"}}]}}'.encode(),
        b"",
        b"\xff\xfe\x00",
        b"\x00" * 10,
    ],
)
def test_what_cannot_be_encoded_is_refused_without_a_word_of_it(tmp_path: Path, text: bytes) -> None:
    feed, output = encode(tmp_path, text)
    assert feed is None
    assert "Traceback" not in output
    assert output.count(SECRET) <= 4  # an id is a place, cut short
    assert len(output) < 1_000


def test_control_characters_in_texts_are_escaped(tmp_path: Path) -> None:
    feed, output = encode(tmp_path, '{"items": [{"id": "a", "title": "Rain\n\tagain"}]}')
    assert feed["items"][0]["title"] == "Rain\n\tagain"
    assert "another control character that JSON escapes" in flat(output)


def test_only_json_is_ever_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_feed(tmp_path / "feed.json", {"items": [math.nan]})
    with pytest.raises(FeedError):
        read_feed(Path(__file__), Faults())
    assert list(tmp_path.iterdir()) == []
