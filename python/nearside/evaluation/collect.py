"""Keeps of every impression what the report needs, and lets go of the batch."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearside.batch import Batch
from nearside.evaluation.baselines import BASELINES, SERVER, TOPIC_RATE, Known, Page, topic_rate_blend
from nearside.evaluation.beyond import beyond, first_ten, moves, surprise
from nearside.evaluation.calibration import Calibration
from nearside.evaluation.metrics import METRICS, measure, ranking

BLOCK = 1 << 16  # impressions joined at a time: a megabyte of four metrics
LONGEST_MOVE = 30  # moves beyond are counted with it

Floats = NDArray[np.float32]


class Column:
    """Rows that come in parts: joined to large blocks on the way, which go back to the system when they are let go.

    A million impressions times two dozen rows of small parts would leave their memory behind in pieces.
    """

    def __init__(self) -> None:
        self._blocks: list[NDArray[Any]] = []
        self._parts: list[NDArray[Any]] = []
        self._waiting = 0

    def append(self, part: NDArray[Any]) -> None:
        self._parts.append(part)
        self._waiting += len(part)
        if self._waiting >= BLOCK:
            self._blocks.append(np.concatenate(self._parts))
            self._parts.clear()
            self._waiting = 0

    def arrays(self) -> list[NDArray[Any]]:
        return [*self._blocks, *self._parts]

    def take(self) -> NDArray[Any]:
        """Everything as one array; the column is empty afterwards."""
        whole = np.concatenate(self.arrays())
        self._blocks.clear()
        self._parts.clear()
        return whole


@dataclass
class Row:
    """One way to rank, over all impressions so far."""

    articles: int
    metrics: Column = field(default_factory=Column)  # of [B, 4]
    beyond: Column = field(default_factory=Column)  # of [B, 4]; empty for the swept rows
    moves: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LONGEST_MOVE + 1, np.int64))
    shown: NDArray[np.bool_] = field(init=False)  # [A] has stood in a first ten

    def __post_init__(self) -> None:
        self.shown = np.zeros(self.articles, np.bool_)


@dataclass(frozen=True)
class Collected:
    """Columns over N impressions."""

    reader: NDArray[np.uint32]  # [N]
    history: NDArray[np.int16]  # [N] clicks of the profile, 0..50
    topic: NDArray[np.int32]  # [N] the topic most clicked in the impression, -1 none
    metrics: dict[str, Floats]  # row -> [N, 4], NaN where a metric is not defined; of the swept weights the best
    beyond: dict[str, Floats]  # row -> [N, 4]
    moves: dict[str, NDArray[np.int64]]  # row -> candidates by slots moved, [LONGEST_MOVE + 1]
    coverage: dict[str, float]  # row -> share of all candidates' articles that stood in a first ten
    swept: dict[float, float]  # weight of the topic rate -> mean nDCG@10
    calibration: dict[str, Calibration]
    candidates: int
    clicks: int


class Collector:
    """Takes batches in any size and number."""

    def __init__(self, known: Known, log_odds: str) -> None:
        self._known = known
        self._log_odds = log_odds
        self._rows: dict[str, Row] = {}
        self._swept: dict[float, Row] = {}  # by weight of the topic rate
        self._reader = Column()
        self._history = Column()
        self._topic = Column()
        self._candidate = np.zeros(len(known.articles), np.bool_)  # [A] has been a candidate
        self._calibration: dict[str, Calibration] = {}
        self._candidates = 0
        self._clicks = 0
        self._finished = False

    def add(self, batch: Batch) -> None:
        """Measures the baselines and every score the batch brings.

        Raises ValueError where a batch brings other scores than the one before it, or a score that is not a number, and
        RuntimeError after `finish`.
        """
        if self._finished:
            raise RuntimeError("the evaluation is finished")
        page = Page(batch, self._known)
        lists = page.lists
        scores = {name: score for name, score in batch.scores.items() if name != self._log_odds}
        for name, baseline in BASELINES.items():
            scores.setdefault(name, baseline(page))
        changed = self._rows.keys() ^ scores.keys()
        if self._rows and changed:
            raise ValueError(f"scores that are not in every batch: {', '.join(sorted(changed))}")
        surprises = surprise(batch, lists)
        top, _ = first_ten(lists)
        for name, score in scores.items():
            row = self._rows.setdefault(name, Row(len(self._candidate)))
            order = self._measure(row, page, score)
            articles = self._known.articles
            row.beyond.append(beyond(batch, lists, order, articles, self._known.unit, surprises))
            row.moves += np.bincount(np.minimum(moves(lists, order), LONGEST_MOVE), minlength=LONGEST_MOVE + 1)
            row.shown[batch.article[order[top]]] = True
        for weight, score in topic_rate_blend(page).items():
            self._measure(self._swept.setdefault(weight, Row(0)), page, score)
        for name, score in (("server", batch.server_logit), ("ours", batch.scores.get(self._log_odds))):
            if score is not None:
                self._calibration.setdefault(name, Calibration()).add(lists, score, batch.clicked)
        self._reader.append(np.array(batch.reader, np.uint32))
        self._history.append(np.minimum(np.diff(batch.clicked_offsets), 32767).astype(np.int16))
        self._topic.append(main_topic(page))
        self._candidate[batch.article] = True
        self._candidates += len(batch.article)
        self._clicks += int(batch.clicked.sum())

    def finish(self) -> Collected:
        """Joins the columns and forgets their parts, so it can be called once and nothing added after it.

        Raises ValueError where no impression can be measured, and RuntimeError the second time.
        """
        if self._finished:
            raise RuntimeError("the evaluation is finished")
        self._finished = True
        if not self._rows:
            raise ValueError("nothing to evaluate: there is no impression")
        auc = METRICS.index("auc")
        if all(np.isnan(part[:, auc]).all() for part in self._rows[SERVER].metrics.arrays()):
            raise ValueError("nothing to evaluate: no impression has both a click and an article not clicked")
        gains = {weight: _mean_ndcg10(row.metrics) for weight, row in self._swept.items()}
        best = self._swept[max(gains, key=gains.__getitem__)].metrics.take()
        self._swept.clear()  # before the others are joined
        metrics = {name: row.metrics.take() for name, row in self._rows.items()} | {TOPIC_RATE: best}
        return Collected(
            reader=self._reader.take(),
            history=self._history.take(),
            topic=self._topic.take(),
            metrics=metrics,
            beyond={name: row.beyond.take() for name, row in self._rows.items()},
            moves={name: row.moves for name, row in self._rows.items()},
            coverage={name: float(row.shown.sum() / max(self._candidate.sum(), 1)) for name, row in self._rows.items()},
            swept=gains,
            calibration=self._calibration,
            candidates=self._candidates,
            clicks=self._clicks,
        )

    def _measure(self, row: Row, page: Page, score: Floats) -> NDArray[np.int64]:
        order = ranking(page.lists, score)
        row.metrics.append(measure(page.lists, score, page.batch.clicked, order).astype(np.float32))
        return order


def _mean_ndcg10(metrics: Column) -> float:
    return float(np.nanmean(np.concatenate([part[:, METRICS.index("ndcg10")] for part in metrics.arrays()])))


def main_topic(page: Page) -> NDArray[np.int32]:
    """The topic of most of an impression's clicks [B], of the lowest code where two are level; -1 without one."""
    articles = page.known.articles
    topics = int(articles.topic.max(initial=-1)) + 1
    result = np.full(len(page.lists.offsets) - 1, -1, np.int32)
    topic = articles.topic[page.batch.article].astype(np.int64)
    hit = page.batch.clicked & (topic >= 0)
    if not topics or not hit.any():
        return result
    keys, times = np.unique(page.lists.owner[hit] * topics + topic[hit], return_counts=True)
    fewest_first = np.lexsort((-keys, times))  # the last written to an impression is its most clicked
    result[keys[fewest_first] // topics] = keys[fewest_first] % topics
    return result
