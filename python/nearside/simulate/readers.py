"""The readers: what they like, and when they come."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .articles import Articles, Floats, World
from .parameters import Parameters

DAY = 86_400.0
CHUNK = 2048  # readers or articles at a time

HOURS = np.array(
    (
        *(0.021, 0.011, 0.006, 0.005, 0.006, 0.011, 0.024, 0.043, 0.062, 0.054, 0.057, 0.061),
        *(0.063, 0.068, 0.064, 0.064, 0.064, 0.060, 0.051, 0.047, 0.045, 0.042, 0.040, 0.031),
    )
)


@dataclass(frozen=True)
class Readers:
    """R readers. Tastes are log-odds of a click on what is looked at."""

    strength: Floats  # [R] factor on every taste
    eagerness: Floats  # [R] log-odds on everything
    topic_taste: Floats  # [R, 2, T] the two directions between which it turns with time
    liked: NDArray[np.int16]  # [R, K] subtopics
    liked_taste: Floats  # [R, K]
    point: NDArray[np.int32]  # [R, M] themes followed
    point_taste: Floats  # [R, M]
    point_time: Floats  # [R, M] seconds since the log's begin at which it is followed most

    def taste(
        self,
        who: NDArray[np.int64],  # [B] readers
        second: NDArray[np.float64],  # [B] since the log's begin
        shown: NDArray[np.int64],  # [B, N] rows of articles
        articles: Articles,
        world: World,
        themes: Floats,  # [M, 64] unit vectors
        common: Floats,  # [A] what all like, from `common_taste`
        parameters: Parameters,
    ) -> Floats:
        """The personal part [B, N] of the log-odds of a click, of mean zero over readers."""
        about = articles.about[shown]  # [B, N]
        angle = (parameters.drift * second / (28 * DAY)).astype(np.float32)[:, None]
        sides = self.topic_taste[who]  # [B, 2, T]
        by_topic = np.cos(angle) * sides[:, 0] + np.sin(angle) * sides[:, 1]  # [B, T]
        taste = np.take_along_axis(by_topic, world.subtopic_topic[about], axis=1)
        liked, liking = self.liked[who], self.liked_taste[who]
        for place in range(liked.shape[1]):
            taste += np.where(about == liked[:, place, None], liking[:, place, None], np.float32(0))
        days = (second.astype(np.float32)[:, None] - self.point_time[who]) / np.float32(DAY * parameters.point_days)
        weight = self.point_taste[who] * np.exp(-0.5 * days**2)  # [B, M]
        cosine = articles.unit[shown] @ themes[self.point[who]].transpose(0, 2, 1)  # [B, N, M]
        taste += (likeness(cosine, parameters) @ weight[:, :, None])[:, :, 0]
        return (taste - common[shown]) * self.strength[who, None]

    def common_taste(
        self, articles: Articles, world: World, themes: Floats, days: int, parameters: Parameters
    ) -> Floats:
        """The mean liking [A] of articles by all readers.

        Without taking it off, subjects that many follow would be popular beyond their appeal, and crowd the page.
        """
        total = self.strength.sum()
        liking = self.strength[:, None] * self.liked_taste
        by_subtopic = np.bincount(self.liked.ravel(), liking.ravel(), len(world.subtopic_share)) / total  # [S]
        moments = np.linspace(0, days * DAY, 9, dtype=np.float32)
        width = np.float32(DAY * parameters.point_days)
        factor = [np.exp(-0.5 * ((self.point_time - moment) / width) ** 2) for moment in moments]
        following = self.strength[:, None] * self.point_taste * np.mean(factor, axis=0)
        by_theme = (np.bincount(self.point.ravel(), following.ravel(), len(themes)) / total).astype(np.float32)  # [M]
        out = by_subtopic[articles.about].astype(np.float32)
        for start in range(0, len(out), CHUNK):
            part = slice(start, start + CHUNK)
            out[part] += likeness(articles.unit[part] @ themes.T, parameters) @ by_theme
        return out


def likeness(cosine: Floats, parameters: Parameters) -> Floats:
    """How much of the liking of a theme goes to an article of that cosine with it: from 0 at the floor to 1."""
    floor = np.float32(parameters.point_floor)
    return (np.maximum(cosine - floor, 0) / (1 - floor)).astype(np.float32, copy=False)


def make_readers(rng: np.random.Generator, world: World, count: int, days: int, parameters: Parameters) -> Readers:
    """Draws `count` readers."""
    follower = rng.random(count) < parameters.followers
    strength = np.exp(parameters.strength_spread * rng.standard_normal(count) - parameters.strength_spread**2 / 2)
    strength[follower] *= parameters.follower_strength
    freedom = parameters.taste_freedom
    # One heavy tail for both directions, or turning would make a strong taste weak.
    tail = np.sqrt(freedom / rng.chisquare(freedom, (count, 1, parameters.topics)))
    topic_taste = parameters.topic_taste * tail * rng.standard_normal((count, 2, parameters.topics))

    liked = np.empty((count, parameters.liked_subtopics), np.int16)
    log_share = 0.8 * np.log(world.subtopic_share)  # small ones have their friends too
    for start in range(0, count, CHUNK):
        part = slice(start, min(start + CHUNK, count))
        wish = log_share + topic_taste[part, 0][:, world.subtopic_topic]
        wish += rng.gumbel(size=wish.shape)
        liked[part] = np.argpartition(-wish, parameters.liked_subtopics - 1, axis=1)[:, : parameters.liked_subtopics]
    liked_taste = parameters.subtopic_taste * rng.standard_exponential(liked.shape)

    shape = (count, parameters.points)
    # Evenly among the themes of a subtopic: what many follow would only be popularity again.
    each = np.bincount(world.theme_subtopic, minlength=parameters.subtopics)
    first = np.cumsum(each) - each
    chosen = np.take_along_axis(liked, rng.integers(0, parameters.liked_subtopics, shape), axis=1)
    elsewhere = rng.random(shape) < parameters.points_elsewhere
    chosen[elsewhere] = rng.choice(parameters.subtopics, int(elsewhere.sum()), p=world.subtopic_share)
    point = first[chosen] + (rng.random(shape) * each[chosen]).astype(np.int64)
    return Readers(
        strength.astype(np.float32),
        (parameters.eagerness * rng.standard_normal(count)).astype(np.float32),
        topic_taste.astype(np.float32),
        liked,
        liked_taste.astype(np.float32),
        point.astype(np.int32),
        (parameters.point_taste * rng.standard_exponential(shape)).astype(np.float32),
        rng.uniform(-0.25 * days * DAY, 1.25 * days * DAY, shape).astype(np.float32),
    )


def make_visits(
    rng: np.random.Generator, readers: int, impressions: int, days: int, parameters: Parameters
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When [I] which reader [I] opens a page; about `impressions` pages.

    Times are milliseconds since the log's begin, ascending.
    """
    rate = np.exp(parameters.activity * rng.standard_normal(readers))
    sessions = max(1, round(impressions / parameters.session_impressions))
    reader = np.repeat(np.arange(readers), rng.multinomial(sessions, rate / rate.sum()))
    hour = rng.choice(24, sessions, p=HOURS / HOURS.sum())
    start = (rng.integers(0, days, sessions) * 24 + hour + rng.random(sessions)) * 3600
    pages = rng.geometric(1 / parameters.session_impressions, sessions)
    first = np.concatenate([[0], np.cumsum(pages)[:-1]])
    gap = 60 + parameters.session_gap * np.exp(parameters.gap_spread * rng.standard_normal(pages.sum()))
    since = np.cumsum(gap)
    second = np.repeat(start - since[first], pages) + since
    who = np.repeat(reader, pages)
    millisecond = (second * 1000).astype(np.int64)
    order = np.lexsort((who, millisecond))
    order = order[millisecond[order] < days * 86_400_000]
    return millisecond[order], who[order]
