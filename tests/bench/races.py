"""Two operators who promote different versions at the same moment, and the same with MLflow's own call.

    .venv/bin/python tests/bench/races.py [--rounds 200] [--server]

The operators have state folders of their own, so they share no lock, and plan on the same registry before
both apply. A round ends as promised if exactly one version is in Production afterwards, exactly one operator
was told of success, and the other one was told which version won. MLflow's
`transition_model_version_stage(…, archive_existing_versions=True)` is called by the same processes in turns
of the same kind. With --server, both reach the database through an `mlflow server` with two workers.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from pathlib import Path

from engine.uri import TrackingUri
from tests.support.registry import Console, Registry
from tests.support.server import serving

VERSIONS = ((1, "Production"), (2, "None"), (3, "None"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--server", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        database = f"sqlite:///{folder}/mlflow.db"
        if not options.server:
            run(TrackingUri(database), folder, options.rounds)
            return
        with serving(database, folder, workers=2) as server:
            run(server.uri, folder, options.rounds)


def run(uri: TrackingUri, folder: Path, rounds: int) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(uri.raw)
    registry = Registry(uri, client, client.create_experiment("races", artifact_location=str(folder / "a")))
    model = registry.model("race", [stage for _, stage in VERSIONS])
    for way in ("console", "MLflow"):
        counts: Counter[str] = Counter()
        with Console(uri, folder / "ana") as ana, Console(uri, folder / "bo") as bo:
            ana.receive()
            bo.receive()
            for _ in range(rounds):
                for number, stage in VERSIONS:
                    registry.transition(model, number, stage)
                counts[outcome(registry, model, ana, bo, way)] += 1
        print(f"{way:<8} {rounds} rounds on {uri.raw.partition(':')[0]}: ", end="")
        print(", ".join(f"{count} {text}" for text, count in counts.most_common()))


def outcome(registry: Registry, model: str, ana: Console, bo: Console, way: str) -> str:
    """Let both promote, and say how the round ended."""
    for console, version in ((ana, 2), (bo, 3)):
        console.send(do="plan", model=model, version=version, stage="Production")
    for console in (ana, bo):
        console.receive()
    for console in (ana, bo):
        console.send(do="apply" if way == "console" else "transition")
    errors = [console.receive()["error"] for console in (ana, bo)]
    held = [number for number, stage in registry.stages(model).items() if stage == "Production"]
    won = errors.count("")
    if len(held) != 1:
        return f"left {len(held)} in Production ({won} told of success)"
    told = all(f"version {held[0]} was promoted by" in error for error in errors if error)
    if way == "console" and (won != 1 or not told):
        return f"left one in Production, {won} told of success"
    return "as promised" if way == "console" else f"left one in Production ({won} told of success)"


if __name__ == "__main__":
    main()
