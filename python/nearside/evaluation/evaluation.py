"""The way from batches to a report."""

from collections.abc import Mapping
from typing import Any

from nearside.articles import Articles
from nearside.batch import Batch
from nearside.evaluation.baselines import Known
from nearside.evaluation.collect import Collector
from nearside.evaluation.intervals import RESAMPLES
from nearside.evaluation.report import Report, build

LOG_ODDS = "ours, log-odds"  # in `Batch.scores`: `server_logit + w * personal`, for calibration; not a row of the table


class Evaluation:
    """Takes batches with the scores to be judged, adds the baselines, and makes a report of all.

    Every name in `Batch.scores` becomes a row, except `log_odds`. Those named in `rows` get the pairs that suit them;
    "oracle within the limit" has to come from the caller, who can apply the limit to the clicks as scores. Rows that
    are orders rather than scores (the shipped ones, the oracle) are given as minus the place: equal scores have no
    order here, not even the server's.

    `base_rate` is the click-through rate of all articles where it is known (of a counts file, say); without it the
    baselines shrink to the rate of each list.
    """

    def __init__(
        self,
        articles: Articles,
        *,
        base_rate: float | None = None,
        seed: int = 0,
        resamples: int = RESAMPLES,
        log_odds: str = LOG_ODDS,
    ) -> None:
        self.known = Known(articles, base_rate)
        self._collector = Collector(self.known, log_odds)
        self._seed = seed
        self._resamples = resamples

    def add(self, batch: Batch) -> None:
        """Measures a batch; nothing of it is kept but a few numbers an impression and row."""
        self._collector.add(batch)

    def finish(
        self,
        *,
        log: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        faults: Mapping[str, Any] | None = None,
        computed: Mapping[str, Any] | None = None,
    ) -> Report:
        """Makes the report; the four go into it as they are (`faults`: reason -> count, or a record with `count`).

        Raises ValueError where no impression can be measured.
        """
        about = {"log": log or {}, "model": model or {}, "faults": faults or {}, "computed": computed or {}}
        names = self.known.articles.topic_names
        return build(self._collector.finish(), names, self._seed, self._resamples, about)
