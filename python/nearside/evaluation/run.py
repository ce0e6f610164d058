"""Replays logs, ranks every impression by the shipped code path, and measures it among the baselines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearside import _core
from nearside.articles import Articles
from nearside.batch import Batch
from nearside.evaluation import baselines
from nearside.evaluation.evaluation import LOG_ODDS, Evaluation
from nearside.evaluation.report import Report
from nearside.evaluation.rows import DEFAULT_POLICY, PERSONAL_ALONE, UNLIMITED
from nearside.faults import Faults
from nearside.log import Log, LogError
from nearside.replay import Counts, read_counts, replay

Scorer = Callable[[Batch], NDArray[np.float32]]
DEFAULT = _core.Policy()
FREE = _core.Policy(maximum_displacement=None)


@dataclass(frozen=True)
class Source:
    """A log, and what the page carries where that is not counted from the log."""

    log: Log
    counts: Counts | None = None


def open_sources(logs: Sequence[Log], counts_files: Sequence[Path]) -> list[Source]:
    """Pairs logs with files of counts: none, one for all, or one each."""
    if len(counts_files) not in (0, 1, len(logs)):
        raise LogError(
            f"{len(counts_files)} files of counts do not go with {len(logs)} logs: give one, or one for each"
        )
    files = list(counts_files) * (len(logs) if len(counts_files) == 1 else 1)
    return [
        Source(log, read_counts(path, log) if path else None)
        for log, path in zip(logs, files or [None] * len(logs), strict=True)
    ]


def evaluate(
    model: Path | None,
    sources: Sequence[Source],
    *,
    scorers: dict[str, Scorer] | None = None,
    computed: dict[str, Any] | None = None,
    resamples: int = 1000,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Measures a model (and `scorers`, row name -> function of a batch) on the impressions of all sources together.

    `progress` is told how many impressions were just done. Raises `LogError` for a model whose space is not the log's,
    and `nearside._core.NearsideError` for a model that is refused.
    """
    ranker = _core.Ranker(model.read_bytes()) if model else None
    articles, shifts = joined([source.log for source in sources])
    totals = [(source.counts[0].sum(), source.counts[1].sum()) for source in sources if source.counts]
    shows, clicks = (sum(column) for column in zip(*totals, strict=True)) if totals else (0.0, 0.0)
    judge = Evaluation(articles, base_rate=clicks / shows if shows else None, resamples=resamples)
    faults = Faults()
    impressions = readers = 0
    for source, shift in zip(sources, shifts, strict=True):
        log = source.log
        rankers = [(ranker, [DEFAULT, FREE])] if ranker else []
        for batch, rankings in replay(log, rankers=rankers, counts=source.counts):
            scores = {name: _checked(name, scorer(batch), batch) for name, scorer in (scorers or {}).items()}
            for ranking in rankings:
                scores |= _ours(batch, ranking)
            limited = _core.arrange(batch.clicked.astype(np.float32), batch.offsets, DEFAULT)
            scores[baselines.ORACLE] = -limited.astype(np.float32)
            judge.add(_moved(batch, shift, readers, impressions, scores))
            if progress:
                progress(len(batch.evidence))
        faults.update(log.faults, str(log.about.get("source", "")) if len(sources) > 1 else "")
        impressions, readers = impressions + log.impressions, readers + len(log.readers)
    about = {
        "sources": [source.log.about for source in sources],
        "counts": ["given" if s.counts else "counted" for s in sources],
    }
    described: dict[str, Any] = {}
    if ranker and model:
        described = {"id": ranker.id, "space": ranker.space, "k": ranker.k, "features": ranker.features}
        described["bytes"] = model.stat().st_size
    return judge.finish(log=about, model=described, faults=faults.report(), computed=computed or {})


def _ours(batch: Batch, ranking: "_core.Ranking") -> dict[str, NDArray[np.float32]]:
    weight = np.repeat(ranking["weight"][1], np.diff(batch.offsets))
    return {
        PERSONAL_ALONE: ranking["personal"],
        DEFAULT_POLICY: -ranking["slot"][0].astype(np.float32),
        UNLIMITED: -ranking["slot"][1].astype(np.float32),
        LOG_ODDS: (batch.server_logit + weight * ranking["personal"]).astype(np.float32, copy=False),
    }


def _checked(name: str, scores: NDArray[Any], batch: Batch) -> NDArray[np.float32]:
    scores = np.asarray(scores, np.float32)
    if scores.shape != batch.article.shape or not np.isfinite(scores).all():
        raise LogError(f"the scorer {name} must give {batch.article.shape} finite numbers, not {scores.shape}")
    return scores


def _moved(batch: Batch, shift: int, readers: int, impressions: int, scores: dict[str, NDArray[np.float32]]) -> Batch:
    """The batch with its numbers among those of all logs."""
    return replace(
        batch,
        impression=batch.impression + impressions,
        reader=batch.reader + np.uint32(readers),
        article=batch.article + np.uint32(shift),
        clicked_article=batch.clicked_article + np.uint32(shift),
        history_article=batch.history_article + np.uint32(shift),
        scores=scores,
    )


def joined(logs: Sequence[Log]) -> tuple[Articles, list[int]]:
    """The articles of several logs one after another, and where those of each begin. Topics are joined by name."""
    if len(logs) == 1:
        return logs[0].articles, [0]
    names = sorted({topic for log in logs for topic in log.topics if topic})
    pairs = [list(zip(log.topics, log.subtopics, strict=True)) for log in logs]
    subtopics = {pair: at for at, pair in enumerate(sorted({p for some in pairs for p in some if p[1]}))}
    topics = {name: at for at, name in enumerate(names)}
    articles = Articles(
        vectors=np.concatenate([log.articles.vectors for log in logs]),
        has_vector=np.concatenate([log.articles.has_vector for log in logs]),
        topic=np.array([topics.get(topic, -1) for log in logs for topic in log.topics], np.int32),
        subtopic=np.array([subtopics.get(pair, -1) for some in pairs for pair in some], np.int32),
        published_ms=np.concatenate([log.articles.published_ms for log in logs]),
        topic_names=tuple(names),
    )
    starts = np.cumsum([0, *(len(log.ids) for log in logs[:-1])])
    return articles, [int(start) for start in starts]
