"""Vector spaces: their file, their bytes, and how they are fitted."""

import json
from pathlib import Path

import fit_default_space
import numpy as np
import pytest
from tiny_encoder import sentences, write_encoder
from typer.testing import CliRunner

from nearside.cli import app
from nearside.encoder import NAME, WIDTH
from nearside.faults import Faults
from nearside.fit_space import fit, read_texts
from nearside.onnx_encoder import open_encoder
from nearside.space import DEFAULT, DIMENSION, Space, article_text, from_base64, to_base64


def test_a_saved_space_is_the_same_bytes(tmp_path: Path) -> None:
    Space.load().save(tmp_path / "space")
    assert (tmp_path / "space").read_bytes() == DEFAULT.read_bytes()


def test_axes_are_orthonormal() -> None:
    axes = Space.load().axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(DIMENSION), atol=1e-6)


def test_bytes_keep_the_direction_and_use_the_range() -> None:
    space = Space.load()
    vectors = np.random.default_rng(1).normal(size=(500, WIDTH)).astype(np.float32)
    encoded = space.quantise(vectors)
    assert (np.abs(encoded.astype(int)).max(axis=1) == 127).all()
    exact = vectors @ space.axes.T
    cosines = (encoded * exact).sum(axis=1) / np.linalg.norm(encoded, axis=1) / np.linalg.norm(exact, axis=1)
    assert cosines.min() > 0.9999
    np.testing.assert_array_equal(space.quantise(vectors * 4), encoded)
    np.testing.assert_array_equal(from_base64(to_base64(encoded[0])), encoded[0])


def test_a_vector_without_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="no direction"):
        Space.load().quantise(np.zeros((1, WIDTH), np.float32))
    with pytest.raises(ValueError, match="64 bytes, not 3"):
        from_base64("AAAA")


def test_what_is_no_space_is_refused(tmp_path: Path) -> None:
    (tmp_path / "space").write_bytes(b"something else")
    with pytest.raises(ValueError, match="no vector space file"):
        Space.load(tmp_path / "space")
    Space("short", Space.load().axes[:8], {}).save(tmp_path / "short")
    with pytest.raises(ValueError, match=r"\[8, 384\]"):
        Space.load(tmp_path / "short")


def test_an_article_is_its_title_and_summary() -> None:
    assert article_text(" Rain ", "A lot\nof it.") == "Rain. A lot of it."
    assert article_text("Rain", " ") == "Rain"


def test_the_default_space_is_fitted_as_its_file_says() -> None:
    """All but the fit itself, which takes minutes."""
    line = '00 03 n 01 thing 0 000 | a thing; a unit; "how big is it?"; "the team is a unit"  \n'
    assert list(fit_default_space.line_texts(line)) == ["a thing; a unit", "how big is it?", "the team is a unit"]
    assert list(fit_default_space.line_texts('  1 This software | "is" provided')) == []
    about = Space.load().provenance
    assert about["encoder"] == NAME
    assert {key: about[key] for key in fit_default_space.ABOUT} == fit_default_space.ABOUT
    assert about["command"] == fit_default_space.COMMAND


def test_a_fitted_space_has_the_axes_along_which_texts_differ(tmp_path: Path) -> None:
    encoder = open_encoder(write_encoder(tmp_path / "tiny"))
    texts = sentences(300)
    space, kept = fit("tiny-v1", texts, encoder, {"texts": "words"}, "a command")
    vectors = encoder.encode(texts)
    assert space.axes.shape == (DIMENSION, 96)
    np.testing.assert_allclose(space.axes @ space.axes.T, np.eye(DIMENSION), atol=1e-6)
    others = np.linalg.qr(np.random.default_rng(2).normal(size=(96, DIMENSION)))[0]
    assert kept == pytest.approx(np.linalg.norm(vectors @ space.axes.T, axis=1).mean(), rel=1e-6)
    assert np.square(vectors @ space.axes.T).sum() > np.square(vectors @ others).sum()
    # Key by key as the default space's file, so that one reader reads both.
    assert list(space.provenance) == [key for key in Space.load().provenance if key != "texts_licence"]
    assert space.provenance["encoder_weights_sha256"] == encoder.weights_sha256


def test_too_few_or_too_similar_texts_are_refused(tmp_path: Path) -> None:
    encoder = open_encoder(write_encoder(tmp_path / "tiny"))
    with pytest.raises(ValueError, match="64 axes cannot be fitted to 63 texts"):
        fit("tiny-v1", sentences(63), encoder, {"texts": ""}, "")
    with pytest.raises(ValueError, match="do not span"):
        fit("tiny-v1", [" ".join(["word1"] * length) for length in range(1, 101)], encoder, {"texts": ""}, "")
    with pytest.raises(ValueError, match="letters, digits"):
        fit("my space", sentences(100), encoder, {"texts": ""}, "")


def test_texts_are_lines_or_articles_each_once(tmp_path: Path) -> None:
    lines, articles = tmp_path / "texts.txt", tmp_path / "articles.csv"
    lines.write_bytes(b"Rain again\n\nRain again\r\n  Sun\xff \n")
    faults = Faults()
    assert read_texts(lines, faults) == ["Rain again", "Sun\ufffd"]
    assert faults.report() == {
        "a line is no UTF-8": {"count": 1, "first": "texts.txt line 4"},
        "a text was there before; it counts once": {"count": 1, "first": ""},
    }
    articles.write_text("id,title,summary\n1,Rain,A lot\n2,Sun,\n3,,Neither\n")
    assert read_texts(articles, Faults()) == ["Rain. A lot", "Sun"]


def test_fit_space_and_encode_from_the_command_line(tmp_path: Path) -> None:
    write_encoder(tmp_path / "tiny")
    (tmp_path / "texts.txt").write_text("\n".join(sentences(200)))
    space, feed = tmp_path / "mine.safetensors", tmp_path / "feed.json"
    command = ["fit-space", str(tmp_path / "texts.txt"), "--encoder", str(tmp_path / "tiny"), "--name", "mine-v1", "-o"]
    result = CliRunner().invoke(app, [*command, str(space)])
    assert result.exit_code == 0, result.output
    again = tmp_path / "again.safetensors"
    assert CliRunner().invoke(app, [*command, str(again)]).exit_code == 0
    assert again.read_bytes() == space.read_bytes()
    result = CliRunner().invoke(app, [*command, str(space)])
    assert result.exit_code == 1
    assert "give this one another" in result.output

    feed.write_text(json.dumps({"items": [{"id": "a", "title": "word1 word2"}]}))
    encode = ["encode", str(feed), "-o", str(feed), "--space", str(space)]
    result = CliRunner().invoke(app, encode)  # by the default encoder
    assert result.exit_code == 1
    expected = f"the encoder {NAME} gives 384 numbers a text; the vector space mine-v1 was fitted to the 96 of tiny"
    assert expected in result.output
    result = CliRunner().invoke(app, [*encode, "--encoder", str(tmp_path / "tiny")])
    assert result.exit_code == 0, result.output
    assert json.loads(feed.read_text())["_nearside"] == {"space": "mine-v1"}
    # Another encoder of the same width may be the same one in another file, so it is only said.
    write_encoder(tmp_path / "other", seed=2)
    result = CliRunner().invoke(app, [*encode, "--encoder", str(tmp_path / "other")])
    assert result.exit_code == 0
    assert "the weights of other are not the file that the space mine-v1 was fitted with (tiny)" in result.output
