"""How clicks depend on what a reader clicked before: the same table for a click log and for prepared MIND impressions.

    PYTHONPATH=python python -m nearside.simulate_check LOG [PREPARED ...]

`LOG` is the directory of a click log, `PREPARED` a folder that `prepare_mind.py` wrote (`.cache/mind/valid_random`).
Everything is computed here in plain NumPy, not by the crate, so that the table is a second opinion as well.

The signals are those of the untrained blend (models/README.md). `top3` is the mean of the three highest cosines with
the history (at most 50 clicks); `recent` the dot product with the mean of the history weighted by 0.9^age; `lift` the
log lift of the topic's share in the history over its share among the articles shown; `subtopic` ln(1 + count in the
history); `popularity` the log-odds of the click-through so far, smoothed by 20 shows.
"""

import base64
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

SIGNALS = ("popularity", "top3", "recent", "lift", "subtopic")
MOST_CLICKS = 50  # as many as a profile keeps
PRIOR_SHOWS = 20.0  # smoothing of the click-through so far
BLEND = np.array([0.0, 4.0, 4.0, 1.0, 0.5])  # the untrained blend `p` in terms of SIGNALS
LENGTHS = ((1, 5), (6, 10), (11, 20), (21, MOST_CLICKS))  # slices by clicks of history
RIDGE = 1e-3  # keeps the regression finite where a signal never varies

# The table on MIND: `valid_random` (403 impressions; the command above) and, prepared alike, the 1,075 impressions of
# `train` that have at least five candidates and one click of history of which the text is known. For those the counts
# are of the same impressions, so popularity looks better than it is. The 95 % half-widths of an AUC are near 0.02. The
# blend reached 0.67 and 0.69 on two other samples of the day (../shared/data/README.md).
# Simulated values depend on the size: the more impressions a day, the better the server knows what is popular, and the
# less is left to tastes.
MIND = {
    "clicks an impression": (1.37, 1.26),
    "history, median": (15, 17),
    "AUC popularity": (0.653, 0.717),
    "AUC top3": (0.61, 0.612),
    "AUC recent": (0.592, 0.605),
    "AUC lift": (0.576, 0.58),
    "AUC subtopic": (0.605, 0.57),
    "AUC blend": (0.615, 0.617),
    "AUC blend, history 1-5": (0.573, 0.596),
    "AUC blend, history 6-10": (0.565, 0.612),
    "AUC blend, history 11-20": (0.597, 0.621),
    "AUC blend, history 21-50": (0.663, 0.627),
    "beside popularity: top3": (3.91, 2.76),
    "beside popularity: recent": (4.22, 4.01),
    "beside popularity: lift": (0.243, 0.27),
    "beside popularity: subtopic": (0.677, 0.452),
    "together: popularity": (0.683, 1.14),
    "together: top3": (2.66, 1.3),
    "together: recent": (0.098, 1.44),
    "together: lift": (-0.053, 0.153),
    "together: subtopic": (0.58, 0.171),
    "spread in a list: popularity": (0.591, 0.697),
    "spread in a list: top3": (0.09, 0.099),
    "spread in a list: recent": (0.069, 0.068),
    "spread in a list: lift": (1, 1.07),
    "spread in a list: subtopic": (0.515, 0.48),
    "mean: top3": (0.319, 0.333),
    "mean: recent": (0.109, 0.108),
    "topic in history, of clicked": (0.783, 0.819),
    "topic in history, of shown": (0.678, 0.716),
    "subtopic in history, of clicked": (0.55, 0.502),
    "subtopic in history, of shown": (0.326, 0.352),
    "slope of the blend, history 6-10": (0.191, 0.221),
    "slope of the blend, history 11-20": (0.241, 0.24),
    "slope of the blend, history 21-50": (0.267, 0.231),
    "click rate over mean, blend fifth 1": (0.714, 0.527),
    "click rate over mean, blend fifth 2": (0.663, 0.788),
    "click rate over mean, blend fifth 3": (0.783, 0.905),
    "click rate over mean, blend fifth 4": (0.84, 0.996),
    "click rate over mean, blend fifth 5": (1.93, 1.74),
    "log: clicks of shown": (0.049, 0.040),
    "log: relative spread of click-through": (np.nan, 0.935),
    "log: top 1 % of shown articles, of clicks": (0.380, 0.349),
}
# From the click log of globo (../shared/data/README.md).
GLOBO = {
    "log: top 1 % of clicked articles, of clicks": 0.68,
    "log: hours from first click, half": 21.5,
    "log: hours from first click, 90 %": 77.0,
}


@dataclass(frozen=True)
class Row:
    """One impression, its candidates in any order."""

    history: NDArray[np.int64]  # [H] rows of articles, oldest first, H at most MOST_CLICKS
    candidates: NDArray[np.int64]  # [N] rows of articles
    clicked: NDArray[np.bool_]  # [N]
    shows: NDArray[np.float64]  # [N] what the page carries
    clicks: NDArray[np.float64]  # [N]


@dataclass(frozen=True)
class Sample:
    """Impressions with at least one candidate clicked and one not, and the articles they speak of."""

    vectors: NDArray[np.float32]  # [A, 64] unit length
    topics: NDArray[np.int64]  # [A]
    subtopics: NDArray[np.int64]  # [A] unique across topics
    rows: list[Row]


def unit(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    """The vectors scaled to length one."""
    wide = vectors.astype(np.float32)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def numbering(ids: Iterable[pa.Scalar]) -> dict[str, int]:
    """The row of every article."""
    return {str(id_): row for row, id_ in enumerate(ids)}


def from_prepared(folder: Path) -> Sample:
    """Reads what `prepare_mind.py` wrote."""
    articles = json.loads((folder / "articles.json").read_text("utf-8"))
    number = {id_: row for row, id_ in enumerate(articles)}
    fields = list(articles.values())
    vectors = np.frombuffer(b"".join(base64.b64decode(field["vector"]) for field in fields), np.int8).reshape(-1, 64)
    topics = np.unique([field["topic"] for field in fields], return_inverse=True)[1]
    both = [f"{field['topic']}\t{field['subtopic']}" for field in fields]
    counts = np.array([(field["shows"], field["clicks"]) for field in fields], np.float64)
    rows = []
    for line in (folder / "impressions.jsonl").read_text("utf-8").splitlines():
        impression = json.loads(line)
        candidates = np.array([number[id_] for id_ in impression["candidates"]])
        clicked = np.isin(candidates, [number[id_] for id_ in impression["clicked"]])
        history = np.array([number[id_] for id_, _ in impression["history"]][-MOST_CLICKS:], np.int64)
        if clicked.any() and not clicked.all():
            rows.append(Row(history, candidates, clicked, *counts[candidates].T))
    return Sample(unit(vectors), topics, np.unique(both, return_inverse=True)[1], rows)


def from_log(folder: Path, most: int = 4000, seed: int = 0, after: float = 0.5) -> Sample:
    """Reads at most `most` impressions, drawn evenly from those after the part `after` of the log."""
    articles = pq.read_table(folder / "articles.parquet", columns=["id", "topic", "subtopic", "vector"])
    number = numbering(articles["id"])
    vectors = np.frombuffer(b"".join(articles["vector"].to_pylist()), np.int8).reshape(-1, 64)
    topic, subtopic = articles["topic"].to_numpy(), articles["subtopic"].to_numpy()
    table = pq.read_table(folder / "clicks.parquet", columns=["reader", "article", "impression", "time"])
    clicked_article = np.array([number[id_] for id_ in table["article"].to_numpy().tolist()])
    clicked_time = table["time"].cast("int64").to_numpy()
    readers, by_reader = np.unique(table["reader"].to_numpy(), return_inverse=True)
    clicks_of: dict[str, NDArray[np.int64]] = {}
    order = np.argsort(by_reader, kind="stable")
    for reader, group in zip(readers, np.split(order, np.cumsum(np.bincount(by_reader))[:-1]), strict=True):
        clicks_of[reader] = group
    clicked_in: dict[str, list[int]] = {}
    for row, impression in enumerate(table["impression"].to_pylist()):
        clicked_in.setdefault(impression, []).append(row)

    source = pq.ParquetFile(folder / "impressions.parquet")
    total = source.metadata.num_rows
    first = int(total * after)
    possible = max(total - first, 1)
    wanted = set((first + np.random.default_rng(seed).permutation(possible)[: 4 * most]).tolist())
    shows, clicks = np.zeros(len(number)), np.zeros(len(number))
    rows: list[Row] = []
    start = 0
    for batch in source.iter_batches(batch_size=4096, columns=["id", "reader", "time", "articles"]):
        lists = batch.column("articles")
        flat = np.array([number[id_] for id_ in lists.flatten().to_pylist()])
        ends = np.asarray(lists.offsets) - lists.offsets[0].as_py()
        times = batch.column("time").cast("int64").to_numpy()
        for row, (id_, reader) in enumerate(
            zip(batch.column("id").to_pylist(), batch.column("reader").to_pylist(), strict=True)
        ):
            candidates = flat[ends[row] : ends[row + 1]]
            chosen = clicked_in.get(id_, [])
            if start + row in wanted and 0 < len(chosen) < len(candidates) and len(rows) < most:
                mine = clicks_of[reader]
                before = mine[clicked_time[mine] < times[row]][-MOST_CLICKS:]
                clicked = np.isin(candidates, clicked_article[chosen])
                rows.append(Row(clicked_article[before], candidates, clicked, shows[candidates], clicks[candidates]))
            shows[candidates] += 1
            clicks[clicked_article[chosen]] += 1
        start += batch.num_rows
    topics = np.unique(topic.astype(str), return_inverse=True)[1]
    both = np.char.add(np.char.add(topic.astype(str), "\t"), subtopic.astype(str))
    return Sample(unit(vectors), topics, np.unique(both, return_inverse=True)[1], rows)


def course(folder: Path) -> dict[str, float]:
    """What a log says of articles and readers at large."""
    articles = pq.read_table(folder / "articles.parquet", columns=["id", "published"])
    number = numbering(articles["id"])
    published = articles["published"].cast("int64").to_numpy()
    clicks = pq.read_table(folder / "clicks.parquet", columns=["article", "time", "reader", "dwell"])
    clicked = np.array([number[id_] for id_ in clicks["article"].to_pylist()], np.int64)
    time = clicks["time"].cast("int64").to_numpy()
    shows = np.zeros(len(number), np.int64)
    impressions = 0
    for batch in pq.ParquetFile(folder / "impressions.parquet").iter_batches(columns=["articles"]):
        impressions += batch.num_rows
        shown = [number[id_] for id_ in batch.column(0).flatten().to_pylist()]
        shows += np.bincount(shown, minlength=len(number))
    count = np.bincount(clicked, minlength=len(number))
    first = np.full(len(number), np.iinfo(np.int64).max)
    np.minimum.at(first, clicked, time)
    # Articles from before the log, or of its last days, would bend the ages.
    whole = (published >= time[0]) & (published < time[-1] - 4 * 86_400_000)
    age = (time - first[clicked])[whole[clicked]] / 3_600_000
    ranked = np.sort(count[count > 0])[::-1]
    seen = np.sort(count[shows > 0])[::-1]
    many = shows >= 50
    rate = count[many].sum() / max(shows[many].sum(), 1)
    # Variance of the articles' rates, each weighted by its shows, less what chance alone would make.
    beyond = (count[many] - shows[many] * rate) ** 2 / shows[many] - rate * (1 - rate)
    spread = np.sqrt(max(beyond.sum() / max(shows[many].sum() * rate**2, 1e-9), 0))
    return {
        "log: clicks of shown": len(time) / shows.sum(),
        "log: clicks an impression": len(time) / impressions,
        "log: top 1 % of clicked articles, of clicks": float(ranked[: max(1, len(ranked) // 100)].sum() / len(time)),
        "log: top 1 % of shown articles, of clicks": float(seen[: max(1, len(seen) // 100)].sum() / len(time)),
        "log: relative spread of click-through": float(spread),
        "log: hours from first click, half": float(np.quantile(age, 0.5)) if len(age) else float("nan"),
        "log: hours from first click, 90 %": float(np.quantile(age, 0.9)) if len(age) else float("nan"),
        "log: dwell, median": float(np.nanmedian(clicks["dwell"].to_numpy())),
    }


def signals(sample: Sample) -> Iterator[NDArray[np.float64]]:
    """The rows f64[N, 5] of SIGNALS, impression by impression."""
    shown = np.concatenate([row.candidates for row in sample.rows])
    share = (np.bincount(sample.topics[shown], minlength=sample.topics.max() + 1) + 1.0) / len(shown)
    rate = sum(row.clicks.sum() for row in sample.rows) / max(sum(row.shows.sum() for row in sample.rows), 1.0)
    for row in sample.rows:
        out = np.zeros((len(row.candidates), len(SIGNALS)))
        through = (row.clicks + PRIOR_SHOWS * rate) / (row.shows + PRIOR_SHOWS)
        out[:, 0] = np.log(through / (1 - through))
        length = len(row.history)
        if length:
            cosines = sample.vectors[row.candidates] @ sample.vectors[row.history].T  # [N, H]
            out[:, 1] = np.sort(cosines, axis=1)[:, -3:].mean(axis=1)
            weights = 0.9 ** np.arange(length)[::-1]
            out[:, 2] = cosines @ (weights / weights.sum())
            topics = sample.topics[row.candidates]
            count = (topics[:, None] == sample.topics[row.history]).sum(axis=1)
            out[:, 3] = np.log((count + 3 * share[topics]) / (length + 3) / share[topics])
            same = sample.subtopics[row.candidates][:, None] == sample.subtopics[row.history]
            out[:, 4] = np.log1p(same.sum(axis=1))
        yield out


def auc(clicked: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """The share of pairs (clicked, not clicked) in the right order; ties count half."""
    difference = score[clicked][:, None] - score[~clicked]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


def fit(
    rows: list[NDArray[np.float64]], clicked: list[NDArray[np.bool_]], columns: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients and standard errors of a listwise softmax (one term a click), by Newton's method."""
    width = max(map(len, rows))
    x = np.zeros((len(rows), width, len(columns)))
    present = np.zeros((len(rows), width), bool)
    y = np.zeros((len(rows), width))
    for number, (row, mark) in enumerate(zip(rows, clicked, strict=True)):
        x[number, : len(row)] = row[:, columns]
        present[number, : len(row)] = True
        y[number, : len(row)] = mark
    total = y.sum(axis=1)  # [B]
    coefficients = np.zeros(len(columns))
    curvature = np.eye(len(columns))
    for _ in range(12):
        score = np.where(present, x @ coefficients, -np.inf)
        chance = np.exp(score - score.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        mean = np.einsum("bn,bnf->bf", chance, x)
        slope = np.einsum("bn,bnf->f", y, x) - total @ mean - RIDGE * coefficients
        second = np.einsum("b,bn,bnf,bng->fg", total, chance, x, x, optimize=True)
        curvature = second - np.einsum("b,bf,bg->fg", total, mean, mean) + RIDGE * np.eye(len(columns))
        step = np.linalg.solve(curvature, slope)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-8:
            break
    return coefficients, np.sqrt(np.diag(np.linalg.inv(curvature)))


def table(sample: Sample) -> dict[str, float]:
    """The comparison: one number a row.

    A reranker can use differences within a list only, so spreads are within lists.
    """
    x = list(signals(sample))
    clicked = [row.clicked for row in sample.rows]
    lengths = np.array([len(row.history) for row in sample.rows])
    out: dict[str, float] = {
        "impressions": len(x),
        "candidates, mean": float(np.mean([len(row) for row in x])),
        "clicks an impression": float(np.mean([mark.sum() for mark in clicked])),
        "history, median": float(np.median(lengths)),
    }
    with_history = np.flatnonzero(lengths > 0)
    for column, name in enumerate(SIGNALS):
        chosen = with_history if column else range(len(x))
        out[f"AUC {name}"] = float(np.mean([auc(clicked[i], x[i][:, column]) for i in chosen]))
    personal = np.array([auc(clicked[i], x[i] @ BLEND) for i in with_history])
    out["AUC blend"] = float(personal.mean())
    for low, high in LENGTHS:
        chosen = personal[(lengths[with_history] >= low) & (lengths[with_history] <= high)]
        out[f"AUC blend, history {low}-{high}"] = float(chosen.mean()) if len(chosen) else np.nan
    long = [i for i in with_history if lengths[i] >= 6]
    if long:
        xs, marks = [x[i] for i in long], [clicked[i] for i in long]
        for columns in ([0, 1], [0, 2], [0, 3], [0, 4]):
            coefficients, errors = fit(xs, marks, columns)
            out[f"beside popularity: {SIGNALS[columns[1]]}"] = float(coefficients[1])
            out[f"beside popularity: {SIGNALS[columns[1]]}, error"] = float(errors[1])
        coefficients, errors = fit(xs, marks, [0, 1, 2, 3, 4])
        for name, value, error in zip(SIGNALS, coefficients, errors, strict=True):
            out[f"together: {name}"] = float(value)
            out[f"together: {name}, error"] = float(error)
        for column, name in enumerate(SIGNALS):
            out[f"spread in a list: {name}"] = float(np.mean([row[:, column].std() for row in xs]))
        for column in (1, 2):
            out[f"mean: {SIGNALS[column]}"] = float(np.mean([row[:, column].mean() for row in xs]))
        for name, labels in (("topic", sample.topics), ("subtopic", sample.subtopics)):
            inside = [np.isin(labels[sample.rows[i].candidates], labels[sample.rows[i].history]) for i in long]
            out[f"{name} in history, of clicked"] = float(
                np.concatenate([mark[y] for mark, y in zip(inside, marks, strict=True)]).mean()
            )
            out[f"{name} in history, of shown"] = float(np.concatenate(inside).mean())
        for low, high in LENGTHS[1:]:
            some = [i for i in long if low <= lengths[i] <= high]
            if some:
                blended = [np.column_stack([x[i][:, 0], x[i] @ BLEND]) for i in some]
                coefficients, _ = fit(blended, [clicked[i] for i in some], [0, 1])
                out[f"slope of the blend, history {low}-{high}"] = float(coefficients[1])
        # Ratio of a click's odds by tenths of the blend within lists, to see its shape.
        place = np.concatenate([np.argsort(np.argsort(row @ BLEND)) / max(len(row) - 1, 1) for row in xs])
        marks_flat = np.concatenate(marks)
        for low in (0.0, 0.2, 0.4, 0.6, 0.8):
            here = (place >= low) & ((place < low + 0.2) | (low == 0.8))
            out[f"click rate over mean, blend fifth {int(low * 5) + 1}"] = float(
                marks_flat[here].mean() / marks_flat.mean()
            )
    return out


def main() -> None:
    folders = [Path(argument) for argument in sys.argv[1:]]
    tables = []
    for folder in folders:
        prepared = (folder / "impressions.jsonl").exists()
        sample = from_prepared(folder) if prepared else from_log(folder)
        tables.append(table(sample) | ({} if prepared else course(folder)))
    heads = ["valid_random", "train", "globo", *(folder.name[-14:] for folder in folders)]
    print(" " * 42 + "".join(f"{head:>15s}" for head in heads))
    for name in dict.fromkeys(name for column in tables for name in column):
        if not name.endswith(", error"):
            known = (*MIND.get(name, (np.nan, np.nan)), GLOBO.get(name, np.nan))
            cells = ["" if np.isnan(value) else f"{value:.3f}" for value in known]
            for column in tables:
                error = column.get(f"{name}, error")
                cells.append(f"{column.get(name, np.nan):.3f}" + (f" ±{error:.2f}" if error is not None else ""))
            print(f"{name:42s}" + "".join(f"{cell:>15s}" for cell in cells))


if __name__ == "__main__":
    main()
