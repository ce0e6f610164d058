"""Turns fragments of the MIND news log into what a publisher's page and a reader's device would hold.

    uv run tools/prepare_mind.py ../../shared/data/mind ../.cache/mind

For each of the folders `valid` and `valid_random` writes, under the output folder,

- `articles.json`: `{ID: { topic, subtopic, vector, shows, clicks, predicted? }}`, as in `_nearside`; `predicted`
  marks topics that the log lacks and that nearest neighbours gave;
- `impressions.jsonl`: `{ id, now, candidates: [ID], clicked: [ID], history: [[ID, MS]] }`, candidates in the server's
  order (by smoothed click-through so far; MIND itself shuffles them), history oldest first, times in ms since 1970.

A run whose inputs have not changed does nothing. MIND is for non-commercial research: nothing of it may be committed.
"""

import argparse
import csv
import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nearside.encoder import Encoder
from nearside.space import DEFAULT, Space, article_text, to_base64
from nearside.topics import predict_labels

FOLDERS = ("valid", "valid_random")
MOST_CLICKS = 50  # a profile keeps no more
DAY_MS = 86_400_000
HISTORY_MS = 28 * DAY_MS  # MIND's histories were clicked in the four weeks before
PRIOR_SHOWS = 20  # a click-through rate is shrunk to the pooled one by so many

Counts = dict[str, tuple[int, int]]  # shows and clicks by article


@dataclass(frozen=True)
class Article:
    topic: str
    subtopic: str
    text: str


@dataclass(frozen=True)
class Impression:
    id: str
    now: int
    history: list[str]
    candidates: list[tuple[str, bool]]  # and whether it was clicked


def rows(path: Path) -> list[list[str]]:
    """The fields of a tab-separated file; quotes are text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def read_articles(path: Path) -> dict[str, Article]:
    return {row[0]: Article(row[1], row[2], article_text(row[3], row[4])) for row in rows(path)}


def read_impressions(folder: Path) -> list[Impression]:
    impressions: list[Impression] = []
    for number, _user, time, history, shown in rows(folder / "behaviors.tsv"):
        moment = datetime.strptime(time, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC)
        marks = [mark.rpartition("-") for mark in shown.split()]
        candidates = [(article, label == "1") for article, _, label in marks]
        now = int(moment.timestamp()) * 1000
        impressions.append(Impression(f"{folder.name}-{number}", now, history.split(), candidates))
    return impressions


def read_counts(path: Path) -> Counts:
    return {article: (int(shows), int(clicks)) for article, shows, clicks in rows(path)[1:]}


def page_and_device(impression: Impression, counts: Counts, known: dict[str, Any]) -> dict[str, Any]:
    """One line of `impressions.jsonl`."""
    pooled = sum(clicks for _, clicks in counts.values()) / sum(shows for shows, _ in counts.values())

    def rate(article: str) -> float:
        shows, clicks = counts.get(article, (0, 0))
        return (clicks + PRIOR_SHOWS * pooled) / (shows + PRIOR_SHOWS)

    candidates = [article for article, _ in impression.candidates]
    length = len(impression.history)
    spread = [
        (article, impression.now - HISTORY_MS * (length - place) // (length + 1))
        for place, article in enumerate(impression.history)
    ]
    return {
        "id": impression.id,
        "now": impression.now,
        "candidates": sorted(candidates, key=rate, reverse=True),
        "clicked": [article for article, clicked in impression.candidates if clicked],
        "history": [[article, ms] for article, ms in spread if article in known][-MOST_CLICKS:],
    }


def inputs_hash(data: Path, space: Path) -> str:
    """The hash of everything the output depends on, this program included."""
    python = Path(__file__).resolve().parent.parent
    programs = [Path(__file__).resolve(), python / "pyproject.toml"]
    programs += [python / "nearside" / name for name in ("encoder.py", "space.py", "topics.py")]
    tables = [data / folder / name for folder in FOLDERS for name in ("behaviors.tsv", "news.tsv", "counts.tsv")]
    hashed = hashlib.sha256()
    for path in [*programs, space, *tables]:
        hashed.update(hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()


def prepare(data: Path, output: Path, space: Path) -> None:
    articles: dict[str, Article] = {}
    for folder in FOLDERS:
        articles |= read_articles(data / folder / "news.tsv")
    ids = sorted(articles)
    encoded = Space.load(space).quantise(Encoder().encode([articles[id_].text for id_ in ids], "encoding articles"))
    labelled = [row for row, id_ in enumerate(ids) if articles[id_].topic]
    unlabelled = [row for row, id_ in enumerate(ids) if not articles[id_].topic]
    labels = [(articles[ids[row]].topic, articles[ids[row]].subtopic) for row in labelled]
    predicted = predict_labels(encoded[unlabelled], encoded[labelled], labels)
    fields: dict[str, dict[str, Any]] = {
        ids[row]: {"topic": topic, "subtopic": subtopic, "vector": to_base64(encoded[row])}
        for row, (topic, subtopic) in zip(labelled, labels, strict=True)
    }
    for row, (topic, subtopic) in zip(unlabelled, predicted, strict=True):
        vector = to_base64(encoded[row])
        fields[ids[row]] = {"topic": topic, "subtopic": subtopic, "vector": vector, "predicted": True}

    for folder in FOLDERS:
        counts = read_counts(data / folder / "counts.tsv")
        impressions = read_impressions(data / folder)
        lines = [page_and_device(impression, counts, fields) for impression in impressions]
        used = {id_ for line in lines for id_ in [*line["candidates"], *(id_ for id_, _ in line["history"])]}
        table = {}
        for id_ in sorted(used):
            shows, clicks = counts.get(id_, (0, 0))
            table[id_] = {**fields[id_], "shows": shows, "clicks": clicks}
        (output / folder).mkdir(parents=True)
        (output / folder / "articles.json").write_text(json.dumps(table, separators=(",", ":")), "utf-8")
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (output / folder / "impressions.jsonl").write_text(text, "utf-8")
        marked = sum("predicted" in article for article in table.values())
        print(f"{folder}: {len(lines):,} impressions, {len(table):,} articles, {marked:,} with predicted topics")


def main() -> None:
    parser = argparse.ArgumentParser(description="Prepares MIND impressions for the tests on real input.")
    parser.add_argument("data", type=Path, help="folder with valid/ and valid_random/")
    parser.add_argument("output", type=Path, help="folder to write, which nothing else may use")
    parser.add_argument("--space", type=Path, default=DEFAULT, help="vector space file")
    arguments = parser.parse_args()
    stamp = arguments.output / "inputs.sha256"
    wanted = inputs_hash(arguments.data, arguments.space)
    if stamp.exists() and stamp.read_text().strip() == wanted:
        print(f"{arguments.output}: up to date")
        return
    for folder in FOLDERS:
        shutil.rmtree(arguments.output / folder, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    prepare(arguments.data, arguments.output, arguments.space)
    stamp.write_text(wanted + "\n")


if __name__ == "__main__":
    main()
