"""Resolves the names in a filter to columns."""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.columns import (
    ATTRIBUTES,
    HIDDEN_ATTRIBUTES,
    KIND_LABEL,
    MLFLOW_PREFIX,
    PREFIXES,
    VERSION,
    VERSION_ATTRIBUTES,
    ColumnKey,
    ColumnKind,
    is_prefix,
)
from engine.errors import FilterError
from engine.filters.lexer import SIGNS, Span, short
from engine.filters.syntax import Name
from engine.stores.block import DATASET_FIELDS
from engine.suggestions import closest, did_you_mean

# MLflow's names: without a prefix they always mean the attribute.
_MLFLOW = {
    **{name: name for name in ("run_id", "run_name", "status", "user_id", "start_time", "end_time")},
    "artifact_uri": "artifact_uri",
    "created": "start_time",
    "Created": "start_time",
    **dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"),
}
# Our names: if a metric or parameter has the same name, the filter is ambiguous.
_FRIENDLY = {
    "id": "run_id",
    "name": "run_name",
    "user": "user_id",
    "started": "start_time",
    "ended": "end_time",
    "duration": "duration",
    "took": "duration",
    **{name: name for name in HIDDEN_ATTRIBUTES if name not in _MLFLOW},
}
# The names in a table of versions: MLflow's, and shorter ones.
_OF_VERSIONS = {
    **{name: name for name in VERSION_ATTRIBUTES},
    "version_number": "version",
    "current_stage": "stage",
    "alias": "aliases",
    "run_id": "source_run",
    "user": "user_id",
    **dict.fromkeys(("creation_time", "creation_timestamp"), "created"),
    **dict.fromkeys(("updated", "last_updated_time", "last_updated_timestamp"), "last_updated"),
}
_NONE: dict[str, str] = {}
_PLAIN = re.compile(r"""[^\s()'"`,=!<>~≤≥≠]+""")
_NUMBER_LIKE = re.compile(r"[-+.\d]")
_SIGNS = re.compile(r"([-+*/])")
_EDGE = r"[\s(),=!<>~≤≥≠]"
_BEFORE = re.compile(rf"(?:^|{_EDGE})(?:((?ai:{'|'.join(PREFIXES)}))\.)?\Z")
_BEHIND = re.compile(rf"{_EDGE}|\Z")
_LONGEST_BEFORE = max(map(len, PREFIXES)) + 2
_KEYWORDS = ("and", "or", "not", "is", "in", "like", "ilike", "between", "null", "nan")


def written(key: ColumnKey) -> str:
    """`key` as written in a filter, with its prefix: ``metrics.`train acc` ``."""
    name = key.name if _PLAIN.fullmatch(key.name) else quoted_name(key.name)
    return f"{MLFLOW_PREFIX[key.kind]}.{name}"


def quoted_name(name: str) -> str:
    return f'"{name}"' if "`" in name else f"`{name}`"


def is_plain(word: str) -> bool:
    """Whether a word needs no quotes."""
    is_sign = word in SIGNS
    return _PLAIN.fullmatch(word) is not None and word.lower() not in _KEYWORDS and not is_sign


def _needs_quotes(name: str) -> bool:
    """Whether a name must be quoted and can be."""
    return name != "" and _PLAIN.fullmatch(name) is None and not ('"' in name and "`" in name)


class Names:
    """The columns a filter may name: the attributes of runs or of versions, the dataset fields, and the
    metrics, parameters and tags of a table. With `partial`, columns may exist that the table does not have
    yet."""

    def __init__(self, keys: Iterable[ColumnKey], *, partial: bool = False) -> None:
        self._partial = partial
        self._by_name: dict[str, list[ColumnKey]] = {}
        self._mlflow, self._friendly = _MLFLOW, _FRIENDLY
        self._attributes: tuple[str, ...] = ATTRIBUTES
        for key in keys:
            if key == VERSION:
                self._mlflow, self._friendly, self._attributes = _OF_VERSIONS, _NONE, VERSION_ATTRIBUTES
            if key.kind not in ("attribute", "dataset"):
                self._by_name.setdefault(key.name, []).append(key)

    def resolve(self, name: Name, *, may_lack: bool = False) -> ColumnKey:
        """The column `name` refers to. Raises `FilterError` if it is unknown or ambiguous. With `may_lack`, a
        metric, parameter or tag that no run has is accepted too."""
        if name.prefix is None:
            return self._bare(name)
        kind = PREFIXES[name.prefix]
        if kind == "dataset":
            return self._dataset(name)
        if kind == "attribute":
            attribute = self._mlflow.get(name.name) or self._friendly.get(name.name)
            if attribute is None:
                hidden = HIDDEN_ATTRIBUTES if self._friendly else ()
                raise self._unknown(name, "attribute", (*self._attributes, *hidden))
            return ColumnKey("attribute", attribute)
        key = ColumnKey(kind, name.name)
        if may_lack or self._partial or key in self._by_name.get(name.name, ()):
            return key
        raise self._unknown(name, kind, self._named(kind))

    def has(self, word: str) -> bool:
        """Whether an unquoted word names one or more columns, or has a column prefix."""
        prefix, dot, _ = word.partition(".")
        known = word in self._by_name or word in self._mlflow or word in self._friendly
        return known or (bool(dot) and prefix.lower() in PREFIXES)

    def close_to(self, word: str) -> list[str]:
        """Names similar to a word, the likeliest first."""
        return closest(word, (*self._by_name, *self._attributes))

    def shortest(self, key: ColumnKey) -> str:
        """`key` without its prefix if that is unambiguous, else with it."""
        try:
            clear = self.resolve(Name(None, key.name, Span(0, 0))) == key
        except FilterError:
            return written(key)
        if not clear:
            return written(key)
        plain = is_plain(key.name) and not _NUMBER_LIKE.match(key.name)
        prefix, dot, _ = key.name.partition(".")
        bare = plain and not (dot and is_prefix(prefix))
        return key.name if bare else quoted_name(key.name)

    def quoted_forms(self, text: str, position: int) -> list[str]:
        """The quoted forms, one per column, of the longest name in `text` that needs quotes and contains or
        directly precedes `position`."""
        found = [
            (len(name), name, start)
            for name in self._by_name
            if (start := text.find(name, max(0, position - 1 - len(name)), position + len(name))) >= 0
        ]
        for length, name, start in sorted(found, reverse=True):
            before = _BEFORE.search(text, max(0, start - _LONGEST_BEFORE), start)
            if before and _BEHIND.match(text, start + length) and _needs_quotes(name):
                keys = self._by_name[name]
                if before[1] is None:
                    return [self.shortest(key) for key in keys]
                kind = PREFIXES[before[1].lower()]
                return [written(key) for key in keys if key.kind == kind] or [*map(written, keys)]
        return []

    def _dataset(self, name: Name) -> ColumnKey:
        if name.name not in DATASET_FIELDS:
            hint = f"Dataset fields: {', '.join(DATASET_FIELDS)}."
            raise name.span.error(f"Unknown dataset field {short(name.name)}", hint)
        return ColumnKey("dataset", name.name)

    def _bare(self, name: Name) -> ColumnKey:
        if name.name in self._mlflow:
            return ColumnKey("attribute", self._mlflow[name.name])
        found = list(self._by_name.get(name.name, ()))
        if self._attributes is VERSION_ATTRIBUTES and len(found) > 1:
            found = [key for key in found if key.kind != "tag"]  # versions are tagged with their metrics
        if name.name in self._friendly:
            found.insert(0, ColumnKey("attribute", self._friendly[name.name]))
        if len(found) == 1:
            return found[0]
        if found:
            candidates = ", ".join(written(key) for key in found)
            raise name.span.error(f"{short(name.name)} is ambiguous", f"Use one of {candidates}.")
        raise self._unknown(name, None, (*self._by_name, *self._attributes, *self._friendly))

    def _named(self, kind: ColumnKind) -> list[str]:
        return [name for name, keys in self._by_name.items() if any(key.kind == kind for key in keys)]

    def _unknown(self, name: Name, kind: ColumnKind | None, known: Iterable[str]) -> FilterError:
        title = f"Unknown {KIND_LABEL[kind] if kind else 'column'} {short(name.name)}"
        elsewhere = [written(key) for key in self._by_name.get(name.name, ())]
        if kind is None and name.name in DATASET_FIELDS:
            elsewhere.append(written(ColumnKey("dataset", name.name)))
        hint = did_you_mean(elsewhere or self._spaced(name) or closest(name.name, known))
        if self._partial and kind is None:
            hint = f"{hint} Only loaded runs were searched.".lstrip()
        return name.span.error(title, hint)

    def _spaced(self, name: Name) -> list[str]:
        """`a-b` as arithmetic, if both `a` and `b` are known."""
        parts = _SIGNS.split(name.name) if name.prefix is None and len(name.name) <= 80 else []
        sense = len(parts) > 1 and all(self.has(part) or part.isdecimal() for part in parts[::2])
        return [" ".join(parts)] if sense else []


def column_named(text: str, keys: Iterable[ColumnKey]) -> ColumnKey:
    """The column called `metrics.accuracy`, `params.metric`, `duration`, or just `accuracy` if that is
    unambiguous. Raises `FilterError` if it is unknown or ambiguous."""
    known = tuple(keys)
    for key in known:
        if str(key) == text:
            return key
    prefix, dot, rest = text.partition(".")
    prefixed = bool(dot) and prefix.lower() in PREFIXES
    span = Span(0, len(text))
    name = Name(prefix.lower(), rest, span) if prefixed else Name(None, text, span)
    found = Names(known).resolve(name)
    if found.kind == "dataset":
        raise span.error("No run has a dataset")
    return found
