"""The articles of a log as columns: what a score may know of an article besides its counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Articles:
    """A articles in the order of the log's articles table. Codes are dense from 0, in any order; -1 is none."""

    vectors: NDArray[np.int8]  # [A, 64] zeros where `has_vector` is false
    has_vector: NDArray[np.bool_]  # [A]
    topic: NDArray[np.int32]  # [A]
    subtopic: NDArray[np.int32]  # [A]
    published_ms: NDArray[np.float64]  # [A] milliseconds since 1970, NaN where not known
    topic_names: tuple[str, ...] = ()  # by topic code; without it a report shows the codes

    def __len__(self) -> int:
        return len(self.topic)
