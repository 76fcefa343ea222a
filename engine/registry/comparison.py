"""Versions of a registered model side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine import formats
from engine.columns import ColumnKey
from engine.entities import ModelVersion, Run, RunDetail
from engine.registry.signatures import Signature, read_signature, signature_rows
from engine.runs.compare import Compared, CompareRow, Comparison, run_rows, text_row
from engine.runs.metrics import Direction
from engine.stores.base import Store
from engine.stores.records import find_version
from engine.stores.references import source_run
from engine.uri import TrackingUri


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """Versions of a model with their source runs, None for a missing one. `has_stages` says whether the
    registry has stages."""

    versions: tuple[ModelVersion, ...]
    sources: tuple[RunDetail | None, ...]
    signatures: tuple[Signature, ...] = ()
    has_stages: bool = True

    def comparison(self, directions: Mapping[str, Direction] | None = None) -> Comparison:
        """The versions, then their signatures, then the parameters and metrics of their source runs."""
        runs = [None if source is None else source.run for source in self.sources]
        columns = tuple(
            Compared(str(version.version), f"version {version.version}", run, version)
            for version, run in zip(self.versions, runs, strict=True)
        )
        stages = [text_row("version", "stage", [version.stage for version in self.versions])]
        rows = [*(stages if self.has_stages else []), *_version_rows(self.versions, runs)]
        rows += run_rows(runs, directions or {})
        return Comparison(columns, (*rows, *(signature_rows(self.signatures) if self.signatures else ())))


def read_versions(store: Store, model: str, numbers: Iterable[int]) -> VersionComparison:
    """The versions of a model with these numbers, and their source runs. Raises `NotFound` for a missing
    model or version."""
    versions = store.model_versions(model)
    chosen = tuple(find_version(versions, model, number) for number in numbers)
    sources = tuple(source_run(store, version.run_id) for version in chosen)
    return VersionComparison(chosen, sources, has_stages=store.stages.problem(model) is None)


def read_signatures(store: Store, uri: TrackingUri, found: VersionComparison) -> tuple[Signature, ...]:
    """The signature of each version; one that cannot be read says why."""
    pairs = zip(found.versions, found.sources, strict=True)
    return tuple(read_signature(store, uri, version, source) for version, source in pairs)


def _version_rows(versions: Sequence[ModelVersion], runs: Sequence[Run | None]) -> list[CompareRow]:
    created = [version.creation_time for version in versions]
    return [
        text_row("version", "aliases", [" ".join(f"@{a}" for a in v.aliases) or None for v in versions]),
        text_row("version", "description", [version.description or None for version in versions]),
        CompareRow(
            ColumnKey("attribute", "created"),
            "version",
            tuple(created),
            tuple(map(formats.moment, created)),
            len(set(created)) > 1,
        ),
        text_row("version", "created by", [version.user_id or None for version in versions]),
        text_row("version", "source run", [_run_text(v, r) for v, r in zip(versions, runs, strict=True)]),
    ]


def _run_text(version: ModelVersion, run: Run | None) -> str | None:
    if run is None:
        return f"✗ {version.run_id[:8]} missing" if version.run_id else None
    name = run.run_name or run.run_id
    return f"✗ {name} deleted" if run.lifecycle_stage == "deleted" else name
