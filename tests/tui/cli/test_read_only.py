"""Read-only mode: every command of the table and every method of the engine's facets that writes refuses, and
what only reads leaves the store as it is. A command or method without arguments here fails the tests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from engine.api import Engine, Subject, Wanted
from engine.errors import ReadOnly
from tests.conftest import MlflowStore
from tests.tui.cli.conftest import Run
from tui.cli.group import cli

RUN = "0" * 32

WRITING: dict[str, tuple[str, ...]] = {
    "delete": (RUN, "--yes"),
    "restore": (RUN, "--yes"),
    "experiment create": ("new", "--yes"),
    "experiment delete": ("heart", "--yes"),
    "experiment restore": ("gone", "--yes"),
    "model copy": ("classifier", "2", "other", "--yes"),
    "model delete": ("classifier", "2", "--confirm", "classifier/2"),
    "register": ("new", "--best", "heart", "--yes"),
    "edit runs": ("heart", "--all", "--tag", "a=b", "--yes"),
    "edit experiment": ("heart", "--tag", "a=b", "--yes"),
    "edit model": ("classifier", "--tag", "a=b", "--yes"),
    "edit version": ("classifier", "2", "--tag", "a=b", "--yes"),
    "promote": ("classifier", "3", "--stage", "Production", "--yes"),
    "undo": ("--yes",),
    "request": ("classifier", "3", "--to", "Production"),
    "approve": ("classifier", "3"),
    "reject": ("classifier", "3"),
    "deploy": ("classifier/2",),
    "swap": ("classifier",),
    "stop": ("classifier",),
    "train": ("--experiment", "new"),
    "demo": (),
    "server start": (),
    "server stop": (),
    "server restore": ("backup.tar", "new"),
    "server upgrade": ("--confirm", "copy.db"),
}
WITH_OPTIONS: dict[str, tuple[str, ...]] = {
    "policy": ("classifier", "--remove", "--yes"),
    "report": ("heart", "--log-to", "new"),
    "journal": ("--mark-killed", "--yes"),
    "test": ("classifier/2", "--log"),
}
"""Commands that write only with such options."""
READING: dict[str, tuple[str, ...] | None] = {
    "experiments": (),
    "runs": ("heart",),
    "compare": ("-e", "heart", "trial-00", "trial-01"),
    "chart": ("heart",),
    "best": ("heart",),
    "insights": ("heart",),
    "report": ("heart", "-o", "report"),
    "artifacts": (RUN,),
    "models": ("classifier",),
    "requests": ("classifier",),
    "history": ("classifier",),
    "lineage": ("classifier", "1"),
    "policy": ("classifier",),
    "deployments": (),
    "logs": ("classifier",),
    "unit": ("deployment", "classifier"),
    "journal": ("--verify",),
    "server status": (),
    "server logs": (),
    "server unit": (),
    "server doctor": (),
    "server backup": ("-o", "backup.tar"),
    "test": None,
    "load-test": None,
    "predict": None,
}
"""None for a command that needs a model that can be loaded, or a deployment."""

ARGUMENTS: dict[str, Callable[[Engine], dict[str, Any]]] = {
    "runs.change_lifecycle": lambda engine: {"plan": engine.runs.plan_lifecycle([RUN], "deleted")},
    "experiments.apply": lambda engine: {
        "plan": engine.experiments.plan_delete(engine.runs.experiment("heart"))
    },
    "edits.apply": lambda engine: {
        "plan": engine.edits.plan([Subject("model", "classifier")], Wanted(tags={"a": "b"}))
    },
    "models.register": lambda _: {"plan": None},
    "models.finish_registration": lambda _: {"entry": None},
    "models.discard_registration": lambda _: {"entry": None},
    "models.copy": lambda engine: {"plan": engine.models.plan_copy("classifier", 2, "other")},
    "models.remove": lambda engine: {"plan": engine.models.plan_removal("classifier", 2)},
    "models.request": lambda _: {"model": "classifier", "version": 3, "target": "Production"},
    "models.decide": lambda _: {"model": "classifier", "version": 3, "approved": True},
    "models.set_policy": lambda _: {"model": "classifier", "text": ""},
    "models.promote": lambda engine: {
        "plan": engine.models.plan_promotion("classifier", 3, stage="Production")
    },
    "models.smoke_test": lambda _: {"model": "classifier", "version": 2, "allow_code": True},
    "model_tests.log": lambda _: {"test": None},
    "model_tests.send": lambda _: {"target": LOCAL, "request": None, "allow_code": True},
    "model_tests.predict": lambda _: {
        "target": LOCAL,
        "path": Path("rows.csv"),
        "raw": b"a\n1\n",
        "allow_code": True,
    },
    "training.train": lambda _: {"spec": None, "on_event": None},
    "training.resume": lambda _: {"run_id": "abc", "on_event": None},
    "training.mark_killed": lambda _: {"entry": None},
    "training.demo": lambda _: {},
    "reports.log": lambda _: {"report": None, "run_id": None},
    "deployments.deploy": lambda _: {"reference": "classifier/2"},
    "deployments.swap": lambda _: {"name": "classifier"},
    "deployments.back": lambda _: {"name": "classifier"},
    "deployments.stop": lambda _: {"name": "classifier"},
    "deployments.remove": lambda _: {"name": "classifier"},
    "server.start": lambda _: {"options": None},
    "server.stop": lambda _: {},
    "server.remove": lambda _: {"name": "mlflow"},
    "server.restore": lambda _: {"backup": Path("backup.tar"), "target": Path("new")},
    "server.plan_upgrade": lambda engine: {"uri": engine.uri},
    "server.upgrade": lambda _: {"plan": None, "confirmed": "copy.db"},
}
"""The arguments of the methods that write, by facet and name."""
LOCAL = SimpleNamespace(url="", model="classifier", version=0)
READS = {
    "runs": "experiments experiment newest_experiment feed find newest detail artifacts metric_history "
    "resolve_run_ids resolve_run saved_views compare compare_loaded with_bests histories_sheet history_sheet "
    "plan_lifecycle plan_reversal",
    "experiments": "plan_create plan_delete plan_restore plan_undo",
    "evidence": "best standing versus differences insights remarks forest",
    "models": "registered model versions history lineage station without_stages compare with_signatures "
    "plan_promotion plan_undo saved_views logged_metrics promotions_after "
    "plan_registration plan_copy plan_removal waiting policies policies_for prompt_count source_runs",
    "edits": "plan current plan_undo",
    "model_tests": "version target deployed describe check_trust template labelled shadow load last close",
    "training": "profile check read_sweep_file resumable abandoned",
    "journal": "entries entry check is_here finding",
    "charts": "histories refined overview current",
    "artifacts": "listing tree preview plan_download download model_location",
    "reports": "make model_card existing_files write",
    "deployments": "all failed with_newer find is_from_here log follow unit",
    "server": "all find check store_problem log follow unit doctor backup needs_upgrade rehearse_upgrade",
}
"""The methods that leave the store, the services and the servers as they are."""


def commands(group: click.Group = cli, before: str = "") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} ")
        else:
            yield before + name


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_command_is_known_to_write_or_to_read() -> None:
    assert set(commands()) == WRITING.keys() | READING.keys()
    assert WITH_OPTIONS.keys() <= READING.keys()
    assert not WRITING.keys() & READING.keys()


@pytest.mark.slow
def test_every_command_that_writes_refuses_and_writes_nothing(
    run: Run, mlflow_store_copy: MlflowStore, home: Path
) -> None:
    store = mlflow_store_copy.path
    before, state = store.read_bytes(), content(home)
    wrong = []
    for name, arguments in (WRITING | WITH_OPTIONS).items():
        done = run(
            "--read-only", *name.split(), *arguments, env={"MLFLOW_TRACKING_URI": mlflow_store_copy.uri}
        )
        if done.status != 1 or "is disabled" not in done.err:
            wrong.append(f"{name}: {done}")
        assert store.read_bytes() == before, name
        assert content(home) == state, name
    assert wrong == []


@pytest.mark.slow
def test_every_command_that_reads_leaves_the_store_as_it_is(run: Run, mlflow_store_copy: MlflowStore) -> None:
    store = mlflow_store_copy.path
    before = store.read_bytes()
    for name, arguments in READING.items():
        if arguments is not None:
            done = run(
                "--read-only", *name.split(), *arguments, env={"MLFLOW_TRACKING_URI": mlflow_store_copy.uri}
            )
            assert "is disabled" not in done.err, f"{name}: {done}"
            assert "Internal error" not in done.err, f"{name}: {done}"
            assert store.read_bytes() == before, name


def test_every_method_of_the_facets_that_writes_refuses_and_writes_nothing(
    mlflow_store_copy: MlflowStore, clean_environment: Mapping[str, str]
) -> None:
    store, home = mlflow_store_copy.path, Path(clean_environment["HOME"])
    with Engine(mlflow_store_copy.tracking, read_only=True) as engine:
        facets = {
            name: facet
            for name, facet in vars(engine).items()
            if type(facet).__module__.startswith("engine.api.")
        }
        methods = {
            f"{name}.{method}"
            for name, facet in facets.items()
            for method, _ in inspect.getmembers(facet, inspect.ismethod)
            if not method.startswith("_")
        }
        reads = {f"{facet}.{method}" for facet, names in READS.items() for method in names.split()}
        assert methods == reads | ARGUMENTS.keys()
        calls = {name: make(engine) for name, make in ARGUMENTS.items()}
        before, state = store.read_bytes(), content(home)
        for name, arguments in calls.items():
            facet, method = name.split(".")
            try:
                getattr(facets[facet], method)(**arguments)
            except ReadOnly:
                pass
            else:
                pytest.fail(f"{name} did not refuse")
        assert store.read_bytes() == before
        assert content(home) == state
