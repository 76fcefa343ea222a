"""A child process with a loaded model, without the terminal and without the credentials of this one."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.child_process import start_child
from engine.errors import ModelFailure

TIMEOUT_SECONDS = 300.0
"""How long a model may take to load, and to answer a request."""

_ENVIRONMENT = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|VIRTUAL_ENV|CONDA_PREFIX"
    r"|PYTHON\w*|CUDA\w*|\w+_NUM_THREADS|MPLBACKEND|NO_COLOR"
)
"""The variables that a model may need; any other may hold a credential."""


def model_environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that a process with a model inherits."""
    return {name: value for name, value in variables.items() if _ENVIRONMENT.fullmatch(name)}


class ModelProcess:
    """`engine.model_files.worker` with the model in a folder. Close it, or use it as a context manager.

    Everything raises `ModelFailure` if the process dies or
    takes longer than `TIMEOUT_SECONDS`.
    """

    def __init__(self, folder: Path, *, allow_code: bool = False) -> None:
        """Start loading; `folder` comes from `trust.trusted_files`."""
        self._buffer = b""
        self._scratch = tempfile.TemporaryDirectory(prefix="mlflow-console-")
        arguments = (str(folder.resolve()), "1" if allow_code else "0")
        try:
            child = start_child(
                "engine.model_files.worker",
                *arguments,
                folder=self._scratch.name,
                environment=model_environment(),
            )
        except OSError as error:
            self._scratch.cleanup()
            raise ModelFailure(f"The process that loads the model cannot be started: {error}") from error
        self._process, self._answers = child.process, child.answers

    def __enter__(self) -> ModelProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self) -> float:
        """Wait until the model is loaded, and return how many seconds that took without importing MLflow.
        Raises `ModelFailure` if it does not load."""
        seconds: float = _checked(self._read())["loaded"]
        return seconds

    def example(self) -> dict[str, Any]:
        """Predict the input example: `rows`, `predictions`, `seconds`. Raises `ModelFailure`."""
        return _checked(self._ask({"do": "example"}))

    def scaler(self) -> dict[str, Any]:
        """What the scaler of the model was fitted on: `scaler`, `columns`, `center`, `spread`; empty without
        one."""
        return self._ask({"do": "scaler"})

    def invoke(self, content_type: str, body: str) -> dict[str, Any]:
        """What MLflow's scoring server answers to a request: `status`, `body`, `seconds`."""
        return self._ask({"do": "invoke", "type": content_type, "body": body})

    def kill(self) -> None:
        """End the process and what it started; whoever waits for an answer gets a `ModelFailure`."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        os.close(self._answers)
        self._scratch.cleanup()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        stdin = self._process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError):  # reading the answer says how the process ended
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        """The next answer."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise ModelFailure(f"The model did not finish within {TIMEOUT_SECONDS:.0f} s.")
                chunk = os.read(self._answers, 65536)
                if not chunk:
                    code = self._process.wait()
                    ended = f"by signal {-code}" if code < 0 else f"with exit status {code}"
                    raise ModelFailure(f"The process that loaded the model ended {ended}.")
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "failure" in answer:
        raise ModelFailure(answer["failure"])
    return answer
