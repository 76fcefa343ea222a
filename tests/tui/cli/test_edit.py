"""`edit`, and `undo` of edits, on a copy of a store made by MLflow."""

from __future__ import annotations

import pytest

from tests.tui.cli.conftest import Run

pytestmark = pytest.mark.slow


def test_filtered_runs_are_tagged_and_the_tags_taken_back(on_copy: Run) -> None:
    refused = on_copy("edit", "runs", "heart", "--filter", "accuracy > 0.9", "--tag", "review=yes")
    assert refused.status == 2
    assert "Add --yes." in refused.err
    count = len(on_copy("runs", "heart", "--filter", "accuracy > 0.9", "--json").json["runs"])
    assert f"Edit {count} runs: " in refused.out
    assert "tag review – → 'yes'" in refused.out

    done = on_copy("edit", "runs", "heart", "--filter", "accuracy > 0.9", "--tag", "review=yes", "--yes")
    assert done.status == 0
    assert f"✓ {count} edits made, read back from the store" in done.out
    tagged = on_copy("runs", "heart", "--filter", "tags.review = 'yes'", "--json").json["runs"]
    assert len(tagged) == count

    entry = on_copy("journal", "--json").json["entries"][0]
    undone = on_copy("undo", entry["entry_id"], "--yes", "--json")
    assert (undone.status, undone.json["made"]) == (0, count)
    assert on_copy("journal", "--json").json["entries"][1]["outcome"] == "undone"


def test_a_version_and_its_model_are_described(on_copy: Run) -> None:
    done = on_copy("edit", "version", "classifier", "2", "-d", "retrained", "--yes", "--json")
    assert (done.status, done.json["made"]) == (0, 1)
    editor = {"EDITOR": "sed -i s/retrained/retested/"}
    done = on_copy("edit", "version", "classifier", "2", "--editor", "--yes", env=editor)
    assert "description 'retrained' → 'retested'" in done.out
    emptied = on_copy(
        "edit", "version", "classifier", "2", "--editor", "--yes", env={"EDITOR": "truncate -s 0"}
    )
    assert (emptied.status, "The editor left no text" in emptied.err) == (2, True)
    failed = on_copy("edit", "version", "classifier", "2", "--editor", "--yes", env={"EDITOR": "false"})
    assert (failed.status, "The editor failed" in failed.err) == (1, True)
    same = on_copy("edit", "version", "classifier", "2", "--editor", "--yes", env={"EDITOR": "true"})
    assert (same.status, "No change needed." in same.out) == (0, True)
    assert on_copy("edit", "model", "classifier", "--name", "classifier 2", "--yes").status == 0
    assert on_copy("models", "classifier 2", "--json").json["models"][0]["versions"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("runs", "heart", "--tag", "a=b"), "Name the runs, or give either --filter or --all"),
        (("runs", "heart", "--all"), "Nothing to edit"),
        (("runs", "heart", "--all", "--tag", "a"), "Invalid tag 'a'"),
        (("runs", "heart", "--filter", "accuracy > 9", "--tag", "a=b"), "No run matches the filter"),
        (("model", "no such", "--tag", "a=b"), "not found"),
    ],
)
def test_bad_edits_are_refused(on_copy: Run, arguments: tuple[str, ...], problem: str) -> None:
    done = on_copy("edit", *arguments, "--yes")
    assert done.status != 0
    assert problem in done.err
