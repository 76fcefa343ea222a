"""`promote`, `undo` and `journal`, on a copy of a store made by MLflow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MlflowStore
from tests.support.demo import uri_of
from tests.support.warm import Warm
from tests.tui.cli.conftest import Result, Run

pytestmark = pytest.mark.slow

PRODUCTION = ("promote", "classifier", "3", "--stage", "Production")


def stages(run: Run) -> dict[int, str]:
    versions = run("models", "classifier", "--json").json["models"][0]["versions"]
    return {version["version"]: version["stage"] for version in versions}


BEFORE = {1: "Archived", 2: "Production", 3: "None"}
AFTER = {1: "Archived", 2: "Archived", 3: "Production"}


def test_without_a_terminal_the_plan_is_shown_and_yes_is_required(on_copy: Run) -> None:
    done = on_copy(*PRODUCTION)
    assert done.status == 2
    assert "Promote classifier version 3 → Production" in done.out
    assert "current Production: version 2" in done.out
    assert "change: version 2: stage Production → Archived" in done.out
    assert ["accuracy ↑", "0.8000", "0.9300 ★"] in done.table
    assert "Add --yes." in done.err
    assert stages(on_copy) == BEFORE
    assert on_copy("journal", "--json").json == {"entries": []}


def test_a_promotion_can_be_undone_once(on_copy: Run) -> None:
    done = on_copy(*PRODUCTION, "--yes", "--reason", "better by far")
    assert (done.status, done.err) == (0, "")
    assert "✓ Done, as read back from the registry" in done.out
    assert ["3", "Production"] in [row[:2] for row in done.table]
    assert stages(on_copy) == AFTER
    entry = on_copy("journal", "--json").json["entries"][0]
    assert (entry["action"], entry["outcome"], entry["reason"]) == ("promote", "done", "better by far")
    refused = on_copy("undo")
    assert refused.status == 2
    assert "Undo the promotion of classifier version 3" in refused.out
    assert "promoted: version 3, Production" in refused.out
    assert "candidate" not in refused.out
    assert stages(on_copy) == AFTER
    assert "Journal entry 'x' not found" in on_copy("undo", "x", "--yes").err
    undone = on_copy("undo", entry["entry_id"], "--yes", "--json")
    assert (undone.status, undone.err) == (0, "")
    assert undone.json["applied"] is True
    assert stages(on_copy) == BEFORE
    entries = on_copy("journal", "--json").json["entries"]
    assert [entry["outcome"] for entry in entries] == ["done", "undone"]
    assert entries[0]["reason"].startswith("undo: version 2: stage Archived → Production")
    assert "↶ undone" in on_copy("journal").out
    again = on_copy("undo", "--yes")
    assert (again.status, again.out) == (1, "")
    assert "Nothing to undo" in again.err


def test_promote_with_json_writes_one_object(on_copy: Run) -> None:
    done = on_copy("promote", "classifier", "3", "--alias", "champion", "--yes", "--json")
    assert (done.status, done.err) == (0, "")
    payload: dict[str, Any] = done.json
    assert (payload["kind"], payload["target"], payload["applied"], payload["verified"]) == (
        "alias",
        "champion",
        True,
        True,
    )
    assert payload["changes"] == [{"version": None, "what": "alias champion", "before": "2", "after": "3"}]
    holding = {v["version"] for v in payload["versions"] if "champion" in v["aliases"]}
    assert holding == {3}


def test_keep_existing_leaves_the_current_version_in_its_stage(on_copy: Run) -> None:
    assert on_copy(*PRODUCTION, "--keep-existing", "--yes").status == 0
    assert stages(on_copy) == {1: "Archived", 2: "Production", 3: "Production"}


def test_a_promotion_without_changes_needs_no_confirmation(on_copy: Run) -> None:
    done = on_copy("promote", "classifier", "2", "--stage", "production")
    assert (done.status, done.err) == (0, "")
    assert "No change needed." in done.out
    assert on_copy("promote", "classifier", "2", "--stage", "Production", "--json").json["applied"] is False


@pytest.mark.parametrize("command", [PRODUCTION, ("undo",), ("train",), ("demo",)])
def test_read_only_refuses_every_write(
    write: Run, mlflow_store_copy: MlflowStore, folder: Path, command: tuple[str, ...]
) -> None:
    before = mlflow_store_copy.path.read_bytes()
    done = write("--tracking-uri", mlflow_store_copy.uri, "--read-only", *command, "--json")
    assert done.status == 1
    assert "is disabled" in done.json["error"]["title"]
    assert "--read-only" in done.json["error"]["detail"]
    assert mlflow_store_copy.path.read_bytes() == before
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("classifier", "3"), 2, "either a stage or an alias"),
        (("classifier", "3", "--stage", "Staging", "--alias", "x"), 2, "either a stage or an alias"),
        (("classifier", "3", "--stage", "Prod"), 2, "Unknown stage 'Prod'"),
        (("classifier", "3", "--alias", "latest"), 2, "reserved"),
        (("classifier", "9", "--stage", "Staging"), 1, "Version 9 of 'classifier' not found"),
        (("nobody", "1", "--stage", "Staging"), 1, "nobody"),
    ],
)
def test_an_invalid_promotion_is_reported(
    on_copy: Run, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = on_copy("promote", *arguments, "--yes")
    assert (done.status, done.out) == (status, "")
    assert message in done.err


@pytest.mark.parametrize(
    ("answer", "status", "after"), [("\r", 1, BEFORE), ("n\r", 1, BEFORE), ("y\r", 0, AFTER)]
)
def test_on_a_terminal_the_confirmation_defaults_to_no(
    on_copy: Run,
    mlflow_store_copy: MlflowStore,
    warm_writer: Warm,
    folder: Path,
    home: Path,
    answer: str,
    status: int,
    after: dict[int, str],
) -> None:
    arguments = ("--tracking-uri", mlflow_store_copy.uri, *PRODUCTION)
    with warm_writer.open(*arguments, cwd=folder, home=home) as terminal:
        terminal.wait_for("Go ahead? [y/N]")
        terminal.type(answer)
        assert terminal.wait_exit() == status
        assert ("cancelled" if status else "✓ Done") in terminal.text
    assert stages(on_copy) == after


def test_ctrl_c_at_the_prompt_changes_nothing(
    on_copy: Run, mlflow_store_copy: MlflowStore, warm_writer: Warm, folder: Path, home: Path
) -> None:
    arguments = ("--tracking-uri", mlflow_store_copy.uri, *PRODUCTION)
    with warm_writer.open(*arguments, cwd=folder, home=home) as terminal:
        terminal.wait_for("Go ahead? [y/N]")
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 130
        assert "Interrupted" in terminal.text
    assert stages(on_copy) == BEFORE


def test_a_policy_stops_a_promotion_unless_it_is_forced(on_copy: Run, folder: Path) -> None:
    assert on_copy("policy", "classifier").out == "No policy applies to classifier.\n"
    file = folder / "policy.toml"
    file.write_text('[[policy]]\ntarget = "Production"\nconditions = ["accuracy >= 0.99", "accuracy > 0"]\n')
    assert "accuracy >= 0.99" in on_copy("policy", "classifier", "--set", str(file), "--yes").out

    stopped = on_copy(*PRODUCTION, "--yes")
    assert stopped.status == 3
    assert "✗ accuracy >= 0.99: accuracy 0.9300" in stopped.out
    assert "✓ accuracy > 0: accuracy 0.9300" in stopped.out
    assert "The policy does not allow classifier 3 → Production" in stopped.err
    assert stages(on_copy) == BEFORE

    forced = on_copy(*PRODUCTION, "--yes", "--json", "--force", "urgent")
    assert [gate["state"] for gate in forced.json["gates"]] == ["failed", "passed"]
    assert stages(on_copy) == AFTER
    entry = on_copy("journal", "--json").json["entries"][0]
    assert entry["reason"] == "[forced: urgent. Not passed: accuracy >= 0.99]"
    assert on_copy("policy", "classifier", "--remove", "--yes").out == "No policy applies to classifier.\n"

    file.write_text("[[policy]]\n")
    refused = on_copy("policy", "classifier", "--set", str(file), "--yes")
    assert refused.status == 2
    assert "target must be a stage" in refused.err
    file.write_text("\n")
    empty = on_copy("policy", "classifier", "--set", str(file), "--yes")
    assert (empty.status, "--remove removes the policy." in empty.err) == (2, True)


def test_a_request_is_listed_approved_and_needs_the_name_of_the_model(on_copy: Run, folder: Path) -> None:
    file = folder / "policy.toml"
    file.write_text('[[policy]]\ntarget = "Production"\napprovers = ["ana"]\nconfirm = true\n')
    on_copy("policy", "classifier", "--set", str(file), "--yes")
    assert on_copy("requests").out == "No request waits.\n"
    asked = on_copy("request", "classifier", "3", "--to", "production", env={"LOGNAME": "bo"})
    assert asked.out == "✓ Requested: classifier 3\n"
    assert ["classifier", "3", "Production"] in [row[:3] for row in on_copy("requests").table]
    (waiting,) = on_copy("requests", "--json").json["requests"]
    assert (waiting["request"]["target"], waiting["request"]["by"]) == ("Production", "bo")
    blocked = on_copy(*PRODUCTION, "--confirm", "classifier")
    assert blocked.status == 3
    assert "`mlflow-console request classifier 3 --to Production` asks for the approval." in blocked.err
    on_copy("approve", "classifier", "3", env={"LOGNAME": "ana"})

    unnamed = on_copy(*PRODUCTION, "--yes")
    assert unnamed.status == 2
    assert "Add --confirm classifier." in unnamed.err
    assert "--confirm 'x' is not what has to be typed" in on_copy(*PRODUCTION, "--confirm", "x").err
    assert stages(on_copy) == BEFORE
    assert on_copy(*PRODUCTION, "--confirm", "classifier").status == 0
    assert stages(on_copy) == AFTER
    assert "Nobody has requested" in on_copy("reject", "classifier", "3").err
    shown = on_copy("policy", "classifier").out
    assert "ana" in shown
    assert "typed" in shown


def test_register_says_that_the_run_could_not_be_tagged(on_copy: Run, mlflow_store_copy: MlflowStore) -> None:
    mlflow_store_copy.refuse_run_tags()
    register = ("register", "pumps", "--run", mlflow_store_copy.runs["special"], "--yes")
    shown = on_copy(*register).out
    assert "pumps version 1 is registered and ready\n! The source run could not be tagged" in shown
    (note,) = on_copy(*register, "--json").json["notes"]
    assert note.startswith("The source run could not be tagged")


def test_the_best_run_is_registered_promoted_and_removed_again(
    write: Run, own_demo: Path, home: Path
) -> None:
    def on_demo(*arguments: str) -> Result:
        return write("--tracking-uri", uri_of(own_demo).raw, *arguments)

    best = ("register", "heart_disease_classifier", "--best", "heart-disease", "--metric", "accuracy")
    refused = on_demo(*best, "--where", "n_neighbors = 7")
    assert refused.status == 2
    assert "Register heart_disease_classifier version 3" in refused.out
    assert "knn-7-euclidean-uniform" in refused.out

    stopped = on_demo(*best, "--where", "metric = chebyshev", "--to", "Production", "--yes")
    assert stopped.status == 3
    assert "Version 3 is registered, but not promoted." in stopped.err
    assert on_demo("undo", on_demo("journal", "--json").json["entries"][0]["entry_id"], "--yes").status == 0

    own_policy = home / ".config" / "mlflow-console" / "policy.toml"
    own_policy.parent.mkdir(parents=True)
    own_policy.write_text('[[policy]]\ntarget = "Staging"\nconfirm = true\n')
    unnamed = on_demo(*best, "--to", "Staging", "--yes")
    assert unnamed.status == 2
    assert "Add --confirm heart_disease_classifier." in unnamed.err
    assert "Unknown stage 'Prod'" in on_demo(*best, "--to", "Prod", "--yes").err
    assert len(on_demo("models", "heart_disease_classifier", "--json").json["models"][0]["versions"]) == 2

    done = on_demo(*best, "--where", "n_neighbors = 7", "--to", "Production", "--yes")
    assert done.status == 0, done.err
    assert "✓ class_1_f1 >= 0.92" in done.out
    assert re.search(r"version \d is registered and ready\nRun `mlflow-console undo \w{32}`", done.out)
    promoted, registered = on_demo("journal", "--json").json["entries"][:2]
    assert (promoted["action"], registered["action"]) == ("promote", "register")
    removed = on_demo("undo", registered["entry_id"], "--yes", "--json")
    assert "stage Archived → Production" in removed.json["removed"]
    assert "Removed version " in removed.json["removed"]
    assert "already undone" in on_demo("undo", registered["entry_id"], "--yes").err
