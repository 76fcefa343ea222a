"""Sweep files: a sweep as a small YAML file. Every error names the file, line and column."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from engine.errors import UsageError
from engine.suggestions import closest
from engine.text import quoted
from engine.training.search.grid import model_problems
from engine.training.spec import (
    Choices,
    DataSpec,
    Limits,
    ModelSpec,
    Range,
    SearchSpec,
    SplitSpec,
    SweepSpec,
    Value,
    experiment_for,
    problems,
    source_problems,
)

_LARGEST = 256 * 1024
_DEEPEST = 10
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_PARTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "data": {
        "file": ("text", "CSV or Parquet, relative to this file"),
        "run": ("text", "use the dataset of this run"),
        "target": ("text", "the column to predict"),
        "task": ("text", "classification or regression"),
        "use": ("texts", "the features"),
        "leave_out": ("texts", "columns that are no features"),
        "types": ("types", "number, category or date"),
        "delimiter": ("text", ""),
        "decimal": ("text", ""),
        "positive": ("text", "the label that counts as positive"),
    },
    "split": {
        "method": ("text", "random, stratified, time or group"),
        "column": ("text", "the column with times or groups"),
        "test": ("number", "the test set's share of the rows"),
        "folds": ("integer", "for cross-validation"),
        "seed": ("integer", ""),
    },
    "search": {
        "method": ("text", "grid, random, halving or optuna"),
        "trials": ("integer", "how many combinations to try"),
        "sampler": ("text", "tpe or random, for optuna"),
        "seed": ("integer", ""),
    },
    "limits": {
        "trial_timeout": ("duration", "ends a trial"),
        "time": ("duration", "ends the sweep"),
        "no_improvement": ("integer", "ends the sweep after so many trials without improvement"),
    },
}
_TOP: Mapping[str, tuple[str, str]] = {
    "experiment": ("text", ""),
    "run_name": ("text", ""),
    "data": ("part", ""),
    "split": ("part", ""),
    "models": ("models", "estimators, with the values to try"),
    "search": ("part", ""),
    "limits": ("part", ""),
    "metric": ("text", "ranks the trials"),
    "curves": ("texts", "learning, validation"),
    "baseline": ("yes or no", "whether to add a dummy"),
    "recipe": ("text", "leak-free or published"),
}
"""The kind and the meaning of each key, in the order in which they are written."""
_EXPECTED = {"yes or no": "true or false", "integer": "an integer", "number": "a number"}
_FIELDS = {"file": "path", "run": "run_id"}
_RECORDS: Mapping[str, Any] = {"data": DataSpec, "split": SplitSpec, "search": SearchSpec, "limits": Limits}
_PLAIN = re.compile(r"[A-Za-z_/][\w./-]*( [\w./-]+)*", re.ASCII)
_RESERVED = {"null", "true", "false", "yes", "no", "on", "off"}


def read_sweep_file(path: Path) -> SweepSpec:
    """Raises `UsageError` if the file cannot be read or is not a sweep."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"Cannot read sweep file {quoted(str(path))}", str(error)) from error
    return parse_sweep(text, path)


def parse_sweep(text: str, where: Path) -> SweepSpec:
    """The sweep in the text of file `where`; relative data paths are relative to its folder. Raises
    `UsageError`."""
    return _File(text, where).sweep()


def sweep_text(spec: SweepSpec) -> str:
    """A sweep file, with comments, that `parse_sweep` reads back; default settings are left out. The path of
    the data is written in full."""
    defaults = SweepSpec("")
    lines = ["# Run it with `mlflow-console train FILE`."]
    for name, (kind, meaning) in _TOP.items():
        value = getattr(spec, name)
        if kind == "models":
            lines += [f"models:{_comment(meaning)}", *_model_lines(spec)]
        elif kind == "part":
            lines += _part_lines(name, value)
        elif value != getattr(defaults, name):
            lines.append(f"{name}: {_written(value, kind)}{_comment(meaning)}")
    return "\n".join(lines) + "\n"


def _part_lines(part: str, record: Any) -> list[str]:
    defaults, lines = _RECORDS[part](), []
    for key, (kind, meaning) in _PARTS[part].items():
        field = _FIELDS.get(key, key)
        value = getattr(record, field)
        if key == "file" and record.run_id:
            continue  # the file of that run, looked up
        if value != getattr(defaults, field):
            text = str(record.file) if key == "file" else value
            lines.append(f"  {key}: {_written(text, kind)}{_comment(meaning)}")
    return [f"{part}:", *lines] if lines else []


def _model_lines(spec: SweepSpec) -> Iterator[str]:
    for model in spec.models:
        yield f"  - {_text(model.estimator)}{':' if model.params else ''}"
        for name, choices in model.params.items():
            if isinstance(choices, Range):
                log = ", log: true" if choices.log else ""
                yield f"      {_text(name)}: {{low: {choices.low!r}, high: {choices.high!r}{log}}}"
            else:
                yield f"      {_text(name)}: {_list(choices)}"


def _comment(meaning: str) -> str:
    return meaning and f"  # {meaning}"


def _written(value: Any, kind: str) -> str:
    match kind:
        case "texts":
            return _list(value)
        case "types":
            return f"{{{', '.join(f'{_text(name)}: {_text(each)}' for name, each in value.items())}}}"
        case "duration":
            unit = next((unit for unit in "dhm" if value % _SECONDS[unit] == 0), "s")
            return f"{Decimal(repr(float(value))) / _SECONDS[unit]:f}".removesuffix(".0") + unit
    return _text(value)


def _list(values: tuple[Value, ...]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: Value) -> str:
    """A scalar; text that might be read as something else is quoted."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return str(yaml.safe_dump(value, default_style='"', allow_unicode=True, width=math.inf)).strip()


class _File:
    def __init__(self, text: str, where: Path) -> None:
        self._text, self._where = text, where
        self._places: dict[str, yaml.Node] = {}

    def sweep(self) -> SweepSpec:
        root = self._root()
        fields: dict[str, Any] = {}
        for name, node in self._entries(root, _TOP).items():
            if name in _PARTS:
                fields[name] = self._part(node, name)
            else:
                fields[name] = self._value(node, _TOP[name][0], name)
        data = fields.get("data", {})
        if data.get("path"):
            data["path"] = str(self._where.parent / Path(data["path"]).expanduser())
        for name, record in _RECORDS.items():
            fields[name] = record(**fields.get(name, {}))
        fields.setdefault("experiment", experiment_for(fields["data"].path))
        spec = SweepSpec(**fields)
        for error in itertools.chain(
            source_problems(spec.data), problems(spec), model_problems(spec, spec.data.task)
        ):
            facts = ". ".join(text.rstrip(".") for text in (error.detail, error.hint) if text)
            raise self._error(
                self._places.get(error.setting, root), error.title, facts and f"{facts}."
            ) from error
        return spec

    def _part(self, node: yaml.Node, name: str) -> dict[str, Any]:
        part = {}
        for key, each in self._entries(node, _PARTS[name]).items():
            field = _FIELDS.get(key, key)
            part[field] = self._value(each, _PARTS[name][key][0], f"{name}.{field}")
        return part

    def _root(self) -> yaml.Node:
        if len(self._text) > _LARGEST:
            raise UsageError(f"Sweep file {quoted(str(self._where))} is too large", "The limit is 256 KiB.")
        depth = 0
        try:
            for event in yaml.parse(self._text, Loader=yaml.SafeLoader):
                depth += isinstance(event, yaml.CollectionStartEvent)
                depth -= isinstance(event, yaml.CollectionEndEvent)
                if isinstance(event, yaml.AliasEvent) or depth > _DEEPEST:
                    raise self._error(event, "Aliases and deep nesting are not allowed")
            root = yaml.compose(self._text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._error(mark, "Invalid YAML", error.problem or "") from error
        except (yaml.YAMLError, ValueError) as error:
            raise UsageError(f"Invalid YAML in {quoted(str(self._where))}", str(error)) from error
        if root is None:
            raise UsageError(f"Sweep file {quoted(str(self._where))} is empty")
        return root

    def _error(self, at: Any, title: str, hint: str = "") -> UsageError:
        mark = getattr(at, "start_mark", at)
        if mark is None:
            return UsageError(title, str(self._where), hint)
        lines = self._text.splitlines()
        line = quoted(lines[mark.line].strip()) if mark.line < len(lines) else "at the end"
        return UsageError(
            title, f"{self._where}, line {mark.line + 1}, column {mark.column + 1}: {line}", hint
        )

    def _entries(self, node: yaml.Node, known: Any = None) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, "Expected keys with values", f"Keys: {', '.join(known or ())}")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text_of(key)
            if known is not None and name not in known:
                close = closest(name, known, 1)
                hint = f"Did you mean {close[0]}?" if close else f"Keys: {', '.join(known)}."
                raise self._error(key, f"Unknown key {quoted(name)}", hint)
            if name in found:
                raise self._error(key, f"Duplicate key {quoted(name)}", "Remove one of them.")
            found[name] = value
        return found

    def _text_of(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag.endswith(":null"):
            raise self._error(node, "Expected text")
        return str(node.value)

    def _items(self, node: yaml.Node) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, "Expected a list", "Write it as [a, b].")
        return list(node.value)

    def _value(self, node: yaml.Node, kind: str, where: str) -> Any:
        self._places[where] = node
        match kind:
            case "text":
                return self._text_of(node)
            case "texts":
                items = enumerate(self._items(node))
                return tuple(self._value(item, "text", f"{where}[{at}]") for at, item in items)
            case "types":
                entries = self._entries(node).items()
                return {name: self._value(each, "text", f"{where}.{name}") for name, each in entries}
            case "models":
                return tuple(self._model(item, f"{where}[{at}]") for at, item in enumerate(self._items(node)))
            case "duration":
                return self._duration(node)
        value = self._scalar(node)
        kinds: dict[str, tuple[type, ...]] = {"yes or no": (bool,), "integer": (int,), "number": (int, float)}
        right = kinds[kind]
        if not isinstance(value, right) or (isinstance(value, bool) and kind != "yes or no"):
            raise self._error(node, f"Expected {_EXPECTED[kind]}")
        return value

    def _duration(self, node: yaml.Node) -> float:
        match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,20})?)([smhd]?)", self._text_of(node), re.ASCII)
        if match is None:
            raise self._error(node, "Expected a duration", "Write it as 60s, 5m or 1h.")
        return float(match[1]) * _SECONDS[match[2]]

    def _model(self, node: yaml.Node, where: str) -> ModelSpec:
        self._places[where] = node
        if isinstance(node, yaml.ScalarNode):
            return ModelSpec(self._text_of(node))
        entries = self._entries(node)
        if len(entries) != 1:
            raise self._error(node, "Expected one estimator per list item", "Start each with `- `.")
        [(name, params)] = entries.items()
        found = {}
        for key, value in self._entries(params).items():
            found[key] = self._choices(value, f"{where}.{key}")
        self._places |= {f"{where}.{key.value}": key for key, _ in params.value}
        return ModelSpec(name, found)

    def _choices(self, node: yaml.Node, where: str) -> Choices:
        self._places[f"{where}="] = node
        if not isinstance(node, yaml.MappingNode):
            items = node.value if isinstance(node, yaml.SequenceNode) else [node]
            self._places |= {f"{where}[{at}]": item for at, item in enumerate(items)}
            return tuple(map(self._scalar, items))
        kinds = {"low": "number", "high": "number", "log": "yes or no"}
        entries = self._entries(node, kinds).items()
        found = {name: self._value(each, kinds[name], f"{where}.{name}") for name, each in entries}
        if not {"low", "high"} <= found.keys():
            raise self._error(node, "A range needs low and high")
        return Range(**found)

    def _scalar(self, node: yaml.Node) -> Value:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, "Expected a single value")
        text, tag = str(node.value), node.tag.rpartition(":")[2]
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() in ("true", "yes", "on")
        if node.style is None and re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
            return int(text)
        if node.style is None and _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        return text
