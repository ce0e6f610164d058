"""Scores to compare a model with. Each is a function of a batch to one number a candidate [S], higher is better.

The personal ones give an article that they cannot judge (without a vector, without a topic) the mean of those they can.
Without a history every candidate gets the same, which the metrics count as a random order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nearside.articles import Articles
from nearside.batch import Batch
from nearside.evaluation.history import (
    Cosines,
    centred,
    cosines,
    history_length,
    same_label,
    unit_vectors,
)
from nearside.evaluation.metrics import Lists

Floats = NDArray[np.float32]

RANDOM = "random"
SERVER = "server order"
RECENCY = "popularity × recency"
COSINE = "cosine with mean history"
TOPIC_SHARE = "topic share"
BLEND_PERSONAL = "untrained blend, personal"
BLEND = "untrained blend"
TOPIC_RATE = "topic rate blend (swept, optimistic)"
ORACLE = "oracle within the limit"

HALF_LIFE_HOURS = 18.0
PRIOR_SHOWS = 20.0  # shows by which a click-through rate is shrunk to the list's own, in the untrained blend
STRENGTH = 0.8
HALF_EVIDENCE = 10.0  # clicks
SWEPT_WEIGHTS = tuple(step / 10 for step in range(11))  # of the topic rate; 0 is the server's order


class Known:
    """What the baselines need of the articles, computed once for a log.

    `base_rate` is the click-through rate of all articles, to which the baselines shrink each article's; without it they
    take that of the candidates' list.
    """

    def __init__(self, articles: Articles, base_rate: float | None = None) -> None:
        self.articles = articles
        self.base_rate = base_rate
        self.unit = unit_vectors(articles)  # [A, 64]
        labelled = articles.topic[articles.topic >= 0]
        counts = np.bincount(labelled, minlength=int(articles.topic.max(initial=0)) + 1)
        self.topic_share = (counts / max(len(labelled), 1)).astype(np.float32)  # [topics] among articles with a topic


@dataclass(frozen=True)
class Page:
    """A batch beside what several baselines share, each part computed when first asked for."""

    batch: Batch
    known: Known

    @cached_property
    def lists(self) -> Lists:
        return Lists.of(self.batch.offsets)

    @cached_property
    def cosines(self) -> Cosines:
        return cosines(self.batch, self.known.unit, self.known.articles.has_vector)

    @cached_property
    def topic_count(self) -> Floats:
        """Clicks of the history in the candidate's topic [S]."""
        return same_label(self.batch, self.lists, self.known.articles.topic)

    @cached_property
    def click_through(self) -> Floats:
        """ln of the click-through rate [S], shrunk to the base rate by 20 shows, over the base rate."""
        shows, clicks = self.batch.shows, self.batch.clicks
        if self.known.base_rate is not None:
            base = self.known.base_rate
            return np.log((clicks + PRIOR_SHOWS * base) / (shows + PRIOR_SHOWS) / base).astype(np.float32)
        impressions = len(self.lists.offsets) - 1
        pooled_shows = np.bincount(self.lists.owner, shows, impressions)
        pooled_clicks = np.bincount(self.lists.owner, clicks, impressions)
        # One click is added so that a list nobody has clicked yet has a rate at all.
        base = ((pooled_clicks + 1.0) / (pooled_shows + 1.0 + PRIOR_SHOWS))[self.lists.owner]
        return np.log((clicks + PRIOR_SHOWS * base) / (shows + PRIOR_SHOWS) / base).astype(np.float32)

    @cached_property
    def untrained(self) -> Floats:
        """The personal part of the untrained blend [S], centred.

        `4 top3 + 4 rec + lift + 0.5 sub`: cosines as in `Cosines`, `lift` = ln(((c + 3 g) / (n + 3)) / g) for the
        candidate's topic with `c` its clicks in the history and `g` its share of all articles, `sub` =
        ln(1 + clicks in its subtopic).
        """
        articles = self.known.articles
        topic = articles.topic[self.batch.article]
        share = np.maximum(self.known.topic_share[np.maximum(topic, 0)], 1e-6)
        length = history_length(self.batch, self.lists)
        lift = np.log((self.topic_count + 3.0 * share) / (length + 3.0) / share)
        lift[topic < 0] = 0.0
        sub = np.log1p(same_label(self.batch, self.lists, articles.subtopic))
        score = 4.0 * (self.cosines.top3 + self.cosines.recent) + lift + 0.5 * sub
        usable = articles.has_vector[self.batch.article] & (topic >= 0) & (length > 0)
        return centred(self.lists, score.astype(np.float32), usable)


def random(page: Page) -> Floats:
    """A hash of the impression's row and the place, so that it does not depend on how a log is cut into batches."""
    row = page.batch.impression.astype(np.uint64)[page.lists.owner]
    mixed = (row << np.uint64(20)) + page.lists.place.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(40)).astype(np.float32)


def server_order(page: Page) -> Floats:
    return (-page.lists.place).astype(np.float32)


def popularity_recency(page: Page) -> Floats:
    """log2 of the shrunk click-through rate, less one an 18 hours of age; of the rate alone without a date."""
    published = page.known.articles.published_ms[page.batch.article]  # [S]
    hours = (page.batch.second[page.lists.owner] - published / 1000.0) / 3600.0
    age = np.where(np.isnan(hours), 0.0, np.maximum(hours, 0.0))
    return (page.click_through / np.log(2.0) - age / HALF_LIFE_HOURS).astype(np.float32)


def mean_cosine(page: Page) -> Floats:
    usable = page.known.articles.has_vector[page.batch.article]
    return centred(page.lists, page.cosines.with_mean, usable)


def topic_share(page: Page) -> Floats:
    """The share of the history's clicks that are in the candidate's topic."""
    share = page.topic_count / np.maximum(history_length(page.batch, page.lists), 1.0)
    return centred(page.lists, share.astype(np.float32), page.known.articles.topic[page.batch.article] >= 0)


def untrained_personal(page: Page) -> Floats:
    return page.untrained


def untrained_blend(page: Page) -> Floats:
    """`ctr + 0.8 w p` with `w = n / (n + 10)`, `n` the history's length."""
    length = history_length(page.batch, page.lists)
    weight = STRENGTH * length / (length + HALF_EVIDENCE)
    return (page.click_through + weight * page.untrained).astype(np.float32)


def topic_rate_blend(page: Page) -> dict[float, Floats]:
    """`weight * interest + (1 - weight) * server` by weight.

    The form is that of Firefox's new tab page (`GreedyContentRanker.mjs`): the reader's interest in the item's topic
    over a norm, plus the server's score. Interest is the topic click rate, or where no views are logged the number of
    clicks in the topic. Both parts are scaled to 0..1 within the list: the server's score, its log-odds here, has no
    other scale.
    """
    batch, lists = page.batch, page.lists
    interest = page.topic_count.astype(np.float64)
    if "topic_rate" in batch.names and "topic_rate_known" in batch.names:
        rate = np.exp(batch.features[:, batch.names.index("topic_rate")].astype(np.float64))
        known = batch.features[:, batch.names.index("topic_rate_known")] > 0
        interest = np.where(known, rate, interest)
    interest[page.known.articles.topic[batch.article] < 0] = 0.0
    interest = unit_range(lists, interest)
    server = unit_range(lists, batch.server_logit)
    # Where the interests do not differ the server's order stands, at every weight.
    interest = np.where(np.bincount(lists.owner, interest, len(lists.offsets) - 1)[lists.owner] > 0, interest, server)
    return {weight: (weight * interest + (1.0 - weight) * server).astype(np.float32) for weight in SWEPT_WEIGHTS}


def oracle(page: Page) -> Floats:
    """The clicks themselves, to be passed through the displacement limit."""
    return page.batch.clicked.astype(np.float32)


def unit_range(lists: Lists, score: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scales the scores of each impression to 0..1; equal scores become 0."""
    filled = np.flatnonzero(np.diff(lists.offsets))
    starts = lists.offsets[filled]
    wide = score.astype(np.float64)
    if not len(wide):
        return wide
    sizes = np.diff(lists.offsets)[filled]
    lowest = np.repeat(np.minimum.reduceat(wide, starts), sizes)
    highest = np.repeat(np.maximum.reduceat(wide, starts), sizes)
    return (wide - lowest) / np.where(highest > lowest, highest - lowest, 1.0)


BASELINES: dict[str, Callable[[Page], Floats]] = {
    RANDOM: random,
    SERVER: server_order,
    RECENCY: popularity_recency,
    COSINE: mean_cosine,
    TOPIC_SHARE: topic_share,
    BLEND_PERSONAL: untrained_personal,
    BLEND: untrained_blend,
}
PERSONAL = (COSINE, TOPIC_SHARE, BLEND_PERSONAL)  # know nothing of the counts
