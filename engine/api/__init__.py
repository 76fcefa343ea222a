"""The engine's public interface: `Engine`, and its records and functions.

Names are imported on first use, so that `import engine.api` alone loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.api.deployments import Deployments as Deployments
    from engine.api.engine import Engine as Engine
    from engine.api.server import Servers as Servers
    from engine.artifacts.download import Download as Download
    from engine.artifacts.picture import Picture as Picture
    from engine.artifacts.preview import Preview as Preview
    from engine.artifacts.tree import LEADS_OUT as LEADS_OUT, Listing as Listing, Tree as Tree
    from engine.charts.across import (
        ChartRequest as ChartRequest,
        across as across,
        by_effect as by_effect,
        kind_by as kind_by,
        unknown_metric as unknown_metric,
        varying_params as varying_params,
    )
    from engine.charts.curves import curves as curves
    from engine.charts.file import (
        chart_name as chart_name,
        checked_suffix as checked_suffix,
        draw_file as draw_file,
        png_bytes as png_bytes,
        svg_text as svg_text,
        write_chart as write_chart,
    )
    from engine.charts.history import (
        X_AXES as X_AXES,
        History as History,
        Refined as Refined,
        XAxis as XAxis,
        first_with_metrics as first_with_metrics,
        points_for as points_for,
    )
    from engine.charts.kinds import (
        AcrossChart as AcrossChart,
        Axis as Axis,
        Bars as Bars,
        BarScale as BarScale,
        Box as Box,
        Boxes as Boxes,
        Caption as Caption,
        Chart as Chart,
        ChartKind as ChartKind,
        Curve as Curve,
        Curves as Curves,
        HeatCell as HeatCell,
        HeatMap as HeatMap,
        MetricBars as MetricBars,
        Point as Point,
        RunRow as RunRow,
        Scatter as Scatter,
        filtered_name as filtered_name,
    )
    from engine.charts.overview import MetricOverview as MetricOverview
    from engine.charts.versions import over_versions as over_versions
    from engine.editing.apply import EditResult as EditResult
    from engine.editing.plan import (
        Edit as Edit,
        EditPlan as EditPlan,
        Subject as Subject,
        Wanted as Wanted,
        recorded_edits as recorded_edits,
    )
    from engine.evidence.best import TIE_METRIC as TIE_METRIC, BestRun as BestRun
    from engine.evidence.difference import (
        CORRECTIONS as CORRECTIONS,
        Correction as Correction,
        Standing as Standing,
        Versus as Versus,
        chance as chance,
    )
    from engine.evidence.effects import Effect as Effect, Effects as Effects
    from engine.evidence.forest import Forest as Forest
    from engine.evidence.insights import Insights as Insights
    from engine.evidence.remarks import Remark as Remark
    from engine.evidence.statistics import Interval as Interval
    from engine.evidence.version_tests import VersionTest as VersionTest
    from engine.export.runs import (
        comparison_sheet as comparison_sheet,
        file_name as file_name,
        runs_sheet as runs_sheet,
        shown_sheet as shown_sheet,
        versions_sheet as versions_sheet,
    )
    from engine.export.sheet import (
        Sheet as Sheet,
        pairs_sheet as pairs_sheet,
        records_sheet as records_sheet,
    )
    from engine.export.writers import (
        check_format as check_format,
        write_sheet as write_sheet,
        write_text as write_text,
    )
    from engine.filters.compiler import Filter as Filter, compile_filter as compile_filter
    from engine.filters.completion import Completion as Completion, complete as complete
    from engine.filters.hints import begins_value as begins_value, no_match_hint as no_match_hint
    from engine.filters.lexer import MAX_LENGTH as MAX_LENGTH
    from engine.filters.names import column_named as column_named
    from engine.filters.options import Option as Option
    from engine.filters.parsed import ParsedFilter as ParsedFilter, parse_filter as parse_filter
    from engine.filters.pushdown import Pushed as Pushed, pushdown as pushdown
    from engine.filters.recent import FilterHistory as FilterHistory
    from engine.journal import (
        MARK_COMMAND as MARK_COMMAND,
        Finding as Finding,
        JournalCheck as JournalCheck,
        JournalEntry as JournalEntry,
    )
    from engine.model_files.trust import ModelDescription as ModelDescription
    from engine.model_tests.answers import Answer as Answer, Target as Target
    from engine.model_tests.labelled import (
        LabelledTest as LabelledTest,
        TestedMetric as TestedMetric,
        TestedRow as TestedRow,
    )
    from engine.model_tests.load import (
        LoadOptions as LoadOptions,
        LoadStep as LoadStep,
        LoadTest as LoadTest,
        milliseconds as milliseconds,
    )
    from engine.model_tests.predicting import PredictedTable as PredictedTable
    from engine.model_tests.requests import (
        CSV_TYPE as CSV_TYPE,
        FORMS as FORMS,
        JSON_TYPE as JSON_TYPE,
        Field as Field,
        Form as Form,
        Request as Request,
        RequestTemplate as RequestTemplate,
        converted as converted,
        curl as curl,
        request_in as request_in,
    )
    from engine.model_tests.shadow import Disagreement as Disagreement, ShadowTest as ShadowTest
    from engine.model_tests.skew import Cause as Cause
    from engine.registry.approval import (
        DECISION_TAG as DECISION_TAG,
        REQUEST_TAG as REQUEST_TAG,
        decision_of as decision_of,
        request_of as request_of,
    )
    from engine.registry.comparison import VersionComparison as VersionComparison
    from engine.registry.history import (
        ApprovalEvent as ApprovalEvent,
        Held as Held,
        ModelHistory as ModelHistory,
        PromotionEvent as PromotionEvent,
    )
    from engine.registry.lineage import (
        SOURCE_RUN_TAG as SOURCE_RUN_TAG,
        Link as Link,
        Place as Place,
        Station as Station,
    )
    from engine.registry.promotion.apply import PromotionResult as PromotionResult
    from engine.registry.promotion.facts import (
        AliasChange as AliasChange,
        Change as Change,
        StageChange as StageChange,
    )
    from engine.registry.promotion.plan import ALIAS_FOR as ALIAS_FOR, PromotionPlan as PromotionPlan
    from engine.registry.promotion.policy import Policy as Policy
    from engine.registry.registration import (
        CopyPlan as CopyPlan,
        Registered as Registered,
        RegistrationPlan as RegistrationPlan,
    )
    from engine.registry.removal import RemovalPlan as RemovalPlan, RemovalResult as RemovalResult
    from engine.registry.smoke_test import SmokeTestResult as SmokeTestResult
    from engine.registry.version_log import LOG_TAG as LOG_TAG
    from engine.registry.version_rows import (
        OWNER_TAG as OWNER_TAG,
        last_change as last_change,
        mentions as mentions,
        owner_of as owner_of,
        shown_tags as shown_tags,
        version_frame as version_frame,
        versions_in as versions_in,
    )
    from engine.report.report import Report as Report
    from engine.run_lifecycle.apply import LifecycleResult as LifecycleResult
    from engine.run_lifecycle.experiments import (
        ExperimentPlan as ExperimentPlan,
        ExperimentResult as ExperimentResult,
    )
    from engine.run_lifecycle.plan import LifecyclePlan as LifecyclePlan
    from engine.runs.arrange import Arranged as Arranged, arrange as arrange
    from engine.runs.compare import (
        Compared as Compared,
        CompareRow as CompareRow,
        CompareSection as CompareSection,
        Comparison as Comparison,
        Delta as Delta,
    )
    from engine.runs.frame import RunFrame as RunFrame
    from engine.runs.grouping import Statistics as Statistics
    from engine.runs.loading.feed import RunFeed as RunFeed
    from engine.runs.metrics import (
        Confusion as Confusion,
        Direction as Direction,
        confusion_of as confusion_of,
        direction_of as direction_of,
        key_metrics as key_metrics,
    )
    from engine.runs.names import run_names as run_names, unique_names as unique_names
    from engine.runs.saved.plain import view_from_plain as view_from_plain, view_to_plain as view_to_plain
    from engine.runs.saved.store import SavedViews as SavedViews
    from engine.runs.sorting import SortKey as SortKey, Statistic as Statistic, sorted_rows as sorted_rows
    from engine.runs.table_cells import GroupSummary as GroupSummary
    from engine.runs.table_columns import (
        STATUS_TEXT as STATUS_TEXT,
        Column as Column,
        alias_text as alias_text,
        cell_text as cell_text,
        columns_for as columns_for,
        constant_columns as constant_columns,
        default_keys as default_keys,
        pickable as pickable,
        without_constants as without_constants,
    )
    from engine.runs.view import RunView as RunView
    from engine.server.backup.backup import Backup as Backup
    from engine.server.backup.manifest import Manifest as Manifest
    from engine.server.backup.restore import Restored as Restored
    from engine.server.doctor.findings import (
        DoctorFinding as DoctorFinding,
        DoctorGroup as DoctorGroup,
        DoctorReport as DoctorReport,
        Severity as Severity,
        Unchecked as Unchecked,
    )
    from engine.server.options import ServerOptions as ServerOptions
    from engine.server.records import (
        ServerFacts as ServerFacts,
        StartedServer as StartedServer,
        TrackingServer as TrackingServer,
    )
    from engine.server.upgrade.upgrade import (
        Rehearsal as Rehearsal,
        Upgraded as Upgraded,
        UpgradePlan as UpgradePlan,
    )
    from engine.services.records import ServiceSpec as ServiceSpec, ServiceStatus as ServiceStatus
    from engine.serving.deployments import DeployOptions as DeployOptions
    from engine.serving.records import (
        Deployment as Deployment,
        RequirementDifference as RequirementDifference,
        Served as Served,
    )
    from engine.snippets import (
        Snippet as Snippet,
        run_snippets as run_snippets,
        version_snippets as version_snippets,
    )
    from engine.stores.base import Stamp as Stamp
    from engine.training.control import BASELINE as BASELINE, SweepControl as SweepControl
    from engine.training.data.profile import ColumnProfile as ColumnProfile, DataProfile as DataProfile
    from engine.training.demo import DemoReport as DemoReport
    from engine.training.estimators.catalogue import ESTIMATORS as ESTIMATORS, estimator as estimator
    from engine.training.events import (
        SweepEvent as SweepEvent,
        SweepFinished as SweepFinished,
        SweepNote as SweepNote,
        SweepPaused as SweepPaused,
        SweepPreparing as SweepPreparing,
        SweepResult as SweepResult,
        SweepStarted as SweepStarted,
        TrialFailed as TrialFailed,
        TrialFinished as TrialFinished,
        TrialKilled as TrialKilled,
        TrialStarted as TrialStarted,
    )
    from engine.training.executors.base import Execution as Execution
    from engine.training.interrupted import UnfinishedSweep as UnfinishedSweep
    from engine.training.resume import ResumableSweep as ResumableSweep
    from engine.training.search.grid import planned_trials as planned_trials
    from engine.training.search.text import grid_text as grid_text, parse_grid as parse_grid
    from engine.training.spec import (
        COLUMN_TYPES as COLUMN_TYPES,
        CURVES as CURVES,
        SPLIT_METHODS as SPLIT_METHODS,
        TASKS as TASKS,
        Choices as Choices,
        ColumnType as ColumnType,
        DataSpec as DataSpec,
        Limits as Limits,
        ModelSpec as ModelSpec,
        Recipe as Recipe,
        SearchMethod as SearchMethod,
        SearchSpec as SearchSpec,
        SplitMethod as SplitMethod,
        SplitSpec as SplitSpec,
        SweepSpec as SweepSpec,
        Task as Task,
        check_settings as check_settings,
        experiment_for as experiment_for,
    )
    from engine.training.sweep_file import read_sweep_file as read_sweep_file, sweep_text as sweep_text

_HOMES = {
    "engine.api.deployments": ("Deployments",),
    "engine.api.engine": ("Engine",),
    "engine.api.server": ("Servers",),
    "engine.charts.across": (
        "ChartRequest",
        "across",
        "by_effect",
        "kind_by",
        "unknown_metric",
        "varying_params",
    ),
    "engine.charts.curves": ("curves",),
    "engine.charts.file": (
        "chart_name",
        "checked_suffix",
        "draw_file",
        "png_bytes",
        "svg_text",
        "write_chart",
    ),
    "engine.charts.kinds": (
        "AcrossChart",
        "Axis",
        "Bars",
        "BarScale",
        "Box",
        "Boxes",
        "Caption",
        "Chart",
        "ChartKind",
        "Curve",
        "Curves",
        "HeatCell",
        "HeatMap",
        "MetricBars",
        "Point",
        "RunRow",
        "Scatter",
        "filtered_name",
    ),
    "engine.charts.history": ("History", "Refined", "XAxis", "X_AXES", "first_with_metrics", "points_for"),
    "engine.artifacts.download": ("Download",),
    "engine.artifacts.picture": ("Picture",),
    "engine.artifacts.preview": ("Preview",),
    "engine.artifacts.tree": ("LEADS_OUT", "Listing", "Tree"),
    "engine.charts.overview": ("MetricOverview",),
    "engine.charts.versions": ("over_versions",),
    "engine.editing.apply": ("EditResult",),
    "engine.editing.plan": ("Edit", "EditPlan", "Subject", "Wanted", "recorded_edits"),
    "engine.evidence.best": ("TIE_METRIC", "BestRun"),
    "engine.evidence.difference": ("CORRECTIONS", "Correction", "Standing", "Versus", "chance"),
    "engine.evidence.effects": ("Effect", "Effects"),
    "engine.evidence.forest": ("Forest",),
    "engine.evidence.insights": ("Insights",),
    "engine.evidence.remarks": ("Remark",),
    "engine.evidence.statistics": ("Interval",),
    "engine.evidence.version_tests": ("VersionTest",),
    "engine.export.runs": ("comparison_sheet", "file_name", "runs_sheet", "versions_sheet", "shown_sheet"),
    "engine.export.sheet": ("Sheet", "pairs_sheet", "records_sheet"),
    "engine.export.writers": ("check_format", "write_sheet", "write_text"),
    "engine.filters.compiler": ("Filter", "compile_filter"),
    "engine.filters.completion": ("Completion", "complete"),
    "engine.filters.hints": ("begins_value", "no_match_hint"),
    "engine.filters.lexer": ("MAX_LENGTH",),
    "engine.filters.names": ("column_named",),
    "engine.filters.options": ("Option",),
    "engine.filters.parsed": ("ParsedFilter", "parse_filter"),
    "engine.filters.pushdown": ("Pushed", "pushdown"),
    "engine.filters.recent": ("FilterHistory",),
    "engine.journal": ("MARK_COMMAND", "Finding", "JournalCheck", "JournalEntry"),
    "engine.model_files.trust": ("ModelDescription",),
    "engine.model_tests.answers": ("Answer", "Target"),
    "engine.model_tests.labelled": ("LabelledTest", "TestedMetric", "TestedRow"),
    "engine.model_tests.load": ("LoadOptions", "LoadStep", "LoadTest", "milliseconds"),
    "engine.model_tests.predicting": ("PredictedTable",),
    "engine.model_tests.requests": (
        "CSV_TYPE",
        "FORMS",
        "JSON_TYPE",
        "Field",
        "Form",
        "Request",
        "RequestTemplate",
        "converted",
        "curl",
        "request_in",
    ),
    "engine.model_tests.shadow": ("Disagreement", "ShadowTest"),
    "engine.model_tests.skew": ("Cause",),
    "engine.registry.comparison": ("VersionComparison",),
    "engine.registry.registration": ("CopyPlan", "Registered", "RegistrationPlan"),
    "engine.registry.removal": ("RemovalPlan", "RemovalResult"),
    "engine.registry.version_log": ("LOG_TAG",),
    "engine.registry.approval": ("DECISION_TAG", "REQUEST_TAG", "decision_of", "request_of"),
    "engine.registry.version_rows": (
        "OWNER_TAG",
        "last_change",
        "mentions",
        "owner_of",
        "shown_tags",
        "version_frame",
        "versions_in",
    ),
    "engine.registry.promotion.policy": ("Policy",),
    "engine.registry.history": ("ApprovalEvent", "Held", "ModelHistory", "PromotionEvent"),
    "engine.registry.lineage": ("SOURCE_RUN_TAG", "Link", "Place", "Station"),
    "engine.registry.promotion.apply": ("PromotionResult",),
    "engine.registry.promotion.facts": ("AliasChange", "Change", "StageChange"),
    "engine.registry.promotion.plan": ("ALIAS_FOR", "PromotionPlan"),
    "engine.registry.smoke_test": ("SmokeTestResult",),
    "engine.report.report": ("Report",),
    "engine.run_lifecycle.apply": ("LifecycleResult",),
    "engine.run_lifecycle.experiments": ("ExperimentPlan", "ExperimentResult"),
    "engine.run_lifecycle.plan": ("LifecyclePlan",),
    "engine.runs.arrange": ("Arranged", "arrange"),
    "engine.runs.compare": ("Compared", "CompareRow", "CompareSection", "Comparison", "Delta"),
    "engine.runs.frame": ("RunFrame",),
    "engine.runs.grouping": ("Statistics",),
    "engine.runs.loading.feed": ("RunFeed",),
    "engine.runs.metrics": ("Confusion", "Direction", "confusion_of", "direction_of", "key_metrics"),
    "engine.runs.names": ("run_names", "unique_names"),
    "engine.runs.saved.plain": ("view_from_plain", "view_to_plain"),
    "engine.runs.saved.store": ("SavedViews",),
    "engine.runs.sorting": ("SortKey", "Statistic", "sorted_rows"),
    "engine.runs.table_cells": ("GroupSummary",),
    "engine.runs.table_columns": (
        "Column",
        "STATUS_TEXT",
        "cell_text",
        "columns_for",
        "constant_columns",
        "alias_text",
        "default_keys",
        "pickable",
        "without_constants",
    ),
    "engine.runs.view": ("RunView",),
    "engine.services.records": ("ServiceSpec", "ServiceStatus"),
    "engine.serving.deployments": ("DeployOptions",),
    "engine.serving.records": ("Deployment", "RequirementDifference", "Served"),
    "engine.server.options": ("ServerOptions",),
    "engine.server.records": ("ServerFacts", "StartedServer", "TrackingServer"),
    "engine.server.doctor.findings": (
        "DoctorFinding",
        "DoctorGroup",
        "DoctorReport",
        "Severity",
        "Unchecked",
    ),
    "engine.server.backup.backup": ("Backup",),
    "engine.server.backup.manifest": ("Manifest",),
    "engine.server.backup.restore": ("Restored",),
    "engine.server.upgrade.upgrade": ("Rehearsal", "UpgradePlan", "Upgraded"),
    "engine.snippets": ("Snippet", "run_snippets", "version_snippets"),
    "engine.stores.base": ("Stamp",),
    "engine.training.control": ("BASELINE", "SweepControl"),
    "engine.training.data.profile": ("ColumnProfile", "DataProfile"),
    "engine.training.demo": ("DemoReport",),
    "engine.training.events": (
        "SweepEvent",
        "SweepFinished",
        "SweepNote",
        "SweepPaused",
        "SweepPreparing",
        "SweepResult",
        "SweepStarted",
        "TrialFailed",
        "TrialFinished",
        "TrialKilled",
        "TrialStarted",
    ),
    "engine.training.interrupted": ("UnfinishedSweep",),
    "engine.training.estimators.catalogue": ("ESTIMATORS", "estimator"),
    "engine.training.executors.base": ("Execution",),
    "engine.training.resume": ("ResumableSweep",),
    "engine.training.search.grid": ("planned_trials",),
    "engine.training.search.text": ("grid_text", "parse_grid"),
    "engine.training.spec": (
        "COLUMN_TYPES",
        "CURVES",
        "SPLIT_METHODS",
        "TASKS",
        "Choices",
        "ColumnType",
        "DataSpec",
        "Limits",
        "ModelSpec",
        "Recipe",
        "SearchMethod",
        "SearchSpec",
        "SplitMethod",
        "SplitSpec",
        "SweepSpec",
        "Task",
        "check_settings",
        "experiment_for",
    ),
    "engine.training.sweep_file": ("read_sweep_file", "sweep_text"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


if not TYPE_CHECKING:  # a type checker would accept any name at all

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
