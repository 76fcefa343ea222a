"""Requests to a model: prefilled from its signature and input example, edited as JSON, CSV or a form.

The forms are those of MLflow's scoring protocol.
"""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import unquote, urlsplit

from engine.errors import ModelFailure, UsageError
from engine.formats import as_number
from engine.model_files.files import MLMODEL, ModelFiles
from engine.registry.signatures import signature_of
from engine.text import quoted, safe

Form = Literal["dataframe_split", "dataframe_records", "instances", "inputs", "csv"]
FORMS: tuple[Form, ...] = get_args(Form)

JSON_TYPE = "application/json"
CSV_TYPE = "text/csv"
SERVING_EXAMPLE = "serving_input_example.json"
"""The file of a model with its input example, as a request."""

MAX_EXAMPLE_BYTES = 16 * 2**20
MAX_DIGITS = 19
"""A whole number of more digits is no 64-bit integer, and sent as a float."""

WHOLE_TYPES = ("long", "integer")
NUMBER_TYPES = ("double", "float")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Request:
    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the model's input. `type` is MLflow's, such as `long` or `double optional`; empty if
    unknown. `value` is the text that a form starts with."""

    name: str
    type: str
    value: str = ""

    @property
    def is_optional(self) -> bool:
        return self.type.endswith("optional")

    def parsed(self, text: str) -> Any:
        """The value that a person typed: None for an empty optional one. Raises `UsageError` if it is not of
        this type."""
        kind = self.type.removesuffix(" optional")
        if not text.strip() and (self.is_optional or kind not in ("string", "")):
            if self.is_optional:
                return None
            raise UsageError(f"{safe(self.name)} is empty", f"The model needs a value of type {kind}.")
        number = as_number(text.strip())
        if kind in WHOLE_TYPES and number is not None and number.is_integer():
            return int(number)
        if kind in NUMBER_TYPES and number is not None:
            return number
        if kind == "boolean" and text.strip().lower() in _TRUTH:
            return _TRUTH[text.strip().lower()]
        if kind in (*WHOLE_TYPES, *NUMBER_TYPES, "boolean"):
            raise UsageError(f"{safe(self.name)} must be of type {kind}", f"It is {quoted(text)}.")
        return inferred(text) if not kind else text


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """What a request to a model starts with. `columns` and `rows` are its input example as a table; `example`
    is the example as MLflow recorded it, which may be no table. `problem` says what is missing."""

    fields: tuple[Field, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    example: str = ""
    problem: str = ""

    def request(self, form: Form = "dataframe_split") -> Request:
        """The whole input example in one of the forms."""
        if not self.columns and self.example:
            return Request(JSON_TYPE, self.example)
        return request_of(self.columns, self.rows, form)

    def filled(self, values: Mapping[str, str], form: Form = "dataframe_split") -> Request:
        """One row from the texts of a form, by column. Raises `UsageError` for a value of another type."""
        row = [field.parsed(values.get(field.name, "")) for field in self.fields]
        return request_of([field.name for field in self.fields], [row], form)


def read_template(files: ModelFiles) -> RequestTemplate:
    """From the `MLmodel` file and the recorded example of a model, which is not loaded. Raises
    `ModelFailure`."""
    try:
        signature = signature_of(files.file(MLMODEL).read_bytes())
    except (OSError, ValueError) as error:
        raise ModelFailure("The model's MLmodel file cannot be read", str(error)) from error
    try:
        example = json.loads(_bounded(files.file(SERVING_EXAMPLE)))
    except (ModelFailure, OSError, ValueError, RecursionError):
        named = {name: kind for name, kind in signature.inputs.items() if not kind.startswith("tensor")}
        fields = tuple(Field(name, kind) for name, kind in named.items())
        missing = "The model was logged without an input example."
        return RequestTemplate(fields, problem=f"{missing} {signature.problem}".strip())
    columns, rows = table_of(example)
    first = dict(zip(columns, rows[0], strict=False)) if rows else {}
    types = signature.inputs if set(signature.inputs) <= set(columns) else {}
    fields = tuple(Field(name, types.get(name, ""), _text(first.get(name))) for name in columns)
    problem = f"The model was logged without a signature ({signature.problem})." if signature.problem else ""
    return RequestTemplate(fields, columns, rows, json.dumps(example, indent=2), problem)


def _bounded(path: Path) -> bytes:
    """Raises `ValueError` for a file that is too large to be an example."""
    with path.open("rb") as file:
        content = file.read(MAX_EXAMPLE_BYTES + 1)
    if len(content) > MAX_EXAMPLE_BYTES:
        raise ValueError("it is too large")
    return content


def table_of(payload: Any) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    """The columns and rows of a JSON request, both empty if it is no table."""
    if not isinstance(payload, dict):
        return (), ()
    match payload:
        case {"dataframe_split": {"columns": [*columns], "data": [*data]}}:
            return tuple(map(str, columns)), tuple(map(tuple, data))
        case {"dataframe_records": [*records]} | {"instances": [{}, *_] as records}:
            columns = list(dict.fromkeys(str(name) for record in records for name in record))
            return tuple(columns), tuple(tuple(record.get(name) for name in columns) for record in records)
        case {"inputs": {**named}} if named and all(isinstance(v, list) for v in named.values()):
            return tuple(map(str, named)), tuple(zip(*named.values(), strict=False))
    return (), ()


def request_of(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: Form) -> Request:
    """Rows in one of the forms. The values are numbers, texts, booleans and None."""
    if form == "csv":
        text = io.StringIO()
        write = csv.writer(text, lineterminator="\n").writerow
        write(columns)
        for row in rows:
            write(["" if value is None else value for value in row])
        return Request(CSV_TYPE, text.getvalue())
    payload: Any
    if form == "dataframe_split":
        payload = {"columns": list(columns), "data": [list(row) for row in rows]}
    elif form == "inputs":
        payload = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    else:
        payload = [dict(zip(columns, row, strict=True)) for row in rows]
    return Request(JSON_TYPE, json.dumps({form: payload}))


def request_in(text: str) -> Request:
    """The request in a text that a person wrote: JSON, or else CSV with a header. Raises `UsageError` for an
    empty one and for a single line that is neither."""
    stripped = text.removeprefix("\ufeff").strip()
    if not stripped:
        raise UsageError("The request is empty")
    if stripped[0] in "{[":
        return Request(JSON_TYPE, stripped)
    if "\n" not in stripped and "\r" not in stripped:
        hint = "Write a JSON object in a form of MLflow's scoring protocol, or CSV: a header, then rows."
        raise UsageError("The request is neither JSON nor CSV with a header", safe(stripped, 200), hint)
    return Request(CSV_TYPE, f"{stripped}\n")


def converted(request: Request, form: Form) -> Request:
    """The same table in another form. Raises `UsageError` if the request is no table."""
    if request.content_type == CSV_TYPE:
        header, *rows = csv.reader(io.StringIO(request.body)) if request.body.strip() else [[]]
        return request_of(header, [[inferred(value) for value in row] for row in rows], form)
    try:
        columns, found = table_of(json.loads(request.body))
    except (ValueError, RecursionError) as error:
        raise UsageError("The request is not JSON", str(error)) from error
    if not columns:
        raise UsageError("The request is no table of named columns", hint="Edit it in the form it has.")
    return request_of(columns, found, form)


def curl(url: str, request: Request) -> str:
    """A shell command that sends a request to the server at `url`. It asks for the password of a URL that has
    one."""
    parts = urlsplit(invocations_url(url))
    user = f" -u {shlex.quote(unquote(parts.username))}" if parts.username else ""
    where = shlex.quote(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())
    body = shlex.quote(request.body)
    return f"curl -sS{user} {where} -H 'Content-Type: {request.content_type}' --data-binary {body}"


def invocations_url(url: str) -> str:
    """Where a scoring server takes requests: also for a URL that already names that."""
    return f"{url.rstrip('/').removesuffix('/invocations')}/invocations"


def inferred(text: str) -> Any:
    """A cell of a CSV file of unknown type: whole number, number, text; None for an empty one."""
    stripped = text.strip()
    if not stripped:
        return None
    number = as_number(stripped)
    if number is None:
        return text
    return int(stripped) if stripped.lstrip("+-").isdecimal() and len(stripped) < MAX_DIGITS else number


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
