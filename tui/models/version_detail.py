"""Details of a model version and of its source run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive

from engine import formats
from engine.api import DECISION_TAG, LOG_TAG, REQUEST_TAG, decision_of, key_metrics, request_of
from engine.entities import POLICY_TAG, ModelVersion, RegisteredModel, Run
from engine.errors import EngineError, StagesUnsupported
from engine.secrets import mask
from engine.text import Shown, safe, safe_lines
from tui.model_tests.results import smoke_test_items
from tui.models.sources import STAGE_COLOURS, alias_text, stage_text
from tui.widgets.lines import Lines, field, paragraph
from tui.widgets.table import CellStyle

if TYPE_CHECKING:
    from engine.api import Policy, SmokeTestResult

MAX_DESCRIPTION_LINES = 6


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """The contents. `run` is None if it no longer exists or has not been read; `source` then holds the reason
    and its style. `smoke_test` is the last one of this session, or the error that prevented it."""

    version: ModelVersion
    run: Run | None
    source: tuple[Shown, CellStyle | None]
    smoke_test: SmokeTestResult | EngineError | None = None
    model: RegisteredModel | None = None
    policies: tuple[Policy, ...] | EngineError = ()
    no_stages: StagesUnsupported | None = None
    """What a registry without stages says."""


class VersionDetail(Lines):
    DEFAULT_CSS = """
    VersionDetail { padding: 0 1; }
    """

    facts: reactive[VersionFacts | None] = reactive(None, layout=True)

    def lines(self, width: int) -> list[Content]:
        facts = self.facts
        if facts is None:
            return []
        version = facts.version
        lines = [_head(version, has_stages=facts.no_stages is None)]
        if facts.no_stages is not None:
            lines += paragraph(
                [Shown("! This server has no model stages; P assigns aliases instead.")], width, 2
            )
        test = field("test", _test_items(facts), width)
        if facts.smoke_test is not None:
            lines += test
        lines += field("request", _request_items(version), width)
        if description := version.description.strip():
            lines += paragraph(safe_lines(description), width, MAX_DESCRIPTION_LINES)
        lines += _run_lines(facts, width)
        lines += field("source", [Content(safe(mask(version.source) or "–"))], width)
        lines += field("created", _dates(version), width)
        lines += field("tags", _pairs(_other_tags(version)), width)
        if facts.smoke_test is None:
            lines += test
        if facts.model is not None:
            lines += _model_lines(facts.model, width)
        lines += _policy_lines(facts.policies, width)
        return lines


def _head(version: ModelVersion, *, has_stages: bool) -> Content:
    parts: list[Content | tuple[str, str]] = [(f"version {version.version}", "bold")]
    if has_stages:
        parts.append((f"  {stage_text(version.stage)}", STAGE_COLOURS.get(version.stage, "")))
    parts.append((f"  {alias_text(version.aliases)}", "$accent"))
    if version.status != "READY":
        parts.append((f"  {safe(version.status)}", "$warning"))
    return Content.assemble(*parts)


def _run_lines(facts: VersionFacts, width: int) -> list[Content]:
    version, run = facts.version, facts.run
    text, style = facts.source
    items = [Content.styled(text, "$warning" if style == "warning" else "")]
    if run is not None:
        if run.user_id:
            items.append(Content(f"by {safe(run.user_id)}"))
        items.append(Content(formats.moment(run.start_time)))
    if version.run_id:
        items.append(Content.styled(safe(version.run_id), "$text-muted"))
    lines = field("run", items, width)
    if run is not None:
        names = key_metrics(run.metrics, 12)
        lines += field("metrics", [_pair(name, formats.number(run.metrics[name])) for name in names], width)
        lines += field("parameters", _pairs(run.params), width)
    return lines


def _dates(version: ModelVersion) -> list[Content]:
    by = f" by {safe(version.user_id)}" if version.user_id else ""
    items = [Content(f"{formats.moment(version.creation_time)}{by}")]
    if version.last_updated_time not in (None, version.creation_time):
        items.append(Content(f"changed {formats.moment(version.last_updated_time)}"))
    return items


def _model_lines(model: RegisteredModel, width: int) -> list[Content]:
    description = [Content(line) for line in safe_lines(model.description.strip()) if line]
    tags = {key: value for key, value in model.tags.items() if key != POLICY_TAG}  # shown as the policy
    return field("model", [*description, *_pairs(tags)], width)


def _other_tags(version: ModelVersion) -> Mapping[str, str]:
    """The tags that are not shown as the request."""
    shown = (LOG_TAG, *(() if request_of(version) is None else (REQUEST_TAG, DECISION_TAG)))
    return {key: value for key, value in version.tags.items() if key not in shown}


def _request_items(version: ModelVersion) -> Iterable[Content]:
    asked, decision = request_of(version), decision_of(version)
    if asked is None:
        return
    yield Content.styled(safe(f"→ {asked.target}"), "$accent")
    yield Content(safe(f"requested by {asked.by} on {formats.moment(asked.at)}"))
    if asked.reason:
        yield Content(safe(asked.reason))
    if decision is None:
        yield Content.styled("waits for an answer (A approves or rejects)", "$warning")
    else:
        yield Content.styled(safe(decision), "$success" if decision.approved else "$error")


def _policy_lines(policies: tuple[Policy, ...] | EngineError, width: int) -> list[Content]:
    if isinstance(policies, EngineError):
        return field("policy", [Content.styled(safe(policies), "$error")], width)
    lines = []
    for policy in policies:
        items = [Content.styled(safe(policy.target), "bold")]
        items += [Content(safe(demand)) for demand in policy.demands]
        lines += field("policy", [*items, Content.styled(safe(policy.source), "$text-muted")], width)
    return lines


def _test_items(facts: VersionFacts) -> Iterable[Content]:
    if facts.smoke_test is None:
        yield Content.styled("not run yet (T tests the version)", "$text-muted")
    else:
        yield from smoke_test_items(facts.smoke_test)


def _pairs(values: Mapping[str, str]) -> list[Content]:
    return [_pair(key, safe(values[key])) for key in sorted(values)]


def _pair(name: str, value: Shown) -> Content:
    return Content.assemble((f"{safe(name)} ", "$text-muted"), value)
