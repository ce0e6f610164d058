"""The simulator keeps its promises: schema, same bytes again, causality, and the geometry and tastes of real news."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nearside.log import TABLES, LogWriter
from nearside.simulate import INTERESTS, TRUTH, Parameters, simulate
from nearside.simulate_check import course, from_log, table

FILES = ("articles.parquet", "clicks.parquet", "impressions.parquet", "log.json", "readers.parquet", "truth.parquet")


def make(output: Path, seed: int = 1) -> Path:
    simulate(output, readers=40, impressions=600, days=4, articles_per_day=60, candidates=12, seed=seed)
    return output


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("logs") / "small")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("logs") / "large"
    simulate(output, readers=2000, impressions=40_000, articles_per_day=150)
    return output


def lists(folder: Path, name: str, column: str) -> list[Any]:
    return pq.read_table(folder / f"{name}.parquet", columns=[column])[column].to_pylist()


def test_a_log_has_the_documented_tables(small: Path) -> None:
    assert tuple(sorted(path.name for path in small.iterdir())) == FILES
    for name, schema in (TABLES | {"truth": TRUTH, "readers": INTERESTS}).items():
        assert pq.read_schema(small / f"{name}.parquet").equals(schema)
    about = json.loads((small / "log.json").read_text("utf-8"))
    assert about == {"version": 1, "space": "minilm-l6-pca64-v1", "source": "simulated"}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(small: Path, tmp_path: Path) -> None:
    again, other = make(tmp_path / "again"), make(tmp_path / "other", seed=2)
    for name in FILES:
        assert (again / name).read_bytes() == (small / name).read_bytes()
    assert (other / "clicks.parquet").read_bytes() != (small / "clicks.parquet").read_bytes()


def test_lists_of_an_impression_agree_in_length(small: Path) -> None:
    shown = lists(small, "impressions", "articles")
    assert all(8 <= len(row) <= 12 and len(set(row)) == len(row) for row in shown)
    assert {len(row) for row in shown} == {8, 9, 10, 11, 12}
    for name, column in (("impressions", "viewed"), ("truth", "chance"), ("truth", "examined"), ("truth", "taste")):
        assert [len(row) for row in lists(small, name, column)] == [len(row) for row in shown]
    assert lists(small, "impressions", "positions") == [list(range(len(row))) for row in shown]
    assert lists(small, "impressions", "viewed") == lists(small, "truth", "examined")
    assert lists(small, "truth", "impression") == lists(small, "impressions", "id")


def test_tables_are_sorted_by_time_and_clicks_follow_their_impression(small: Path) -> None:
    impressions = pq.read_table(small / "impressions.parquet").to_pylist()
    clicks = pq.read_table(small / "clicks.parquet").to_pylist()
    for rows in (impressions, clicks):
        times = [row["time"] for row in rows]
        assert times == sorted(times)
    by_id = {row["id"]: row for row in impressions}
    assert len(by_id) == len(impressions)
    assert len(clicks) > 300
    for click in clicks:
        impression = by_id[click["impression"]]
        place = impression["articles"].index(click["article"])
        assert impression["viewed"][place]
        assert impression["reader"] == click["reader"]
        assert 3 <= (click["time"] - impression["time"]).total_seconds() <= 60


def test_nothing_is_shown_before_it_is_published(small: Path) -> None:
    articles = pq.read_table(small / "articles.parquet").to_pylist()
    published = {row["id"]: row["published"] for row in articles}
    for row in pq.read_table(small / "impressions.parquet").to_pylist():
        assert max(published[id_] for id_ in row["articles"]) <= row["time"]


def test_vectors_use_the_whole_range_of_a_byte(small: Path) -> None:
    vectors = np.frombuffer(b"".join(lists(small, "articles", "vector")), np.int8).reshape(-1, 64)
    assert (np.abs(vectors.astype(np.int64)).max(axis=1) == 127).all()


def test_cosines_are_those_of_news(large: Path) -> None:
    """Within a subtopic, within a topic and across topics; measured on 6,805 labelled articles of MIND."""
    articles = pq.read_table(large / "articles.parquet")
    vectors = np.frombuffer(b"".join(articles["vector"].to_pylist()), np.int8).reshape(-1, 64).astype(np.float64)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    upper = np.triu_indices(len(units), 1)
    cosine = (units @ units.T)[upper]
    same = {}
    for name in ("topic", "subtopic"):
        label = np.unique(articles[name].to_numpy().astype(str), return_inverse=True)[1]
        same[name] = (label[:, None] == label)[upper]
    for chosen, mean, spread in (
        (same["subtopic"], 0.253, 0.176),
        (same["topic"] & ~same["subtopic"], 0.162, 0.163),
        (~same["topic"], 0.073, 0.142),
    ):
        assert cosine[chosen].mean() == pytest.approx(mean, abs=0.03)
        assert cosine[chosen].std() == pytest.approx(spread, abs=0.03)
    assert np.linalg.norm(units.mean(axis=0)) == pytest.approx(0.297, abs=0.03)


def test_clicks_depend_on_the_history_as_in_mind(large: Path) -> None:
    """Loose bounds around the columns of the table in `simulate_check.py`."""
    measured = table(from_log(large, most=2500))
    for name, low, high in (
        ("AUC popularity", 0.62, 0.78),
        ("AUC blend", 0.62, 0.76),
        ("beside popularity: top3", 1.8, 9.0),
        ("beside popularity: recent", 3.0, 11.0),
        ("beside popularity: lift", 0.18, 0.8),
        ("beside popularity: subtopic", 0.3, 1.5),
        ("spread in a list: top3", 0.08, 0.13),
        ("spread in a list: lift", 0.85, 1.15),
    ):
        assert low < measured[name] < high, name


def test_popularity_concentrates_and_ages_as_measured(large: Path) -> None:
    measured = course(large)
    assert 0.04 < measured["log: clicks of shown"] < 0.08
    assert 1.0 < measured["log: clicks an impression"] < 1.8
    assert 15 < measured["log: hours from first click, half"] < 28
    assert 55 < measured["log: hours from first click, 90 %"] < 85
    assert 0.35 < measured["log: relative spread of click-through"] < 1.2
    assert 45 < measured["log: dwell, median"] < 75


def test_the_truth_is_the_chance_of_a_click(large: Path) -> None:
    """Of what was looked at, as many are clicked as the truth says, in every tenth of chances."""
    clicks = pq.read_table(large / "clicks.parquet", columns=["impression", "article"]).to_pydict()
    clicked = set(zip(clicks["impression"], clicks["article"], strict=True))
    looked, chances, clicks_of_shown = [], [], []
    for id_, row in zip(lists(large, "impressions", "id"), lists(large, "impressions", "articles"), strict=True):
        clicks_of_shown.extend((id_, article) in clicked for article in row)
    for name, into in (("examined", looked), ("chance", chances)):
        into.extend(value for row in lists(large, "truth", name) for value in row)
    assert sum(clicks_of_shown) == len(clicked) == len(clicks["article"])
    chance = np.array(chances)[np.array(looked)]
    was_clicked = np.array(clicks_of_shown)[np.array(looked)]
    for part in np.array_split(np.argsort(chance), 10):
        error = np.sqrt((chance[part] * (1 - chance[part])).sum()) / len(part)
        assert abs(was_clicked[part].mean() - chance[part].mean()) < 5 * error


def test_examination_falls_down_the_page(large: Path) -> None:
    looked = lists(large, "truth", "examined")
    rates = [np.mean([row[place] for row in looked]) for place in (0, 4, 16)]
    assert rates[0] > rates[1] > rates[2]
    assert rates[0] == pytest.approx(Parameters().notice, abs=0.01)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("readers", 0),
        ("impressions", 0),
        ("days", 0),
        ("articles_per_day", 0),
        ("candidates", 0),
        ("candidates", 201),
    ],
)
def test_sizes_that_make_no_log_are_refused_in_a_sentence(name: str, value: int, tmp_path: Path) -> None:
    sizes: dict[str, Any] = {"readers": 5, "impressions": 5, "days": 1, "articles_per_day": 5, "candidates": 5}
    sizes[name] = value
    with pytest.raises(ValueError, match=f"^{name} is {value}, and must be from 1 to "):
        simulate(tmp_path / "log", **sizes)
    assert not list(tmp_path.iterdir())


def test_parameters_without_sense_are_refused() -> None:
    cases: list[dict[str, Any]] = [
        {"topics": 0},
        {"base": float("nan")},
        {"subtopics": 3},
        {"theme_share": 0.9},
        {"whim": -0.1},
        {"notice": 1.5},
        {"shelf_hours": 0.0},
        {"session_impressions": 0.5},
    ]
    for wrong in cases:
        with pytest.raises(ValueError, match=r"^[a-z0-9].* "):
            Parameters(**wrong)


def test_the_smallest_log_can_be_made(tmp_path: Path) -> None:
    simulate(tmp_path / "log", readers=1, impressions=1, days=1, articles_per_day=1, candidates=1)
    assert tuple(sorted(path.name for path in (tmp_path / "log").iterdir())) == FILES


def test_a_directory_with_something_in_it_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(ValueError, match="not an empty directory"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_log_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="broken"), LogWriter(tmp_path / "log", None, "test") as log:
        log.write("clicks", {"reader": pa.array(["r"]), "article": pa.array(["a"]), "time": pa.array([0], pa.int64())})
        raise RuntimeError("broken")
    assert not list(tmp_path.iterdir())


def test_progress_ends_with_everything_done(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    simulate(
        tmp_path / "log",
        readers=10,
        impressions=100,
        days=2,
        articles_per_day=30,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1][0] == told[-1][1] == len(lists(tmp_path / "log", "impressions", "id"))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
