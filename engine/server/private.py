"""Every use of the undocumented parts of MLflow's server, each with its reason.

`tests/engine/server/test_start.py` shows what an upgrade of MLflow broke.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any


def run_mlflow_server(arguments: Sequence[str], *, one_process: bool) -> None:
    """`mlflow server ARGUMENTS…`, which ends with `SystemExit`.

    MLflow prepares the store, then starts uvicorn in a second process, which imports MLflow again and keeps
    the memory of both. With `one_process`, this process becomes uvicorn instead, with the same arguments.
    """
    # MLflow's application looks for it when it is imported, to know that it is in a server
    import uvicorn
    import mlflow.server  # isort: skip
    import mlflow.cli

    def become(command: Sequence[str], *, extra_env: Mapping[str, str], **_: Any) -> None:
        if list(command[1:3]) != ["-m", "uvicorn"]:
            raise RuntimeError(f"MLflow starts its server in an unknown way: {command}")
        os.environ.update(extra_env)
        _leave_out_health_checks()
        uvicorn.main(list(command[3:]))

    if one_process:
        mlflow.server._exec_cmd = become
    mlflow.cli.cli(["server", *arguments])


def _leave_out_health_checks() -> None:
    """Keep the supervisor's own requests out of the log."""
    logging.getLogger("uvicorn.access").addFilter(lambda record: '"GET /health ' not in record.getMessage())


def remove_experiment(experiment_id: str) -> None:
    """Remove an experiment that is in the trash, as `mlflow gc` does. MLflow's API cannot."""
    from mlflow.server.handlers import _get_tracking_store

    _get_tracking_store()._hard_delete_experiment(experiment_id)
