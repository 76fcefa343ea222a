"""Saved views: they survive a round trip, and manual edits to the file are kept."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from engine import paths
from engine.columns import ATTRIBUTES, ColumnKey
from engine.errors import EngineError, UsageError
from engine.formats import FORMATS
from engine.runs.grouping import RUN_COUNT
from engine.runs.saved import store
from engine.runs.saved.plain import view_from_plain, view_to_plain
from engine.runs.saved.store import ViewFile
from engine.runs.sorting import SortKey
from engine.runs.view import RunView
from engine.stores.block import DATASET_FIELDS

STORE, EXPERIMENT = "sqlite:////srv/mlflow.db", "heart-disease"
ACC, F1 = ColumnKey("metric", "accuracy"), ColumnKey("metric", "f1")
NAME, K = ColumnKey("attribute", "run_name"), ColumnKey("param", "k")

FULL = RunView(
    filter_text='accuracy > 0.9 and name ~ "knn"',
    sort=(SortKey(ACC, descending=True), SortKey(NAME), SortKey(F1, statistic="std")),
    columns=(NAME, ACC, ColumnKey("tag", "team"), ColumnKey("dataset", "name")),
    widths={NAME: 30},
    formats={ACC: "percent"},
    constants_hidden=True,
    layout="groups",
    group_by=(K, ColumnKey("attribute", "status")),
)

WRITTEN = """\
[[view]]
store = "sqlite:////srv/mlflow.db"
experiment = "heart-disease"
name = "best"
filter = "accuracy > 0.9 and name ~ \\"knn\\""
sort = ["metrics.accuracy desc", "run_name asc", "std of metrics.f1 asc"]
columns = ["run_name", "metrics.accuracy", "tags.team", "datasets.name"]
widths = {run_name = 30}
formats = {"metrics.accuracy" = "percent"}
constants_hidden = true
layout = "groups"
group_by = ["params.k", "status"]
"""

BY_HAND = """\
# What the team looks at. Ask ana before changing it.

[[view]]  # on Mondays
name = 'week'   # short
store = "sqlite:////srv/mlflow.db"
experiment = "heart-disease"
filter = "start_time > -7d"   # since last Monday
columns = [
  "run_name",   # always
  "metrics.accuracy",
]

# The next one is for bo.
[[view]]
store = "sqlite:////srv/mlflow.db"
experiment = "heart-disease"
name = "bo"
[view.widths]
run_name = 30  # long names

[colours]  # not ours
bo = "red"
"""


@pytest.fixture
def views(tmp_path: Path) -> ViewFile:
    return ViewFile(tmp_path / "config" / "views.toml")


def by_hand(views: ViewFile, text: str = BY_HAND) -> None:
    views.path.parent.mkdir(parents=True, exist_ok=True)
    views.path.write_text(text)


def test_a_view_is_readable_in_the_file_and_survives_a_round_trip(views: ViewFile) -> None:
    assert views.names(STORE, EXPERIMENT) == ()
    assert views.load(STORE, EXPERIMENT, "best") is None
    views.save(STORE, EXPERIMENT, "best", FULL)
    assert views.path.read_text() == WRITTEN
    assert views.load(STORE, EXPERIMENT, "best") == FULL
    assert list(views.path.parent.glob(".*")) == []


def test_views_belong_to_a_store_and_an_experiment(views: ViewFile) -> None:
    views.save(STORE, EXPERIMENT, "b", FULL)
    views.save(STORE, "churn", "b", RunView())
    views.save("http://other", EXPERIMENT, "c", RunView())
    views.save(STORE, EXPERIMENT, "a", RunView(layout="tree"))
    assert views.names(STORE, EXPERIMENT) == ("b", "a")
    assert views.names(STORE, "churn") == ("b",)
    assert views.load(STORE, "churn", "b") == RunView()
    assert views.load("http://other", EXPERIMENT, "b") is None


def test_views_of_a_model_share_the_file_with_those_of_an_experiment_of_its_name(views: ViewFile) -> None:
    stage, alias = (ColumnKey("attribute", name) for name in ("stage", "aliases"))
    of_model = ViewFile(views.path, "model")
    versions = RunView("alias = champion", (SortKey(stage),), (stage, alias), {alias: 30})
    views.save(STORE, EXPERIMENT, "best", FULL)
    of_model.save(STORE, EXPERIMENT, "best", versions)
    of_model.save(STORE, EXPERIMENT, "other", RunView())
    assert views.names(STORE, EXPERIMENT) == ("best",)
    assert (views.load(STORE, EXPERIMENT, "best"), views.load(STORE, EXPERIMENT, "other")) == (FULL, None)
    assert of_model.load(STORE, EXPERIMENT, "best") == versions
    assert f'model = "{EXPERIMENT}"' in views.path.read_text()
    assert of_model.delete(STORE, EXPERIMENT, "best")
    assert views.load(STORE, EXPERIMENT, "best") == FULL
    with pytest.raises(UsageError, match="Unknown setting 'layout'"):
        view_from_plain({"layout": "tree"}, of_versions=True)
    with pytest.raises(UsageError, match="Unknown column 'stage'"):
        view_from_plain({"columns": ["stage"]})


def test_saving_again_replaces_a_view_and_deleting_removes_it(views: ViewFile) -> None:
    views.save(STORE, EXPERIMENT, "a", FULL)
    views.save(STORE, EXPERIMENT, "b", FULL)
    views.save(STORE, EXPERIMENT, "a", RunView(filter_text="x"))
    assert views.names(STORE, EXPERIMENT) == ("a", "b")
    assert views.load(STORE, EXPERIMENT, "a") == RunView(filter_text="x")
    assert views.delete(STORE, EXPERIMENT, "a")
    assert not views.delete(STORE, EXPERIMENT, "a")
    assert views.names(STORE, EXPERIMENT) == ("b",)
    assert views.load(STORE, EXPERIMENT, "b") == FULL


def test_manual_edits_are_kept(views: ViewFile) -> None:
    by_hand(views)
    week = views.load(STORE, EXPERIMENT, "week")
    assert week is not None
    views.save(STORE, EXPERIMENT, "week", week)
    assert views.path.read_text() == BY_HAND
    views.save(STORE, EXPERIMENT, "week", RunView("start_time > -8d", columns=week.columns, layout="tree"))
    changed = BY_HAND.replace("-7d", "-8d").replace("]\n\n# The", ']\nlayout = "tree"\n\n# The')
    assert views.path.read_text() == changed
    views.save(STORE, EXPERIMENT, "bo", RunView(widths={NAME: 31, ACC: 9}))
    assert '[view.widths]\nrun_name = 31  # long names\n"metrics.accuracy" = 9\n' in views.path.read_text()
    views.save(STORE, EXPERIMENT, "new", RunView(layout="tree"))
    assert views.names(STORE, EXPERIMENT) == ("week", "bo", "new")
    views.delete(STORE, EXPERIMENT, "week")
    views.delete(STORE, EXPERIMENT, "bo")
    rest = '# The next one is for bo.\n[colours]  # not ours\nbo = "red"\n\n'
    for _ in range(2):
        views.delete(STORE, EXPERIMENT, "new")
        assert views.path.read_text() == f"# What the team looks at. Ask ana before changing it.\n\n{rest}"
        views.save(STORE, EXPERIMENT, "new", RunView())


def test_a_long_list_of_columns_spans_several_lines(views: ViewFile) -> None:
    columns = tuple(ColumnKey("metric", f"class_{n}_precision") for n in range(5))
    views.save(STORE, EXPERIMENT, "wide", RunView(columns=columns))
    assert 'columns = [\n    "metrics.class_0_precision",\n' in views.path.read_text()
    assert views.load(STORE, EXPERIMENT, "wide") == RunView(columns=columns)


def test_symbolic_links_and_permissions_are_kept(views: ViewFile, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text(BY_HAND)
    kept.chmod(0o640)
    views.path.parent.mkdir()
    views.path.symlink_to(kept)
    views.save(STORE, EXPERIMENT, "best", FULL)
    assert views.path.is_symlink()
    assert "best" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o640


# ── what can be wrong ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "title", "hint"),
    [
        ('columns = ["accuracy"]', "Unknown column 'accuracy'", "Use metrics.accuracy"),
        ('columns = ["run_nam"]', "Unknown column 'run_nam'", "Did you mean run_name?"),
        ('columns = ["metricz.x"]', "Unknown column 'metricz.x'", "Did you mean metrics."),
        (
            'sort = ["datasets.nope desc"]',
            "Unknown column 'datasets.nope'",
            "Did you mean datasets.name?",
        ),
        ('layout = "forest"', "layout cannot be 'forest'", "one of flat, tree, groups"),
        ("widths = {run_name = 0}", "widths of run_name cannot be 0", "from 1 to 1000"),
        ("widths = {run_name = true}", "widths of run_name cannot be True", "from 1 to 1000"),
        ('formats = {"metrics.x" = "roman"}', "formats of metrics.x cannot be 'roman'", "one of auto"),
        ("constants_hidden = 1", "constants_hidden cannot be 1", "true or false"),
        ("filter = 3", "filter cannot be 3", "a string"),
        ('group_by = "params.k"', "group_by cannot be 'params.k'", "a list of strings"),
        ('widths = ["run_name"]', "widths cannot be ['run_name']", "a table"),
        ('colums = ["run_name"]', "Unknown setting 'colums'", "Did you mean columns?"),
    ],
)
def test_an_invalid_view_is_explained_and_the_others_still_load(
    views: ViewFile, line: str, title: str, hint: str
) -> None:
    before, _, after = BY_HAND.partition('filter = "start')
    by_hand(views, f"{before}{line}\n{after[after.index('# The next') :]}")
    with pytest.raises(UsageError) as caught:
        views.load(STORE, EXPERIMENT, "week")
    assert caught.value.title == "View week is invalid"
    assert title in caught.value.detail
    assert hint in caught.value.detail
    assert str(views.path) in caught.value.hint
    assert views.names(STORE, EXPERIMENT) == ("week", "bo")
    assert views.load(STORE, EXPERIMENT, "bo") == RunView(widths={NAME: 30})
    views.save(STORE, EXPERIMENT, "week", FULL)
    assert views.load(STORE, EXPERIMENT, "week") == FULL


def test_a_view_without_a_name_is_reported_when_a_view_is_not_found(views: ViewFile) -> None:
    by_hand(views, BY_HAND.replace("name = 'week'", "nam = 'week'"))
    assert views.names(STORE, EXPERIMENT) == ("bo",)
    with pytest.raises(UsageError, match="view 1 lacks a store, a name, or an experiment or model"):
        views.load(STORE, EXPERIMENT, "week")


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (BY_HAND.replace("'week'", "week").encode(), "at line 4, column 8"),
        (BY_HAND.encode() + b'note = "\xff"\n', "at line 23"),
    ],
)
def test_a_damaged_file_is_reported_with_its_line_and_not_overwritten(
    views: ViewFile, content: bytes, where: str
) -> None:
    views.path.parent.mkdir()
    views.path.write_bytes(content)
    for attempt in (
        lambda: views.names(STORE, EXPERIMENT),
        lambda: views.load(STORE, EXPERIMENT, "bo"),
        lambda: views.save(STORE, EXPERIMENT, "bo", FULL),
        lambda: views.delete(STORE, EXPERIMENT, "bo"),
    ):
        with pytest.raises(UsageError, match="The saved views file is damaged") as caught:
            attempt()
        assert where in caught.value.detail
    assert views.path.read_bytes() == content


@pytest.mark.parametrize("text", ["view = [{store = 's', experiment = 'e', name = 'n'}]\n", "view = 3\n"])
def test_an_unsupported_layout_can_be_read_but_not_changed(views: ViewFile, text: str) -> None:
    by_hand(views, text)
    assert views.names("s", "e") == (("n",) if "name" in text else ())
    with pytest.raises(UsageError, match="does not allow automatic edits"):
        views.save("s", "e", "n", FULL)
    assert views.path.read_text() == text


def test_a_string_that_looks_like_a_view_header_is_not_split(views: ViewFile) -> None:
    note = 'note = """\n[[view]]\nname = 3\n"""\n\n'
    by_hand(views, note + WRITTEN)
    with pytest.raises(UsageError, match="does not allow automatic edits"):
        views.save(STORE, EXPERIMENT, "best", RunView())
    assert views.path.read_text() == note + WRITTEN
    assert views.load(STORE, EXPERIMENT, "best") == FULL


def test_an_unwritable_path_is_an_error(views: ViewFile) -> None:
    views.path.parent.write_text("a file where the folder should be")
    with pytest.raises(EngineError, match="Saved views cannot be written") as caught:
        views.save(STORE, EXPERIMENT, "best", FULL)
    assert "XDG_CONFIG_HOME" in caught.value.hint


@pytest.mark.parametrize("name", ["", "  ", "\t"])
def test_a_view_needs_a_name(views: ViewFile, name: str) -> None:
    with pytest.raises(UsageError, match="needs a name"):
        views.save(STORE, EXPERIMENT, name, FULL)


def test_a_lone_surrogate_cannot_be_saved(views: ViewFile) -> None:
    views.save(STORE, EXPERIMENT, "best", FULL)
    with pytest.raises(UsageError, match="cannot be saved"):
        views.save(STORE, EXPERIMENT, "odd", RunView(columns=(ColumnKey("metric", "\ud800"),)))
    assert views.path.read_text() == WRITTEN


def _save_many(path: Path, start: int) -> None:
    for number in range(start, start + 10):
        ViewFile(path).save(STORE, EXPERIMENT, f"view {number}", RunView(filter_text=str(number)))


def test_concurrent_saves_from_two_consoles_are_all_kept(views: ViewFile) -> None:
    context = multiprocessing.get_context("spawn")
    consoles = [context.Process(target=_save_many, args=(views.path, start)) for start in (0, 10)]
    for console in consoles:
        console.start()
    for console in consoles:
        console.join(60)
    assert set(views.names(STORE, EXPERIMENT)) == {f"view {number}" for number in range(20)}


def test_a_lock_held_by_another_console_is_reported(views: ViewFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0)
    views.save(STORE, EXPERIMENT, "best", FULL)
    with (
        store._locked(views.path.with_suffix(".lock")),
        pytest.raises(EngineError, match="Another console"),
    ):
        views.save(STORE, EXPERIMENT, "best", FULL)


def test_reading_does_not_import_the_toml_writer(views: ViewFile) -> None:
    by_hand(views)
    code = (
        "import sys; from pathlib import Path; from engine.runs.saved.store import ViewFile;"
        f"assert ViewFile(Path({str(views.path)!r})).load({STORE!r}, {EXPERIMENT!r}, 'bo');"
        "assert 'tomlkit' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_views_are_kept_in_the_configuration_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert paths.views_file() == tmp_path / "mlflow-console" / "views.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert paths.views_file() == Path.home() / ".config" / "mlflow-console" / "views.toml"


# ── any names ────────────────────────────────────────────────────────────────

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "a desc",
        "x ASC",
        "mean of y",
        " ",
        "a.b",
        "\"'\"'",
        "\r\n[[view]]\r\n",
        "# no comment",
        "\x00\x1b\x7f\u2028",
    ]
)
NAMED = st.builds(ColumnKey, st.sampled_from(["metric", "param", "tag"]), TEXT)
OTHER = [ColumnKey("attribute", name) for name in ATTRIBUTES]
OTHER += [RUN_COUNT, *(ColumnKey("dataset", name) for name in DATASET_FIELDS)]
KEY = NAMED | st.sampled_from(OTHER)
VIEW = st.builds(
    RunView,
    filter_text=TEXT,
    sort=st.lists(
        st.builds(SortKey, KEY, st.booleans(), st.sampled_from(["mean", "std", "min", "max"])), max_size=3
    ).map(tuple),
    columns=st.lists(KEY, max_size=8).map(tuple),
    widths=st.dictionaries(KEY, st.integers(1, 1000), max_size=3),
    formats=st.dictionaries(KEY, st.sampled_from(list(FORMATS)), max_size=3),
    constants_hidden=st.booleans(),
    layout=st.sampled_from(["flat", "tree", "groups"]),
    group_by=st.lists(KEY, max_size=3).map(tuple),
)


@given(VIEW)
def test_any_view_survives_a_round_trip_through_plain_values(view: RunView) -> None:
    assert view_from_plain(view_to_plain(view)) == view


@given(st.lists(st.tuples(TEXT, TEXT, TEXT.filter(str.strip), VIEW), min_size=1, max_size=4), st.booleans())
def test_any_views_survive_a_round_trip_through_the_file(
    tmp_path_factory: pytest.TempPathFactory, saved: list[tuple[str, str, str, RunView]], delete: bool
) -> None:
    views = ViewFile(tmp_path_factory.mktemp("views") / "views.toml")
    by_hand(views)
    for where, experiment, name, view in saved:
        views.save(where, experiment, name, view)
    last = {(where, experiment, name): view for where, experiment, name, view in saved}
    if delete:
        gone = saved[0][:3]
        assert views.delete(*gone)
        del last[gone]
        assert views.load(*gone) is None
    assert {where: views.load(*where) for where in last} == last
    assert views.load(STORE, EXPERIMENT, "bo") == RunView(widths={NAME: 30})
    assert len(tomllib.loads(views.path.read_text())["view"]) == 2 + len(last)
    assert os.listdir(views.path.parent)
