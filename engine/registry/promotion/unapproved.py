"""Versions that have a stage or an alias without the approval that a policy demands for it.

A promotion with a console leaves its reason, and with it the approval, in a tag of the version; a later
promotion of the same version replaces it, so this account's journal is asked too. Neither proves anything:
who may write the tags may write them by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from engine.entities import ModelVersion
from engine.errors import EngineError
from engine.journal import journal_entries, server_name
from engine.registry.promotion.facts import CreatedAt
from engine.registry.promotion.policy import Policy
from engine.registry.promotion.writes import TAG_PREFIX, promoted_by
from engine.uri import TrackingUri

APPROVED, FORCED = "[approved by ", "[forced: "
"""Begin the parts of a promotion's reason that say who approved it, and why it needed no approval."""
_HELD = ("Staging", "Production")


@dataclass(frozen=True, slots=True)
class Unapproved:
    """A version that has `target` (`Production`, `@champion`) without a recorded approval, and what is known
    instead: untrusted text."""

    version: ModelVersion
    target: str
    why: str


def unapproved(
    uri: TrackingUri, versions: Iterable[ModelVersion], policies: Sequence[Policy]
) -> tuple[Unapproved, ...]:
    """Those of a model's versions whose targets demand an approval by its `policies`, and that show none."""
    strict = [policy for policy in policies if policy.approval or policy.approvers]
    found = []
    for version in versions if strict else ():
        held = [f"@{alias}" for alias in version.aliases]
        held += [version.stage] if version.stage in _HELD else []
        for target in held:
            demanding = [policy for policy in strict if policy.applies_to([target])]
            if demanding and (why := _missing(uri, version, demanding)):
                found.append(Unapproved(version, target, why))
    return tuple(found)


def _missing(uri: TrackingUri, version: ModelVersion, policies: Sequence[Policy]) -> str:
    """Why no approval is known; empty if one is."""
    reasons = [
        reason
        for to, reason in (_by_tags(version), *_by_journal(uri, version))
        if any(policy.applies_to([to]) for policy in policies)
    ]
    if any(APPROVED in reason for reason in reasons):
        return ""
    if forced := next((reason for reason in reasons if FORCED in reason), ""):
        return f"forced by {promoted_by(version) or 'this account'}: {forced}"
    if reasons:
        return f"promoted by {promoted_by(version) or 'this account'}, not approved"
    return "no promotion with a console is known"


def _by_tags(version: ModelVersion) -> tuple[str, str]:
    to, reason = (version.tags.get(TAG_PREFIX + name, "") for name in ("promoted_to", "reason"))
    return to, reason


def _by_journal(uri: TrackingUri, version: ModelVersion) -> Iterator[tuple[str, str]]:
    """The targets and reasons of this account's promotions of the version; none if the journal cannot be
    read."""
    created = str(CreatedAt(version.version))
    with suppress(EngineError):
        for entry in journal_entries(server=server_name(uri), model=version.name):
            same = entry.version == version.version and entry.before.get(created) in (
                None,
                "",
                str(version.creation_time),
            )
            if same and (entry.action, entry.outcome) == ("promote", "done"):
                yield entry.target.rpartition(" → ")[2], entry.reason
