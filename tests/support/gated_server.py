"""A tracking server whose pages a test can hold back: real HTTP, with MLflow's REST API.

It supports the run queries that the console sends: pages, the newest and oldest run, and conditions on start
and end times, status, ids and a parameter.
"""

from __future__ import annotations

import json
import operator
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from engine.uri import TrackingUri

START = 1_760_000_000_000
PATIENCE = 30.0
"""How long a page waits at the closed gate, in seconds."""

_CLAUSE = re.compile(r"(\w+)\.[`\"]?(\w+)[`\"]? (>=|<=|=|IN) ('[^']*'|\([^)]*\)|-?\d+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    "IN": lambda value, values: value in values,
}

Json = dict[str, Any]


class GatedServer:
    """Until `gate` is set, all pages of the experiment `big` but the first are held back, and all of the
    experiment `hidden`; while `away` is set, connections are closed without a response. `asked` holds the
    searches."""

    def __init__(self, count: int) -> None:
        self.runs = [a_run(number) for number in range(count)]
        self.gate = threading.Event()
        self.away = threading.Event()
        self.asked: list[Json] = []
        self.uri = TrackingUri("")

    def add(self, **info: Any) -> None:
        """A run that starts after all others."""
        run = a_run(len(self.runs))
        run["info"].update(info)
        self.runs.append(run)

    def answer(self, path: str, question: Json) -> Json:
        if path.endswith("experiments/search"):
            return {
                "experiments": [
                    {"experiment_id": number, "name": name, "lifecycle_stage": "active"}
                    for number, name in (("1", "big"), ("2", "hidden"))
                ]
            }
        if not path.endswith("runs/search"):
            return {}
        self.asked.append(question)
        if question["experiment_ids"] == ["2"]:
            self.gate.wait(PATIENCE)
            return {"runs": []}
        clauses = _CLAUSE.findall(question.get("filter", ""))
        times_only = all(name in ("start_time", "end_time") for _, name, _, _ in clauses)
        if question.get("page_token") or (clauses and times_only and question["max_results"] > 1):
            self.gate.wait(PATIENCE)
        found = [run for run in self.runs if all(_meets(run, *clause) for clause in clauses)]
        found.sort(key=lambda run: run["info"]["start_time"], reverse="order_by" not in question)
        first = int(question.get("page_token") or 0)
        end = first + question["max_results"]
        page: Json = {"runs": found[first:end]}
        return page | ({"next_page_token": str(end)} if end < len(found) else {})


def a_run(number: int) -> Json:
    start = START + number * 1000
    info = {
        "run_id": f"{number:032x}",
        "run_name": f"run-{number}",
        "experiment_id": "1",
        "status": "FINISHED",
        "start_time": start,
        "end_time": start + 500,
        "lifecycle_stage": "active",
    }
    data = {
        "metrics": [{"key": "accuracy", "value": number / 10_000, "timestamp": start, "step": 0}],
        "params": [{"key": "kind", "value": "rare" if number % 400 == 7 else "usual"}],
    }
    return {"info": info, "data": data}


def _meets(run: Json, kind: str, name: str, operator: str, value: str) -> bool:
    if kind == "attributes":
        held = run["info"].get(name)
    else:
        held = {pair["key"]: pair["value"] for pair in run["data"][kind]}.get(name)
    if operator == "IN":
        return _COMPARE[operator](held, re.findall(r"'([^']*)'", value))
    wanted: Any = value.strip("'") if value.startswith("'") else int(value)
    return held is not None and _COMPARE[operator](held, wanted)


@contextmanager
def gated(count: int) -> Iterator[GatedServer]:
    """A server with this many runs, until the block ends."""
    told = GatedServer(count)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if told.away.is_set():
                self.close_connection = True
                return
            answer = json.dumps(told.answer(self.path, json.loads(body or b"{}"))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.uri = TrackingUri(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.gate.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
