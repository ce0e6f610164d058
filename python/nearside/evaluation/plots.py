"""The pictures of the report page: SVG text whose colours are the page's, so that they follow light and dark."""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

Interval = Mapping[str, float]

# Written into the SVG and replaced by the page's variables, which know the reader's colour scheme.
INK, FAINT, FIRST, SECOND = "#010203", "#040506", "#070809", "#0a0b0c"
VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", FIRST: "var(--first)", SECOND: "var(--second)"}
COLOURS = (FIRST, SECOND)
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
WIDTH = 4.9  # inches: about the width of a phone at the size of its own text


def lifts(series: Mapping[str, Mapping[str, Interval]], sizes: Mapping[str, int], label: str) -> str:
    """Dots with intervals by slice, in points of a hundred, the slices from top to bottom."""
    slices = [value for value in sizes if any(value in found for found in series.values())]
    with _style(label):
        figure = Figure(figsize=(WIDTH, 0.9 + 0.36 * len(slices)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color=FAINT, linewidth=1)
        for index, (name, found) in enumerate(series.items()):
            shift = (index - (len(series) - 1) / 2) * 0.24
            at = [(row, found[value]) for row, value in enumerate(slices) if value in found]
            at = [(row, interval) for row, interval in at if interval["mean"] is not None]
            means = np.array([100 * interval["mean"] for _, interval in at])
            ends = np.array([[100 * interval["low"], 100 * interval["high"]] for _, interval in at]).reshape(-1, 2)
            rows = np.array([row + shift for row, _ in at])
            axes.hlines(rows, ends[:, 0], ends[:, 1], color=COLOURS[index], linewidth=1.8)
            axes.plot(means, rows, "o", color=COLOURS[index], markersize=5, label=name)
        axes.set_yticks(range(len(slices)), [f"{value.replace('-', '–')}  ({sizes[value]:,})" for value in slices])
        axes.set_ylim(len(slices) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(label)
        _legend(figure, axes, len(series))
        return _svg(figure)


def calibration(tables: Mapping[str, Sequence[Mapping[str, float]]], names: Mapping[str, str]) -> str:
    """Observed against predicted share of clicks on logarithmic axes, with 95 % intervals of the observed."""
    with _style("calibration"):
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.subplots()
        ends: list[float] = []
        for index, (key, table) in enumerate(tables.items()):
            # Below five expected clicks a bin's dot says nothing.
            kept = [row for row in table if row["predicted"] >= 5 and row["clicked"] > 0]
            n = np.array([row["candidates"] for row in kept], float)
            predicted = np.array([row["predicted"] for row in kept]) / n
            clicked = np.array([row["clicked"] for row in kept], float)
            low, high = _wilson(clicked, n)
            axes.vlines(predicted, low, high, color=COLOURS[index], linewidth=1.8)
            axes.plot(predicted, clicked / n, "o", color=COLOURS[index], markersize=5, label=names[key])
            ends += [*predicted, *low, *high]
        if ends:
            span = (min(ends) / 1.3, min(max(ends) * 1.3, 1.0))
            axes.plot(span, span, color=FAINT, linewidth=1, zorder=0)
            axes.set(xscale="log", yscale="log", xlim=span, ylim=span)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda share, _: f"{100 * share:.3g} %")
            axis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("predicted share of an impression's clicks")
        axes.set_ylabel("observed")
        _legend(figure, axes, len(tables))
        return _svg(figure)


def displacement(moves: Mapping[str, Sequence[int]]) -> str:
    """Bars of the share of candidates by slots moved."""
    last = max((int(np.flatnonzero(counts).max(initial=0)) for counts in moves.values()), default=0)
    with _style("displacement"):
        figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
        axes = figure.subplots()
        width = 0.8 / max(len(moves), 1)
        for index, (name, counts) in enumerate(moves.items()):
            share = np.array(counts[: last + 1], float)
            share *= 100 / max(sum(counts), 1)
            at = np.arange(last + 1) + (index - (len(moves) - 1) / 2) * width
            axes.bar(at, share, width, color=COLOURS[index], label=name)
        more = last == max((len(counts) for counts in moves.values()), default=1) - 1
        axes.set_xlabel("slots moved" + (f" ({last}: or more)" if more else ""))
        axes.set_ylabel("% of candidates")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _legend(figure, axes, len(moves))
        return _svg(figure)


def _style(salt: str) -> AbstractContextManager[None]:
    """Fixes the look, and ids that differ between the pictures of a page but not between runs."""
    return mpl.rc_context({**STYLE, "svg.hashsalt": salt})


def _legend(figure: Figure, axes: Axes, series: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=series, borderaxespad=0.2, handletextpad=0.4)


def _wilson(hits: np.ndarray, n: np.ndarray, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the Wilson interval of a share."""
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def _svg(figure: Figure) -> str:
    """The figure as an element: no header, no metadata, no size of its own, the page's colours and font."""
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"font: ([^;]*?)px [^;\"]*", r"font-size: \1px", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, variable)
    return text
