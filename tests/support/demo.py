"""The demo, trained for tests: two experiments of 60 trials and a registered model, by the engine itself."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.jobs import CancelToken, Progress
from engine.training.demo import DemoReport, run_demo
from engine.uri import TrackingUri


@dataclass(frozen=True)
class DemoStore:
    """A folder with the finished demo: `mlflow.db` and `mlruns`."""

    folder: Path
    report: DemoReport
    progress: tuple[Progress, ...]

    @property
    def tracking(self) -> TrackingUri:
        return uri_of(self.folder)

    @property
    def uri(self) -> str:
        return self.tracking.raw


def uri_of(folder: Path) -> TrackingUri:
    return TrackingUri(f"sqlite:///{folder / 'mlflow.db'}")


def build_demo(folder: Path) -> DemoStore:
    """Run the demo in `folder`: about 25 s on two cores. Session fixtures run before the per-test settings,
    so it sets its own."""
    progress: list[Progress] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        report = run_demo(uri_of(folder), on_progress=progress.append, cancel=CancelToken())
    return DemoStore(folder, report, tuple(progress))


def copy_demo(store: DemoStore, folder: Path) -> TrackingUri:
    """Copy the finished demo to another folder, for a test that writes. Ids are unchanged; artifact locations
    still point to the original."""
    shutil.copyfile(store.folder / "mlflow.db", folder / "mlflow.db")
    return uri_of(folder)
