"""Tests of encoder, spaces, topics, feeds and the repository's own artefacts."""

import base64
import copy
import json
import tempfile
import unittest
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from hand_set_model import LINEAR, MODEL, RECTIFIED, network, signed_bytes
from prepare_mind import FOLDERS, prepare

from nearside.contract import FEATURES, scores
from nearside.encoder import MAX_TOKENS, WIDTH, Encoder
from nearside.feed import encode_feed, stale
from nearside.fit_space import line_texts
from nearside.space import DEFAULT, DIMENSION, Space, article_text, from_base64, to_base64
from nearside.topics import predict_labels


@cache
def encoder() -> Encoder:
    return Encoder()


class EncoderTests(unittest.TestCase):
    def test_cosines_are_those_its_authors_publish(self) -> None:
        texts = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
        vectors = encoder().encode(texts)
        np.testing.assert_allclose(vectors[1:] @ vectors[0], [0.695, 0.943, 0.257], atol=5e-4)

    def test_a_vector_depends_on_its_text_alone(self) -> None:
        texts = ["Rain", "A much longer headline about the weather of the coming week", "Rain again", "Rain"]
        together = encoder().encode(texts)
        alone = np.concatenate([encoder().encode([text]) for text in texts])
        np.testing.assert_array_equal(together, alone)
        np.testing.assert_array_equal(together[0], together[3])

    def test_odd_texts_have_unit_vectors(self) -> None:
        vectors = encoder().encode(["", "\0\u200b", "日本", "🗞️", "word " * 9999])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        self.assertEqual(len(encoder().tokens("word " * 9999)), MAX_TOKENS)
        self.assertEqual(encoder().encode([]).shape, (0, WIDTH))


class SpaceTests(unittest.TestCase):
    def test_a_saved_space_is_the_same_bytes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copied = Path(folder) / "space"
            Space.load().save(copied)
            self.assertEqual(copied.read_bytes(), DEFAULT.read_bytes())

    def test_axes_are_orthonormal(self) -> None:
        axes = Space.load().axes
        np.testing.assert_allclose(axes @ axes.T, np.eye(DIMENSION), atol=1e-6)

    def test_bytes_keep_the_direction_and_use_the_range(self) -> None:
        space = Space.load()
        vectors = np.random.default_rng(1).normal(size=(500, WIDTH)).astype(np.float32)
        encoded = space.quantise(vectors)
        self.assertTrue((np.abs(encoded.astype(int)).max(axis=1) == 127).all())
        exact = vectors @ space.axes.T
        cosines = (encoded * exact).sum(axis=1) / np.linalg.norm(encoded, axis=1) / np.linalg.norm(exact, axis=1)
        self.assertGreater(cosines.min(), 0.9999)
        np.testing.assert_array_equal(space.quantise(vectors * 4), encoded)
        np.testing.assert_array_equal(from_base64(to_base64(encoded[0])), encoded[0])

    def test_a_vector_without_direction_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            Space.load().quantise(np.zeros((1, WIDTH), np.float32))
        with self.assertRaises(ValueError):
            from_base64("AAAA")

    def test_glosses_split_into_definition_and_examples(self) -> None:
        line = '00 03 n 01 thing 0 000 | a thing; a unit; "how big is it?"; "the team is a unit"  \n'
        self.assertEqual(list(line_texts(line)), ["a thing; a unit", "how big is it?", "the team is a unit"])
        self.assertEqual(list(line_texts('  1 This software | "is" provided')), [])


class FeedTests(unittest.TestCase):
    def test_only_vectors_and_space_are_written(self) -> None:
        feed = {
            "title": "A paper",
            "items": [
                {
                    "id": "a",
                    "title": "Rain",
                    "summary": "A lot of it.",
                    "_nearside": {"topic": "weather", "pinned": True},
                },
                {"id": "b", "title": "Sun", "tags": ["x"]},
                {"id": "c", "content_text": "An item without a title."},
            ],
        }
        first = copy.deepcopy(feed)
        encode_feed(first, encoder(), Space.load())
        self.assertEqual(list(first), ["title", "_nearside", "items"])
        self.assertEqual(first["_nearside"], {"space": "minilm-l6-pca64-v1"})
        self.assertEqual(list(first["items"][0]["_nearside"]), ["topic", "pinned", "vector"])
        self.assertEqual(first["items"][2], feed["items"][2])
        again = copy.deepcopy(first)
        encode_feed(again, encoder(), Space.load())
        self.assertEqual(json.dumps(again), json.dumps(first))
        self.assertEqual(stale(first, again), [])
        self.assertEqual(stale(feed, first), ["a", "b"])
        changed = copy.deepcopy(first)
        changed["items"][1]["title"] = "Snow"
        encode_feed(again := copy.deepcopy(changed), encoder(), Space.load())
        self.assertEqual(stale(changed, again), ["b"])

    def test_an_article_is_its_title_and_summary(self) -> None:
        self.assertEqual(article_text(" Rain ", "A lot\nof it."), "Rain. A lot of it.")
        self.assertEqual(article_text("Rain", " "), "Rain")


class TopicTests(unittest.TestCase):
    def test_near_neighbours_outvote_the_rest(self) -> None:
        known = np.zeros((12, DIMENSION), np.int8)
        known[:4, 0], known[4:, 1] = 100, 100
        labels = [("sports", "tennis"), ("sports", "football"), ("sports", "football"), ("world", "")] + [
            ("culture", "")
        ] * 8
        query = np.zeros((2, DIMENSION), np.int8)
        query[0, 0], query[1, 1] = 50, 50
        self.assertEqual(predict_labels(query, known, labels), [("sports", "football"), ("culture", "")])


class ModelTests(unittest.TestCase):
    def test_the_network_is_what_the_tables_say(self) -> None:
        rows = np.random.default_rng(2).normal(size=(50, len(FEATURES))).astype(np.float32)
        column = {name: rows[:, place].astype(float) for place, name in enumerate(FEATURES)}
        expected = np.zeros(50)
        for name, weight in LINEAR.items():
            expected += weight * column[name]
        for name, threshold, weight in RECTIFIED:
            expected += weight * np.maximum(column[name] - threshold, 0)
        model = network().SerializeToString()
        np.testing.assert_allclose(scores(model, {"features": rows}), expected, atol=1e-4)
        np.testing.assert_allclose(scores(model, {"features": rows[:1]}), expected[:1], atol=1e-4)

    def test_the_shipped_file_holds_its_own_golden_case(self) -> None:
        metadata = {entry.key: entry.value for entry in onnx.load(MODEL).metadata_props}
        self.assertEqual(metadata["nearside.features"].split("\n"), list(FEATURES))
        self.assertEqual(metadata["nearside.space"], Space.load().name)
        golden = {
            key: np.frombuffer(base64.b64decode(metadata[f"nearside.golden.{key}"]), "<f4")
            for key in ("features", "scores")
        }
        rows = golden["features"].reshape(-1, len(FEATURES))
        np.testing.assert_allclose(scores(MODEL.read_bytes(), {"features": rows}), golden["scores"], atol=1e-6)
        self.assertTrue((np.abs(rows).max(axis=0) > 0).all(), "a feature that is 0 throughout proves nothing")
        self.assertLessEqual(MODEL.stat().st_size, 24 * 1024)

    def test_weights_that_a_byte_cannot_hold_are_refused(self) -> None:
        for weights in ([0.03], [8.0]):
            with self.assertRaises(ValueError):
                signed_bytes(np.array(weights), 1 / 16)


class MindTests(unittest.TestCase):
    def test_impressions_are_as_page_and_device_would_hold_them(self) -> None:
        news = "".join(f"N{i}\tsports\ttennis\tMatch number {i} of the open\tA summary.\t\t[]\t[]\n" for i in range(60))
        news += 'T1\t\t\tPlayer "wins" the open\t\t\t[]\t[]\n'
        history = " ".join(["GONE", *(f"N{i}" for i in range(60))])
        behaviors = (
            f"1\tU1\t11/15/2019 12:00:00 PM\t{history}\tN1-0 T1-1 N2-0\n2\tU2\t11/15/2019 12:00:00 PM\t\tN1-1 N2-0\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            for name in FOLDERS:
                (Path(folder) / "mind" / name).mkdir(parents=True)
                (Path(folder) / "mind" / name / "news.tsv").write_text(news)
                (Path(folder) / "mind" / name / "behaviors.tsv").write_text(behaviors)
                (Path(folder) / "mind" / name / "counts.tsv").write_text("id\tshows\tclicks\nN1\t50\t1\nN2\t50\t9\n")
            prepare(Path(folder) / "mind", Path(folder) / "out", DEFAULT)
            articles = json.loads((Path(folder) / "out" / "valid" / "articles.json").read_text())
            lines = (Path(folder) / "out" / "valid" / "impressions.jsonl").read_text().splitlines()
        first, second = map(json.loads, lines)
        self.assertEqual(first["candidates"], ["N2", "T1", "N1"])
        self.assertEqual((first["clicked"], second["history"]), (["T1"], []))
        self.assertEqual(first["now"], 1_573_819_200_000)
        times = [ms for _, ms in first["history"]]
        self.assertEqual([id_ for id_, _ in first["history"]], [f"N{i}" for i in range(10, 60)])
        self.assertEqual(len(times), 50)  # a profile keeps no more
        self.assertTrue(
            first["now"] - 28 * 86_400_000 < times[0] and times == sorted(set(times)) and times[-1] < first["now"]
        )
        self.assertEqual({key: articles["T1"][key] for key in ("topic", "subtopic", "predicted", "shows")},
                         {"topic": "sports", "subtopic": "tennis", "predicted": True, "shows": 0})  # fmt: skip
        self.assertEqual((articles["N2"]["shows"], articles["N2"]["clicks"]), (50, 9))


if __name__ == "__main__":
    unittest.main()
