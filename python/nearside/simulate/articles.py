"""The articles: topics, subtopics, themes, vectors, times and appeal."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .parameters import Parameters

DIMENSION = 64
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class World:
    """What there is to write about: M themes in S subtopics of T topics."""

    topic_level: Floats  # [T] log-odds
    subtopic_topic: NDArray[np.int64]  # [S]
    subtopic_share: NDArray[np.float64]  # [S] sums to 1
    theme_subtopic: NDArray[np.int64]  # [M] ascending
    theme_share: NDArray[np.float64]  # [M] sums to 1
    theme_vector: NDArray[np.float64]  # [M, 64] mean, topic, subtopic and theme summed; not of length one
    article_axes: NDArray[np.float64]  # [64, 64] a standard normal row times this is an article's own part


@dataclass(frozen=True)
class Articles:
    """A articles, by time of publication."""

    published: NDArray[np.float64]  # [A] seconds since the log's begin; the first are from before it
    theme: NDArray[np.int64]  # [A] what it is about
    about: NDArray[np.int64]  # [A] subtopic of the theme
    subtopic: NDArray[np.int64]  # [A] under which it is filed: mostly that of the theme
    topic: NDArray[np.int64]  # [A] of `subtopic`
    vector: NDArray[np.int8]  # [A, 64] each scaled so that its greatest number is 127
    unit: Floats  # [A, 64] the same, length one
    appeal: Floats  # [A] log-odds when new


def shares(count: int, exponent: float) -> NDArray[np.float64]:
    """Shares that fall as 1 / rank^exponent."""
    weights = np.arange(1, count + 1) ** -exponent
    return weights / weights.sum()


def axes(
    rng: np.random.Generator, power: float, parameters: Parameters, basis: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rows that turn standard normal numbers into vectors of mean square length one with the parameters' spectrum."""
    rank = np.arange(1, DIMENSION + 1)
    spectrum = rank**-power * np.exp(-(rank - 1) / parameters.spectrum_decay)
    tilt = np.exp(np.linspace(0.5, -0.5, DIMENSION) * parameters.coordinate_tilt)
    rows = np.sqrt(spectrum)[:, None] * basis * np.sqrt(tilt)
    return rows / np.sqrt((rows**2).sum())


def make_world(rng: np.random.Generator, parameters: Parameters) -> World:
    """Draws topics, subtopics and themes.

    The principal directions are random, so no model can learn those of one language.
    """
    basis = np.linalg.qr(rng.standard_normal((DIMENSION, DIMENSION)))[0]
    of_groups = axes(rng, parameters.group_power, parameters, basis)
    of_articles = axes(rng, parameters.spectrum_power, parameters, basis)
    mean = rng.standard_normal(DIMENSION) @ of_articles
    mean *= np.sqrt(parameters.mean_share) / np.linalg.norm(mean)

    count = parameters.topics
    topic_share = shares(count, parameters.topic_exponent)
    distance = np.exp(parameters.topic_spread * rng.standard_normal(count))
    # What is reported on most is the least of one kind, so the largest topic stands nearest to the mean.
    nearest = np.argmin(distance)
    distance[[0, nearest]] = distance[[nearest, 0]]
    distance *= np.sqrt(parameters.topic_share / (topic_share @ distance**2))
    topics = rng.standard_normal((count, DIMENSION)) @ of_groups * distance[:, None]

    extra = rng.multinomial(parameters.subtopics - count, rng.dirichlet(np.full(count, 3.0)))
    subtopic_topic = np.repeat(np.arange(count), 1 + extra)
    subtopic_share = np.concatenate(
        [topic_share[t] * shares(n, parameters.subtopic_exponent) for t, n in enumerate(1 + extra)]
    )
    subtopics = rng.standard_normal((parameters.subtopics, DIMENSION)) @ of_groups
    subtopics = topics[subtopic_topic] + np.sqrt(parameters.subtopic_share) * subtopics

    # Large subtopics have more themes, but fewer than in proportion.
    weight = np.sqrt(subtopic_share)
    each = np.maximum(1, np.rint(parameters.themes * parameters.subtopics * weight / weight.sum())).astype(np.int64)
    theme_subtopic = np.repeat(np.arange(parameters.subtopics), each)
    theme_share = np.concatenate([subtopic_share[s] * shares(n, parameters.theme_exponent) for s, n in enumerate(each)])
    themes = rng.standard_normal((len(theme_subtopic), DIMENSION)) @ of_articles
    rest = 1 - parameters.mean_share - parameters.topic_share - parameters.subtopic_share - parameters.theme_share
    return World(
        (parameters.topic_appeal * rng.standard_normal(count)).astype(np.float32),
        subtopic_topic,
        subtopic_share,
        theme_subtopic,
        theme_share / theme_share.sum(),
        mean + subtopics[theme_subtopic] + np.sqrt(parameters.theme_share) * themes,
        np.sqrt(rest) * of_articles,
    )


def filed(
    rng: np.random.Generator, world: World, about: NDArray[np.int64], parameters: Parameters
) -> NDArray[np.int64]:
    """The subtopics under which articles about the subtopics `about` [A] stand: some editors see them elsewhere."""
    chance = rng.random(len(about))
    out = about.copy()
    anywhere = chance < parameters.strange_topic
    out[anywhere] = rng.choice(len(world.subtopic_share), int(anywhere.sum()), p=world.subtopic_share)
    beside = ~anywhere & (chance < parameters.strange_topic + parameters.strange_subtopic)
    for topic in range(len(world.topic_level)):
        here = np.flatnonzero(world.subtopic_topic == topic)
        rows = np.flatnonzero(beside & (world.subtopic_topic[about] == topic))
        weight = world.subtopic_share[here]
        out[rows] = rng.choice(here, len(rows), p=weight / weight.sum())
    return out


def make_articles(rng: np.random.Generator, world: World, days: int, a_day: int, parameters: Parameters) -> Articles:
    """Draws the articles of `days` days and of the shelf time before them."""
    before = parameters.shelf_hours / 24
    count = max(1, round((days + before) * a_day))
    published = np.sort(rng.uniform(-before, days, count)) * 86_400
    theme = rng.choice(len(world.theme_share), count, p=world.theme_share)
    exact = world.theme_vector[theme] + rng.standard_normal((count, DIMENSION)) @ world.article_axes
    vector = np.rint(exact / np.abs(exact).max(axis=1, keepdims=True) * 127).astype(np.int8)
    wide = vector.astype(np.float32)
    about = world.theme_subtopic[theme]
    subtopic = filed(rng, world, about, parameters)
    topic = world.subtopic_topic[subtopic]
    appeal = (
        world.topic_level[topic]
        + parameters.appeal_scale * rng.standard_normal(count)
        + parameters.appeal_tail * (rng.standard_exponential(count) - 1)
    )
    return Articles(
        published,
        theme,
        about,
        subtopic,
        topic,
        vector,
        wide / np.linalg.norm(wide, axis=1, keepdims=True),
        appeal.astype(np.float32),
    )
