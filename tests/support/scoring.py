"""MLflow's own scoring server on a model. A script: `scoring.py TRACKING_URI MODEL_URI`; prints its port."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.uri import TrackingUri
from tests.support.warm import Warm


def main(tracking_uri: str, model_uri: str) -> None:
    import mlflow.pyfunc
    import uvicorn
    from mlflow.pyfunc import scoring_server

    mlflow.set_tracking_uri(tracking_uri)
    app: Any = scoring_server.init(mlflow.pyfunc.load_model(model_uri))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)  # noqa: T201
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        server.run(sockets=[listener])


@contextmanager
def scoring(uri: TrackingUri, model_uri: str, folder: Path, warm: Warm) -> Iterator[str]:
    """The URL of a scoring server, until the block ends. Requests wait until it has loaded the model."""
    with warm.serving_module("tests.support.scoring", uri.raw, model_uri, folder=folder) as line:
        yield f"http://127.0.0.1:{int(line)}"


if __name__ == "__main__":
    main(*sys.argv[1:])
