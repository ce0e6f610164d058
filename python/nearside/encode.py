"""Texts to vectors: the encoder and the space together, with what was encoded before kept in the user's cache."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearside.encoder import Encoder, EncoderError, TextEncoder
from nearside.faults import Faults
from nearside.space import DIMENSION, Space


def check_encoder(encoder: TextEncoder, space: Space, faults: Faults | None = None) -> None:
    """Raises `EncoderError` for an encoder whose vectors have another width than the space's axes.

    Other weights than those the space was fitted with may be another file of the same encoder or another encoder of the
    same width: that is counted in `faults`.
    """
    fitted = space.provenance.get("encoder", "an encoder it does not name")
    wanted = space.axes.shape[1]
    if encoder.width != wanted:
        raise EncoderError(
            f"the encoder {encoder.name} gives {encoder.width} numbers a text; the vector space {space.name} was "
            f"fitted to the {wanted} of {fitted}"
        )
    weights = space.provenance.get("encoder_weights_sha256")
    if faults is not None and weights and weights != encoder.weights_sha256:
        faults.add(
            f"the weights of {encoder.name} are not the file that the space {space.name} was fitted with ({fitted}): "
            "unless it is the same encoder, its vectors mean nothing in this space"
        )


def encode_texts(
    texts: Sequence[str], encoder: TextEncoder, space: Space, label: str = "encoding articles"
) -> NDArray[np.int8]:
    """Encodes texts to i8[N, 64]; a row of zeros where a text has no direction in the space."""
    check_encoder(encoder, space)
    vectors = encoder.encode(texts, label)
    encoded = np.zeros((len(texts), DIMENSION), np.int8)
    sound = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    sound = sound[(vectors[sound].astype(np.float64) @ space.axes.T.astype(np.float64)).any(axis=1)]
    encoded[sound] = space.quantise(vectors[sound])
    return encoded


def cache_folder() -> Path:
    """Where encoded texts are kept: `$XDG_CACHE_HOME/nearside`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nearside"


def encode_cached(texts: Sequence[str], space: Space) -> NDArray[np.int8]:
    """Encodes texts to i8[N, 64] by the default encoder. Equal texts in the same space are read from the cache."""
    if not texts:
        return np.zeros((0, DIMENSION), np.int8)
    hashed = hashlib.sha256(space.name.encode() + space.axes.tobytes())
    for text in texts:
        hashed.update(text.encode() + b"\0")
    path = cache_folder() / f"vectors-{hashed.hexdigest()[:32]}.npy"
    if path.exists():
        return np.load(path)
    vectors = encode_texts(texts, Encoder(), space)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.npy")
    np.save(unfinished, vectors)
    unfinished.replace(path)
    return vectors
