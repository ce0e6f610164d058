"""The crate: `src/python.rs` and its folder."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

FEATURES: list[str]
MAX_ID: int
MAX_TEXT: int

class NearsideError(ValueError):
    """What the core refuses; `args` are the stable code and one sentence."""

class Articles:
    def __init__(
        self,
        ids: Sequence[str],
        topics: Sequence[str],
        subtopics: Sequence[str],
        vectors: NDArray[np.int8],
        has_vector: NDArray[np.bool_],
        published_ms: NDArray[np.float64],
    ) -> None: ...
    def __len__(self) -> int: ...

class Policy:
    def __init__(
        self,
        *,
        strength: float = 0.8,
        k: float | None = None,
        minimum_evidence: float = 2.0,
        maximum_displacement: int | None = 10,
        topic_cap: tuple[int, int] | None = None,
    ) -> None: ...

class Profile:
    def __init__(self, space: str) -> None: ...
    @staticmethod
    def decode(data: bytes, second: int) -> Profile: ...
    def encode(self) -> bytes: ...
    def click(self, articles: Articles, row: int, second: int) -> None: ...
    def view(self, articles: Articles, row: int, second: int) -> None: ...
    def hide(self, articles: Articles, row: int, second: int) -> None: ...
    def dwell(self, articles: Articles, row: int, dwell: float, second: int) -> bool: ...
    def __len__(self) -> int: ...

class Ranked(TypedDict):
    personal: NDArray[np.float32]
    weight: NDArray[np.float32]
    slot: NDArray[np.uint32]

class Ranker:
    def __init__(self, model: bytes) -> None: ...
    @property
    def id(self) -> str: ...
    @property
    def space(self) -> str: ...
    @property
    def features(self) -> list[str]: ...
    @property
    def k(self) -> float: ...
    @property
    def needs_history(self) -> bool: ...
    def rank(
        self,
        articles: Articles,
        profiles: Sequence[Profile],
        seconds: NDArray[np.uint32],
        offsets: NDArray[np.int64],
        rows: NDArray[np.uint32],
        shows: NDArray[np.float64],
        clicks: NDArray[np.float64],
        policy: Policy,
    ) -> Ranked: ...

class Ranking(TypedDict):
    personal: NDArray[np.float32]  # [S]
    weight: list[NDArray[np.float32]]  # a policy: [B]
    slot: list[NDArray[np.uint32]]  # a policy: [S]

class Rows(TypedDict):
    place: NDArray[np.uint32]
    shows: NDArray[np.float64]
    clicks: NDArray[np.float64]
    server_logit: NDArray[np.float32]
    scorable: NDArray[np.bool_]
    features: NDArray[np.float32]
    evidence: NDArray[np.float32]
    clicked_offsets: NDArray[np.int64]
    clicked_article: NDArray[np.uint32]
    clicked_second: NDArray[np.uint32]
    clicked_weight: NDArray[np.float32]
    history_offsets: NDArray[np.int64]
    history_article: NDArray[np.uint32]
    history_weight: NDArray[np.float32]
    rankings: list[Ranking]

class Replay:
    def __init__(
        self,
        articles: Articles,
        readers: int,
        space: str,
        features: Sequence[str],
        *,
        counts: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
        by_counts: bool = False,
    ) -> None: ...
    def expect(
        self,
        readers: NDArray[np.uint32],
        seconds: NDArray[np.uint32],
        articles: NDArray[np.uint32],
        counted: NDArray[np.bool_],
        dwell: NDArray[np.float64],
    ) -> None: ...
    def step(
        self,
        readers: NDArray[np.uint32],
        seconds: NDArray[np.uint32],
        offsets: NDArray[np.int64],
        articles: NDArray[np.uint32],
        *,
        viewed: NDArray[np.bool_] | None = None,
        rankers: Sequence[tuple[Ranker, Sequence[Policy]]] = (),
    ) -> Rows: ...
    def profile(self, reader: int) -> Profile: ...

def features(
    names: Sequence[str],
    articles: Articles,
    profiles: Sequence[Profile],
    seconds: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    rows: NDArray[np.uint32],
    shows: NDArray[np.float64],
    clicks: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
def inputs(
    names: Sequence[str],
    articles: Articles,
    profile: Profile,
    second: int,
    rows: NDArray[np.uint32],
    shows: NDArray[np.float64],
    clicks: NDArray[np.float64],
) -> dict[str, NDArray[np.float32]]: ...
def arrange(scores: NDArray[np.float32], offsets: NDArray[np.int64], policy: Policy) -> NDArray[np.uint32]: ...
