"""Filters in MLflow's grammar: a list that covers every construct, and a generator."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.support.filter_store import CONTEXTS, DATASETS, METRICS, ODD_KEYS, PARAMS, START, TAGS, TEXTS

FILTERS = (
    # metrics: every comparison, every way to write a number
    *(f"metrics.acc {operator} 0.5" for operator in ("=", "!=", "<", "<=", ">", ">=")),
    *(f"metrics.loss {operator} 0" for operator in ("=", "!=", "<", "<=", ">", ">=")),
    *(f"metric.acc > {n}" for n in ("-1", ".3", "1.", "1e-5", "1E-5", "1.0e3", "-.5", "-1e-300", "1e308")),
    *("metrics.acc = 0.3", "metrics.acc = 0.30000000000000004", "metrics.acc >= 9007199254740994"),
    *("metrics.acc = 1.7976931348623157e308", "metrics.acc != 1.7976931348623157e308"),
    *("metrics.acc > 1.7976931348623157e308", "metrics.acc < 1.7976931348623157e308"),
    *("metrics.acc >= 1.7976931348623157e308", "metrics.acc <= -1.7976931348623157e308"),
    *(
        "metrics.acc>0.5",
        "metrics.acc>=-1",
        "metrics.acc!=-1.5e-3",
        "metrics.acc\n>\t0.5",
        "  metrics.acc > 0  ",
    ),
    # names
    *("metrics.`train/acc` > 0", 'metrics."val acc" > 0', "`metrics`.`val acc` > 0", "`metrics`.acc > 0"),
    *("metrics.a.b.c > 0", "metrics.`a.b.c` > 0", 'metrics."a-b" > 0', "metrics.µ != 0", "metrics.ACC > 0"),
    *("metrics.order > 0", "metrics.max > 0", "metrics.1st > 0", "metrics.'acc' > 0"),
    *("params.`my key` != ''", "params.\"a/b\" != ''", "params.a.b != ''", "params.naïve != ''"),
    *("params.type != ''", "params.K != ''", "params.k != ''", "params.user != ''", "params.`lr` != ''"),
    *(
        "params.`q\"q` != 'x'",
        "params.\"q`q\" != 'x'",
        "params.\"it's\" != 'x'",
        "params.`it's` = 'euclidean'",
    ),
    *("params.`a@b` != ''", "params.`a=b` != ''", "params.`(x)` IS NOT NULL"),
    *("tags.x.y != ''", "tags.`x.y` != ''", "tags.`5` != ''", "tags.`release-1` != ''", "tags.select != ''"),
    *(
        "tag.team != ''",
        "tags.`mlflow.user` = 'ada'",
        "tags.mlflow.user != 'ada'",
        "tags.mlflow.runName LIKE '%a%'",
    ),
    # texts
    *(f"params.metric = '{text}'" for text in TEXTS if "'" not in text and not text.endswith("\\")),
    *(f'tags.team != "{text}"' for text in TEXTS if '"' not in text and not text.endswith("\\")),
    *('param.metric = "it\'s"', "parameter.metric = 'it''s'", "parameters.metric = 'say \"hi\"'"),
    *('params.metric = "say ""hi"""', "params.metric = 'C:\\'", 'params.k = "C:\\"', "params.k = 'it\\'s'"),
    *("params.k = '3'", "params.k = '3.0'", "params.k != '3'", "params.k = 'nan'", "params.k = 'NULL'"),
    # LIKE
    *(
        f"{key} {operator} '{pattern}'"
        for key in ("params.metric", "run_name")
        for operator in ("LIKE", "ILIKE")
        for pattern in (
            "euclid%",
            "EUCLID",
            "%",
            "_",
            "__",
            "a_c",
            "%\\%%",
            "100%",
            "%b",
            "a%c",
            "",
            "% %",
            "%e%c%",
        )
    ),
    *("params.metric LIKE 'na_ve'", "params.metric LIKE '日%'", "tags.team LIKE '%\n%'", "params.k LIKE'3%'"),
    *(
        "params.metric LIKE '%.*%'",
        "params.metric LIKE '(a)'",
        "params.metric LIKE 'x%x'",
        'params.k LIKE "it\'s"',
    ),
    # presence
    *("params.lr IS NULL", "params.lr IS NOT NULL", "params.lr is null", "tags.team Is Not Null"),
    *(
        "params.nowhere IS NULL",
        "params.nowhere IS NOT NULL",
        "tags.`no where` IS NULL",
        "tags.mlflow.user IS NULL",
    ),
    *('params.`q"q` IS NULL', "tags.`mlflow.parentRunId` IS NULL"),
    # attributes
    *(f"status = '{status}'" for status in ("FINISHED", "FAILED", "KILLED", "RUNNING", "SCHEDULED")),
    *(
        "attributes.status != 'FINISHED'",
        "attr.status LIKE 'F%'",
        "run.status ILIKE 'fin%'",
        "attribute.status LIKE '%'",
    ),
    *(
        "user_id = 'ada'",
        "user_id != 'ada'",
        "user_id = ''",
        "user_id != ''",
        "user_id LIKE ''",
        "user_id ILIKE 'a%'",
    ),
    *(
        "run_name = 'euclid'",
        "`run name` != 'euclid'",
        "attributes.`Run name` = '3'",
        "\"Run Name\" LIKE 'it%'",
    ),
    *("artifact_uri LIKE '%/artifacts'", "artifact_uri != ''", "attributes.artifact_uri = 'x'"),
    *("run_id != ''", "run_id LIKE 'a%'", "run_id ILIKE 'A%'", "run_id IN ('x')", "run_id NOT IN ('x', 'y')"),
    *("run_id not  in ('x',)", "attributes.run_id IN (\"x\", 'y')"),
    *(f"{name} > {START + 4000}" for name in ("start_time", "created", "attributes.Created", "end_time")),
    *(f"start_time {operator} {START + 3000}" for operator in ("=", "!=", "<", "<=", ">", ">=")),
    *(f"end_time {operator} {START + 5250}" for operator in ("=", "!=", "<", "<=", ">", ">=")),
    *(f"start_time > {START + 3000}.5", f"start_time = {START}.0", "start_time > -5", "end_time > 1.7e12"),
    # datasets: any of the run's
    *(
        f"datasets.{name} {rest}"
        for name, rest in (
            ("name", "= 'heart'"),
            ("name", "!= 'heart'"),
            ("name", "LIKE '%a%'"),
            ("name", "ILIKE 'HEART'"),
            ("name", "IN ('heart', 'iris 2')"),
            ("name", "NOT IN ('heart', 'iris 2')"),
            ("name", "LIKE 'a_c'"),
            ("digest", "= 'd1'"),
            ("digest", "!= 'd1'"),
            ("digest", "LIKE 'd_'"),
            ("digest", "NOT IN ('d1')"),
            ("context", "= 'train'"),
            ("context", "!= 'train'"),
            ("context", "ILIKE 'TRAIN'"),
            ("context", "IN ('train', 'eval 1')"),
            ("context", "NOT IN ('train')"),
            ("context", "LIKE '%'"),
            ("context", "LIKE ''"),
        )
    ),
    "dataset.name = 'heart' AND datasets.context = 'train'",
    "datasets.name = \"o'hara\" AND datasets.name = 'heart'",
    # joined
    *(
        "",
        "AND",
        "AND metrics.acc > 0",
        "metrics.acc > 0 AND",
        "and metrics.acc > 0 AND and params.lr IS NULL and",
    ),
    *(
        "metrics.acc > 0 AND metrics.loss > 0",
        "status='FINISHED'and metrics.acc>0",
        "params.k = ''AND params.lr IS NULL",
    ),
    "metrics.acc > 0 AND metrics.acc < 1 and metrics.acc != 0.5 AND params.metric LIKE '%e%'",
    f"start_time > {START} AND status = 'FINISHED' AND run_id NOT IN ('a') AND datasets.name != 'x'",
)

NUMBERS = st.one_of(
    st.sampled_from(["0", "0.5", "-1", "1e-3", ".3", "1.", "123456.789", "1e308", "-0.0"]),
    st.floats(-10, 10).map(lambda value: f"{value:.3f}"),
)


def spelled(name: str) -> st.SearchStrategy[str]:
    """A name in any quotes that it does not contain; a plain word needs none."""
    quotes = [quote for quote in '`"' if quote not in name]
    ways = [f"{quote}{name}{quote}" for quote in quotes]
    return st.sampled_from([name, *ways] if name.isidentifier() else ways)


def quoted(text: str) -> st.SearchStrategy[str]:
    quotes = [quote for quote in "'\"" if quote not in text]
    # MLflow takes a quote after a backslash for text if another quote follows.
    return (
        st.sampled_from([f"{quote}{text}{quote}" for quote in quotes])
        if not text.endswith("\\")
        else st.just("'x'")
    )


def columns(prefixes: Sequence[str], names: Sequence[str]) -> st.SearchStrategy[str]:
    name = st.sampled_from(names).flatmap(spelled)
    return st.builds("{}.{}".format, st.sampled_from(prefixes), name)


def compared(
    column: st.SearchStrategy[str], operators: Sequence[str], value: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    return st.builds("{} {} {}".format, column, st.sampled_from(operators), value)


ORDERS = ("=", "!=", "<", "<=", ">", ">=")
LIKES = ("LIKE", "ILIKE", "like", "Ilike")
VALUES = st.sampled_from([text for text in TEXTS if len(text) < 100]).flatmap(quoted)
PATTERNS = st.text("aceuEU%_ 3x", max_size=5).map("'{}'".format)
PARAM = columns(("params", "param", "parameters", "parameter"), (*PARAMS, *ODD_KEYS))
TAG = columns(("tags", "tag"), (*TAGS, "mlflow.user", "mlflow.runName"))
ATTRIBUTE = st.sampled_from(("run_name", "user_id", "artifact_uri", "run_id", "`run name`")).flatmap(
    lambda name: st.sampled_from([name, f"attributes.{name}", f"run.{name}"])
)
DATASET = st.sampled_from(("name", "digest", "context")).map("datasets.{}".format)
KNOWN = st.sampled_from([*DATASETS, *filter(None, CONTEXTS), "d1", "d4"])
LIST = st.lists(KNOWN.filter(lambda text: "'" not in text), min_size=1, max_size=4).map(
    lambda texts: f"({', '.join(map(repr, texts))})"
)
STATUS = st.sampled_from(("FINISHED", "FAILED", "KILLED", "RUNNING", "SCHEDULED")).map("'{}'".format)
TIMES = st.integers(START - 1000, START + 20_000).map(str)
CONDITION = st.one_of(
    compared(columns(("metrics", "metric"), METRICS), ORDERS, NUMBERS),
    compared(PARAM | TAG | ATTRIBUTE, ("=", "!="), VALUES),
    compared(PARAM | TAG | ATTRIBUTE, LIKES, PATTERNS),
    st.builds("{} {}".format, PARAM | TAG, st.sampled_from(("IS NULL", "IS NOT NULL", "is null"))),
    compared(st.sampled_from(("start_time", "end_time", "attributes.created")), ORDERS, TIMES),
    compared(st.sampled_from(("status", "attr.status")), ("=", "!="), STATUS),
    compared(DATASET, ("=", "!="), KNOWN.flatmap(quoted)),
    compared(DATASET, LIKES, PATTERNS),
    compared(DATASET, ("IN", "NOT IN", "in"), LIST),
)
MLFLOW_FILTER = st.lists(CONDITION, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([" AND ", " and ", "\nAND  "]).map(lambda joint: joint.join(parts))
)
