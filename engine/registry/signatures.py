"""The signatures of model versions: what they take and return."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.entities import ModelVersion, RunDetail
from engine.errors import EngineError, ModelFailure, NotFound
from engine.model_files.files import MLMODEL, local_folder, model_files
from engine.stores.base import Store
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.runs.compare import CompareRow

MAX_BYTES = 5_000_000
"""The largest `MLmodel` file that is read; usual ones have a few kB."""
NO_FILE = "no MLmodel file"


@dataclass(frozen=True, slots=True)
class Signature:
    """The types of a model's columns by name: `long`, `double optional`, `tensor int64 (-1)`. A tensor
    without a name is called by its position, `0`. `problem` says why there is none."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def read_signature(store: Store, uri: TrackingUri, version: ModelVersion, run: RunDetail | None) -> Signature:
    """The signature in the `MLmodel` file of a version: read in place if it is a local file, else among the
    artifacts of its source run, or through MLflow's client if there is no run."""
    folder, path = local_folder(version, run), _artifact_path(version, run)
    try:
        if folder is not None:
            file = folder / MLMODEL
            return signature_of(file.read_bytes()) if file.is_file() else Signature(problem=NO_FILE)
        if path and run is not None:
            return signature_of(read_description(store, run.run.run_id, path))
        with model_files(uri, version, run) as files:
            return signature_of((files.description() / MLMODEL).read_bytes())
    except (ModelFailure, NotFound):
        return Signature(problem=NO_FILE)
    except EngineError as error:
        return Signature(problem=error.title)
    except (OSError, ValueError) as error:
        return Signature(problem=f"MLmodel cannot be read: {error}")


def read_description(store: Store, run_id: str, path: str) -> bytes:
    """The `MLmodel` file at a path among the artifacts of a run; its beginning if it is too large. Raises
    `EngineError`s."""
    text = b""
    with store.open_artifact(run_id, path, fetch_limit=MAX_BYTES) as content:
        for piece in content.pieces:
            text += piece
            if len(text) > MAX_BYTES:
                break
    return text


def _artifact_path(version: ModelVersion, run: RunDetail | None) -> str:
    """The path of the file among the artifacts of the source run and its models; empty if it is not there."""
    source = version.source
    if run is None:
        return ""
    if source.startswith("models:/"):
        model_id = source.removeprefix("models:/")
        name = next((m.name for m in run.models if m.model_id == model_id), "")
        is_unique = [m.name for m in run.models].count(name) == 1  # else it stands for the newest
        return f"{name}/{MLMODEL}" if is_unique else ""
    prefix = f"runs:/{version.run_id}/"
    return f"{source.removeprefix(prefix)}/{MLMODEL}" if source.startswith(prefix) else ""


def signature_of(text: bytes) -> Signature:
    """The signature in the text of an `MLmodel` file. Raises `ValueError` for a malformed one."""
    import yaml

    if len(text) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(text, Loader=loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error).partition("\n")[0]) from error
    found = content.get("signature") if isinstance(content, dict) else None
    if not isinstance(found, dict):
        return Signature(problem="no signature")
    return Signature(_columns(found.get("inputs")), _columns(found.get("outputs")))


def _columns(text: object) -> dict[str, str]:
    columns = json.loads(text) if isinstance(text, str) else text
    if not isinstance(columns, list):
        return {}
    return {
        str(column.get("name", at)): _type(column)
        for at, column in enumerate(columns)
        if isinstance(column, dict)
    }


def _type(column: Mapping[str, Any]) -> str:
    """`long`, `double optional`, `tensor int64 (-1, 28)`, `array of {"type": "long"}`"""
    kind = str(column.get("type", "?"))
    if isinstance(tensor := column.get("tensor-spec"), dict):
        shape = ", ".join(map(str, tensor.get("shape", ())))
        kind = f"{kind} {tensor.get('dtype', '?')} ({shape})"
    for inner in ("items", "properties", "values"):
        if inner in column:
            kind += f" of {json.dumps(column[inner], sort_keys=True)}"
    return kind if column.get("required", True) else f"{kind} optional"


def signature_rows(signatures: Sequence[Signature]) -> list[CompareRow]:
    """How many inputs and outputs each version has, and the type of each one that differs."""
    from engine.runs.compare import text_row

    rows: list[CompareRow] = []
    for part in ("inputs", "outputs"):
        columns: list[Mapping[str, str]] = [getattr(signature, part) for signature in signatures]
        counts = [
            signature.problem or _count(found) for signature, found in zip(signatures, columns, strict=True)
        ]
        rows.append(text_row("signature", part, counts))
        for name in _names(columns):
            types = [found.get(name) for found in columns]
            known = {t for t, signature in zip(types, signatures, strict=True) if not signature.problem}
            if len(known) > 1:
                rows.append(text_row("signature", f"{part.removesuffix('s')} {name}", types))
    return rows


def _count(columns: Mapping[str, str]) -> str:
    types = sorted(set(columns.values()))
    return f"{len(columns)} · {', '.join(types)}" if columns else "none"


def _names(columns: Iterable[Mapping[str, str]]) -> list[str]:
    """All names, in the order of the columns."""
    return list(dict.fromkeys(name for found in columns for name in found))
