"""The page: what the server shows, how far a reader looks, what is clicked."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .articles import Articles, Floats, World
from .parameters import Parameters
from .readers import Readers

FIRST_RATE = 0.05  # click-through that the server takes for granted while it has counted nothing
HOUR = 3600.0


@dataclass(frozen=True)
class Pages:
    """B impressions, each in the first `count` of N columns, in shown order."""

    reader: NDArray[np.int64]  # [B]
    millisecond: NDArray[np.int64]  # [B] since the log's begin
    count: NDArray[np.int64]  # [B]
    shown: NDArray[np.int64]  # [B, N] rows of articles
    examined: NDArray[np.bool_]  # [B, N]
    clicked: NDArray[np.bool_]  # [B, N]
    chance: Floats  # [B, N] of a click on what is looked at
    taste: Floats  # [B, N] the personal part of its log-odds


@dataclass
class Site:
    """The server and its readers in a course of time.

    Counts are of the slices before, so the server looks at no future.
    """

    articles: Articles
    world: World
    readers: Readers
    days: int
    candidates: int
    parameters: Parameters
    rng: np.random.Generator
    shows: NDArray[np.float64] = field(init=False)  # [A]
    clicks: NDArray[np.float64] = field(init=False)  # [A]

    def __post_init__(self) -> None:
        count = len(self.articles.published)
        self.shows, self.clicks = np.zeros(count), np.zeros(count)
        vectors = self.world.theme_vector / np.linalg.norm(self.world.theme_vector, axis=1, keepdims=True)
        self._themes = vectors.astype(np.float32)
        self._common = self.readers.common_taste(self.articles, self.world, self._themes, self.days, self.parameters)
        self._recent = np.full((len(self.readers.strength), self.parameters.remembered), -1, np.int32)
        self._next = np.zeros(len(self.readers.strength), np.int64)
        reach = (1 + np.arange(self.candidates)) ** -self.parameters.examination
        self._reach = reach.astype(np.float32)

    def serve(self, millisecond: NDArray[np.int64], reader: NDArray[np.int64]) -> list[Pages]:
        """Serves the impressions of one slice of time, each reader's one after another, and counts them afterwards."""
        now = millisecond[0] / 1000
        low, high = np.searchsorted(self.articles.published, [now - self.parameters.shelf_hours * HOUR, now])
        live = np.arange(low, max(high, low + 1))
        rate = (self.clicks.sum() + FIRST_RATE * 1000) / (self.shows.sum() + 1000)
        prior = self.parameters.prior_shows
        through = (self.clicks[live] + prior * rate) / (self.shows[live] + prior)
        logit = np.log(through / (1 - through))
        age = (now - self.articles.published[live]) / HOUR
        wish = logit - np.log(2) * age / self.parameters.server_half_life
        wish += self.parameters.fresh_bonus * prior / (self.shows[live] + prior)
        best = np.sort(np.argsort(-wish, kind="stable")[: max(self.parameters.pool, self.candidates)])
        appeal = self.articles.appeal[live[best]] - np.float32(self.parameters.age_decay) * age[best].astype(np.float32)

        order = np.argsort(reader, kind="stable")
        sorted_reader = reader[order]
        begins = np.concatenate([[True], sorted_reader[1:] != sorted_reader[:-1]])
        place = np.arange(len(order))
        turn = np.empty(len(order), np.int64)  # which of the reader's impressions in this slice it is
        turn[order] = place - np.maximum.accumulate(np.where(begins, place, 0))
        out = []
        for number in range(turn.max() + 1):
            rows = np.flatnonzero(turn == number)
            out.append(self._page(millisecond[rows], reader[rows], live[best], wish[best], logit[best], appeal))
        for pages in out:
            present = np.arange(pages.shown.shape[1]) < pages.count[:, None]
            self.shows += np.bincount(pages.shown[present], minlength=len(self.shows))
            self.clicks += np.bincount(pages.shown[pages.clicked], minlength=len(self.shows))
        return out

    def _page(
        self,
        millisecond: NDArray[np.int64],  # [B]
        reader: NDArray[np.int64],  # [B]
        pool: NDArray[np.int64],  # [P] rows of articles
        wish: NDArray[np.float64],  # [P] by which the server fills a page
        logit: NDArray[np.float64],  # [P] by which it orders it
        appeal: Floats,  # [P]
    ) -> Pages:
        rng, parameters = self.rng, self.parameters
        size = min(self.candidates, len(pool))
        shape = (len(reader), size)
        known = self._known(reader, pool)
        noisy = (-wish - parameters.exploration * rng.gumbel(size=(len(reader), len(pool)))).astype(np.float32)
        noisy[known & (rng.random(known.shape, np.float32) >= parameters.shown_again)] = np.inf
        chosen = np.argpartition(noisy, size - 1, axis=1)[:, :size]
        count = rng.integers(max(1, round(parameters.shortest * size)), size, len(reader), endpoint=True)
        key = -logit[chosen] + parameters.order_noise * rng.standard_normal(shape)
        # `argpartition` leaves no known order, so an even choice of `count` of them needs numbers of its own.
        dropped = np.argsort(np.argsort(rng.random(shape), axis=1), axis=1) >= count[:, None]
        key[dropped] = np.inf
        chosen = np.take_along_axis(chosen, np.argsort(key, axis=1), axis=1)
        present = np.arange(size) < count[:, None]
        shown = pool[chosen]  # [B, N]

        second = millisecond / 1000
        taste = self.readers.taste(
            reader, second, shown, self.articles, self.world, self._themes, self._common, parameters
        )
        taste[rng.random(len(reader)) < parameters.whim] = 0
        score = np.float32(parameters.base) + appeal[chosen] + taste + self.readers.eagerness[reader, None]
        score -= np.where(np.take_along_axis(known, chosen, axis=1), np.float32(parameters.again), np.float32(0))
        chance = expit(score).astype(np.float32)
        examined = rng.random((len(reader), 1)) < self._reach[:size]
        examined &= rng.random(shape) < parameters.notice
        examined &= present
        clicked = examined & (rng.random(shape) < chance)
        # Some clicks end the visit of the page: nothing below them is looked at.
        ended = np.cumsum(clicked & (rng.random(shape) < parameters.ending), axis=1) > 0
        ended[:, 1:] = ended[:, :-1]
        ended[:, 0] = False
        examined &= ~ended
        clicked &= ~ended

        who, column = np.nonzero(clicked)
        ordinal = np.arange(len(who)) - np.searchsorted(who, who)  # which click of its impression it is
        slot = (self._next[reader[who]] + ordinal) % parameters.remembered
        self._recent[reader[who], slot] = shown[who, column]
        self._next[reader] += clicked.sum(axis=1)
        return Pages(reader, millisecond, count, shown, examined, clicked, chance, taste)

    def _known(self, reader: NDArray[np.int64], pool: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which articles of the pool (ascending) each reader has clicked lately [B, P]."""
        recent = self._recent[reader]  # [B, 24]
        place = np.minimum(np.searchsorted(pool, recent), len(pool) - 1)
        who, column = np.nonzero(pool[place] == recent)
        known = np.zeros((len(reader), len(pool)), bool)
        known[who, place[who, column]] = True
        return known
