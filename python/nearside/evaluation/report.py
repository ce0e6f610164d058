"""The report of an evaluation, as JSON, as a table for the terminal and as a page.

Keys of report.json; `interval` is {mean, low, high}, null where there is nothing to average:

    version       1
    impressions, measured, readers, candidates, clicks
                  counts; `measured` have both a click and an article not clicked
    rows          row -> auc, mrr, ndcg5, ndcg10 (intervals, 0..1), and beyond accuracy except for the swept row:
                  displacement (mean slots from the server's order), topic_diversity (distinct topics over articles),
                  cosine_diversity (mean of 1 - cosine over pairs), novelty (mean -log2 of the share of the page's
                  clicks), these three of the first ten; better, worse, same (share of impressions by nDCG@10 against
                  server order); coverage (share of all candidate articles that stood in a first ten: no interval)
    slices        history | topic -> value -> row -> the four metrics
    slice_sizes   history | topic -> value -> measured impressions
    paired        "A − B" -> the four metrics, differences within impressions
    paired_slices history | topic -> value -> "A − B" -> the four metrics
    swept         weight of the topic rate -> mean nDCG@10 over all impressions
    calibration   server | ours -> [{from, to, candidates, predicted, clicked}] by bins of predicted log-odds
    moves         row -> candidates by slots moved from the server's order, the last count for that or more
    log, model, faults, computed
                  as given by the caller; `computed` also has seed, resamples, level and topics_left_out
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from nearside.evaluation import baselines
from nearside.evaluation.baselines import PERSONAL, SERVER
from nearside.evaluation.beyond import BEYOND
from nearside.evaluation.collect import Collected
from nearside.evaluation.intervals import LEVEL, Means, bootstrap
from nearside.evaluation.metrics import METRICS
from nearside.evaluation.page import page
from nearside.evaluation.rows import DEFAULT_POLICY, PERSONAL_ALONE, UNLIMITED, judged, pair_name, points

MANY = 2**15 - 1  # more clicks than a profile can hold
HISTORY = {
    "0": (0, 0),
    "1-5": (1, 5),
    "6-10": (6, 10),
    "11-20": (11, 20),
    "21-50": (21, MANY),
    "0-5": (0, 5),
    "6+": (6, MANY),
}
TOPICS_SHOWN = 20
SAME = 1e-6  # nDCG@10 is kept as a 32-bit float

Record = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What an evaluation found; `data` is report.json."""

    data: Record

    def write(self, directory: Path | str) -> None:
        """Writes report.json and report.html."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.data, indent=1, ensure_ascii=False, allow_nan=False)
        (directory / "report.json").write_text(text + "\n", "utf-8")
        (directory / "report.html").write_text(page(self.data), "utf-8")

    def table(self) -> Table:
        """The metrics in points of a hundred with their intervals, and the lift over the server's order."""
        measured, readers = self.data["measured"], self.data["readers"]
        table = Table(title=f"{measured:,} impressions of {readers:,} readers, 95 % intervals by reader")
        table.add_column("")
        for title in ("AUC", "MRR", "nDCG@5", "nDCG@10", "nDCG@10 over server order"):
            table.add_column(title, justify="right")
        for name, row in self.data["rows"].items():
            lift = self.data["paired"].get(pair_name(name), {}).get("ndcg10")
            cells = [points(row[metric]) for metric in METRICS]
            table.add_row(name, *cells, points(lift, sign=True) if lift else "", style="bold" if judged(name) else None)
        return table


def build(
    collected: Collected, topic_names: Sequence[str], seed: int, resamples: int, about: Mapping[str, Mapping[str, Any]]
) -> Report:
    """Computes all means and intervals."""
    rows = _row_order(collected)
    pairs = _pairs(rows)
    measured = ~np.isnan(collected.metrics[SERVER][:, METRICS.index("auc")])

    def metrics_of(mask: NDArray[np.bool_] | None) -> tuple[Record, Record]:
        """The metrics of all rows and pairs, of all impressions or of a slice."""
        columns = [collected.metrics[row][:, column] for row in rows for column in range(len(METRICS))]
        reader = collected.reader
        if mask is not None:
            reader, columns = reader[mask], [column[mask] for column in columns]
        means = bootstrap(reader, columns, seed, resamples)
        return {row: _metrics(means, at) for at, row in enumerate(rows)}, {
            pair_name(row, other): _metrics(means, rows.index(row), rows.index(other)) for row, other in pairs
        }

    row_metrics, paired = metrics_of(None)
    slices, sizes, paired_slices = Record(), Record(), Record()
    masks, left_out = _masks(collected, topic_names, measured)
    for kind, values in masks.items():
        slices[kind], sizes[kind], paired_slices[kind] = {}, {}, {}
        for value, mask in values.items():
            sizes[kind][value] = int((mask & measured).sum())
            if sizes[kind][value]:
                slices[kind][value], paired_slices[kind][value] = metrics_of(mask)
    for row, record in _beyond(collected, rows, seed, resamples).items():
        row_metrics[row].update(record)
    computed = {"seed": seed, "resamples": resamples, "level": LEVEL, "topics_left_out": left_out, **about["computed"]}
    return Report(
        {
            "version": 1,
            "impressions": len(collected.reader),
            "measured": int(measured.sum()),
            "readers": len(np.unique(collected.reader)),
            "candidates": collected.candidates,
            "clicks": collected.clicks,
            "rows": row_metrics,
            "slices": slices,
            "slice_sizes": sizes,
            "paired": paired,
            "paired_slices": paired_slices,
            "swept": {str(weight): mean for weight, mean in collected.swept.items()},
            "calibration": {name: table.table() for name, table in collected.calibration.items()},
            "moves": {row: collected.moves[row].tolist() for row in rows if row in collected.moves},
            "log": dict(about["log"]),
            "model": dict(about["model"]),
            "faults": dict(about["faults"]),
            "computed": computed,
        }
    )


def _row_order(collected: Collected) -> list[str]:
    """Baselines, then what is judged, then the bound."""
    oracle = [row for row in collected.metrics if row == baselines.ORACLE]
    return [*baselines.BASELINES, baselines.TOPIC_RATE, *filter(judged, collected.metrics), *oracle]


def _pairs(rows: Sequence[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    others = (baselines.RECENCY, baselines.TOPIC_RATE, baselines.BLEND)
    for row in rows:
        if row == PERSONAL_ALONE:
            pairs += [(row, other) for other in PERSONAL]
        elif judged(row):
            pairs += [(row, other) for other in (SERVER, *others)]
    if DEFAULT_POLICY in rows and UNLIMITED in rows:
        pairs.append((UNLIMITED, DEFAULT_POLICY))
    return pairs + [(row, SERVER) for row in rows if row in (*others, baselines.ORACLE)]


def _metrics(means: Means, row: int, other: int | None = None) -> Record:
    def interval(column: int) -> Record:
        at = row * len(METRICS) + column
        found = means.interval(at) if other is None else means.difference(at, other * len(METRICS) + column)
        return found.record()

    return {metric: interval(column) for column, metric in enumerate(METRICS)}


def _masks(
    collected: Collected, topic_names: Sequence[str], measured: NDArray[np.bool_]
) -> tuple[dict[str, dict[str, NDArray[np.bool_]]], int]:
    """The slices, each with the impressions in it, and how many smaller topics are not among them."""
    history: dict[str, NDArray[np.bool_]] = {
        value: (collected.history >= low) & (collected.history <= high) for value, (low, high) in HISTORY.items()
    }
    codes, counts = np.unique(collected.topic[measured & (collected.topic >= 0)], return_counts=True)
    largest = codes[np.argsort(-counts, kind="stable")][:TOPICS_SHOWN]
    topics: dict[str, NDArray[np.bool_]] = {}
    for code in largest:
        topics[topic_names[int(code)] if code < len(topic_names) else f"topic {code}"] = collected.topic == code
    return {"history": history, "topic": topics}, len(codes) - len(largest)


def _beyond(collected: Collected, rows: Sequence[str], seed: int, resamples: int) -> dict[str, Record]:
    """What is beyond accuracy, of the rows for which it was collected."""
    ndcg = METRICS.index("ndcg10")
    base = collected.metrics[SERVER][:, ndcg]
    undefined = np.isnan(base)
    columns: list[NDArray[np.floating]] = []
    full = [row for row in rows if row in collected.beyond]
    for row in full:
        gain = collected.metrics[row][:, ndcg] - base
        columns += [collected.beyond[row][:, column] for column in range(len(BEYOND))]
        for share in (gain > SAME, gain < -SAME, np.abs(gain) <= SAME):
            columns.append(np.where(undefined, np.float32(np.nan), share.astype(np.float32)))
    means = bootstrap(collected.reader, columns, seed, resamples)
    names = (*BEYOND, "better", "worse", "same")
    return {
        row: {
            **{name: means.interval(at * len(names) + column).record() for column, name in enumerate(names)},
            "coverage": collected.coverage[row],
        }
        for at, row in enumerate(full)
    }
