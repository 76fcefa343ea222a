"""What a model requires, and environments made for it."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from engine.errors import Cancelled, ServiceError
from engine.jobs import CancelToken
from engine.services.records import ServiceSpec
from engine.serving.deployments import explained
from engine.serving.environments import copy_worker, make_environment
from engine.serving.records import RequirementDifference, Served
from engine.serving.requirements import differences, requirement_lines


def test_requirements_that_the_packages_do_not_meet_are_named(tmp_path: Path) -> None:
    (tmp_path / "python_env.yaml").write_text("python: 3.9.18\ndependencies: []\n")
    (tmp_path / "requirements.txt").write_text(
        f"""# made by MLflow
--extra-index-url https://packages.example.org
mlflow=={version("mlflow")}
numpy<1  # older
a-package-of-theirs[extra]==2.0
scikit-learn
old-shim; python_version < "3"
theirs @ https://packages.example.org/theirs.whl
not a requirement
"""
    )
    assert [str(each) for each in differences(tmp_path)] == [
        f"python==3.9.18 (installed: {platform.python_version()})",
        f"numpy<1 (installed: {version('numpy')})",
        "a-package-of-theirs==2.0 (installed: no)",
    ]


def test_requirements_of_old_models_are_read_from_their_conda_file(tmp_path: Path) -> None:
    (tmp_path / "conda.yaml").write_text("dependencies:\n- python=3.8\n- pip:\n  - mlflow\n  - numpy<1\n")
    assert list(requirement_lines(tmp_path)) == ["mlflow", "numpy<1"]
    assert [str(each) for each in differences(tmp_path)] == [f"numpy<1 (installed: {version('numpy')})"]


def test_uv_is_found_beside_python_in_an_environment_that_is_not_activated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\necho error: this uv was run\nexit 1\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", str(uv.with_name("python")))
    with pytest.raises(ServiceError, match="cannot be made") as caught:
        make_environment("uv", tmp_path, tmp_path / "made", lambda line: None, CancelToken())
    assert caught.value.detail == "error: this uv was run"


def test_a_start_that_fails_names_the_requirements_that_are_not_met() -> None:
    served = Served("m", "/1", 1, "", requirements=(RequirementDifference("pkg-of-theirs==1.0"),))
    spec = ServiceSpec("m", "deployment", (), extra=served.to_json())
    error = ServiceError("m did not start", "ModuleNotFoundError: No module named 'theirs'", "Its log is l.")
    with pytest.raises(ServiceError) as caught, explained(spec, removable=True):
        raise error
    assert caught.value.detail.endswith("The model requires pkg-of-theirs==1.0 (installed: no).")
    assert caught.value.hint == "With --env virtualenv, it is deployed with what it requires. Its log is l."
    with pytest.raises(ServiceError) as other, explained(spec):
        raise ServiceError("m did not start", "ZeroDivisionError: division by zero")
    assert (other.value.detail, other.value.hint) == ("ZeroDivisionError: division by zero", "")


def test_a_model_that_names_nothing_requires_nothing(tmp_path: Path) -> None:
    (tmp_path / "conda.yaml").write_text("dependencies: [")
    assert differences(tmp_path) == ()


@pytest.mark.slow
def test_packages_that_cannot_be_found_are_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "requirements.txt").write_text("a-package-of-theirs==2.0\n")
    lines: list[str] = []
    with pytest.raises(ServiceError, match="The environment cannot be made") as caught:
        make_environment("virtualenv", tmp_path, tmp_path / "made", lines.append, CancelToken())
    assert "No matching distribution found for a-package-of-theirs==2.0" in caught.value.detail
    assert "--env local" in caught.value.hint
    assert any("Could not find a version" in line for line in lines), "its output goes to the log"


@pytest.mark.slow
def test_making_an_environment_can_be_cancelled(tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        make_environment("virtualenv", tmp_path, tmp_path / "made", lambda _: None, cancel)


def test_a_missing_python_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "python_env.yaml").write_text("python: 3.2.6\n")
    with pytest.raises(ServiceError, match=r"Python 3\.2 is not installed") as caught:
        make_environment("virtualenv", tmp_path, tmp_path / "made", lambda _: None, CancelToken())
    assert caught.value.detail == "The model was logged with it."
    assert not (tmp_path / "made").exists()


def test_the_copied_worker_needs_nothing_of_this_environment(tmp_path: Path) -> None:
    """In a Python without any packages, it only lacks MLflow."""
    copy_worker(tmp_path / "worker")
    program = [sys.executable, "-I", "-S", str(tmp_path / "worker"), str(tmp_path), "1", "0", "1"]
    done = subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert "Socket operation on non-socket" in done.stderr, "it has imported all that it needs by then"
