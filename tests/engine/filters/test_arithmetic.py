"""Arithmetic between columns: missing, NaN, infinite and textual operands, and columns on both sides."""

from __future__ import annotations

import math
import operator
import re

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from engine.filters.compiler import compile_filter
from engine.runs.frame import RunFrame
from tests.engine.filters.support import matching
from tests.support.runs import START, a_run

RUNS = [
    a_run(
        "good", metrics={"loss": 0.2, "val_loss": 0.25, "x y": 0.2}, params={"n": "10", "s": "a"}, seconds=50
    ),
    a_run("over", metrics={"loss": 0.1, "val_loss": 0.5, "x y": 0.4}, params={"n": "5"}, seconds=100),
    a_run("half", metrics={"loss": 0.3}, params={"n": "ten"}),
    a_run("nan", metrics={"loss": math.nan, "val_loss": 0.3}, params={"n": "0"}),
    a_run("up", metrics={"loss": math.inf, "val_loss": math.inf}, params={"n": "nan"}, seconds=None),
    a_run("none", start=None, seconds=None),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("val_loss - loss > 0.1", "over"),
        ("val_loss - loss >= 0.04", "good over"),
        ("val_loss - loss < 1e9", "good over"),
        ("val_loss - loss != 0", "good over nan up"),
        ("val_loss - loss is nan", "nan up"),
        ("val_loss - loss is not nan", "good over"),
        ("val_loss - loss is null", "half none"),
        ("val_loss - loss is not null", "good over nan up"),
        ("not val_loss - loss > 0.1", "good half nan up none"),
        ("(loss + val_loss) / 2 >= metrics.`x y`", "good"),
        ('(loss + val_loss) / 2 < metrics."x y"', "over"),
        ("loss * 2 + 1 = 1.4", "good"),
        ("1 + loss * 2 = 1.2", "over"),
        ("(1 + loss) * 2 = 2.2", "over"),
        ("val_loss / loss between 1 and 2", "good"),
        ("val_loss / loss not between 1 and 2", "over"),
        ("loss * 10 in (1, 3)", "over half"),
        ("loss * 10 not in (1, 3)", "good nan up"),
        ("duration / n < 10", "good"),
        ("duration / n > 10", "over nan"),
        ("loss / 0 > 1e308", "good over half up"),
        ("- loss / 0 < -1e308", "good over half up"),
        ("0 * loss / 0 is nan", "good over half nan up"),
        ("1 / n = inf", "nan"),
        ("n * 1e308 * 10 = inf", "good over"),
        # a column on the right-hand side
        ("val_loss > loss", "good over"),
        ("loss < val_loss", "good over"),
        ("val_loss >= loss", "good over up"),
        ("val_loss = loss", "up"),
        ("val_loss != metrics.loss", "good over nan"),
        ("val_loss > `x y`", "good over"),
        ("0.2 < loss", "half up"),
        ("n > loss", "good over"),
        ("n > params.n", ""),
        ("val_loss between loss and loss * 2", "good up"),
        ("val_loss between loss and 0.3", "good"),
        ("val_loss not between 0.3 and loss + 1", "good"),
        ("val_loss > loss + 0.1 and n = 5", "over"),
        ("val_loss > loss * 2 or loss > 1", "over up"),
        # unary minus
        ("-loss > -0.2", "over"),
        ("- loss > -0.2", "over"),
        ("-(loss - 1) > 0.8", "over"),
        ("- - loss > 0.2", "half up"),
        ("0 > -metrics.loss", "good over half up"),
        ("-metrics.`x y` < -0.3", "over"),
        ("loss < -(0 - 0.2)", "over"),
        ("val_loss > -loss", "good over up"),
        # parentheses
        ("(loss) > 0.2", "half up"),
        ("((loss) > 0.2)", "half up"),
        ("((loss + 1) > 1.2) and (n = ten)", "half"),
        ("not (loss) > 0.2", "good over nan none"),
        ("(loss > 0.2) or (val_loss - loss > 0.1)", "over half up"),
        ("(((loss)) - (0.1)) * (2) = 0", "over"),
    ],
)
def test_arithmetic_follows_precedence_and_skips_missing_operands(text: str, ids: str) -> None:
    assert matching(text, RUNS) == ids


def test_arithmetic_on_times_uses_milliseconds_and_on_durations_seconds() -> None:
    assert matching("end_time - start_time = duration * 1000", RUNS) == "good over half nan"
    assert matching("end_time - start_time >= 50000", RUNS) == "good over"
    assert matching("end_time > start_time", RUNS) == "good over half nan"
    assert matching("start_time + 100000 > end_time", RUNS, now=START) == "good half nan"


def test_a_name_may_contain_operator_characters() -> None:
    metrics = {"a-b": 1.0, "a": 5.0, "b": 3.0, "-a": 2.0, "a/b": 0.5, "*": 4.0}
    runs = [a_run("yes", metrics=metrics, params={"p": "-"}), a_run("no", params={"p": "x"})]
    for text in (
        "a-b = 1",
        "a - b = 2",
        "a/b = 0.5",
        "-a = 2",
        "- a = -5",
        "- -a = -2",
        "a-b - a/b = 0.5",
        "`*` = 4",
        "metrics.* = 4",
        "p = -",
        "p = - and a > 1",
    ):
        assert matching(text, runs) == "yes", text


def test_a_lone_sign_is_not_searched_for() -> None:
    runs = [a_run("a", name="exp - one"), a_run("b", name="exp two")]
    assert matching("'exp - one'", runs) == "a"
    assert matching("exp one", runs) == "a"


VALUES = {
    "a": (0.5, -1.0, math.nan, math.inf, 0.0, 1e308, None),
    "b": (2.0, 0.0, 1.0, -math.inf, -0.0, -1e308, 3.0),
}
FRAME = RunFrame.from_runs(
    a_run(
        str(row),
        metrics={name: float(values[row]) for name, values in VALUES.items() if values[row] is not None},
    )
    for row in range(7)
)
COMPARED = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
ARITHMETIC = st.recursive(
    st.sampled_from(["a", "b", "-a", "- b", "2", "0", "0.1", "1e308"]),
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from(["+", "-", "*", "/"]), part).map(" ".join),
        part.map("({})".format),
        part.map("- ({})".format),
    ),
    max_leaves=10,
)


@given(ARITHMETIC, st.sampled_from(list(COMPARED)), ARITHMETIC)
@example("a", "<", "2 / 0 - 1")
def test_arithmetic_follows_ieee_754(left: str, sign: str, right: str) -> None:
    """Compared with NumPy's doubles; a run without one of the named columns does not match."""
    if not set(left + right) & {"a", "b"}:
        left = f"a + {left}"

    def expected(row: int) -> bool:
        values = {name: column[row] for name, column in VALUES.items()}
        if any(values[name] is None for name in set(left + right) & set(values)):
            return False
        scope = {name: np.float64(value) for name, value in values.items() if value is not None}
        texts = (re.sub(r"\d[\d.e]*", lambda found: f"double({found[0]})", text) for text in (left, right))
        with np.errstate(all="ignore"):
            sides = [eval(text, {"double": np.float64, **scope}) for text in texts]
        return bool(COMPARED[sign](*sides))

    rows = compile_filter(f"{left} {sign} {right}", FRAME.keys, FRAME).rows(FRAME)
    assert rows == [row for row in range(7) if expected(row)]
