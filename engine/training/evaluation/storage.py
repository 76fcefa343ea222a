"""Parts in a folder of plain arrays, which several processes map into memory instead of copying.

Nothing is pickled: reading a folder runs no code from it. The transformer is fitted anew.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.training.evaluation.data_split import DataSplit

if TYPE_CHECKING:
    from engine.training.evaluation.parts import Parts

_FACTS = "parts.json"


def save_parts(parts: Parts, folder: Path) -> None:
    """Write the parts for `load_parts` into a folder that exists. Raises `OSError`."""
    facts: dict[str, Any] = {
        **{name: getattr(parts, name) for name in ("name", "target", "task", "seed", "leaks")},
        "classes": list(parts.classes),
        "preparation_seconds": parts.preparation_seconds,
        "folds": len(parts.folds),
        "prepared": parts.fold_matrices is not None,
    }
    for part, frame, labels, matrix in (
        ("train", parts.train, parts.train_labels, parts.train_matrix),
        ("test", parts.test, parts.test_labels, parts.test_matrix),
    ):
        facts[part] = _save_frame(frame, folder, part)
        np.save(folder / f"{part}_labels.npy", _coded(labels, parts.classes))
        np.save(folder / f"{part}_matrix.npy", matrix)
    for kind, pairs in (("rows", parts.folds), ("matrix", parts.fold_matrices or ())):
        for number, (fitted, held_out) in enumerate(pairs):
            np.save(folder / f"fold_{number}_{kind}_fitted.npy", fitted)
            np.save(folder / f"fold_{number}_{kind}_held_out.npy", held_out)
    (folder / _FACTS).write_text(json.dumps(facts))


def load_split(folder: Path) -> DataSplit:
    """The rows and labels as saved, their numbers mapped read-only from the files. Raises `OSError`."""
    return _split(json.loads((folder / _FACTS).read_text()), folder)


def _split(facts: dict[str, Any], folder: Path) -> DataSplit:
    classes = tuple(facts["classes"])
    train, test = (_load_frame(facts[part], folder, part) for part in ("train", "test"))
    train_labels, test_labels = (
        _decoded(_mapped(folder / f"{part}_labels.npy"), classes) for part in ("train", "test")
    )
    return DataSplit(
        facts["name"], facts["target"], facts["task"], classes, train, test, train_labels, test_labels
    )


def load_parts(folder: Path) -> Parts:
    """The parts as saved, their numbers mapped read-only from the files. Imports scikit-learn. Raises
    `OSError`."""
    from engine.training.evaluation.parts import Parts
    from engine.training.evaluation.pipeline import fitted_transformer, published_scaler

    facts = json.loads((folder / _FACTS).read_text())
    split = _split(facts, folder)
    frame = pd.concat([split.train, split.test]).sort_index()
    leaks = facts["leaks"]
    folds = range(facts["folds"])
    return Parts(
        **{each.name: getattr(split, each.name) for each in fields(split)},
        seed=facts["seed"],
        transformer=published_scaler(frame, split.name) if leaks else fitted_transformer(frame, split.train),
        leaks=leaks,
        train_matrix=_mapped(folder / "train_matrix.npy"),
        test_matrix=_mapped(folder / "test_matrix.npy"),
        folds=tuple(_pair(folder, number, "rows") for number in folds),
        fold_matrices=tuple(_pair(folder, number, "matrix") for number in folds)
        if facts["prepared"]
        else None,
        preparation_seconds=facts["preparation_seconds"],
    )


def _mapped(path: Path) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _pair(folder: Path, number: int, kind: str) -> tuple[Any, Any]:
    fitted, held_out = (
        _mapped(folder / f"fold_{number}_{kind}_{part}.npy") for part in ("fitted", "held_out")
    )
    return fitted, held_out


def _coded(labels: Any, classes: tuple[Any, ...]) -> Any:
    """Labels as positions in `classes`; numbers to predict as they are."""
    if not classes:
        return labels
    numbers = {label: number for number, label in enumerate(classes)}
    return np.fromiter((numbers[label] for label in labels.tolist()), dtype="int64", count=len(labels))


def _decoded(codes: Any, classes: tuple[Any, ...]) -> Any:
    if not classes:
        return codes
    return np.asarray(classes, dtype=object if isinstance(classes[0], str) else "int64")[codes]


def _save_frame(frame: pd.DataFrame, folder: Path, part: str) -> list[dict[str, Any]]:
    """Writes the columns as arrays. Returns their names, and the levels of those that are categories."""
    np.save(folder / f"{part}_index.npy", frame.index.to_numpy())
    columns: list[dict[str, Any]] = []
    for number, name in enumerate(frame.columns):
        values = frame[name]
        levels = None
        if not pd.api.types.is_numeric_dtype(values):
            values = values.astype("category")
            levels = values.cat.categories.tolist()
            values = values.cat.codes
        np.save(folder / f"{part}_column_{number}.npy", values.to_numpy())
        columns.append({"name": name, "levels": levels})
    return columns


def _load_frame(columns: list[dict[str, Any]], folder: Path, part: str) -> pd.DataFrame:
    data: dict[str, Any] = {}
    for number, column in enumerate(columns):
        values = _mapped(folder / f"{part}_column_{number}.npy")
        levels = column["levels"]
        data[column["name"]] = (
            values if levels is None else pd.Categorical.from_codes(values, categories=pd.Index(levels))
        )
    return pd.DataFrame(data, index=_mapped(folder / f"{part}_index.npy"), copy=False)
