"""Synthetic batches for the tests of the evaluation: readers with a favourite topic, articles with an appeal."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nearside.articles import Articles
from nearside.batch import Batch
from nearside.evaluation.metrics import Lists, ranking

TOPICS = ("politics", "sports", "music", "travel", "health")
NOON = 1_700_000_000


def make_articles(rng: np.random.Generator, count: int = 300) -> Articles:
    """Vectors scattered round a centre a topic; some without a vector, a topic or a date."""
    topic = rng.integers(0, len(TOPICS), count).astype(np.int32)
    centres = rng.normal(0, 1, (len(TOPICS), 64))
    vectors = np.clip(40 * (centres[topic] + rng.normal(0, 1, (count, 64))), -127, 127).astype(np.int8)
    has_vector = rng.random(count) < 0.95
    vectors[~has_vector] = 0
    subtopic = (topic * 3 + rng.integers(0, 3, count)).astype(np.int32)
    nameless = rng.random(count) < 0.03
    topic[nameless] = subtopic[nameless] = -1
    published = (NOON - rng.exponential(30 * 3600, count)) * 1000.0
    published[rng.random(count) < 0.05] = np.nan
    return Articles(vectors, has_vector, topic, subtopic, published, TOPICS)


def places(lists: Lists, score: np.ndarray) -> np.ndarray:
    """An order as scores without ties: minus the place that each candidate gets."""
    found = np.zeros(len(score))
    found[ranking(lists, score)] = -lists.place
    return found


def make_batches(
    rng: np.random.Generator, articles: Articles, impressions: int, readers: int, batch: int = 500, longest: int = 70
) -> Iterator[Batch]:
    """Clicks follow the article's appeal and the reader's favourite topic; ours know a noisy favourite."""
    appeal = rng.normal(0, 0.8, len(articles))
    favourite = rng.integers(0, len(TOPICS), readers)
    by_topic = [np.flatnonzero(articles.topic == topic) for topic in range(len(TOPICS))]
    lengths = np.where(rng.random(readers) < 0.15, 0, rng.integers(0, 51, readers))
    for first in range(0, impressions, batch):
        rows = np.arange(first, min(first + batch, impressions))
        reader = rng.integers(0, readers, len(rows))
        sizes = rng.integers(1, longest, len(rows))
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        owner = np.repeat(np.arange(len(rows)), sizes)
        article = rng.integers(0, len(articles), offsets[-1])
        shows = np.floor(rng.exponential(800, offsets[-1]))
        clicks = rng.binomial(shows.astype(int), 0.05 / (1 + np.exp(-appeal[article]))).astype(float)
        server = np.log((clicks + 1.5) / (shows + 30))
        order = np.lexsort((-server, owner))
        article, shows, clicks, server = article[order], shows[order], clicks[order], server[order]
        likes = (articles.topic[article] == favourite[reader][owner]) * 1.0
        chance = 1 / (1 + np.exp(3.2 - appeal[article] - 1.6 * likes))
        clicked = rng.random(offsets[-1]) < chance
        history = lengths[reader]
        pieces = [
            np.where(
                rng.random(length) < 0.5,
                rng.choice(by_topic[favourite[one]], length),
                rng.integers(0, len(articles), length),
            )
            for one, length in zip(reader, history, strict=True)
        ]
        profile = np.concatenate(pieces).astype(np.uint32)
        known = np.repeat(history > 0, sizes)
        scorable = articles.has_vector[article] & (articles.topic[article] >= 0)
        personal = np.where(known & scorable, 1.2 * likes + rng.normal(0, 0.4, len(likes)), 0.0)
        evidence = (history * 0.9).astype(np.float32)
        blend = server + 0.8 * (evidence / (evidence + 10))[owner] * personal
        half = len(owner) // 2  # topic rates are known in the second half of a batch
        features = np.stack([np.where(np.arange(len(owner)) < half, 0, likes), np.arange(len(owner)) >= half], axis=1)
        made = Batch(
            impression=rows.astype(np.int64),
            reader=reader.astype(np.uint32),
            second=np.full(len(rows), NOON, np.uint32),
            offsets=offsets,
            article=article.astype(np.uint32),
            clicked=clicked,
            shows=shows,
            clicks=clicks,
            server_logit=server.astype(np.float32),
            scorable=scorable,
            features=features.astype(np.float32),
            names=("topic_rate", "topic_rate_known"),
            evidence=evidence,
            clicked_offsets=np.concatenate([[0], np.cumsum(history)]),
            clicked_article=profile,
            clicked_second=np.full(len(profile), NOON - 3600, np.uint32),
            clicked_weight=np.ones(len(profile), np.float32),
        )
        lists = Lists.of(offsets)
        cautious = np.where(np.repeat(history >= 2, sizes), server + 0.5 * (blend - server), server)
        scores = {
            "ours, personal alone": personal,
            "ours, default policy": places(lists, cautious),
            "ours, unlimited": places(lists, blend),
            "ours, log-odds": blend,
            "oracle within the limit": clicked * 1.0,
        }
        yield replace(made, scores={name: score.astype(np.float32) for name, score in scores.items()})
