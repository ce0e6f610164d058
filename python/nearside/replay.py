"""Plays a log in time order through the crate: what device and server knew at every impression, and how it ranks."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearside import _core
from nearside.batch import Batch
from nearside.log import Log, LogError

Counts = tuple[NDArray[np.float64], NDArray[np.float64]]  # shows and clicks, one an article of a log


def core_articles(log: Log) -> _core.Articles:
    """The log's articles as the crate holds them."""
    articles = log.articles
    return _core.Articles(
        log.ids, log.topics, log.subtopics, articles.vectors, articles.has_vector, articles.published_ms
    )


def read_counts(path: Path, log: Log) -> Counts:
    """Reads what the page carries, a TSV file of id, shows and clicks; a row that cannot be read is a fault."""
    row = {id_: at for at, id_ in enumerate(log.ids)}
    shows, clicks = np.zeros(len(log.ids)), np.zeros(len(log.ids))
    known: set[str] = set()
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
        id_, *numbers = line.split("\t")
        where = f"{path.name} line {number}"
        shown, clicked = (_number(text) for text in numbers) if len(numbers) == 2 else (math.nan, math.nan)
        if number == 1 and len(numbers) == 2 and math.isnan(shown) and math.isnan(clicked):
            continue  # a heading
        if not 0 <= clicked <= shown < math.inf:
            log.faults.add("a row of counts is not id, shows and clicks; it was left out", where)
        elif id_ in known:
            log.faults.add("an article has counts again; the first were kept", where)
        else:
            known.add(id_)
            if id_ in row:
                shows[row[id_]], clicks[row[id_]] = shown, clicked
            else:
                log.faults.add("a row of counts is of an article that the log does not mention", where)
    if not known:
        raise LogError(f"{path} has no row of id, shows and clicks")
    return shows, clicks


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def replay(
    log: Log,
    *,
    features: Sequence[str] = tuple(_core.FEATURES),
    rankers: Sequence[tuple[_core.Ranker, Sequence[_core.Policy]]] = (),
    counts: Counts | None = None,
    size: int = 2048,
) -> "Iterator[tuple[Batch, list[_core.Ranking]]]":
    """Gives batches of about `size` impressions, and for each ranker its personal parts and slots.

    With `counts` the page carries those throughout; without, what the log counted before each impression.
    """
    for ranker, _ in rankers:
        if log.space and ranker.space != log.space:
            raise LogError(f"the log's vectors are of the space {log.space}, the model wants {ranker.space}")
    core = core_articles(log)
    machine = _core.Replay(
        core, len(log.readers), log.space, list(features), counts=counts, by_counts=not log.shown_order
    )
    clicks, told = log.clicks, 0
    for piece in log.batches(size):
        upto = int(np.searchsorted(clicks.second, piece.second[-1], "right"))
        now = slice(told, upto)
        counted = clicks.impression[now] >= 0
        machine.expect(clicks.reader[now], clicks.second[now], clicks.article[now], counted, clicks.dwell[now])
        told = upto
        rows = machine.step(
            piece.reader,
            piece.second,
            piece.offsets,
            piece.article,
            viewed=piece.viewed,
            rankers=[(ranker, list(policies)) for ranker, policies in rankers],
        )
        server = rows["place"] + np.repeat(piece.offsets[:-1], np.diff(piece.offsets))
        batch = Batch(
            impression=piece.row,
            reader=piece.reader,
            second=piece.second,
            offsets=piece.offsets,
            article=piece.article[server],
            clicked=piece.clicked[server],
            shows=rows["shows"],
            clicks=rows["clicks"],
            server_logit=rows["server_logit"],
            scorable=rows["scorable"],
            features=rows["features"].reshape(-1, len(features)),
            names=tuple(features),
            evidence=rows["evidence"],
            clicked_offsets=rows["clicked_offsets"],
            clicked_article=rows["clicked_article"],
            clicked_second=rows["clicked_second"],
            clicked_weight=rows["clicked_weight"],
            history_offsets=rows["history_offsets"],
            history_article=rows["history_article"],
            history_weight=rows["history_weight"],
            # Where the shown order is not known nothing can be learned of positions.
            position=rows["place"].astype(np.int32) * log.shown_order,
        )
        yield batch, rows["rankings"]
