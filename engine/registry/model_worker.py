"""The process that loads a model: `python -m engine.registry.model_worker FOLDER ANSWER`.

`FOLDER` has the model's files; `ANSWER` is the number of a file descriptor that takes one line of JSON:

    {"rows", "predictions", "loaded", "predicted"}   it predicted its input example; times in seconds
    {"failure", "loaded"}                            what is wrong with the model

The process ends when its standard input closes: its parent has exited or given up.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MAX_PREDICTIONS = 20


class ModelFailure(Exception):
    """What is wrong with the model, as a readable message."""


def main(folder: Path, answer: int) -> None:
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    os.set_inheritable(answer, False)
    result = predict_example(folder)
    with os.fdopen(answer, "w", encoding="utf-8", errors="backslashreplace") as out:
        json.dump(result, out)


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


def predict_example(folder: Path) -> dict[str, Any]:
    """Load the model in a folder and predict its input example: the answer described above."""
    import mlflow.pyfunc  # imported before timing: it is not part of the model's time

    started = time.perf_counter()
    loaded = 0.0
    try:
        with _model_errors("The model does not load"):
            pyfunc = mlflow.pyfunc.load_model(str(folder))
        loaded = time.perf_counter() - started
        example, params = _example(pyfunc, folder)
        started = time.perf_counter()
        with _model_errors("The model cannot predict its input example"):
            outputs = pyfunc.predict(example, params=params)
        predicted = time.perf_counter() - started
        texts = _prediction_texts(outputs)
    except ModelFailure as failure:
        return {"failure": str(failure), "loaded": loaded or time.perf_counter() - started}
    return {"rows": _row_count(example), "predictions": texts, "loaded": loaded, "predicted": predicted}


@contextmanager
def _model_errors(what: str) -> Iterator[None]:
    """Report any error raised by the model's code as a failure of the model."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ModelFailure(f"{what}: {type(error).__name__}: {error}") from error


def _example(pyfunc: Any, folder: Path) -> tuple[Any, Any]:
    with _model_errors("The input example cannot be read"):
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
    main(Path(sys.argv[1]), int(sys.argv[2]))
