"""`mlflow-console server doctor`."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import MlflowStore
from tests.engine.server.doctor.support import CLEAN, RIVAL, execute
from tests.tui.cli.conftest import Run

GROUPS = ["connection", "store", "artifacts", "registry", "machine"]


def test_a_store_without_faults_has_one_line_per_group_and_status_0(
    run: Run, mlflow_store_copy: MlflowStore
) -> None:
    execute(mlflow_store_copy.path, *CLEAN)
    done = run("server", "doctor", "--tracking-uri", mlflow_store_copy.uri)
    assert (done.status, done.err) == (0, "")
    title, _, *groups, _, summary = done.out.splitlines()
    assert title == mlflow_store_copy.uri
    assert [line.split()[:2] for line in groups] == [["✓", group] for group in GROUPS]
    assert summary.startswith("nothing found · ")


def test_warnings_leave_status_0_and_errors_end_with_status_1(
    run: Run, mlflow_store_copy: MlflowStore
) -> None:
    execute(mlflow_store_copy.path, *CLEAN, RIVAL)
    doctor = ("server", "doctor", "--json")
    env = {"MLFLOW_TRACKING_URI": mlflow_store_copy.uri}
    report = run(*doctor, env=env).json
    assert (report["source"], report["has_errors"]) == ("MLFLOW_TRACKING_URI", False)
    assert [group["name"] for group in report["groups"]] == GROUPS
    (found,) = report["groups"][3]["findings"]
    assert (found["name"], found["severity"]) == ("two-in-production", "warning")
    assert found["command"] == "mlflow-console promote classifier 2 --stage Production"
    execute(mlflow_store_copy.path, "UPDATE alembic_version SET version_num = 'f00dfeed0001'")
    done = run(*doctor, env=env)
    assert (done.status, done.json["has_errors"]) == (1, True)


def test_a_finding_has_its_severity_evidence_fix_and_a_command_for_this_store(
    run: Run, mlflow_store_copy: MlflowStore
) -> None:
    execute(mlflow_store_copy.path, *CLEAN, RIVAL)
    done = run("--tracking-uri", mlflow_store_copy.uri, "server", "doctor")
    lines = [line.strip() for line in done.out.splitlines()]
    start = lines.index("! warning   2 versions of classifier are in Production")
    assert lines[start + 1 : start + 4] == [
        "Versions 1, 2; models:/classifier/Production silently loads 2",
        "Fix: Promote the one you mean; it archives the others.",
        f"mlflow-console --tracking-uri {mlflow_store_copy.uri} promote classifier 2 --stage Production",
    ]


def test_a_relative_path_in_the_environment_is_reported(
    run: Run, mlflow_store_copy: MlflowStore, folder: Path
) -> None:
    execute(mlflow_store_copy.path, *CLEAN)
    shutil.copyfile(mlflow_store_copy.path, folder / "here.db")
    done = run("server", "doctor", env={"MLFLOW_TRACKING_URI": "sqlite:///here.db"})
    assert f"a relative path: here it means {folder / 'here.db'}" in done.out
    assert f"export MLFLOW_TRACKING_URI=sqlite:///{folder / 'here.db'}" in done.out
    assert "1 warning · " in done.out
    assert "nothing found" in run("server", "doctor", "--tracking-uri", "here.db").out
    absolute = f"sqlite:///{folder / 'here.db'}"
    assert "nothing found" in run("server", "doctor", env={"MLFLOW_TRACKING_URI": absolute}).out


def test_folders_of_a_file_store_that_are_no_experiments_print_nothing_over_the_report(
    write: Run, folder: Path, home: Path
) -> None:
    (folder / "mlruns" / "5" / "models").mkdir(parents=True)
    (folder / "mlruns" / "0").mkdir()
    (folder / "mlruns" / "0" / "meta.yaml").write_text(
        f"{{artifact_location: {folder}/mlruns/0, creation_time: 1, experiment_id: '0', last_update_time: 1,"
        " lifecycle_stage: active, name: Default}\n"
    )
    allowed = {"MLFLOW_ALLOW_FILE_STORE": "true"}
    done = write("server", "doctor", "--tracking-uri", "./mlruns", env=allowed)
    assert (done.status, done.err) == (0, "")
    (logged,) = home.rglob("console.log")
    assert "Malformed experiment '5'" in logged.read_text()
    logged.unlink()  # with MLflow's traceback


def test_without_a_store_the_rest_is_not_checked_and_says_why(run: Run) -> None:
    done = run("server", "doctor")
    assert done.status == 1
    assert "MLflow store not found" in done.out
    assert done.out.count("not checked: the store cannot be opened") == 3
    assert run("server", "doctor", "--tracking-uri", "foo://bar").status == 2
