"""All commands of the console, in the order of the help and the README. Those of the views are listed here,
the others in the neighbouring files."""

from __future__ import annotations

from tui.commands.command import Command
from tui.commands.everywhere import EVERYWHERE
from tui.commands.in_charts import CHART_COMMANDS, DRAWING_COMMANDS, GRID_COMMANDS, PLOT_COMMANDS
from tui.commands.in_comparisons import COMPARE_COMMANDS
from tui.commands.in_deployments import DEPLOYMENT_COMMANDS, DOCTOR_COMMANDS
from tui.commands.in_insights import INSIGHT_COMMANDS
from tui.commands.in_lineage import LINEAGE_COMMANDS
from tui.commands.in_model_tests import EDITOR_COMMANDS, MODEL_TEST_COMMANDS
from tui.commands.in_panes import DETAILS_COMMANDS, FILTER_COMMANDS, TABLE_COMMANDS
from tui.commands.shared import copy_menu_command, edit_command, export_command, register_command

_RUN_FIELDS = "name, description, tags and status"

COMMANDS: tuple[Command, ...] = (
    *EVERYWHERE,
    *TABLE_COMMANDS,
    # Runs
    Command(
        id="runs.open-filter",
        keys="slash",
        action="open_filter",
        title="filter",
        help="Filter the runs as you type.",
        word="filter",
        arguments="EXPRESSION",
    ),
    Command(
        id="runs.sort-column",
        keys="s",
        action="sort_column",
        title="sort",
        help="Sort by the focused column; again to reverse.",
        word="sort",
        arguments="COLUMN [desc]",
    ),
    Command(id="runs.pick-sort", keys="S", action="pick_sort", help="Sort by several columns."),
    Command(
        id="runs.pick-columns",
        keys="C",
        action="pick_columns",
        title="columns",
        help="Choose columns: show, hide, order, width, number format.",
        word="columns",
    ),
    Command(
        id="runs.toggle-constants",
        keys="x",
        action="toggle_constants",
        help="Toggle constant columns.",
        word="constants",
    ),
    Command(
        id="runs.narrow-column",
        keys="less_than_sign",
        action="widen_column(-2)",
        help="Narrow the focused column.",
    ),
    Command(
        id="runs.widen-column",
        keys="greater_than_sign",
        action="widen_column(2)",
        help="Widen the focused column.",
    ),
    Command(
        id="runs.step-layout",
        keys="t",
        action="step_layout",
        help="Switch between flat list, tree of parents and children, and groups.",
        word="layout",
        arguments="flat|tree|groups",
    ),
    Command(
        id="runs.pick-groups",
        keys="ctrl+g",
        action="pick_groups",
        help="Group runs by parameters and tags, with statistics for each metric.",
        word="group",
        arguments="[COLUMN,COLUMN …]",
    ),
    Command(
        id="runs.toggle-fold",
        keys="o",
        action="toggle_fold",
        help="Expand or collapse the group or parent run.",
    ),
    Command(
        id="runs.toggle-all-folds",
        keys="O",
        action="toggle_all_folds",
        help="Expand or collapse all groups or parent runs.",
    ),
    Command(
        id="runs.pick-view",
        keys="W",
        action="pick_view",
        help="Open, save or delete a view: a named filter, sort order, columns and layout.",
        word="view",
        arguments="[NAME | save NAME | delete NAME]",
    ),
    Command(
        id="runs.compare-marked",
        keys="c",
        action="compare_marked",
        title="compare",
        help="Compare the marked runs side by side.",
    ),
    Command(
        id="runs.show-best",
        keys="B",
        action="show_best",
        title="best",
        help="Find the best of the shown runs and its closest rivals.",
        word="best",
        arguments="[METRIC]",
    ),
    Command(
        id="runs.show-insights",
        keys="i",
        action="show_insights",
        help="Show which parameters a metric depends on, what is more than chance, and what stands out.",
        word="insights",
        arguments="[METRIC [CONSTRAINT]]",
    ),
    Command(
        id="runs.chart-metric",
        keys="m",
        action="chart_metric",
        title="chart",
        help="Chart the focused metric of the marked runs, else of all shown; on a parameter, by its values.",
        word="chart",
        arguments="[METRIC …] [PARAMETER …]",
    ),
    copy_menu_command("runs"),
    export_command("runs", "runs"),
    Command(
        id="runs.copy-id",
        keys="y",
        action="copy_id",
        help="Copy the run id to your local clipboard (OSC 52).",
    ),
    Command(
        id="runs.stop-loading",
        keys="ctrl+x",
        action="stop_loading",
        help="Stop loading and keep the loaded runs; `r` resumes.",
    ),
    Command(
        id="runs.toggle-deleted",
        action="toggle_deleted",
        help="Switch between active and deleted runs.",
        word="deleted",
    ),
    Command(
        id="runs.change-lifecycle",
        keys="D",
        action="change_lifecycle",
        help="Delete the marked runs; in the deleted runs, restore them. In the experiments, delete one.",
        word="delete",
        writes=True,
    ),
    Command(
        id="runs.create-experiment",
        keys="n",
        action="create_experiment",
        help="Create an experiment.",
        word="create",
        arguments="[NAME]",
        writes=True,
    ),
    Command(
        id="runs.restore-experiment",
        keys="U",
        action="restore_experiment",
        help="Restore a deleted experiment with its runs.",
        word="restore",
        arguments="[EXPERIMENT]",
        writes=True,
    ),
    edit_command("runs", "the marked runs, or of what is under the cursor", _RUN_FIELDS),
    register_command("runs", "the run"),
    *FILTER_COMMANDS,
    # One run
    Command(
        id="run.next",
        keys="right_square_bracket",
        action="step_run(1)",
        title="next run",
        help="Next run of the list that this one was opened from.",
    ),
    Command(
        id="run.previous",
        keys="left_square_bracket",
        action="step_run(-1)",
        title="previous run",
        help="Previous run of the list that this one was opened from.",
    ),
    Command(
        id="run.chart-metric",
        keys="m",
        action="chart_metric",
        title="chart",
        help="Chart the metric under the cursor, else all metrics.",
    ),
    Command(
        id="run.compare",
        keys="c",
        action="compare",
        title="compare",
        help="Compare this run with the marked runs of its experiment.",
    ),
    Command(
        id="run.copy-id",
        keys="y",
        action="copy_id",
        help="Copy the run id to your local clipboard (OSC 52).",
    ),
    copy_menu_command("run"),
    export_command("run", "this run, or the histories of its metrics,"),
    Command(
        id="run.show-artifacts",
        keys="a,enter",
        action="show_artifacts",
        title="artifacts",
        help="Browse the artifacts of the run and of the models it logged.",
        word="artifacts",
        arguments="[RUN [PATH]]",
    ),
    Command(id="run.go-back", keys="minus", action="leave_view", help="Go back, also along the lineage."),
    edit_command("run", "the run", _RUN_FIELDS),
    register_command("run", "the run"),
    # Compare
    *COMPARE_COMMANDS,
    # Models
    Command(
        id="models.promote",
        keys="P",
        action="promote",
        title="promote",
        help="Move a version to a stage or assign it an alias.",
        word="promote",
        arguments="MODEL VERSION TARGET",
        writes=True,
    ),
    Command(
        id="models.test-version",
        keys="T",
        action="test_version",
        title="test",
        help="Test the version: on its input example, with requests, on labelled rows, against another one.",
        word="test",
        arguments="[MODEL VERSION | DEPLOYMENT]",
    ),
    Command(
        id="models.deploy",
        keys="n",
        action="deploy",
        title="deploy",
        help="Deploy the version as an HTTP service.",
        writes=True,
    ),
    *(
        Command(id=f"models.{word}", keys=keys, action=action, title=title, help=text)
        for word, keys, action, title, text in (
            (
                "open-filter",
                "slash",
                "open_filter",
                "filter",
                "Filter the versions, or search the models, as you type.",
            ),
            (
                "sort-column",
                "s",
                "sort_column",
                "sort",
                "Sort the versions by the focused column; again to reverse.",
            ),
            ("pick-sort", "S", "pick_sort", "", "Sort the versions by several columns."),
            (
                "pick-columns",
                "C",
                "pick_columns",
                "",
                "Choose columns of the versions: show, hide, order, width, number format.",
            ),
            ("toggle-constants", "x", "toggle_constants", "", "Toggle constant columns."),
            ("narrow-column", "less_than_sign", "widen_column(-2)", "", "Narrow the focused column."),
            ("widen-column", "greater_than_sign", "widen_column(2)", "", "Widen the focused column."),
            ("chart-metric", "m", "chart_metric", "chart", "Chart a metric over the versions."),
        )
    ),
    Command(
        id="models.compare-marked",
        keys="c",
        action="compare_marked",
        title="compare",
        help="Compare the marked versions side by side.",
    ),
    Command(
        id="models.answer",
        keys="A",
        action="answer",
        title="approval",
        help="Approve or reject the promotion requested for the version; without a request, request one.",
        word="request",
        arguments="[MODEL VERSION TARGET]",
        writes=True,
    ),
    *(
        Command(
            id=f"models.{word}",
            action=f"answer('{word}')",
            help=f"{word.capitalize()} the promotion requested for the version.",
            word=word,
            arguments="[MODEL VERSION]",
            writes=True,
        )
        for word in ("approve", "reject")
    ),
    Command(
        id="models.show-history",
        keys="t",
        action="show_history",
        title="history",
        help="Show which version of the model had which stage or alias when.",
        word="history",
        arguments="[MODEL]",
    ),
    Command(
        id="models.show-lineage",
        keys="f",
        action="show_lineage",
        title="lineage",
        help="Follow where the version comes from: logged model, run, experiment, datasets, artifacts.",
        word="lineage",
        arguments="[MODEL VERSION]",
    ),
    Command(
        id="models.open-run", keys="d", action="open_run", title="run", help="Open the version's source run."
    ),
    Command(
        id="models.show-artifacts",
        keys="a",
        action="show_artifacts",
        help="Browse the files of the version's model.",
    ),
    Command(
        id="models.undo",
        keys="u",
        action="undo",
        title="undo",
        help="Undo the last promotion.",
        word="undo",
        writes=True,
    ),
    edit_command("models", "the version or model", "description, tags and name"),
    Command(
        id="models.delete",
        keys="D",
        action="delete",
        help="Delete the version or model: what is lost is listed, and its name has to be typed.",
        writes=True,
    ),
    copy_menu_command("models"),
    export_command("models", "the versions, or all models,"),
    # Training
    Command(
        id="training.new-sweep",
        keys="n",
        action="new_sweep",
        title="new sweep",
        help="Choose data, grid and recipe, and start a sweep.",
        word="train",
        writes=True,
    ),
    Command(
        id="training.cancel-sweep",
        keys="ctrl+x",
        action="cancel_sweep",
        title="cancel",
        help="Stop the sweep and keep its finished trials.",
        word="cancel",
    ),
    Command(
        id="training.compare-marked",
        keys="c",
        action="compare_marked",
        title="compare",
        help="Compare the marked trials side by side.",
    ),
    register_command("training", "the trial"),
    copy_menu_command("training"),
    export_command("training", "the leaderboard"),
    # Tests of a version
    *MODEL_TEST_COMMANDS,
    *EDITOR_COMMANDS,
    # Deployments
    *DEPLOYMENT_COMMANDS,
    *DOCTOR_COMMANDS,
    # Activity
    Command(
        id="activity.reverse",
        keys="u",
        action="reverse",
        title="undo",
        help="Undo this promotion, edit, registration or change of an experiment, restore these runs, or end"
        " this sweep (also enter).",
        writes=True,
    ),
    export_command("activity", "the journal entries"),
    *CHART_COMMANDS,
    # Artifacts
    Command(
        id="artifacts.download",
        keys="w",
        action="download",
        title="download",
        help="Download the file or folder; its size is shown first.",
    ),
    Command(
        id="artifacts.download-all",
        keys="W",
        action="download_all",
        title="download all",
        help="Download all artifacts of the run.",
    ),
    Command(
        id="artifacts.copy-path",
        keys="y",
        action="copy_path",
        title="copy path",
        help="Copy the artifact's address, runs:/RUN/PATH.",
    ),
    Command(
        id="artifacts.go-back", keys="minus", action="leave_view", help="Go back, also along the lineage."
    ),
    *INSIGHT_COMMANDS,
    # Lineage
    *LINEAGE_COMMANDS,
    *PLOT_COMMANDS,
    *DRAWING_COMMANDS,
    *GRID_COMMANDS,
    *DETAILS_COMMANDS,
)
