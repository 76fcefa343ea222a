"""The settings of a sweep as they are typed."""

from __future__ import annotations

import pytest

from engine.errors import DatasetError, EngineError, GridError, UsageError
from engine.training.failures import Failure
from engine.training.spec import DataSpec, Limits, ModelSpec, Range, SplitSpec, SweepSpec
from tui.training.field_errors import field_of, known_trials
from tui.training.settings import (
    Settings,
    data_text,
    fraction,
    models_text,
    new_sweep,
    seconds,
    seconds_text,
    split_text,
    with_grid,
    with_settings,
)


def test_settings_override_those_of_a_sweep_and_leave_the_rest() -> None:
    file = SweepSpec(
        "wine",
        DataSpec("wine.csv", target="class", leave_out=("id",)),
        SplitSpec("stratified", test=0.3),
        (ModelSpec("knn", {"n_neighbors": (3, 5)}), ModelSpec("ridge")),
        limits=Limits(time=60),
        metric="f1_macro",
    )
    changed = with_settings(
        file,
        Settings(
            split="group:patient",
            estimators=["knn", "svc"],
            grid="svc.C=0.1..10:log",
            types=["a=b=category"],
            trial_timeout="1m30s",
            curves=["learning"],
        ),
    )
    assert changed.data == DataSpec("wine.csv", target="class", leave_out=("id",), types={"a=b": "category"})
    assert changed.split == SplitSpec("group", "patient", test=0.3)
    assert changed.models == (
        ModelSpec("knn", {"n_neighbors": (3, 5)}),
        ModelSpec("svc", {"C": Range(0.1, 10, log=True)}),
    )
    assert changed.limits == Limits(trial_timeout=90, time=60)
    assert (changed.metric, changed.curves) == ("f1_macro", ("learning",))
    assert with_settings(changed, Settings()) == changed


def test_data_is_a_file_the_dataset_of_a_run_or_the_embedded_one() -> None:
    assert new_sweep("/data/churn.csv").experiment == "churn"
    assert new_sweep().experiment == "heart-disease-sweeps"
    of_run = new_sweep("run:abc")
    assert (of_run.data.run_id, of_run.data.path, of_run.experiment) == ("abc", None, "")
    assert [data_text(new_sweep(text).data) for text in ("run:abc", "a.csv", "")] == ["run:abc", "a.csv", ""]


def test_a_grid_names_the_estimator_unless_there_is_only_one() -> None:
    mlp = "sklearn.neural_network.MLPClassifier"
    models = (ModelSpec("knn"), ModelSpec(mlp))
    for prefix in (mlp, "MLPClassifier"):
        _, second = with_grid(models, f"knn.p=1 {prefix}.alpha=0.1,1")
        assert second.params == {"alpha": (0.1, 1)}
    assert with_grid((ModelSpec("knn"),), "p=1,2")[0].params == {"p": (1, 2)}
    text = models_text((ModelSpec("ridge"), ModelSpec("knn", {"p": (1, 2)})))
    assert text == "ridge.alpha=0.01,0.1,1.0,10.0,100.0\nknn.p=1,2"
    assert with_grid((ModelSpec("ridge"), ModelSpec("knn")), text)[1].params == {"p": (1, 2)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(estimators=["knn", "svc"], grid="C=1"), "C of which estimator?"),
        (Settings(grid="svc.C=1"), "svc is not an estimator of this sweep"),
        (Settings(estimators=[]), "The sweep has no model"),
        (Settings(types=["age"]), "Invalid type 'age'"),
        (Settings(types=["age=text"]), "Unknown column type 'text'"),
        (Settings(split="time"), "A split by time needs a column"),
        (Settings(split="random:age"), "A random split takes no column"),
        (Settings(split="weekly"), "Unknown split 'weekly'"),
        (Settings(time_limit="soon"), "Invalid time 'soon'"),
        (Settings(curves=["roc"]), "Unknown curve 'roc'"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(settings: Settings, message: str) -> None:
    with pytest.raises(EngineError, match="^" + message.replace("?", r"\?")):
        with_settings(new_sweep(), settings)


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("60s", 60), ("5m", 300), ("1h30m", 5400), ("2 d", 172800), ("", None)]
)
def test_times_have_units(text: str, value: float | None) -> None:
    assert seconds(text) == value
    assert seconds(seconds_text(value)) == value


def test_shares_and_splits() -> None:
    assert (fraction("20%", "test share"), fraction("0.25", "test share")) == (0.2, 0.25)
    with pytest.raises(EngineError, match="Invalid test share 'half'"):
        fraction("half", "test share")
    assert [split_text(split) for split in (SplitSpec(), SplitSpec("time", "day"))] == ["random", "time:day"]


def test_an_error_is_shown_at_the_field_of_the_setting_that_it_is_about() -> None:
    fields = {
        "data.path": "data",
        "data.delimiter": "data",
        "data.types.age": "columns",
        "split.column": "split_column",
        "limits.time": "time_limit",
        "curves[1]": "curves",
        "models[0]": "estimators",
        "models": "estimators",
        "models[1].C[0]": "grid",
        "": "",
    }
    found = {setting: field_of(UsageError("Wrong", setting=setting)) for setting in fields}
    assert found == fields
    assert field_of(DatasetError("The file is damaged")) == "data"


def test_an_error_keeps_the_setting_that_it_is_about_on_its_way_from_another_process() -> None:
    sent = Failure.of(DatasetError("The target is constant", setting="data.target")).to_json()
    assert field_of(Failure.from_json(sent).error()) == "target"


def test_a_grid_is_refused_at_the_parameter_that_is_wrong() -> None:
    for model, field in (
        (ModelSpec("knm"), "estimators"),
        (ModelSpec("lasso"), "estimators"),
        (ModelSpec("knn", {"neighbours": (3,)}), "grid"),
        (ModelSpec("knn", {"n_neighbors": tuple(range(1, 10_000))}), "grid"),
    ):
        with pytest.raises(GridError) as caught:
            known_trials(SweepSpec("x", models=(model,)), "classification")
        assert field_of(caught.value) == field
