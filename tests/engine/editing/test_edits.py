"""Edits of runs, experiments, models and versions on a real store: planned, made, journalled, undone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from uuid import uuid4

import pytest

from engine.editing.apply import EditResult, apply_edits
from engine.editing.plan import Edit, Subject, Wanted, plan_edits, plan_undo_edits
from engine.errors import NotFound, UsageError, WriteError
from engine.jobs import CancelToken, Progress
from tests.support.registry import InterferingStore, Registry, last


def runs(registry: Registry, count: int, **metrics: float) -> list[Subject]:
    return [Subject("run", registry.run(metrics)) for _ in range(count)]


def edit(registry: Registry, subjects: list[Subject], wanted: Wanted) -> EditResult:
    return apply_edits(
        registry.store, registry.uri, plan_edits(registry.store, registry.uri, subjects, wanted)
    )


def undo(registry: Registry) -> EditResult:
    plan = plan_undo_edits(registry.store, registry.uri, last())
    return apply_edits(registry.store, registry.uri, plan)


def run_of(registry: Registry, subject: Subject):  # type: ignore[no-untyped-def]
    return registry.store.run(subject.key).run


def test_runs_are_tagged_untagged_described_and_renamed_together_and_back(registry: Registry) -> None:
    subjects = runs(registry, 3, accuracy=0.91)
    registry.client.set_tag(subjects[0].key, "draft", "yes")
    names = [run_of(registry, subject).run_name for subject in subjects]
    wanted = Wanted(
        name="knn {n} of {metrics.accuracy}",
        description="November",
        tags={"owner": "ana", "draft": None, "empty": ""},
    )
    result = edit(registry, subjects, wanted)
    assert (result.summary, result.complete) == ("13 edits made", True)
    found = [run_of(registry, subject) for subject in subjects]
    assert [run.run_name for run in found] == [f"knn {n} of 0.9100" for n in (1, 2, 3)]
    assert all(run.tags["mlflow.note.content"] == "November" for run in found)
    assert all((run.tags["owner"], run.tags["empty"]) == ("ana", "") for run in found)
    assert "draft" not in found[0].tags
    assert (last().action, last().outcome) == ("edit", "done")
    assert last().target.startswith("3 runs: ")

    assert undo(registry).complete
    found = [run_of(registry, subject) for subject in subjects]
    assert [run.run_name for run in found] == names
    assert found[0].tags["draft"] == "yes"
    assert not any("owner" in run.tags or "empty" in run.tags for run in found)


def test_a_plan_says_what_stays_as_it_is_and_why(registry: Registry) -> None:
    ended, running, deleted = runs(registry, 3)
    registry.client.delete_run(deleted.key)
    running = Subject("run", registry.run(status="RUNNING"))
    missing = Subject("run", uuid4().hex)
    plan = plan_edits(
        registry.store, registry.uri, [ended, running, deleted, missing], Wanted(status="KILLED")
    )
    assert [edit.subject for edit in plan.edits] == [running]
    assert sorted(reason for _, reason in plan.untouched) == ["deleted", "has ended: FINISHED", "not found"]
    tagged = Wanted(status="KILLED", tags={"owner": "ana"})
    both = plan_edits(registry.store, registry.uri, [ended, running], tagged)
    assert [(edit.subject, edit.field) for edit in both.edits] == [
        (ended, "tag owner"),
        (running, "status"),
        (running, "tag owner"),
    ]
    assert [reason for _, reason in both.untouched] == ["status stays FINISHED"]
    apply_edits(registry.store, registry.uri, plan)
    assert run_of(registry, running).status == "KILLED"
    assert plan_undo_edits(registry.store, registry.uri, last()).untouched[0][1] == (
        "a run that has ended cannot be resumed"
    )


def test_models_and_versions_are_described_tagged_and_renamed(registry: Registry) -> None:
    name = registry.model(uuid4().hex, ["Production"])
    version = Subject("version", f"{name}/1")
    edit(registry, [version], Wanted(description="first", tags={"site": "north"}))
    edit(registry, [Subject("model", name)], Wanted(description="all of them", tags={"team": "cardio"}))
    found = registry.store.registered_model(name)
    assert (found.description, found.tags["team"]) == ("all of them", "cardio")
    (only,) = registry.store.model_versions(name)
    assert (only.description, only.tags["site"], only.stage) == ("first", "north", "Production")

    new = uuid4().hex
    assert edit(registry, [Subject("model", name)], Wanted(name=new)).complete
    assert registry.store.registered_model(new).description == "all of them"
    assert undo(registry).complete
    assert registry.store.registered_model(name).description == "all of them"


def test_an_experiment_is_renamed_and_tagged(registry: Registry) -> None:
    experiment = registry.client.create_experiment(uuid4().hex)
    new = uuid4().hex
    edit(registry, [Subject("experiment", experiment)], Wanted(name=new, description="d", tags={"a": "1"}))
    found = next(e for e in registry.store.experiments() if e.experiment_id == experiment)
    assert (found.name, found.tags["mlflow.note.content"], found.tags["a"]) == (new, "d", "1")
    assert undo(registry).complete


def test_a_field_that_changed_after_planning_is_left_alone(registry: Registry) -> None:
    (subject,) = runs(registry, 1)
    plan = plan_edits(registry.store, registry.uri, [subject], Wanted(tags={"owner": "ana"}))
    registry.client.set_tag(subject.key, "owner", "bo")
    with pytest.raises(WriteError, match="changed after the edit was planned"):
        apply_edits(registry.store, registry.uri, plan)
    assert run_of(registry, subject).tags["owner"] == "bo"


def test_an_undo_leaves_what_changed_since(registry: Registry) -> None:
    subjects = runs(registry, 2)
    edit(registry, subjects, Wanted(tags={"owner": "ana"}))
    registry.client.set_tag(subjects[0].key, "owner", "bo")
    plan = plan_undo_edits(registry.store, registry.uri, last())
    assert [e.subject for e in plan.edits] == [subjects[1]]
    assert plan.untouched[0][1] == "owner has changed since: 'bo'".replace("owner", "tag owner")


def test_an_edit_that_fails_does_not_stop_the_others(registry: Registry) -> None:
    subjects = runs(registry, 3)
    plan = plan_edits(registry.store, registry.uri, subjects, Wanted(tags={"owner": "ana"}))

    def delete_the_second(progress: Progress) -> None:
        if progress.done == 1:
            registry.client.delete_run(subjects[1].key)

    result = apply_edits(registry.store, registry.uri, plan, on_progress=delete_the_second)
    assert result.summary == "2 of 3 edits made, 1 failed"
    assert [e.subject for e, _ in result.failed] == [subjects[1]]
    assert last().outcome == "failed"
    assert len(plan_undo_edits(registry.store, registry.uri, last()).edits) == 2


def test_stopping_many_edits_does_not_compare_each_with_each(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects = runs(registry, 3)
    wanted = Wanted(tags={f"tag {at}": "x" for at in range(100)})
    plan = plan_edits(registry.store, registry.uri, subjects, wanted)
    token = CancelToken()
    token.cancel()
    equal, compared = Edit.__eq__, []

    def counting(one: Edit, other: object) -> bool:
        compared.append(one)
        return equal(one, other)

    monkeypatch.setattr(Edit, "__eq__", counting)
    result = apply_edits(registry.store, registry.uri, plan, cancel=token)
    assert (result.made, len(result.left)) == ((), 300)
    assert plan.warnings == ()
    many = replace(plan, edits=plan.edits * 20)
    assert many.warnings == ("The journal keeps 5,000 edits: only these can be undone.",)
    assert len(compared) < 1000


def test_a_cancelled_edit_says_how_far_it_got(registry: Registry) -> None:
    subjects = runs(registry, 3)
    token = CancelToken()
    plan = plan_edits(registry.store, registry.uri, subjects, Wanted(tags={"owner": "ana"}))
    result = apply_edits(
        registry.store, registry.uri, plan, on_progress=lambda _: token.cancel(), cancel=token
    )
    assert result.summary == "1 of 3 edits made, 2 not tried"
    assert last().outcome == "cancelled"


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (Wanted(tags={"mlflow.user": "ana"}), "cannot be edited"),
        (Wanted(tags={" ": "ana"}), "cannot be edited"),
        (Wanted(name=" "), "A name cannot be empty"),
        (Wanted(name="knn {metrics.f1}"), "has no 'metrics.f1'"),
        (Wanted(status="RUNNING"), "Only runs can be set to a status: FINISHED, FAILED, KILLED"),
    ],
)
def test_values_that_cannot_be_written_are_refused(registry: Registry, wanted: Wanted, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        plan_edits(registry.store, registry.uri, runs(registry, 1), wanted)


def test_nothing_is_planned_for_what_does_not_exist(registry: Registry) -> None:
    with pytest.raises(NotFound):
        plan_edits(registry.store, registry.uri, [Subject("model", "no such model")], Wanted(description="x"))


def test_a_plan_without_changes_writes_nothing(registry: Registry) -> None:
    (subject,) = runs(registry, 1)
    edit(registry, [subject], Wanted(tags={"owner": "ana"}))
    entry = last()
    assert edit(registry, [subject], Wanted(tags={"owner": "ana"})).plan.is_noop
    assert last() == entry


@pytest.mark.parametrize("key", ["review status", "a tag b description", "größe name", "x"])
def test_edits_of_tags_and_models_with_spaces_in_their_names_are_undone(registry: Registry, key: str) -> None:
    model = f"a tag b description {uuid4().hex}"
    registry.model(model, ["None"])
    wanted = Wanted(tags={key: "1"})
    subjects = [Subject("model", model), Subject("version", f"{model}/1"), *runs(registry, 1)]
    assert edit(registry, subjects, wanted).complete
    assert [e.subject for e in plan_undo_edits(registry.store, registry.uri, last()).edits] == subjects
    assert undo(registry).complete
    assert key not in registry.store.registered_model(model).tags
    assert key not in registry.store.model_versions(model)[0].tags


def test_the_versions_of_a_model_are_read_once_however_many_are_edited(registry: Registry) -> None:
    model = registry.model(uuid4().hex, ["None"] * 4)
    reads: list[int] = []
    store = InterferingStore(registry.store, {number: partial(reads.append, number) for number in range(9)})
    subjects = [Subject("version", f"{model}/{number}") for number in (1, 2, 3, 4)]
    plan_edits(store, registry.uri, subjects, Wanted(tags={"a": "b"}))  # type: ignore[arg-type]
    assert reads == [1]
