"""The demo: two experiments of 60 trials and a registered model. Trained again only when its sources change.

As a script it is `mlflow-console demo` that also saves what the engine reports to the command.
"""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from engine.jobs import CancelToken, OnProgress, Progress
from engine.training import demo
from engine.training.demo import DemoReport
from engine.uri import TrackingUri
from tests.support.console import run_command
from tui.cli import main as command

ROOT = Path(__file__).parents[2]
NO_SERVER = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
"""An environment that names a server which does not exist."""


@dataclass(frozen=True)
class DemoStore:
    """A folder with the finished demo: `mlflow.db` and `mlruns`; the command's output, and what the engine
    reported to it."""

    folder: Path
    output: subprocess.CompletedProcess[bytes]
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


def demo_sources() -> str:
    """A digest of all that the demo depends on: the engine, the command and the installed packages."""
    digest = sha256()
    for path in sorted((*ROOT.glob("engine/**/*.py"), *ROOT.glob("tui/cli/*.py"), Path(__file__))):
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    for name in ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops"):
        digest.update(f"{name} {version(name)}\n".encode())
    return digest.hexdigest()[:16]


def build_demo(folder: Path, home: Path) -> DemoStore:
    """Run `mlflow-console demo` in `folder`, with a server in the environment: about 25 s on two cores."""
    watched = home / "report.pickle"
    environment = {"PYTHONPATH": str(ROOT), **NO_SERVER}
    program = (sys.executable, "-m", "tests.support.demo", watched)
    output = run_command("demo", program=program, cwd=folder, home=home, env=environment, within=300)
    assert watched.exists(), output.stderr.decode()
    report, progress = pickle.loads(watched.read_bytes())
    return DemoStore(folder, output, report, progress)


def copy_demo(store: DemoStore, folder: Path) -> TrackingUri:
    """Copy the finished demo to another folder, for a test that writes. Ids are unchanged; artifact locations
    still point to the original."""
    shutil.copyfile(store.folder / "mlflow.db", folder / "mlflow.db")
    return uri_of(folder)


def main() -> int:
    """The command, with what the engine reports to it copied to the file that the first argument names."""
    watched = Path(sys.argv.pop(1))
    run_demo, progress = demo.run_demo, []

    def run_watched(uri: TrackingUri, *, on_progress: OnProgress, cancel: CancelToken) -> DemoReport:
        def on_step(step: Progress) -> None:
            progress.append(step)
            on_progress(step)

        report = run_demo(uri, on_progress=on_step, cancel=cancel)
        watched.write_bytes(pickle.dumps((report, tuple(progress))))
        return report

    demo.run_demo = run_watched
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
