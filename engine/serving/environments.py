"""Environments made for a model: its Python, its packages, and the worker that serves it.

MLflow's own way to make one needs pyenv for every version of Python, and keeps what it made for ever. This
one needs only `venv` or uv, and is in the folder of its service, with which it is removed.
"""

from __future__ import annotations

import os
import platform
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import engine
from engine.errors import ServiceError
from engine.jobs import CancelToken
from engine.model_files.process import model_environment
from engine.serving.requirements import model_python, requirement_lines
from engine.text import safe

Kind = Literal["virtualenv", "uv"]

SERVER_PACKAGES = ("fastapi", "uvicorn")
"""What the worker needs besides MLflow, which brings them in recent versions."""
WORKER_FILES = (
    *("__init__.py", "services/__init__.py", "services/protocol.py"),
    *("serving/__init__.py", "serving/worker.py"),
)
POLL_SECONDS = 0.2
_INSTALLER_VARIABLES = re.compile(r"(?:PIP|UV)_\w+|\w+_proxy|SSL_CERT_\w+|REQUESTS_CA_BUNDLE", re.IGNORECASE)

OnLine = Callable[[str], object]


def make_environment(kind: Kind, model: Path, target: Path, on_line: OnLine, cancel: CancelToken) -> Path:
    """Make an environment for the model in a folder; returns its Python. `on_line` gets what the installer
    prints. Raises `ServiceError`, `Cancelled`. Installing runs code of the packages."""
    wanted = ".".join(model_python(model).split(".")[:2]) or platform.python_version().rpartition(".")[0]
    python = target / "bin" / "python"
    packages = list(requirement_lines(model))
    if not any(re.match(r"mlflow(?![\w-])", package) for package in packages):
        packages.append("mlflow")
    packages.extend(SERVER_PACKAGES)
    if kind == "uv":
        uv = shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)
        if uv is None:
            raise ServiceError("uv is not installed", "", "Install it, or use --env virtualenv.")
        _run([uv, "venv", "--python", wanted, str(target)], on_line, cancel)
        _run([uv, "pip", "install", "--python", str(python), *packages], on_line, cancel)
    else:
        _run([_python(wanted), "-m", "venv", str(target)], on_line, cancel)
        pip = [str(python), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
        _run([*pip, "--progress-bar", "off", *packages], on_line, cancel)
    return python


def copy_worker(target: Path) -> None:
    """Put the worker into a folder that any Python can run, without this one's packages. Raises `OSError`."""
    source = Path(engine.__file__).parent
    for name in WORKER_FILES:
        file = target / "engine" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, file)
    start = "import sys\n\nfrom engine.serving.worker import main\n\nsys.exit(main(*sys.argv[1:]))\n"
    (target / "__main__.py").write_text(start)


def _python(wanted: str) -> str:
    """A Python of a minor version. Raises `ServiceError`."""
    if wanted == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    found = shutil.which(f"python{wanted}")
    if found is None:
        hint = "Install it, use --env uv, which can download it, or --env local."
        raise ServiceError(
            f"Python {safe(wanted, 20)} is not installed", "The model was logged with it.", hint
        )
    return found


def _run(command: Sequence[str], on_line: OnLine, cancel: CancelToken) -> None:
    """Run a command to its end, or until cancelled. Raises `ServiceError` with its last lines."""
    variables = {name: value for name, value in os.environ.items() if _INSTALLER_VARIABLES.fullmatch(name)}
    last: list[str] = []
    try:
        process = subprocess.Popen(
            command,
            env={**model_environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ServiceError("The environment cannot be made", f"{command[0]}: {error}") from error
    assert process.stdout is not None
    rest = b""
    with process.stdout as output:
        try:
            while data := _read(output.fileno(), cancel):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    text = line.decode(errors="backslashreplace").rstrip()
                    on_line(text)
                    last = [*last[-4:], text]
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    status = process.wait()
    if status:
        errors = [line for line in last if "error" in line.lower()] or last
        hint = "Check that the package index can be reached, or use --env local."
        raise ServiceError("The environment cannot be made", "\n".join(errors[-2:]), hint)


def _read(descriptor: int, cancel: CancelToken) -> bytes:
    while not select.select([descriptor], [], [], POLL_SECONDS)[0]:
        cancel.check("Making the environment")
    return os.read(descriptor, 65536)
