"""The report as one HTML file that asks for nothing: pictures inline, no script."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from nearside.evaluation import plots
from nearside.evaluation.baselines import ORACLE, SERVER
from nearside.evaluation.intervals import MOST_DRAWN
from nearside.evaluation.rows import DASH, MINUS, PERSONAL_ALONE, SHIPPED, judged, pair_name, points

Record = Mapping[str, Any]

NAMES = {"auc": "AUC", "mrr": "MRR", "ndcg5": "nDCG@5", "ndcg10": "nDCG@10"}
SERIES = 2  # colours of a plot


def page(report: Record) -> str:
    """Returns the page of a report.json."""
    environment = Environment(
        loader=PackageLoader("nearside.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, count=count)
    environment.tests.update(judged=judged)
    shown = _shown(report)
    return environment.get_template("page.html.jinja").render(
        report=report,
        names=NAMES,
        oracle=ORACLE,
        most_drawn=MOST_DRAWN,
        server=SERVER,
        shown=shown,
        summary=summary(report, shown),
        differences=[
            (pair, metrics, verdict(pair, metrics))
            for pair, metrics in report["paired"].items()
            if judged(pair.split(f" {MINUS} ")[0])
        ],
        best={metric: _best(report, metric) for metric in NAMES},
        faults={reason: _fault(found) for reason, found in report["faults"].items()},
        plots={
            "history": _lift_plot(report, "history", shown),
            "topic": _lift_plot(report, "topic", shown[:1]),
            "calibration": plots.calibration(report["calibration"], {"server": "server", "ours": "ours"}),
            "moves": plots.displacement({name: report["moves"][name] for name in shown if name in report["moves"]}),
        },
    )


def summary(report: Record, shown: list[str]) -> str:
    """What was found, in one or two sentences."""
    over = f"over {report['measured']:,} impressions of {report['readers']:,} readers"
    if not shown:
        return f"Only baselines were measured, {over}."
    row = shown[0]
    lift = report["paired"][pair_name(row)]["ndcg10"]
    if lift["low"] is None:
        return f"Nothing can be said of “{row}”, {over}."
    sure = "lifts" if lift["low"] > 0 else "lowers" if lift["high"] < 0 else "does not measurably change"
    text = (
        f"“{row}” {sure} nDCG@10 against the server's order: {points(lift, sign=True)} points (95 % interval) {over}."
    )
    shares = report["rows"][row]
    better, worse = shares["better"]["mean"], shares["worse"]["mean"]
    return f"{text} It was better in {100 * better:.0f} % of the impressions and worse in {100 * worse:.0f} %."


def verdict(pair: str, metrics: Record) -> str:
    """above, below or level, by the interval of nDCG@10; of AUC for the personal part, which knows no counts."""
    found = metrics["auc" if pair.startswith(f"{PERSONAL_ALONE} {MINUS}") else "ndcg10"]
    if found["low"] is None:
        return "level"
    return "above" if found["low"] > 0 else "below" if found["high"] < 0 else "level"


def number(interval: Mapping[str, float | None], digits: int = 2, scale: float = 1.0) -> str:
    """The mean alone."""
    return DASH if interval["mean"] is None else f"{scale * interval['mean']:.{digits}f}"


def count(value: Any) -> str:
    """Numbers with separators, everything else as it is."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _shown(report: Record) -> list[str]:
    """The rows with a lift to show: the shipped ones, or else the first that were brought."""
    shipped = [row for row in SHIPPED if row in report["rows"]]
    others = [row for row in report["rows"] if judged(row) and row != PERSONAL_ALONE]
    return shipped or others[:SERIES]


def _best(report: Record, metric: str) -> float:
    """The highest mean, the oracle aside."""
    means = (row[metric]["mean"] for name, row in report["rows"].items() if name != ORACLE)
    return max((mean for mean in means if mean is not None), default=0.0)


def _lift_plot(report: Record, kind: str, judged: list[str]) -> str:
    values = report["paired_slices"].get(kind, {})
    series = {row: {value: pairs[pair_name(row)]["ndcg10"] for value, pairs in values.items()} for row in judged}
    if not series or not values:
        return ""
    sizes = {value: report["slice_sizes"][kind][value] for value in values}
    return plots.lifts(series, sizes, f"points of nDCG@10 over the server's order, by {kind}")


def _fault(found: Any) -> tuple[int, str]:
    """A fault's count and where it was first met, from a count or a record."""
    if isinstance(found, Mapping):
        rest = ", ".join(f"{key} {count(value)}" for key, value in found.items() if key != "count")
        return int(found.get("count", 0)), rest
    return int(found), ""
