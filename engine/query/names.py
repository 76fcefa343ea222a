"""Which column a name in a filter means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from engine.errors import FilterError
from engine.query.keys import ATTRIBUTES, HIDDEN_ATTRIBUTES, PREFIXES, ColumnKey, ColumnKind
from engine.query.lexer import Place, short
from engine.query.tree import Name

# MLflow's own names: without a prefix they always mean the attribute.
_MLFLOW = {
    **{name: name for name in ("run_id", "run_name", "status", "user_id", "start_time", "end_time")},
    "artifact_uri": "artifact_uri",
    "created": "start_time",
    "Created": "start_time",
    **dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"),
}
# Our own names: where a metric or parameter has the same one, the filter is ambiguous.
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
_PLAIN = re.compile(r"""[^\s()'"`,=!<>~≤≥≠]+""")
_CLOSE_ENOUGH = 2000


def written(key: ColumnKey) -> str:
    """`key` as it can be written in a filter, with its prefix: ``metrics.`train acc` ``."""
    prefix = {"metric": "metrics.", "param": "params.", "tag": "tags.", "attribute": "attributes."}[key.kind]
    if _PLAIN.fullmatch(key.name):
        return prefix + key.name
    return f'{prefix}"{key.name}"' if "`" in key.name else f"{prefix}`{key.name}`"


class Names:
    """The columns that a filter may name: the attributes, and the metrics, parameters and tags of a table."""

    def __init__(self, keys: Iterable[ColumnKey]) -> None:
        self._by_name: dict[str, list[ColumnKey]] = {}
        for key in keys:
            if key.kind != "attribute":
                self._by_name.setdefault(key.name, []).append(key)

    def resolve(self, name: Name, *, may_lack: bool = False) -> ColumnKey:
        """The column meant by `name`. Raises `FilterError`: no such column, or several. With
        `may_lack`, a metric, parameter or tag that no run has is a column too."""
        if name.prefix is None:
            return self._bare(name)
        kind = PREFIXES[name.prefix]
        if kind == "dataset":
            raise name.place.error("Data sets cannot be filtered here", "Filter by metrics, params, tags.")
        if kind == "attribute":
            attribute = _MLFLOW.get(name.name) or _FRIENDLY.get(name.name)
            if attribute is None:
                raise self._unknown(name, "attribute", (*ATTRIBUTES, *HIDDEN_ATTRIBUTES))
            return ColumnKey("attribute", attribute)
        key = ColumnKey(kind, name.name)
        if may_lack or key in self._by_name.get(name.name, ()):
            return key
        raise self._unknown(name, kind, self._named(kind))

    def _bare(self, name: Name) -> ColumnKey:
        if name.name in _MLFLOW:
            return ColumnKey("attribute", _MLFLOW[name.name])
        found = list(self._by_name.get(name.name, ()))
        if name.name in _FRIENDLY:
            found.insert(0, ColumnKey("attribute", _FRIENDLY[name.name]))
        if len(found) == 1:
            return found[0]
        if found:
            candidates = ", ".join(written(key) for key in found)
            raise name.place.error(
                f"{short(name.name)} can be several columns", f"Write one of {candidates}."
            )
        raise self._unknown(name, None, (*self._by_name, *ATTRIBUTES, *_FRIENDLY))

    def _named(self, kind: ColumnKind) -> list[str]:
        return [name for name, keys in self._by_name.items() if any(key.kind == kind for key in keys)]

    def _unknown(self, name: Name, kind: ColumnKind | None, known: Iterable[str]) -> FilterError:
        what = {"metric": "metric", "param": "parameter", "tag": "tag", "attribute": "attribute"}
        title = f"There is no {what[kind] if kind else 'column'} {short(name.name)}"
        elsewhere = [written(key) for key in self._by_name.get(name.name, ())]
        close = elsewhere or closest(name.name, known)
        return name.place.error(title, f"Did you mean {' or '.join(close)}?" if close else "")


def column_named(text: str, keys: Iterable[ColumnKey]) -> ColumnKey:
    """The column called `metrics.accuracy`, `params.metric`, `duration`, or just `accuracy` where that
    is clear. Raises `FilterError`: no such column, or several."""
    known = tuple(keys)
    for key in known:
        if str(key) == text:
            return key
    prefix, dot, rest = text.partition(".")
    prefixed = bool(dot) and prefix.lower() in PREFIXES
    place = Place(0, len(text))
    name = Name(prefix.lower(), rest, place) if prefixed else Name(None, text, place)
    return Names(known).resolve(name)


def closest(word: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Up to `limit` of the `known` names that `word` may stand for, the likeliest first."""
    small = word.lower()
    names = list(dict.fromkeys(known))
    same = [name for name in names if name.lower() == small]
    starting = [name for name in names if name.lower().startswith(small)] if len(small) > 1 else []
    holding = [name for name in names if small in name.lower()] if len(small) > 2 else []
    found = list(dict.fromkeys(same + sorted(starting, key=len) + sorted(holding, key=len)))
    if not found and len(word) <= 80:
        alike = [name for name in names if abs(len(name) - len(word)) <= 4][:_CLOSE_ENOUGH]
        found = get_close_matches(word, alike, limit, 0.7)
    return found[:limit]
