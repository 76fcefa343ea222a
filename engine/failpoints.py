"""Named steps of writes, at which tests end the process to show what a kill leaves behind."""

from __future__ import annotations

import os

VARIABLE = "MLFLOW_CONSOLE_FAILPOINT"
STATUS = 86
"""The exit status of a process that ended at a failpoint."""


def failpoint(name: str) -> None:
    """End the process at once, as `kill -9` does, if a test asks for it at this step. Only where tests run:
    pytest sets `PYTEST_VERSION`, and the processes that it starts inherit it."""
    if os.environ.get(VARIABLE) == name and "PYTEST_VERSION" in os.environ:
        os._exit(STATUS)
