"""`report`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.cli.conftest import Run


@pytest.mark.slow
def test_a_report_is_written_and_not_over_existing_files(on_store: Run, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    done = on_store("report", "heart", "-o", str(folder), "--filter", "accuracy > 0.8", "--json").json
    assert {Path(path).name for path in done["files"]} >= {"report.md", "report.html", "per-run.png"}
    assert done["logged_to"] is None
    text = (folder / "report.md").read_text()
    assert "runs that match accuracy > 0.8" in text.replace("\\", "")
    again = on_store("report", "heart", "-o", str(folder))
    assert again.status != 0
    assert "exists and will be replaced" in again.out + again.err
    assert (folder / "report.md").read_text() == text


def test_a_report_needs_a_place(on_store: Run) -> None:
    failed = on_store("report", "heart")
    assert failed.status == 2
    assert "Add -o DIR, or --log-to new." in failed.err


def test_a_constraint_that_no_run_meets_is_an_error(on_store: Run, tmp_path: Path) -> None:
    failed = on_store("report", "heart", "-o", str(tmp_path / "out"), "--where", "accuracy > 2")
    assert failed.status == 1
    assert "No run meets the constraint" in failed.err
    assert not (tmp_path / "out").exists()
