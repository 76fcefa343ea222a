"""The output of every command on the hostile store: on a terminal, in a pipe, as JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.engine.server.doctor.support import execute
from tests.hostile.payloads import EXPERIMENT, PAYLOADS, Payload
from tests.hostile.stream import unexpected_output
from tests.support.warm import Warm

LISTINGS = {
    "experiments": ("experiments",),
    "runs": ("runs", EXPERIMENT),
    "models": ("models",),
}
# a shell can pass neither a NUL nor a lone surrogate as an argument
TYPEABLE = [payload for payload in PAYLOADS if payload.name not in ("nul", "surrogate", "long")]


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_in_a_pipe_shows_every_name_and_no_control_character(
    listing: str, hostile_store: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    done = warm.run("--tracking-uri", hostile_store, *LISTINGS[listing], cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), unexpected_output(done.stderr)) == (0, [], [])
    assert [p.name for p in PAYLOADS if p.marker not in done.stdout.decode()] == []


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_on_a_terminal_shows_every_name_and_no_control_character(
    listing: str, hostile_store: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    arguments = ("--tracking-uri", hostile_store, *LISTINGS[listing])
    with warm.open(*arguments, cwd=tmp_path, home=home, cols=160, rows=80) as terminal:
        assert terminal.wait_exit() == 0
        assert unexpected_output(bytes(terminal.raw)) == []
        assert [p.name for p in PAYLOADS if p.marker not in terminal.text] == []


@pytest.mark.parametrize("listing", LISTINGS)
def test_json_is_ascii_and_contains_the_unchanged_names(
    listing: str, hostile_store: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    done = warm.run("--tracking-uri", hostile_store, *LISTINGS[listing], "--json", cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), done.stdout.isascii()) == (0, [], True)
    name = "run_name" if listing == "runs" else "name"
    names = {entry[name] for entry in json.loads(done.stdout)[listing]}
    assert {p.text for p in PAYLOADS if p.name != "surrogate"} <= names
    assert any(PAYLOADS[11].marker in entry for entry in names)


@pytest.mark.parametrize("payload", TYPEABLE, ids=lambda p: p.name)
def test_a_model_with_a_hostile_name_can_be_shown(
    payload: Payload, hostile_store: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    done = warm.run("--tracking-uri", hostile_store, "models", payload.text, cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), unexpected_output(done.stderr)) == (0, [], [])
    assert payload.marker in done.stdout.decode()


def test_best_and_compare_show_every_name_and_no_control_character(
    hostile_store: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    best = warm.run("--tracking-uri", hostile_store, "best", EXPERIMENT, cwd=tmp_path, home=home)
    assert (best.returncode, unexpected_output(best.stdout), unexpected_output(best.stderr)) == (0, [], [])
    listed = warm.run("--tracking-uri", hostile_store, "runs", EXPERIMENT, "--json", cwd=tmp_path, home=home)
    ids = [run["run_id"] for run in json.loads(listed.stdout)["runs"]]
    done = warm.run("--tracking-uri", hostile_store, "compare", *ids, cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), unexpected_output(done.stderr)) == (0, [], [])
    assert [p.name for p in PAYLOADS if p.marker not in done.stdout.decode()] == []


def test_charts_show_every_name_and_no_control_character(
    hostile_store: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    for options in (
        ("--kind", "bar"),
        ("--kind", "rank"),
        ("--kind", "scatter", "--x", "value"),
        ("--kind", "box", "--x", "value"),
        ("--kind", "line"),
    ):
        command = ("chart", EXPERIMENT, "--metric", "accuracy", *options)
        done = warm.run("--tracking-uri", hostile_store, *command, cwd=tmp_path, home=home)
        assert (done.returncode, unexpected_output(done.stdout), unexpected_output(done.stderr)) == (
            0,
            [],
            [],
        )
        if options == ("--kind", "bar"):
            assert [p.name for p in PAYLOADS if p.marker not in done.stdout.decode()] == []
    file = ("chart", EXPERIMENT, "--metric", "accuracy", "--kind", "bar", "-o", "chart.svg")
    done = warm.run("--tracking-uri", hostile_store, *file, cwd=tmp_path, home=home)
    assert (done.returncode, done.stderr) == (0, b"")
    assert unexpected_output((tmp_path / "chart.svg").read_bytes()) == []


def test_the_doctor_shows_no_control_character_of_what_it_finds(
    hostile_store: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    copy = shutil.copyfile(hostile_store.removeprefix("sqlite:///"), tmp_path / "copy.db")
    rival = (
        "INSERT INTO model_versions (workspace, name, version, creation_time, current_stage, source, run_id,"
        " status) SELECT workspace, name, 99, creation_time, 'Production', source, run_id, 'READY'"
        " FROM model_versions WHERE version = 1"
    )
    execute(
        copy,
        rival,
        "UPDATE model_versions SET current_stage = 'Production'",
        "UPDATE registered_model_aliases SET version = 77",
        "UPDATE runs SET status = 'RUNNING', start_time = 0",
        "UPDATE latest_metrics SET timestamp = 0",
        "UPDATE experiments SET artifact_location = name",
    )
    command = ("--tracking-uri", f"sqlite:///{copy}", "server", "doctor")
    done = warm.run(*command, cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), unexpected_output(done.stderr)) == (1, [], [])
    found = done.stdout.decode()
    for title in ("in Production", "points to a version", "no sign of life", "depends on the folder"):
        assert title in found
    done = warm.run(*command, "--json", cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), done.stdout.isascii()) == (1, [], True)
    with warm.open(*command, cwd=tmp_path, home=home, cols=100, rows=40) as terminal:
        assert terminal.wait_exit() == 1
        assert unexpected_output(bytes(terminal.raw)) == []


@pytest.mark.parametrize("payload", TYPEABLE, ids=lambda p: p.name)
def test_an_error_quotes_a_typed_name_without_control_characters(
    payload: Payload, hostile_store: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    missing = f"no {payload.text}"
    done = warm.run("--tracking-uri", hostile_store, "runs", missing, cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), unexpected_output(done.stderr)) == (1, [], [])
    assert b"Traceback" not in done.stderr


def test_hostile_runs_can_be_deleted_and_restored(
    hostile_store: str, warm_writer: Warm, tmp_path: Path, home: Path
) -> None:
    """All but the run whose name is not valid text, which MLflow itself cannot read."""
    copy = f"sqlite:///{shutil.copyfile(hostile_store.removeprefix('sqlite:///'), tmp_path / 'copy.db')}"
    listed = warm_writer.run("--tracking-uri", copy, "runs", EXPERIMENT, "--json", cwd=tmp_path, home=home)
    ids = [run["run_id"] for run in json.loads(listed.stdout)["runs"]]
    arguments = ("--tracking-uri", copy, "delete", *ids)
    with warm_writer.open(*arguments, cwd=tmp_path, home=home, cols=160, rows=80) as terminal:
        terminal.wait_for("Go ahead? [y/N]")
        assert unexpected_output(bytes(terminal.raw)) == []
        assert [p.name for p in PAYLOADS if p.marker not in terminal.text] == []
        terminal.type("n\r")
        assert terminal.wait_exit() == 1
    for command, status in (
        (("delete", *ids, "--yes"), 1),
        (("restore", *ids, "--yes"), 0),
        (("journal",), 0),
    ):
        done = warm_writer.run("--tracking-uri", copy, *command, cwd=tmp_path, home=home)
        assert (done.returncode, unexpected_output(done.stdout), done.stderr) == (status, [], b"")
        if status:
            assert "14 of 15 runs deleted, 1 failed" in done.stdout.decode()
