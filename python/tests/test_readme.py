"""The lab's README is run as it stands: its commands in their order, then its Python."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from nearside.arrow import compute
from nearside.cli import app
from nearside.log import ARTICLES, CLICKS, IMPRESSIONS
from nearside.simulate import simulate
from nearside.space import ROOT

README = (ROOT / "python" / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def site(folder: Path) -> None:
    """What the README says that the reader has: articles, a log, its later days, a feed, a key."""
    subprocess.run(["node", str(ROOT / "delivery" / "keys.mjs"), "--out", str(folder / "key.pem")], check=True)
    simulate(folder / "all", readers=120, impressions=1500, days=6, articles_per_day=40, candidates=20)
    articles, impressions, clicks = (
        pq.read_table(folder / "all" / f"{name}.parquet") for name in ("articles", "impressions", "clicks")
    )
    titles = [f"{topic} {at}" for at, topic in enumerate(articles["subtopic"].to_pylist())]
    text = articles.select(["id", "topic", "subtopic"]).append_column("title", pa.array(titles))
    pv.write_csv(text, folder / "articles.csv")
    (folder / "feed.json").write_text('{"items": [{"id": "a", "title": "Rain again", "_nearside": {"topic": "x"}}]}')
    border = impressions["time"][1000]
    (folder / "log").mkdir()
    (folder / "later").mkdir()
    is_early = compute.less(impressions["time"], border)
    early, late = impressions.filter(is_early), impressions.filter(compute.invert(is_early))
    pq.write_table(early, folder / "log" / "impressions.parquet")
    pq.write_table(late, folder / "later" / "impressions.parquet")
    before = compute.is_in(clicks["impression"], early["id"].combine_chunks())
    history = compute.if_else(before, None, clicks["impression"])
    pq.write_table(clicks.filter(before), folder / "log" / "clicks.parquet")
    place = clicks.schema.get_field_index("impression")
    pq.write_table(clicks.set_column(place, "impression", history), folder / "later" / "clicks.parquet")


def test_every_command_and_all_code_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site(tmp_path)
    monkeypatch.chdir(tmp_path)
    scorer, binding = blocks("python")
    (tmp_path / scorer.split()[1]).write_text(scorer)
    ran = []
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["cp"]:
            for source in words[1:-1]:
                (tmp_path / words[-1] / Path(source).name).write_bytes((tmp_path / source).read_bytes())
        elif words[:3] == ["uv", "run", "nearside"]:
            result = CliRunner().invoke(app, words[3:])
            assert result.exit_code == 0, (line, result.output)
            ran.append(words[3])
    assert set(get_command(app).commands) <= set(ran)  # pyright: ignore[reportAttributeAccessIssue]
    assert "scorer mine:topic_lift" in (tmp_path / "report" / "report.json").read_text("utf-8")
    names: dict[str, Any] = {}
    exec(compile(binding, "README.md", "exec"), names)
    assert sorted(names["order"]) == list(range(20))
    assert (names["order"] != np.arange(20)).any()
    assert np.isfinite(names["lifted"])


@pytest.mark.parametrize(
    ("table", "schema"), [("articles", ARTICLES), ("impressions", IMPRESSIONS), ("clicks", CLICKS)]
)
def test_the_schema_is_documented(table: str, schema: pa.Schema) -> None:
    """Every column of the table, with its type, and whether it may be missing."""
    behind = README.partition(f"`{table}.parquet`, one row")[2]
    lines = next(re.finditer(r"(?:^\|.*\n)+", behind, re.MULTILINE)).group().splitlines()
    rows = [line.split("|")[1:4] for line in lines if line.startswith("| `")]
    documented = {
        name: (kind.strip().replace("\\", ""), needed.strip())
        for names, kind, needed in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    for field in schema:
        kind, needed = documented[field.name]
        written = str(field.type).replace("float", "float32").replace("item: ", "").replace("element: ", "")
        assert kind == written.replace("fixed_size_binary[64]", "fixed_size_binary(64)").replace("tz=", ""), field
        assert field.nullable or needed == "required", field
    assert set(documented) - set(schema.names) <= {"predicted"}
