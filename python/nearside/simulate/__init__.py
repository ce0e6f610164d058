"""A click log without licence: articles, readers, a page and choices, all drawn from a documented model.

`simulate` writes the log (`nearside.log`) and two tables of truth beside it. `truth.parquet` (`TRUTH`) has the chance
of a click on every shown article if looked at, whether it was looked at, and the reader's own part of the log-odds.
`readers.parquet` (`INTERESTS`) has what readers like. The same arguments give the same bytes.

The model
---------
*Articles* (`articles.py`). A vector is a sum of normal parts: the mean of all news, its topic, subtopic and theme (what
is reported on again and again: a team, a person, a series), and its own; then scaled as `space.py` does. All parts have
principal directions in common, which are random. Some articles are filed under another subtopic or topic than their
theme's. Appeal is normal with an exponential tail, in log-odds, has a level for each topic and falls with age.

*Readers* (`readers.py`). Their taste for an article, in log-odds, is a taste for its topic that turns with the weeks,
plus a liking of some subtopics, plus a likeness to themes they follow for some weeks, less what all readers like in the
mean: that is what appeal is for. All is multiplied by a strength of the reader's own, which is small for those who take
what everybody takes. Activity is log-normal; sessions follow the hour of the day.

*Page* (`page.py`). The server fills a page from the articles on the shelf by smoothed click-through and recency with
some exploration, and orders it by smoothed click-through with some noise. It knows only what was counted in earlier
slices of time. What a reader has clicked does not come back. A reader scrolls past rank r with probability
(1 + r)^-`examination` and overlooks some; a click may end the visit.

*Choice.* An article looked at is clicked with the log-odds base + appeal + taste + the reader's eagerness. Reading time
is log-normal, with bounces where the taste is low.

How near the vectors are to news: cosines of pairs, mean and standard deviation (MIND: 6,805 labelled articles in the
space minilm-l6-pca64-v1; simulated: 6,922 articles, seed 3).

| | MIND | simulated |
|---|---|---|
| same subtopic | 0.253, 0.176 | 0.249, 0.181 |
| same topic, other subtopic | 0.162, 0.163 | 0.158, 0.160 |
| other topic | 0.073, 0.142 | 0.080, 0.150 |
| nearest neighbour: 5 %, median, 95 % | 0.56, 0.70, 0.86 | 0.53, 0.66, 0.78 |
| nearest neighbour of the same topic, subtopic | 0.72, 0.46 | 0.73, 0.45 |
| length of the mean unit vector | 0.297 | 0.300 |
| eigenvalues 1, 2, 4, 8, 16, 32, 64, % of variance | 6.7 5.2 3.8 2.6 1.8 1.2 0.5 | 6.4 5.1 4.2 3.1 1.9 1.2 0.5 |
| variance of coordinates, first and last five | 0.016, 0.012 | 0.018, 0.011 |
| length of the 64 bytes: 5 %, median, 95 % | 302, 388, 472 | 307, 396, 480 |

How near the choices are: the table `MIND` in `simulate_check.py`, which that module prints beside a log's.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..log import SIMULATED, LogWriter
from .articles import make_articles, make_world
from .page import Site
from .parameters import Parameters
from .readers import make_readers, make_visits
from .tables import INTERESTS, TRUTH, Sink, write_articles, write_readers

__all__ = ["INTERESTS", "SPACE", "TRUTH", "Parameters", "simulate"]

SPACE = "minilm-l6-pca64-v1"  # the space whose geometry the vectors have
SLICE = 600_000  # milliseconds in which the server's counts stand still
MOST_CANDIDATES = 200  # the crate ranks no more


def simulate(
    output: Path,
    *,
    readers: int,
    impressions: int,
    days: int = 28,
    articles_per_day: int,
    candidates: int = 30,
    seed: int = 1,
    parameters: Parameters = Parameters(),  # noqa: B008 (frozen)
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes a log of about `impressions` pages with at most `candidates` articles each.

    `progress` is told impressions done and in all.
    """
    check(readers, impressions, days, articles_per_day, candidates)
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)]
    world = make_world(streams[0], parameters)
    articles = make_articles(streams[1], world, days, articles_per_day, parameters)
    people = make_readers(streams[2], world, readers, days, parameters)
    millisecond, reader = make_visits(streams[3], readers, impressions, days, parameters)
    site = Site(articles, world, people, days, candidates, parameters, streams[4])
    with LogWriter(output, SPACE, SIMULATED, {"truth": TRUTH, "readers": INTERESTS}) as log:
        write_articles(log, articles, world)
        write_readers(log, people, world)
        sink = Sink(log, candidates, parameters, streams[5])
        bounds = np.flatnonzero(np.diff(millisecond // SLICE)) + 1
        for low, high in zip([0, *bounds.tolist()], [*bounds.tolist(), len(millisecond)], strict=True):
            sink.add(site.serve(millisecond[low:high], reader[low:high]))
            if progress is not None:
                progress(high, len(millisecond))
        sink.flush(last=True)


def check(readers: int, impressions: int, days: int, articles_per_day: int, candidates: int) -> None:
    """Refuses sizes that make no log."""
    for name, value, most in (
        ("readers", readers, 999_999),
        ("impressions", impressions, 99_999_999),
        ("days", days, 3650),
        ("articles_per_day", articles_per_day, 10_000),
        ("candidates", candidates, MOST_CANDIDATES),
    ):
        if not 1 <= value <= most:
            raise ValueError(f"{name} is {value:,}, and must be from 1 to {most:,}")
