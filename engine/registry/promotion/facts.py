"""The part of a registry that one promotion rests on, as facts that can be compared and kept.

A fact is a key and its value, both text:

    version 3            its stage, or `gone`
    version 3 created    when it was made, epoch milliseconds: tells a model made anew under an old name
    stage Production     the numbers of the versions that hold the stage, ascending: `2, 5`
    alias champion       the number of the version that it points at, empty for none
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.entities import STAGES, ModelVersion
from engine.formats import moment

Facts = Mapping[str, str]

GONE = "gone"

_VERSION = re.compile(r"version (\d+)")
_KEY = re.compile(r"version \d+( created)?|stage (Staging|Production)|alias [\w-]{1,255}")
_RANK = {"Production": 0, "Staging": 1}


@dataclass(frozen=True, slots=True)
class Change:
    """One write: the stage of `version`, or an alias (`version` is None, `what` is `alias champion`
    and `before` and `after` are version numbers, empty for none)."""

    version: int | None
    what: str
    before: str
    after: str

    @property
    def key(self) -> str:
        """The fact that it changes."""
        return self.what if self.version is None else f"version {self.version}"

    @property
    def inverse(self) -> Change:
        return Change(self.version, self.what, self.after, self.before)

    @property
    def leaves_stage(self) -> bool:
        """Whether a version leaves Production or Staging for neither."""
        return self.before in _RANK and self.after not in _RANK

    def __str__(self) -> str:
        if self.version is None:
            return f"{self.what} {self.before or '–'} → {self.after or '–'}"
        return f"version {self.version}: {self.what} {self.before} → {self.after}"


def look(versions: Sequence[ModelVersion], keys: Iterable[str]) -> dict[str, str]:
    """The values that the facts `keys` have in a registry that holds `versions`."""
    by_number = {version.version: version for version in versions}
    return {key: _value(key, by_number) for key in keys}


def changes(before: Facts, after: Facts) -> tuple[Change, ...]:
    """The writes that lead from one state to the other, in the order in which they are made.

    A version enters Production before another leaves it: whatever stops the writes half-way
    leaves a version there, two at worst, and never none.
    """
    found = [
        _change(key, value, after[key])
        for key, value in before.items()
        if value != after[key] and (_VERSION.fullmatch(key) or key.startswith("alias "))
    ]
    return tuple(sorted(found, key=lambda change: (_RANK.get(change.after, 2), change.version or 0)))


def applied(versions: Sequence[ModelVersion], made: Iterable[Change]) -> tuple[ModelVersion, ...]:
    """The same versions as they are to be once `made` has been written."""
    result = {version.version: version for version in versions}
    for change in made:
        if change.version is not None:
            stage = next(stage for stage in STAGES if stage == change.after)
            result[change.version] = replace(result[change.version], stage=stage)
            continue
        alias = change.what.removeprefix("alias ")
        for number, version in result.items():
            rest = tuple(held for held in version.aliases if held != alias)
            aliases = (*rest, alias) if str(number) == change.after else rest
            result[number] = replace(version, aliases=aliases)
    return tuple(result.values())


def holds(change: Change, versions: Sequence[ModelVersion]) -> bool:
    """Whether the registry is as `change` leaves it."""
    return look(versions, [change.key])[change.key] == change.after


def are_facts(found: Facts) -> bool:
    """Whether a mapping from outside, such as a journal's, holds nothing but facts."""
    return all(
        _KEY.fullmatch(key) and (not _VERSION.fullmatch(key) or value in (*STAGES, GONE))
        for key, value in found.items()
    )


def differences(expected: Facts, found: Facts, when: str) -> str:
    """What is not as expected, for people: `version 2: Production when planned, Archived now`."""
    return "; ".join(
        f"{_subject(key)}: {_told(key, value)} {when}, {_told(key, found[key])} now"
        for key, value in expected.items()
        if value != found[key]
    )


def _value(key: str, versions: Mapping[int, ModelVersion]) -> str:
    kind, name, *rest = key.split(" ")
    if kind == "stage":
        return ", ".join(str(number) for number in sorted(versions) if versions[number].stage == name)
    if kind == "alias":
        return next((str(number) for number, version in versions.items() if name in version.aliases), "")
    version = versions.get(int(name))
    if version is None:
        return GONE
    return str(version.creation_time or "") if rest else version.stage


def _change(key: str, before: str, after: str) -> Change:
    match = _VERSION.fullmatch(key)
    if match:
        return Change(int(match[1]), "stage", before, after)
    return Change(None, key, before, after)


def _subject(key: str) -> str:
    return key.removeprefix("stage ")


def _told(key: str, value: str) -> str:
    if key.endswith(" created") and value.isdigit():
        return moment(int(value))
    if key.startswith("version "):
        return value
    if not value:
        return "no version"
    return f"{'versions' if ',' in value else 'version'} {value}"
