"""The names of the rows that a report knows to pair, and how a pair and an interval are written."""

from collections.abc import Mapping

from nearside.evaluation import baselines

PERSONAL_ALONE = "ours, personal alone"
DEFAULT_POLICY = "ours, default policy"
UNLIMITED = "ours, unlimited"
SHIPPED = (DEFAULT_POLICY, UNLIMITED)

MINUS = "−"
DASH = "–"


def pair_name(row: str, other: str = baselines.SERVER) -> str:
    return f"{row} {MINUS} {other}"


def judged(row: str) -> bool:
    """Whether a row is what the evaluation is about, rather than something to compare it with."""
    return row not in baselines.BASELINES and row not in (baselines.TOPIC_RATE, baselines.ORACLE)


def points(interval: Mapping[str, float | None], sign: bool = False) -> str:
    """Mean and interval in points of a hundred."""
    mean, low, high = interval["mean"], interval["low"], interval["high"]
    if mean is None or low is None or high is None:
        return DASH
    plus = "+" if sign else ""
    return f"{100 * mean:{plus}.1f} [{100 * low:{plus}.1f}, {100 * high:{plus}.1f}]"
