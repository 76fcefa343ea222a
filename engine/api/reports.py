"""Reports: an experiment as a document to hand on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.jobs import CancelToken, OnProgress, no_progress

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.entities import Experiment
    from engine.filters.compiler import Filter
    from engine.report.report import Report
    from engine.runs.frame import RunFrame
    from engine.runs.metrics import Direction


class Reports:
    """Makes reports, writes them to a folder, and keeps them as artifacts."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access

    def make(
        self,
        experiment: Experiment,
        frame: RunFrame,
        metric: str,
        direction: Direction | None = None,
        rows: Sequence[int] | None = None,
        *,
        query: str = "all runs of the experiment",
        where: Filter | None = None,
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> Report:
        """The report on the comparable runs among `rows` (None: all of the frame), which `query` describes,
        that meet `where`: a Markdown document, an HTML document and charts. Raises `NotFound` if no run has
        the metric."""
        from engine.report.report import make_report

        return make_report(
            self._access.store,
            self._access.uri,
            experiment,
            frame,
            metric,
            direction,
            rows,
            query=query,
            where=where,
            on_progress=on_progress,
            cancel=cancel,
        )

    def model_card(self, model: str, version: int) -> Mapping[str, bytes]:
        """The model card of a registered version, as a file to write. The model is not loaded. Raises
        `NotFound`."""
        from engine.report.card import model_card

        return model_card(self._access.store, model, version)

    def existing_files(self, files: Iterable[str], folder: Path) -> tuple[Path, ...]:
        """Those of the files that writing to a folder would replace."""
        from engine.report.writing import existing_files

        return existing_files(files, folder)

    def write(self, files: Mapping[str, bytes], folder: Path, *, replace: bool = False) -> tuple[Path, ...]:
        """Write all files of a report, or none. Raises `EngineError` if files exist, unless `replace`."""
        from engine.report.writing import write_files

        return write_files(files, folder, replace=replace)

    def log(self, report: Report, run_id: str | None) -> str:
        """Keep a report as an artifact of a run, or with None of a new run in an experiment of its own.
        Returns the run's id."""
        self._access.check_writable("Logging a report")
        from engine.report.writing import log_report

        return log_report(self._access.store, self._access.uri, report, run_id)
