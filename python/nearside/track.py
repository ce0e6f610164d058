"""Runs in MLflow: parameters, metrics and files of every training and evaluation, where the user asks for it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class TrackingError(RuntimeError):
    """MLflow was asked for and cannot be used; one sentence."""


def wanted(flag: bool) -> bool:
    """Whether runs are logged: `--mlflow`, or `MLFLOW_TRACKING_URI` is set."""
    return flag or bool(os.environ.get("MLFLOW_TRACKING_URI"))


def client_library() -> Any:
    """The module `mlflow`; asked for before a long run. Raises `TrackingError` where it is not installed."""
    try:
        import mlflow  # pyright: ignore[reportMissingImports] — an extra
    except ImportError as error:
        raise TrackingError("MLflow is not installed: uv sync --extra mlflow") from error
    return mlflow


def log_run(
    kind: str,
    *,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
    files: list[Path],
    alias: str | None = None,
) -> str:
    """Logs one run in the experiment `nearside` and gives its id.

    Without `MLFLOW_TRACKING_URI` the store is `mlflow.db` and `mlartifacts` in the working directory. With `alias`, the
    run's files become a version of the registered model `nearside`, under that alias.
    """
    mlflow = client_library()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    try:
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient(uri)
        experiment = client.get_experiment_by_name("nearside")
        if experiment is None:
            local = uri.startswith("sqlite:")
            place = (Path.cwd() / "mlartifacts").as_uri() if local else None
            identifier = client.create_experiment("nearside", artifact_location=place)
        else:
            identifier = experiment.experiment_id
        with mlflow.start_run(experiment_id=identifier, run_name=kind, tags={"nearside.kind": kind}) as run:
            mlflow.log_params({name: str(value)[:500] for name, value in parameters.items()})
            mlflow.log_metrics(dict(metrics))
            for path in files:
                mlflow.log_artifact(str(path))
            if alias:
                if not client.search_registered_models("name = 'nearside'"):
                    client.create_registered_model("nearside")
                source = mlflow.get_artifact_uri()
                version = client.create_model_version("nearside", source, run.info.run_id)
                client.set_registered_model_alias("nearside", alias, version.version)
            return run.info.run_id
    except mlflow.exceptions.MlflowException as error:
        raise TrackingError(f"MLflow at {uri}: {str(error).splitlines()[0]}") from error
