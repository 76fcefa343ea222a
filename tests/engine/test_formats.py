"""The formats of numbers, durations and times."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, strategies as st

from engine.formats import (
    FORMATS,
    NumberFormat,
    ago,
    aligned,
    as_number,
    clock,
    count,
    delta,
    duration,
    format_for,
    is_infinite,
    listed,
    moment,
    narrowed,
    number,
    size,
)

STORED_INF = 1.7976931348623157e308


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.918, 0.75, 1.0], ["0.9180", "0.7500", "1.0000"]),
        ([29.0, 3.0, -4.0], ["29", "3", "-4"]),
        ([0.0, 0.0], ["0", "0"]),
        ([-0.0, 0.5], ["0.0000", "0.5000"]),
        ([1234.5, 0.25, 0.001], ["1234.50", "0.25", "0.001"]),
        ([0.0012, 0.0034], ["0.001200", "0.003400"]),
        ([0.5, 0.00001], ["0.5000", "1e-05"]),
        ([0.00001, 0.00002], ["1.000e-05", "2.000e-05"]),
        ([1e9, 2.5e12], ["1.000e+09", "2.500e+12"]),
        ([None, math.nan, math.inf, -math.inf], ["–", "NaN", "inf", "-inf"]),
        ([0.5, STORED_INF, -STORED_INF], ["0.5000", "inf", "-inf"]),
        ([], []),
    ],
)
def test_a_column_of_numbers_has_one_format(values: list[float | None], shown: list[str]) -> None:
    fmt = format_for(values)
    assert [fmt(value) for value in values] == shown


@pytest.mark.parametrize(
    ("fmt", "value", "shown"),
    [
        (NumberFormat(0, integers=True), 0.5, "0.5000"),
        (NumberFormat(0, integers=True), 2.7, "2.7000"),
        (NumberFormat(0, integers=True), 1e-7, "1e-07"),
        (NumberFormat(4), 1e300, "1.000e+300"),
        (NumberFormat(0, integers=True), 1e20, "1.000e+20"),
        (NumberFormat(4), -0.00004, "-4e-05"),
        (NumberFormat(2), -0.0, "0.00"),
    ],
)
def test_a_value_unlike_the_sampled_ones_is_not_rounded_away(
    fmt: NumberFormat, value: float, shown: str
) -> None:
    assert fmt(value) == shown


@given(st.lists(st.floats(), min_size=1, max_size=5), st.floats())
def test_any_number_is_short_and_close_to_its_value(sample: list[float], value: float) -> None:
    shown = format_for(sample)(value)
    assert len(shown) <= 21
    if math.isnan(value):
        assert shown == "NaN"
    elif is_infinite(value):
        assert shown in ("inf", "-inf")
    else:
        read = float(shown)
        assert math.copysign(1, read) == math.copysign(1, value) or read == 0 == round(value, 300)
        assert abs(read - value) <= max(0.5, abs(value) * 0.06)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("integer", "1 30 0.5 -4 NaN inf –"),
        ("2 decimals", "0.92 29.60 0.50 -4.00 NaN inf –"),
        ("4 decimals", "0.9180 29.6000 0.5000 -4.0000 NaN inf –"),
        ("6 decimals", "0.918033 29.600000 0.500000 -4.000000 NaN inf –"),
        ("percent", "91.80% 2960.00% 50.00% -400.00% NaN inf –"),
        ("scientific", "9.180e-01 2.960e+01 5.000e-01 -4.000e+00 NaN inf –"),
        ("raw", "0.9180327868852459 29.6 0.5 -4.0 NaN inf –"),
    ],
)
def test_chosen_formats_apply_to_every_value(name: str, shown: str) -> None:
    fmt = FORMATS[name]
    assert fmt is not None
    values = (0.9180327868852459, 29.6, 0.5, -4.0, math.nan, math.inf, None)
    assert " ".join(fmt(value) for value in values) == shown


def test_no_format_makes_a_value_zero_or_infinite() -> None:
    chosen = [fmt for fmt in FORMATS.values() if fmt is not None]
    assert all("1e-09" in fmt(1e-9) or "1.000e-09" in fmt(1e-9) or fmt(1e-9) == "1e-07%" for fmt in chosen)
    assert not any("inf" in fmt(1e307) for fmt in chosen)


def test_a_single_number_has_the_format_that_suits_it() -> None:
    assert [number(value) for value in (7.0, 0.25, 1e-9, None)] == ["7", "0.2500", "1.000e-09", "–"]


def test_numbers_in_their_own_formats_align_on_the_decimal_point() -> None:
    shown = aligned([0.918, 29.0, float("nan"), 1.7e18, -0.5])
    assert shown == ["  0.9180", " 29", "NaN", "  1.700e+18", " -0.5000"]
    assert aligned([]) == []


def test_differences_have_a_sign() -> None:
    fmt = NumberFormat(4)
    assert [delta(value, fmt) for value in (0.0, 0.5, -0.1639, 1e-6)] == ["=", "+0.5000", "−0.1639", "+1e-06"]
    assert [delta(value, fmt) for value in (math.nan, math.inf)] == ["NaN", "inf"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (0, "0.00s"),
        (0.314, "0.31s"),
        (8.24, "8.2s"),
        (59.94, "59.9s"),
        (59.96, "1m00s"),
        (65, "1m05s"),
        (3599.9, "59m59s"),
        (7385, "2h03m"),
        (86400 * 3 + 4 * 3600, "3d04h"),
        (-90, "−1m30s"),
        (math.nan, "NaN"),
        (math.inf, "inf"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


NOW = 1_760_000_000_000


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s ago"),
        (8.9, "8 s ago"),
        (-20, "0 s ago"),
        (120, "2 min ago"),
        (3599, "59 min ago"),
        (3 * 3600, "3 h ago"),
        (3 * 86400, "3 d ago"),
        (-60, "in 1 min"),
        (-5 * 60, "in 5 min"),
        (-3 * 3600, "in 3 h"),
        (-2 * 86400, "in 2 d"),
    ],
)
def test_recent_times_are_relative(seconds: float, shown: str) -> None:
    assert ago(NOW - int(seconds * 1000), NOW) == shown


def test_distant_times_are_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert ago(None, NOW) == "–"
    assert ago(NOW - 30 * 86_400_000, NOW) == "2025-09-09"
    assert ago(NOW + 30 * 86_400_000, NOW) == "2025-11-08"
    assert moment(NOW) == "2025-10-09 08:53:20"
    assert moment(None) == "–"
    assert ago(NOW * 1000, NOW) == str(NOW * 1000), "microseconds are not cut to what reads as seconds"
    assert ago(NOW * 1_000_000, NOW) == moment(NOW * 1_000_000) == str(NOW * 1_000_000)
    assert clock(NOW * 1000) == "–"
    assert moment(10**30) == str(10**30)
    assert moment(-(10**17)) == str(-(10**17))


def test_counts_and_sizes_have_readable_units() -> None:
    assert count(12431) == "12,431"
    assert [size(value) for value in (None, 0, 999, 14_200, 3_100_000, 5 * 10**12)] == [
        *("–", "0 B", "999 B", "14.2 kB", "3.1 MB", "5.0 TB")
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3.0),
        ("-1e-3", -0.001),
        ("1_000", None),
        ("", None),
        (None, None),
        ("auto", None),
        ("0x10", None),
        ("True", None),
        ("inf", math.inf),
        ("\ud800", None),
    ],
)
def test_only_numeric_text_is_a_number(text: str | None, value: float | None) -> None:
    assert as_number(text) == value


def test_nan_is_read_as_nan() -> None:
    assert math.isnan(as_number("nan") or 0.0)


@pytest.mark.parametrize(
    ("value", "cells", "shown"),
    [
        (1234567.891, 8, "1.2346e6"),
        (1234567.891, 5, "1.2e6"),
        (-98765.4321, 7, "-98765"),
        (-98765.4321, 5, "-1e5"),
        (0.0000123456, 7, "1.23e-5"),
        (1e300, 5, "1e300"),
        (1e300, 3, "…"),
    ],
)
def test_a_number_that_is_too_wide_keeps_its_magnitude(value: float, cells: int, shown: str) -> None:
    assert narrowed(value, cells) == shown


def test_a_long_list_ends_with_the_number_left_out() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([1, 2, 3], 2) == "1, 2 and 1 more"
    assert listed(range(2000), 2) == "0, 1 and 1,998 more"
    assert listed([]) == "none"
