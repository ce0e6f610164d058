"""`nearside encode` on JSON Feeds."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nearside.cli import app
from nearside.encoder import Encoder
from nearside.faults import Faults
from nearside.feed import encode_feed, stale
from nearside.space import ROOT, Space

runner = CliRunner()


@cache
def encoder() -> Encoder:
    return Encoder()


def small() -> dict[str, Any]:
    return {
        "title": "A paper",
        "items": [
            {
                "id": "a",
                "title": "Rain",
                "summary": "A lot of it.",
                "_nearside": {"topic": "weather", "pinned": True},
            },
            {"id": "b", "title": "Sun", "tags": ["x"]},
            {"id": "c", "content_text": "An item without a title."},
        ],
    }


def test_only_the_fields_of_its_own_are_written() -> None:
    feed, first = small(), small()
    assert encode_feed(first, encoder(), Space.load()) == 2
    assert list(first) == ["title", "_nearside", "items"]
    assert first["_nearside"] == {"space": "minilm-l6-pca64-v1"}
    assert list(first["items"][0]["_nearside"]) == ["topic", "pinned", "vector"]
    assert first["items"][2] == feed["items"][2]
    again = copy.deepcopy(first)
    encode_feed(again, encoder(), Space.load())
    assert json.dumps(again) == json.dumps(first)


def test_stale_items_are_named() -> None:
    first = small()
    encode_feed(first, encoder(), Space.load())
    assert stale(first, copy.deepcopy(first)) == []
    assert stale(small(), first) == ["a", "b"]
    changed = copy.deepcopy(first)
    changed["items"][1]["title"] = "Snow"
    encode_feed(again := copy.deepcopy(changed), encoder(), Space.load())
    assert stale(changed, again) == ["b"]
    first["items"][0]["_nearside"]["vector"] = "no vector"
    encode_feed(again := copy.deepcopy(first), encoder(), Space.load())
    assert stale(first, again) == ["a"]


def test_missing_topics_are_predicted_each_time_and_marked() -> None:
    feed = small()
    encode_feed(feed, encoder(), Space.load())
    predicted = feed["items"][1]["_nearside"]
    assert (predicted["topic"], predicted["predicted"]) == ("weather", True)
    assert "subtopic" not in predicted
    # What was predicted before is no label: it follows the site's own, and goes where nothing is left to follow.
    feed["items"][0]["_nearside"] |= {"topic": "climate", "subtopic": "water"}
    encode_feed(feed, encoder(), Space.load())
    assert (predicted["topic"], predicted["subtopic"], predicted["predicted"]) == ("climate", "water", True)
    del feed["items"][0]["_nearside"]["topic"]
    encode_feed(feed, encoder(), Space.load(), faults := Faults())
    assert list(predicted) == ["vector"]
    assert faults.by_reason["an item has no topic, and none could be predicted"].count == 2


def test_bad_items_are_counted_and_left() -> None:
    feed: dict[str, Any] = {
        "items": [
            "no object",
            {"id": "a", "title": "Rain", "_nearside": {"topic": "weather"}},
            {"id": "a", "title": "Sun", "_nearside": {"topic": "weather"}},
            {"title": "Snow", "_nearside": {"topic": "weather"}},
            {"id": "b", "title": "Hail", "_nearside": ["no object"]},
            {"id": "c", "title": " ", "_nearside": {"topic": "weather", "vector": "of another space"}},
        ]
    }
    before = copy.deepcopy(feed)
    assert encode_feed(feed, encoder(), Space.load(), faults := Faults()) == 3
    assert {reason: fault.first for reason, fault in faults.by_reason.items()} == {
        "an item is no object": "item 1",
        "an id is used again: the page cannot be ranked with it": "item 3, a",
        "an item has no id: the page cannot be ranked with it": "item 4",
        "an item's `_nearside` is no object; the item was left as it is": "item 5, b",
        "an item has no title, so no vector": "item 6, c",
    }
    assert (feed["items"][0], feed["items"][4]) == (before["items"][0], before["items"][4])
    assert feed["items"][5]["_nearside"] == {"topic": "weather"}


def test_from_the_command_line_in_place_and_byte_for_byte(tmp_path: Path) -> None:
    feed, other = tmp_path / "feed.json", tmp_path / "other.json"
    feed.write_text(json.dumps(small()))
    result = runner.invoke(app, ["encode", str(feed), "-o", str(feed), "--check"])
    assert result.exit_code == 1
    assert "out of date, run nearside encode: a, b, the feed's space" in result.output
    assert json.loads(feed.read_text()) == small()
    result = runner.invoke(app, ["encode", str(feed), "-o", str(feed)])
    assert result.exit_code == 0
    assert "2 items in the space minilm-l6-pca64-v1; 1 topics predicted" in result.output
    assert "1 × an item has no title, so no vector (first: item 3, c)" in result.output
    result = runner.invoke(app, ["encode", str(feed), "-o", str(other)])
    assert other.read_bytes() == feed.read_bytes()
    assert runner.invoke(app, ["encode", str(feed), "--check"]).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed.json", "other.json"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"items": [', "no JSON: Expecting value: line 1"),
        ('["a"]', "no JSON Feed"),
        ('{"items": {}}', "no JSON Feed"),
        ('{"items": []}', "no item can be encoded"),
        ('{"items": [{"id": "a"}]}', "no item can be encoded"),
    ],
)
def test_what_is_no_feed_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    feed = tmp_path / "feed.json"
    feed.write_text(text)
    result = runner.invoke(app, ["encode", str(feed), "-o", str(feed)])
    assert result.exit_code == 1
    assert sentence in result.output
    assert feed.read_text() == text


def test_the_demo_page_has_vectors_that_fit_its_texts() -> None:
    feed = str(ROOT / "www" / "feed.json")
    result = runner.invoke(app, ["encode", feed, "-o", feed, "--check"])
    assert result.exit_code == 0, result.output
