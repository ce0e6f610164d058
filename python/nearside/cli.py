"""The command line: from a site's own articles and clicks to a model that its page can load.

Each command reads what the one before it wrote. `nearside COMMAND --help` says what it reads and writes.
"""

import importlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from nearside.faults import Faults
from nearside.log import Log, LogError
from nearside.progress import bar
from nearside.space import DEFAULT, Space

app = typer.Typer(
    name="nearside",
    help=__doc__,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
errors = Console(stderr=True, highlight=False)
LONGEST_MESSAGE = 2_000  # characters

SpaceOption = Annotated[Path, typer.Option("--space", help="Vector space file.", dir_okay=False, exists=True)]
EncoderOption = Annotated[
    Path | None,
    typer.Option("--encoder", help="Directory of tokenizer.json and an ONNX file; default: all-MiniLM-L6-v2."),
]
HistoryDays = Annotated[
    float,
    typer.Option(help="MIND only: days before a reader's first impression over which its history is spread.", min=0.1),
]
Mlflow = Annotated[bool, typer.Option("--mlflow", help="Log the run to MLflow; so does MLFLOW_TRACKING_URI.")]


@contextmanager
def refusals(faults: Faults | None = None) -> Iterator[None]:
    """Turns what the lab refuses into one sentence and exit code 1; prints the faults found until then."""
    from nearside.track import TrackingError

    try:
        yield
    except (ValueError, OSError, TrackingError) as error:
        # The arguments of these two hold more than their message: a whole file's text, for one.
        is_told = isinstance(error, OSError | UnicodeError) or not error.args
        text = str(error) if is_told else ": ".join(str(part) for part in error.args)
        text = text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "…"
        errors.print("nearside:", style="red", end=" ")
        errors.print(text, markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    finally:
        report(faults or Faults())


def report(faults: Faults) -> None:
    """Prints what was wrong with an input."""
    for line in faults.lines():
        errors.print(f"  {line}", style="yellow", markup=False, soft_wrap=True)


@app.command()
def encode(
    articles: Annotated[
        Path, typer.Argument(help="JSON Feed; or Parquet, TSV, CSV of id, title, …", exists=True, dir_okay=False)
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Feed (may be the same); or a log's directory, or .parquet.")
    ] = None,
    space: SpaceOption = DEFAULT,
    encoder: EncoderOption = None,
    check: Annotated[bool, typer.Option("--check", help="Feeds: write nothing; fail where one is stale.")] = False,
) -> None:
    """Writes each article's vector, and a topic where it has none: what a publisher's system does at publish time.

    A feed's items get their `_nearside` fields. A table becomes `articles.parquet` of a log. A topic from the nearest
    neighbours is marked `predicted`. The same texts in the same space give the same bytes.

    Example: `nearside encode articles.csv -o log` · `nearside encode feed.json -o feed.json`
    """
    from nearside import article_table, feed
    from nearside.onnx_encoder import open_encoder

    faults = Faults()
    with refusals(faults):
        if articles.suffix != ".json" and (check or output is None):
            raise ValueError("--check is for feeds" if check else "say by -o where the articles are to be written")
        made, vector_space = open_encoder(encoder), Space.load(space)
        if articles.suffix == ".json":
            text = feed.encode_file(articles, output, made, vector_space, faults, check=check)
        elif output is not None:
            text = article_table.encode_file(articles, output, made, vector_space, faults)
    typer.echo(text)


@app.command()
def fit_space(
    texts: Annotated[Path, typer.Argument(help="One text a line, or an articles table.", exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="The space file; must not exist.")],
    name: Annotated[str, typer.Option(help="Its name, with a version: feeds, logs and models state it.")],
    encoder: EncoderOption = None,
) -> None:
    """Fits a vector space to texts, for another encoder or language: 64 principal axes. Some thousands of texts do.

    Vectors of two spaces must never meet: encode every article again, and train a model for it.

    Example: `nearside fit-space articles.csv -o mine.safetensors --name mine-v1`
    """
    from nearside.fit_space import fit, read_texts
    from nearside.onnx_encoder import open_encoder

    faults = Faults()
    with refusals(faults):
        if output.exists():
            raise ValueError(f"{output} exists; a space's name stands for its bytes: give this one another")
        found, command = read_texts(texts, faults), f"nearside fit-space {texts.name} --name {name}"
        space, kept = fit(name, found, open_encoder(encoder), {"texts": texts.name}, command)
        output.parent.mkdir(parents=True, exist_ok=True)
        space.save(output)
    typer.echo(f"{output}: the space {name} of {len(found):,} texts; their vectors keep {kept:.3f} of their length")


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory to write; must not exist or be empty.")],
    impressions: Annotated[int, typer.Option(help="About how many pages are shown.", min=1)] = 100_000,
    readers: Annotated[
        int | None, typer.Option(help="How many readers; by default one for 12 impressions.", min=1)
    ] = None,
    days: Annotated[int, typer.Option(help="Length of the log.", min=1)] = 28,
    articles_per_day: Annotated[int, typer.Option(help="New articles a day.", min=1)] = 240,
    candidates: Annotated[int, typer.Option(help="Articles on a page.", min=2, max=200)] = 30,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
) -> None:
    """Writes a click log from a generative model of articles, readers, pages and choices.

    Free of any licence. Beside the three tables of a log it writes the truth: `truth.parquet`, the chance of a click on
    every article if looked at, and `readers.parquet`.

    Example: `nearside simulate -o log --impressions 100000`
    """
    from nearside.simulate import simulate as run

    with refusals(), bar() as display:
        task = display.add_task("simulating", total=impressions)
        run(
            output,
            readers=readers or max(impressions // 12, 1),
            impressions=impressions,
            days=days,
            articles_per_day=articles_per_day,
            candidates=candidates,
            seed=seed,
            progress=lambda done, total: display.update(task, completed=done, total=total),
        )
    typer.echo(f"{output}: a simulated log; next: nearside replay {output} -o features")


@app.command()
def replay(
    log: Annotated[Path, typer.Argument(help="Log directory, or a MIND folder.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory to write; must not exist or be empty.")],
    space: SpaceOption = DEFAULT,
    history_days: HistoryDays = 28.0,
    counts: Annotated[
        Path | None, typer.Option(help="TSV of id, shows, clicks: what the page carries.", exists=True)
    ] = None,
) -> None:
    """Plays a log in time order through the crate and writes the feature rows for training.

    Every row is what the reader's device would have computed at that moment, from earlier clicks only.

    Example: `nearside replay log -o features`
    """
    from nearside import _core
    from nearside.replay import read_counts
    from nearside.replay import replay as run
    from nearside.rows import write_rows

    with refusals(), bar() as display:
        source = Log.open(log, Space.load(space), history_days=history_days)
        carried = read_counts(counts, source) if counts else None
        task = display.add_task("replaying", total=source.impressions)

        def batches() -> Iterator:
            for batch, _ in run(source, counts=carried):
                display.advance(task, len(batch.evidence))
                yield batch

        began = time.perf_counter()
        rows = write_rows(output, source, batches(), _core.FEATURES)
    report(source.faults)
    rate = rows / (time.perf_counter() - began)
    typer.echo(f"{output}: {rows:,} rows of {source.impressions:,} impressions, {rate:,.0f} rows a second")


@app.command()
def train(
    features: Annotated[Path, typer.Argument(help="Directory that `nearside replay` wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory for weights and training.json.")],
    network: Annotated[str, typer.Option(help="linear, or attention (for logs of real articles).")] = "linear",
    names: Annotated[str | None, typer.Option("--features", help="Comma-separated feature names.")] = None,
    k: Annotated[float, typer.Option(help="Clicks at which half of the strength is reached.", min=0.1)] = 10.0,
    strength: Annotated[float, typer.Option(help="Weight of the personal part at unlimited evidence.", min=0.01)] = 0.8,
    seeds: Annotated[int, typer.Option(help="Runs; the best by the held-out slice of time is kept.", min=1)] = 3,
    epochs: Annotated[int, typer.Option(min=1)] = 30,
    rate: Annotated[float | None, typer.Option(help="Adam's step; 0.005 for linear, 0.002 for attention.")] = None,
    decay: Annotated[float, typer.Option(help="Weight of the squared weights.", min=0)] = 0.02,
    most: Annotated[int | None, typer.Option(help="Use only the latest so many impressions.", min=20)] = None,
    mlflow: Mlflow = False,
) -> None:
    """Trains a reranker on exactly the sum that is served.

    A listwise softmax over `server_logit + w * personal`, the first a fixed offset; a bias for each slot is learned and
    dropped.

    Example: `nearside train features -o run`
    """
    from nearside import track
    from nearside.rows import read_rows
    from nearside.training.train import PERSONAL, Settings, save_run
    from nearside.training.train import train as run

    settings = Settings(
        network=network,
        features=tuple(names.split(",")) if names else PERSONAL,
        strength=strength,
        k=k,
        seeds=seeds,
        epochs=epochs,
        rate=rate if rate is not None else (0.005 if network == "linear" else 0.002),
        decay=decay,
    )
    with refusals(), bar() as display:
        if track.wanted(mlflow):
            track.client_library()
        rows = read_rows(features, minimum_evidence=settings.minimum_evidence, most=most)
        tasks: dict[str, int] = {}

        def progress(label: str, epoch: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = display.add_task(f"training, {label}", total=total)
            display.update(tasks[label], completed=epoch)  # pyright: ignore[reportArgumentType]

        result = run(rows, settings, progress)
        save_run(result, output, rows.about["log"])
        summary = result.summary()
        losses = summary["held_out_loss"]
        if track.wanted(mlflow):
            files = [output / "weights.safetensors", output / "training.json"]
            numbers = {f"held_out_loss_{name}": value for name, value in losses.items()}
            track.log_run("train", parameters=summary["settings"], metrics=numbers, files=files, alias="newest")
    typer.echo(
        f"{output}: held-out loss {losses['best']:.4f}, of the server's order alone {losses['server_order']:.4f}; "
        f"{seeds} seeds, spread {losses['spread']:.4f}; {result.impressions[0]:,} impressions"
    )


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Directory that `nearside train` wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The ONNX file; its card is written beside it.")],
    name: Annotated[str, typer.Option(help="The model's name in outcomes and logs.")],
    evaluation: Annotated[
        Path | None, typer.Option("--report", help="Directory of an evaluation, for the card.")
    ] = None,
    most_ms: Annotated[
        float, typer.Option(help="Milliseconds that 200 candidates with 50 clicks may take, natively.", min=0)
    ] = 10,
) -> None:
    """Writes the model a page loads: signed bytes, contract, golden case, and a card in Hugging Face's format.

    Refuses a file of more than 24 KB, one on which JAX, ONNX Runtime and the crate do not agree to 1e-5, and one that
    takes longer than `--most-ms` for the largest list.

    Example: `nearside export run -o reranker.onnx --name mine-1`
    """
    from nearside.training.export import card
    from nearside.training.export import export as make

    with refusals():
        file = make(run, name=name, most_ms=most_ms)
        found = json.loads((evaluation / "report.json").read_text("utf-8")) if evaluation else None
        about = json.loads((run / "training.json").read_text("utf-8"))
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(file)
        output.with_suffix(".md").write_text(card(file, name, about, found), "utf-8")
    typer.echo(f"{output}: {len(file):,} bytes; {output.with_suffix('.md')}: its card")


@app.command()
def release(
    model: Annotated[Path, typer.Argument(help="ONNX file that `nearside export` wrote.", exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory; earlier releases stay in it.")],
    key: Annotated[Path, typer.Option(help="Private key that `npx nearside keys` wrote.", exists=True, dir_okay=False)],
    space: SpaceOption = DEFAULT,
    policy: Annotated[str | None, typer.Option(help="JSON of the policy's members, or a file with it.")] = None,
    rollout: Annotated[float, typer.Option(help="Percentage of the readers that get it.", min=0, max=100)] = 100,
    days: Annotated[float, typer.Option(help="How long it may be used.", min=0.01)] = 30,
    channel: Annotated[
        str | None, typer.Option(help="The pages it is for; the release before's, or `default`.")
    ] = None,
    most_ms: Annotated[
        float, typer.Option(help="Milliseconds that 200 stories with 50 clicks may take the package's wasm.", min=0.001)
    ] = 10,
) -> None:
    """Writes the static files that pages load a model from: hashed names, compressed, with a signed manifest.

    The same as `npx nearside release`, which can also switch a release off and roll back (docs/delivery.md).
    Needs Node, and the package built.

    Example: `nearside release reranker.onnx -o release --key key.pem`
    """
    from nearside.release import release as make

    more = {"rollout": str(rollout), "days": str(days), "most-ms": str(most_ms)}
    if policy is not None:
        more["policy"] = policy if policy.lstrip().startswith("{") else str(Path(policy).resolve())
    if channel is not None:
        more["channel"] = channel
    with refusals():
        text = make(model, output, key=key, space=space, more=more)
    typer.echo(text)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="ONNX file with a contract.", exists=True, dir_okay=False)],
    logs: Annotated[list[Path], typer.Argument(help="Log directories or MIND folders, measured together.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory for report.json and report.html.")] = Path(
        "report"
    ),
    counts: Annotated[
        list[Path] | None,
        typer.Option(
            "--counts",
            help="TSV of id, shows, clicks that the page carries: one for all logs or one each.",
            exists=True,
        ),
    ] = None,
    scorer: Annotated[
        list[str] | None, typer.Option(help="module:function from a Batch to one number a candidate.")
    ] = None,
    space: SpaceOption = DEFAULT,
    history_days: HistoryDays = 28.0,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=100)] = 1000,
    mlflow: Mlflow = False,
) -> None:
    """Replays logs, ranks with the shipped code path, and measures the model among the baselines.

    Writes `report.json` and a self-contained `report.html`, and prints the table.

    Example: `nearside evaluate reranker.onnx log -o report`
    """
    from nearside import track
    from nearside.evaluation.run import evaluate as run
    from nearside.evaluation.run import open_sources

    with refusals(), bar() as display:
        if track.wanted(mlflow):
            track.client_library()
        vector_space = Space.load(space)
        opened = [Log.open(log, vector_space, history_days=history_days) for log in logs]
        sources = open_sources(opened, counts or [])
        task = display.add_task("evaluating", total=sum(log.impressions for log in opened))
        found = run(
            model,
            sources,
            scorers={f"scorer {text}": load_scorer(text) for text in scorer or []},
            computed={"command": " ".join(["nearside", *sys.argv[1:]]), "history_days": history_days},
            resamples=resamples,
            progress=lambda done: display.advance(task, done),
        )
        found.write(output)
        if track.wanted(mlflow):
            rows = found.data["rows"].items()
            metrics = {
                f"{_plain(name)}.{key}": row[key]["mean"]
                for name, row in rows
                for key in ("auc", "mrr", "ndcg5", "ndcg10")
                if row[key]["mean"] is not None
            }
            files = [output / "report.json", output / "report.html"]
            track.log_run(
                "evaluate", parameters={"model": model.name, **found.data["log"]}, metrics=metrics, files=files
            )
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=150)).print(found.table())
    for log in opened:
        if len(opened) > 1 and log.faults.by_reason:
            errors.print(f"{log.about.get('source', '')}:", markup=False)
        report(log.faults)
    typer.echo(f"{output / 'report.html'}: the same with slices, pairs and plots")


def _plain(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name)


def load_scorer(text: str) -> Any:
    """The function that `module:function` names; the working directory is searched, too."""
    module, _, function = text.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise LogError(f"--scorer {text}: {error}") from error
    finally:
        sys.path.pop(0)
    if not callable(found):
        raise LogError(f"--scorer {text} is no function")
    return found


@app.command()
def bench(
    log: Annotated[Path, typer.Argument(help="Log directory, or a MIND folder.")],
    model: Annotated[Path | None, typer.Option(help="Rank with this model, too.", exists=True)] = None,
) -> None:
    """Prints how many candidate rows a second are replayed, on one core.

    Example: `nearside bench log --model reranker.onnx`
    """
    from nearside import _core
    from nearside.replay import replay as run

    with refusals():
        source = Log.open(log)
        rankers = [(_core.Ranker(model.read_bytes()), [_core.Policy()])] if model else []
        began, rows = time.perf_counter(), 0
        for batch, _ in run(source, rankers=rankers):
            rows += len(batch.article)
        seconds = time.perf_counter() - began
    what = "replayed and ranked" if model else "replayed"
    typer.echo(f"{rows:,} rows {what} in {seconds:.2f} s: {rows / seconds:,.0f} rows a second")


if __name__ == "__main__":
    app()
