"""The process that loads a model: `python -m engine.model_files.worker FOLDER ALLOW ANSWER`.

`FOLDER` has the model's files; `ALLOW` is 1 if it may run arbitrary code, else 0; `ANSWER` is the number of a
file descriptor that takes lines of JSON. The first says how loading went:

    {"loaded"}    seconds
    {"failure"}   what is wrong with the model; the process ends

Then one line answers each line on standard input, `failure` for an example that cannot be predicted:

    {"do": "example"}                  predict the input example: {"rows", "predictions", "seconds"}
    {"do": "scaler"}                   what the first step of a pipeline was fitted on, see `fitted_scaler`
    {"do": "invoke", "type", "body"}   a request to MLflow's scoring server: {"status", "body", "seconds"}

The process ends when its standard input closes: its parent has exited or given up.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from engine.child_process import input_lines
from engine.errors import ModelFailure
from engine.model_files.loading import load_model, model_errors

MAX_PREDICTIONS = 20
_SCALERS = (("mean_", "scale_"), ("center_", "scale_"), ("data_min_", "data_range_"))
"""The attributes of a fitted StandardScaler, RobustScaler, MinMaxScaler."""


def main(folder: Path, allow_code: bool, answer: int) -> None:
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests,), name="parent", daemon=True).start()
    os.set_inheritable(answer, False)
    with os.fdopen(answer, "w", encoding="utf-8", errors="backslashreplace") as out:
        for result in answers(folder, allow_code, iter(requests.get, b"")):
            _write(out, result)


def _receive(requests: queue.SimpleQueue[bytes]) -> None:
    """Pass the lines on until standard input ends, and the process with it, even while a model predicts."""
    for line in input_lines():
        requests.put(line)
    os._exit(1)


def _write(out: IO[str], result: Mapping[str, Any]) -> None:
    out.write(json.dumps(result) + "\n")
    out.flush()


def answers(folder: Path, allow_code: bool, requests: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Load the model in a folder and answer the requests as described above."""
    import_module("mlflow.pyfunc.scoring_server")  # before timing: it is not part of the model's time
    started = time.perf_counter()
    try:
        model = load_model(folder, allow_code=allow_code)
    except ModelFailure as failure:
        yield {"failure": str(failure)}
        return
    yield {"loaded": time.perf_counter() - started}
    for line in requests:
        request = json.loads(line)
        if request["do"] == "example":
            yield predict_example(model, folder)
        elif request["do"] == "scaler":
            yield fitted_scaler(model)
        else:
            yield invoke(model, request["type"], request["body"])


def predict_example(model: Any, folder: Path) -> dict[str, Any]:
    """Let the model predict its input example."""
    try:
        example, params = _example(model, folder)
        started = time.perf_counter()
        with model_errors("The model cannot predict its input example"):
            outputs = model.predict(example, params=params)
        seconds = time.perf_counter() - started
        return {"rows": _row_count(example), "predictions": _prediction_texts(outputs), "seconds": seconds}
    except ModelFailure as failure:
        return {"failure": str(failure)}


def invoke(model: Any, content_type: str, body: str) -> dict[str, Any]:
    """What MLflow's scoring server answers to a request, errors included."""
    from mlflow.exceptions import MlflowException
    from mlflow.pyfunc.scoring_server import invocations

    started = time.perf_counter()
    try:
        with model_errors("The model cannot predict"):
            try:
                found = invocations(body.encode(), content_type, model, model.metadata.get_input_schema())
                status, text = found.status, found.response
            except MlflowException as error:
                status, text = error.get_http_status_code(), error.serialize_as_json()
    except ModelFailure as failure:
        status, text = 500, str(failure)
    return {"status": status, "body": text, "seconds": time.perf_counter() - started}


def fitted_scaler(model: Any) -> dict[str, Any]:
    """The name of the scaler that a scikit-learn pipeline begins with, and for each column the center and the
    spread of what it was fitted on; empty for any other model."""
    try:
        with model_errors("The model has no scaler"):
            scaler = model.get_raw_model().steps[0][1]
            columns = [str(name) for name in scaler.feature_names_in_]
            for center, spread in _SCALERS:
                if hasattr(scaler, center) and hasattr(scaler, spread):
                    values = {"center": getattr(scaler, center), "spread": getattr(scaler, spread)}
                    found = {name: [float(v) for v in value] for name, value in values.items()}
                    return {"scaler": type(scaler).__name__, "columns": columns, **found}
    except ModelFailure:
        return {}
    return {}


def _example(pyfunc: Any, folder: Path) -> tuple[Any, Any]:
    with model_errors("The input example cannot be read"):
        example = pyfunc.metadata.load_input_example(str(folder))
        params = pyfunc.metadata.load_input_example_params(str(folder)) if example is not None else None
    if example is None:
        raise ModelFailure("The model loads, but was logged without an input example to predict.")
    return example, params


def _row_count(example: Any) -> int:
    if hasattr(example, "shape"):
        return int(example.shape[0]) if example.shape else 1
    return len(example) if isinstance(example, list) else 1


def _prediction_texts(outputs: Any) -> list[str]:
    """The first predictions as text, one per row, from an array, data frame, series, list or scalar."""
    if hasattr(outputs, "to_dict") and hasattr(outputs, "columns"):
        records = outputs.head(MAX_PREDICTIONS).to_dict("records")
        return [", ".join(f"{key}={value}" for key, value in record.items()) for record in records]
    values = outputs.tolist() if hasattr(outputs, "tolist") else outputs
    if not isinstance(values, (list, tuple)):
        values = [values]
    return [str(value) for value in values[:MAX_PREDICTIONS]]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "1", int(sys.argv[3]))
