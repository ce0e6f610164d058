"""The binding refuses sizes and shapes that it cannot take: no call ends the interpreter or waits for ever."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nearside import _core
from nearside.space import ROOT

MODEL = (ROOT / "models" / "reranker.onnx").read_bytes()


def articles(count: int = 3, width: int = 64, marks: int | None = None) -> _core.Articles:
    return _core.Articles(
        [f"a{at}" for at in range(count)],
        ["t"] * count,
        ["s"] * count,
        np.ones((count, width), np.int8),
        np.ones(count if marks is None else marks, np.bool_),
        np.zeros(count),
    )


def u32(*values: int) -> np.ndarray:
    return np.array(values, np.uint32)


def replay(**changes: Any) -> _core.Replay:
    given: dict[str, Any] = {"readers": 2, "features": ["topic_share"], **changes}
    counts = given.pop("counts", None)
    return _core.Replay(articles(), given["readers"], "space", given["features"], counts=counts)


def step(of: _core.Replay, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "readers": u32(0),
        "seconds": u32(5),
        "offsets": np.array([0, 3]),
        "articles": u32(0, 1, 2),
        **changes,
    }
    positional = [given.pop(name) for name in ("readers", "seconds", "offsets", "articles")]
    return of.step(*positional, **given)


def rank(**changes: Any) -> Any:
    given: dict[str, Any] = {
        "profiles": [_core.Profile("space")],
        "seconds": u32(5),
        "offsets": np.array([0, 3]),
        "rows": u32(0, 1, 2),
        "shows": np.zeros(3),
        "clicks": np.zeros(3),
        **changes,
    }
    return _core.Ranker(MODEL).rank(articles(), **given, policy=_core.Policy())


def twice() -> Any:
    ranker = _core.Ranker(MODEL)
    return step(replay(), rankers=[(ranker, [_core.Policy()]), (ranker, [_core.Policy()])])


REFUSED: dict[str, Callable[[], Any]] = {
    "vectors of another width": lambda: articles(width=63),
    "vectors without numbers": lambda: articles(width=0),
    "fewer marks than vectors": lambda: articles(marks=2),
    "more marks than vectors": lambda: articles(marks=4),
    "more readers than have numbers": lambda: replay(readers=2**40),
    "as many readers as bytes": lambda: replay(readers=2**64 - 1),
    "a feature twice": lambda: replay(features=["topic_share"] * 2),
    "a feature a million times": lambda: replay(features=["topic_share"] * 1_000_000),
    "counts of two lengths": lambda: replay(counts=(np.zeros(3), np.zeros(4))),
    "counts of fewer articles": lambda: replay(counts=(np.zeros(2), np.zeros(2))),
    "a reader that is none": lambda: replay().profile(2),
    "an impression of a reader that is none": lambda: step(replay(), readers=u32(2)),
    "an article that is none": lambda: step(replay(), articles=u32(0, 1, 3)),
    "offsets that fall": lambda: step(replay(), offsets=np.array([0, -1])),
    "offsets beyond the list": lambda: step(replay(), offsets=np.array([0, 2**62])),
    "no offsets": lambda: step(replay(), offsets=np.zeros(0, np.int64)),
    "views of another length": lambda: step(replay(), viewed=np.ones(2, np.bool_)),
    "a list with one article twice": lambda: step(replay(), articles=u32(0, 1, 1)),
    "a ranker twice": twice,
    "more offsets than profiles": lambda: rank(offsets=np.array([0, 1, 3])),
    "fewer seconds than profiles": lambda: rank(seconds=u32()),
    "rows that are none": lambda: rank(rows=u32(0, 1, 2**32 - 1)),
    "columns with gaps": lambda: rank(shows=np.zeros(6)[::2]),
    "scores of no list": lambda: _core.arrange(np.zeros(3, np.float32), np.array([0, 2]), _core.Policy()),
    "scores without a list": lambda: _core.arrange(np.zeros(3, np.float32), np.zeros(0, np.int64), _core.Policy()),
    "a score that is none": lambda: _core.arrange(np.full(3, np.nan, np.float32), np.array([0, 3]), _core.Policy()),
    "a policy out of its range": lambda: _core.Policy(strength=float("nan")),
    "a cap of nothing": lambda: _core.Policy(topic_cap=(0, 0)),
    "a history that is none": lambda: _core.Profile.decode(b"\xff" * 100_000, 5),
    "a model that is none": lambda: _core.Ranker(b"\x08" * 2_000_000),
    "a click on an article that is none": lambda: _core.Profile("space").click(articles(), 3, 5),
    "a dwell time below 0": lambda: _core.Profile("space").dwell(articles(), 0, -1.0, 5),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(ValueError):
        REFUSED[name]()


@pytest.mark.parametrize(
    "make",
    [lambda: _core.Policy(maximum_displacement=-1), lambda: replay(readers=-1), lambda: replay(readers=2**64)],
)
def test_numbers_that_are_no_sizes_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        make()


def test_a_log_of_four_billion_readers_costs_what_its_clicks_cost() -> None:
    many = _core.Replay(articles(), 2**32, "space", ["topic_share"])
    none = np.array([np.nan])
    many.expect(u32(2**32 - 1), u32(1), u32(0), np.ones(1, np.bool_), none)
    rows = step(many, readers=u32(2**32 - 1))
    assert list(rows["clicked_article"]) == [0]
    assert len(many.profile(2**32 - 1)) == 1
    assert len(many.profile(7)) == 0


def test_the_largest_policy_ranks() -> None:
    largest = 2**64 - 1
    for policy in (
        _core.Policy(topic_cap=(largest, largest), maximum_displacement=largest),
        _core.Policy(topic_cap=(1, largest), maximum_displacement=None),
        _core.Policy(topic_cap=(largest, 1)),
    ):
        slots = _core.arrange(np.arange(3, dtype=np.float32), np.array([0, 3]), policy)
        assert sorted(slots) == [0, 1, 2]
