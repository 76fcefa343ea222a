"""The state of a registry that one promotion depends on, as typed facts.

A fact is a question about a model's versions. Facts with their values can be compared, and a journal entry
stores them as text (`facts_to_text`, `facts_from_text`):

    fact               value                                       as text
    StageOf(3)         the version's stage, None if deleted        `version 3`          `Staging`, `gone`
    CreatedAt(3)       epoch milliseconds, None if unknown         `version 3 created`  `1763800000000`, ``
    HoldersOf("…")     versions that hold the stage, ascending     `stage Production`   `2, 5`
    AliasTarget("…")   the version the alias points at, or None    `alias champion`     `2`, ``

The creation time exposes a model that was deleted and registered again under the same name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from engine.entities import STAGES, ModelVersion, Stage
from engine.formats import moment


@dataclass(frozen=True, slots=True)
class StageOf:
    version: int

    def __str__(self) -> str:
        return f"version {self.version}"


@dataclass(frozen=True, slots=True)
class CreatedAt:
    version: int

    def __str__(self) -> str:
        return f"version {self.version} created"


@dataclass(frozen=True, slots=True)
class HoldersOf:
    stage: Stage

    def __str__(self) -> str:
        return f"stage {self.stage}"


@dataclass(frozen=True, slots=True)
class AliasTarget:
    alias: str

    def __str__(self) -> str:
        return f"alias {self.alias}"


Fact = StageOf | CreatedAt | HoldersOf | AliasTarget
FactValue = Stage | int | tuple[int, ...] | None
Facts = Mapping[Fact, FactValue]

_GONE = "gone"
_TEXT = re.compile(
    r"version (?P<version>\d+)(?P<created> created)?|stage (?P<stage>Staging|Production)"
    r"|alias (?P<alias>[\w-]{1,255})"
)
_ALIAS = re.compile(r"[\w-]{1,255}")
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)
_WRITE_ORDER = {"Production": 0, "Staging": 1}


@dataclass(frozen=True, slots=True)
class StageChange:
    """One write: a version changes stage."""

    version: int
    before: Stage
    after: Stage

    @property
    def fact(self) -> Fact:
        """The fact that this write changes."""
        return StageOf(self.version)

    @property
    def inverse(self) -> StageChange:
        return StageChange(self.version, self.after, self.before)

    @property
    def leaves_stage(self) -> bool:
        """Whether the version leaves Production or Staging for an inactive stage."""
        return self.before in _WRITE_ORDER and self.after not in _WRITE_ORDER

    def __str__(self) -> str:
        return f"version {self.version}: stage {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class AliasChange:
    """One write: an alias moves, is set (`before` is None) or is removed (`after` is None)."""

    alias: str
    before: int | None
    after: int | None

    @property
    def fact(self) -> Fact:
        """The fact that this write changes."""
        return AliasTarget(self.alias)

    @property
    def inverse(self) -> AliasChange:
        return AliasChange(self.alias, self.after, self.before)

    @property
    def leaves_stage(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"alias {self.alias} {self.before or '–'} → {self.after or '–'}"


Change = StageChange | AliasChange


def alias_problem(alias: str) -> str:
    """Why MLflow does not accept the name of an alias; empty if it does."""
    if not _ALIAS.fullmatch(alias):
        return f"Invalid alias {alias!r}: use 1 to 255 letters, digits, underscores and dashes"
    if _RESERVED.fullmatch(alias):
        return f"The alias {alias!r} is reserved: MLflow reserves `latest`, and `v` followed by digits"
    return ""


def read_facts(versions: Sequence[ModelVersion], facts: Iterable[Fact]) -> dict[Fact, FactValue]:
    """The values of `facts` for the `versions` of a model."""
    by_number = {version.version: version for version in versions}
    return {fact: _value(fact, by_number) for fact in facts}


def changes_between(before: Facts, after: Facts) -> tuple[Change, ...]:
    """The writes that turn one state into the other, in the order to make them.

    A version enters Production before another leaves it: if the writes stop midway, Production holds two
    versions at worst, never none.
    """
    changes: list[Change] = []
    for fact, value in before.items():
        if value == after[fact]:
            continue
        if isinstance(fact, StageOf):
            changes.append(StageChange(fact.version, cast(Stage, value), cast(Stage, after[fact])))
        elif isinstance(fact, AliasTarget):
            changes.append(
                AliasChange(fact.alias, cast("int | None", value), cast("int | None", after[fact]))
            )
    return tuple(sorted(changes, key=_write_order))


def after_changes(versions: Sequence[ModelVersion], changes: Iterable[Change]) -> tuple[ModelVersion, ...]:
    """The versions as they will be once `changes` have been written."""
    result = {version.version: version for version in versions}
    for change in changes:
        if isinstance(change, StageChange):
            result[change.version] = replace(result[change.version], stage=change.after)
            continue
        for number, version in result.items():
            others = tuple(alias for alias in version.aliases if alias != change.alias)
            aliases = (*others, change.alias) if number == change.after else others
            result[number] = replace(version, aliases=aliases)
    return tuple(result.values())


def target_changes(before: Facts, after: Facts) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """The versions before and after of each stage and alias (`@champion`) that changes."""
    return {
        fact.stage if isinstance(fact, HoldersOf) else f"@{fact.alias}": (
            _numbers(before.get(fact)),
            _numbers(value),
        )
        for fact, value in after.items()
        if isinstance(fact, HoldersOf | AliasTarget) and before.get(fact) != value
    }


def has_taken_effect(change: Change, versions: Sequence[ModelVersion]) -> bool:
    """Whether the registry already has the result of `change`."""
    return read_facts(versions, [change.fact])[change.fact] == change.after


def differences(expected: Facts, found: Facts, when: str) -> str:
    """The differences as readable text: `version 2: Production when planned, Archived now`."""
    return "; ".join(
        f"{_subject(fact)}: {_description(fact, value)} {when}, {_description(fact, found[fact])} now"
        for fact, value in expected.items()
        if value != found[fact]
    )


def _numbers(value: FactValue) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) if isinstance(value, int) else ()


# ── text, for the journal ────────────────────────────────────────────────────


def facts_to_text(facts: Facts) -> dict[str, str]:
    """Facts as a journal entry stores them."""
    return {str(fact): _value_text(fact, value) for fact, value in facts.items()}


def facts_from_text(texts: Mapping[str, str]) -> dict[Fact, FactValue] | None:
    """Facts from a journal entry; None if any of the mapping is not a fact."""
    facts: dict[Fact, FactValue] = {}
    for key, text in texts.items():
        match = _TEXT.fullmatch(key)
        if match is None:
            return None
        fact = _fact(match)
        try:
            facts[fact] = _value_from_text(fact, text)
        except ValueError:
            return None
    return facts


def _fact(match: re.Match[str]) -> Fact:
    if match["stage"]:
        return HoldersOf(_stage(match["stage"]))
    if match["alias"]:
        return AliasTarget(match["alias"])
    number = int(match["version"])
    return CreatedAt(number) if match["created"] else StageOf(number)


def _value_text(fact: Fact, value: FactValue) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if value is None:
        return _GONE if isinstance(fact, StageOf) else ""
    return str(value)


def _value_from_text(fact: Fact, text: str) -> FactValue:
    """Raises `ValueError` if `text` is not a valid value of the fact."""
    match fact:
        case StageOf():
            return None if text == _GONE else _stage(text)
        case HoldersOf():
            return tuple(int(number) for number in text.split(", ")) if text else ()
        case _:
            return int(text) if text else None


def _stage(text: str) -> Stage:
    for stage in STAGES:
        if stage == text:
            return stage
    raise ValueError(f"Unknown stage {text!r}")


# ── values and descriptions ──────────────────────────────────────────────────


def _value(fact: Fact, versions: Mapping[int, ModelVersion]) -> FactValue:
    match fact:
        case StageOf(number):
            return versions[number].stage if number in versions else None
        case CreatedAt(number):
            return (versions[number].creation_time or None) if number in versions else None
        case HoldersOf(stage):
            return tuple(number for number in sorted(versions) if versions[number].stage == stage)
        case AliasTarget(alias):
            return next((number for number, version in versions.items() if alias in version.aliases), None)


def _write_order(change: Change) -> tuple[int, int]:
    if isinstance(change, AliasChange):
        return 2, 0
    return _WRITE_ORDER.get(change.after, 2), change.version


def _subject(fact: Fact) -> str:
    return fact.stage if isinstance(fact, HoldersOf) else str(fact)


def _description(fact: Fact, value: FactValue) -> str:
    match fact, value:
        case CreatedAt(), int(time):
            return moment(time)
        case ((StageOf() | CreatedAt()), None):
            return _GONE
        case ((HoldersOf() | AliasTarget()), (None | ())):
            return "no version"
        case HoldersOf(), tuple(numbers):
            return f"{'versions' if len(numbers) > 1 else 'version'} {', '.join(map(str, numbers))}"
        case AliasTarget(), _:
            return f"version {value}"
    return str(value)
