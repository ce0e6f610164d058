"""Turns fragments of the MIND news log into what a publisher's page and a reader's device would hold.

    uv run tools/prepare_mind.py ../../shared/data/mind ../.cache/mind

For each of the folders `valid` and `valid_random` writes, under the output folder,

- `articles.json`: `{ID: { topic, subtopic, vector, shows, clicks, predicted? }}`, as in `_nearside`; `predicted`
  marks topics that the log lacks and that nearest neighbours gave;
- `impressions.jsonl`: `{ id, now, candidates: [ID], clicked: [ID], history: [[ID, MS]] }`, candidates in the server's
  order (by smoothed click-through so far; MIND itself shuffles them), history as the replay has it, oldest first, times
  in ms since 1970.

MIND is for non-commercial research: nothing of it may be committed.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nearside.batch import Batch
from nearside.log import Log
from nearside.replay import Counts, read_counts, replay
from nearside.space import DEFAULT, Space, to_base64

FOLDERS = ("valid", "valid_random")


def lines(folder: Path, log: Log, counts: Counts) -> Iterator[dict[str, Any]]:
    """The lines of `impressions.jsonl`, in time order."""
    ids = log.impression_ids().to_pylist()
    known = log.articles.has_vector
    for batch, _ in replay(log, counts=counts):
        for at in range(len(batch.impression)):
            here, history = _slice(batch.offsets, at), _slice(batch.clicked_offsets, at)
            yield {
                "id": f"{folder.name}-{ids[batch.impression[at]]}",
                "now": 1000 * int(batch.second[at]),
                "candidates": [log.ids[article] for article in batch.article[here]],
                "clicked": [log.ids[article] for article in batch.article[here][batch.clicked[here]]],
                "history": _history(log, batch, history, known),
            }


def _slice(offsets: Any, at: int) -> slice:
    return slice(int(offsets[at]), int(offsets[at + 1]))


def _history(log: Log, batch: Batch, entries: slice, known: Any) -> list[list[Any]]:
    """The profile's clicks, those on articles without text left out: a page would not know what they were."""
    pairs = zip(batch.clicked_article[entries].tolist(), batch.clicked_second[entries].tolist(), strict=True)
    return [[log.ids[article], 1000 * second] for article, second in pairs if known[article]]


def table(news: Path, log: Log, counts: Counts, used: set[str]) -> dict[str, dict[str, Any]]:
    """`articles.json`."""
    with news.open(encoding="utf-8") as file:
        unlabelled = {parts[0] for parts in (line.split("\t") for line in file) if not parts[1]}
    found = {}
    for row, id_ in enumerate(log.ids):
        if id_ in used:
            found[id_] = {
                "topic": log.topics[row],
                "subtopic": log.subtopics[row],
                "vector": to_base64(log.articles.vectors[row]) if log.articles.has_vector[row] else "",
                "shows": int(counts[0][row]),
                "clicks": int(counts[1][row]),
                **({"predicted": True} if id_ in unlabelled else {}),
            }
    return found


def prepare(data: Path, output: Path, space: Path) -> None:
    """Writes both folders."""
    for name in FOLDERS:
        folder = data / name
        log = Log.open(folder, Space.load(space))
        counts = read_counts(folder / "counts.tsv", log)
        made = list(lines(folder, log, counts))
        used = {id_ for line in made for id_ in [*line["candidates"], *(id_ for id_, _ in line["history"])]}
        articles = table(folder / "news.tsv", log, counts, used)
        (output / name).mkdir(parents=True, exist_ok=True)
        (output / name / "articles.json").write_text(json.dumps(articles, separators=(",", ":")), "utf-8")
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in made)
        (output / name / "impressions.jsonl").write_text(text, "utf-8")
        marked = sum("predicted" in article for article in articles.values())
        print(f"{name}: {len(made):,} impressions, {len(articles):,} articles, {marked:,} with predicted topics")
        for line in log.faults.lines():
            print(f"  {line}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Prepares MIND impressions for the tests on real input.")
    parser.add_argument("data", type=Path, help="folder with valid/ and valid_random/")
    parser.add_argument("output", type=Path, help="folder to write, which nothing else may use")
    parser.add_argument("--space", type=Path, default=DEFAULT, help="vector space file")
    arguments = parser.parse_args()
    prepare(arguments.data, arguments.output, arguments.space)


if __name__ == "__main__":
    main()
