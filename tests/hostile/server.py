"""A hostile tracking server: it implements MLflow's REST API, and every string in its answers is a payload.

Unlike a database, it can send lone surrogates, escaped in JSON.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.hostile.payloads import EXPERIMENT, PAYLOADS, Payload

NOW = 1_760_000_000_000

Answer = dict[str, Any]


def _experiment(number: int, name: str) -> Answer:
    return {
        "experiment_id": str(number),
        "name": name,
        "artifact_location": name,
        "lifecycle_stage": "active",
        "creation_time": NOW,
        "last_update_time": NOW,
        "tags": [{"key": name, "value": name}],
    }


def _run(number: int, payload: Payload) -> Answer:
    text = payload.text
    return {
        "info": {
            "run_id": f"{number:032x}",
            "run_uuid": f"{number:032x}",
            "run_name": text,
            "experiment_id": "0",
            "user_id": text,
            "status": "FINISHED",
            "start_time": NOW + number * 1000,
            "end_time": NOW + number * 1000 + 500,
            "artifact_uri": text,
            "lifecycle_stage": "active",
        },
        "data": {
            "metrics": [
                {"key": text, "value": number, "timestamp": NOW, "step": 0},
                {"key": "accuracy", "value": 0.5, "timestamp": NOW, "step": 0},
            ],
            "params": [{"key": text, "value": text}, {"key": "value", "value": text}],
            "tags": [{"key": text, "value": text}, {"key": "mlflow.runName", "value": text}],
        },
        "inputs": {
            "dataset_inputs": [
                {
                    "tags": [{"key": "mlflow.data.context", "value": text}],
                    "dataset": {"name": text, "digest": text, "source_type": text, "source": text},
                }
            ]
        },
    }


def _version(number: int, payload: Payload) -> Answer:
    text = payload.text
    return {
        "name": text,
        "version": "1",
        "creation_timestamp": NOW,
        "last_updated_timestamp": NOW,
        "current_stage": "Production",
        "description": text,
        "source": text,
        "run_id": f"{number:032x}",
        "user_id": text,
        "status": "READY",
        "tags": [{"key": text, "value": text}],
    }


def _model(number: int, payload: Payload) -> Answer:
    text = payload.text
    return {
        "name": text,
        "description": text,
        "creation_timestamp": NOW,
        "last_updated_timestamp": NOW,
        "aliases": [{"alias": text, "version": "1"}],
        "tags": [{"key": text, "value": text}],
        "latest_versions": [_version(number, payload)],
    }


def _answers() -> dict[str, Answer]:
    """The answer for each path suffix, regardless of the rest of the request."""
    names = [EXPERIMENT, *(payload.text for payload in PAYLOADS)]
    runs = [_run(number, payload) for number, payload in enumerate(PAYLOADS)]
    return {
        "experiments/search": {"experiments": [_experiment(n, name) for n, name in enumerate(names)]},
        "runs/search": {"runs": list(reversed(runs))},
        "runs/get": {"run": runs[0]},
        "artifacts/list": {"files": [{"path": p.text, "is_dir": False, "file_size": 1} for p in PAYLOADS]},
        "metrics/get-history": {"metrics": runs[0]["data"]["metrics"]},
        "registered-models/search": {"registered_models": [_model(n, p) for n, p in enumerate(PAYLOADS)]},
        "registered-models/get": {"registered_model": _model(0, PAYLOADS[0])},
        "model-versions/search": {"model_versions": [_version(0, p) for p in PAYLOADS]},
        "logged-models/search": {"models": []},
    }


_BODIES = {path: json.dumps(answer).encode() for path, answer in _answers().items()}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        body = next((body for end, body in _BODIES.items() if path.endswith(end)), b'"\\u001b[31mPWN01"')
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Log nothing to stderr."""


@contextmanager
def hostile_server() -> Iterator[str]:
    """Run the server and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
