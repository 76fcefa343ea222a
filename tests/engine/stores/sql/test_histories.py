"""Down-sampled histories: files and database servers keep the same points as a plain definition in Python."""

from __future__ import annotations

import math
import random
import sqlite3
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.entities import MetricHistory
from engine.stores.history import CHUNK
from engine.stores.sql.database import Database
from engine.stores.sql.histories import metric_histories
from engine.stores.sql.schema import Tables
from engine.stores.sql.servers import DatabaseServer
from engine.stores.sql.sqlite import SqliteDatabase
from engine.uri import TrackingUri
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres

LARGEST = 1.7976931348623157e308
SCHEMA = (
    "CREATE TABLE experiments (experiment_id INTEGER)",
    'CREATE TABLE metrics ("key" VARCHAR(250) NOT NULL, value DOUBLE PRECISION NOT NULL, timestamp BIGINT NOT'
    " NULL, run_uuid VARCHAR(32) NOT NULL, step BIGINT NOT NULL, is_nan BOOLEAN NOT NULL,"
    ' PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan))',
    'CREATE INDEX metrics_run_uuid_key_step ON metrics (run_uuid, "key", step)',
)
Point = tuple[int, int, float]


def _logged() -> dict[tuple[str, str], list[Point]]:
    """Histories with every oddity: gaps in the steps, repeated steps, ties, NaN, infinities, one step."""
    rng = random.Random(7)
    smooth = [(step, 1000 + 7 * step, math.exp(-step / 90) + rng.gauss(0, 0.05)) for step in range(700)]
    odd = [(step, 5000 - step, float(rng.randrange(5))) for step in range(0, 900, 3)]
    for place in (0, 17, 18, 150, len(odd) - 1):
        odd[place] = (*odd[place][:2], math.nan)
    odd[40], odd[41], odd[99] = (120, 1, math.inf), (123, 1, math.inf), (297, 1, -math.inf)
    repeated = [(step // 4, 100 + step, rng.random()) for step in range(600)]
    return {
        ("a", "loss"): smooth,
        ("a", "odd"): odd,
        ("b", "loss"): repeated,
        ("b", "one step"): [(0, 10 * at, rng.random()) for at in range(500)],
        ("b", "constant"): [(step, step, 5.0) for step in range(400)],
        ("c", "nothing finite"): [(step, step, math.nan) for step in range(300)],
        ("c", "short"): [(2, 1, 0.5), (1, 1, math.nan), (9, 1, -math.inf)],
        ("c", "Loss"): [(-5, 1, 0.25), (5, 2, 0.75)],
        ("other", "loss"): [(0, 0, 1.0)],
    }


LOGGED = _logged()


def _rows() -> Iterator[tuple[str, float, int, str, int, bool]]:
    for (run, key), points in LOGGED.items():
        for step, time, value in points:
            stored = 0.0 if math.isnan(value) else max(-LARGEST, min(LARGEST, value))
            yield key, stored, time, run, step, math.isnan(value)


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mysql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("histories") / "mlflow.db"
        with sqlite3.connect(path) as connection:
            for statement in SCHEMA:
                connection.execute(statement)
            connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", _rows())
        yield SqliteDatabase(path)
        return
    server: Postgres | MariaDb = request.getfixturevalue(
        "postgres" if request.param == "postgresql" else "mariadb"
    )
    values = ", ".join(
        f"('{key}', {value!r}, {time}, '{run}', {step}, {str(nan).lower()})"
        for key, value, time, run, step, nan in _rows()
    )
    fill = (*SCHEMA, f"INSERT INTO metrics VALUES {values}")
    if isinstance(server, Postgres):
        server.execute("postgres", "CREATE DATABASE histories")
        server.execute("histories", *fill)
    else:
        server.execute("mysql", "CREATE DATABASE histories")
        server.execute("histories", "SET SESSION sql_mode = 'ANSI_QUOTES'", *fill)
    found = DatabaseServer(TrackingUri(server.uri("histories")))
    yield found
    found.close()
    server.execute(
        "postgres" if isinstance(server, Postgres) else "mysql",
        "DROP DATABASE histories" + (" WITH (FORCE)" if isinstance(server, Postgres) else ""),
    )


def _read(
    database: Database,
    run_ids: list[str],
    keys: list[str],
    points: int,
    steps: tuple[int, int] | None = None,
) -> tuple[MetricHistory, ...]:
    with database.snapshot() as snapshot:
        return metric_histories(Tables(snapshot), run_ids, keys, points, steps)


def _expected(points: list[Point], limit: int) -> list[Point]:
    """The definition: the first and last point; of each part the first lowest and highest finite value, and
    the first NaN, +inf and -inf."""
    found = sorted(points, key=lambda p: (p[0], p[1], math.isnan(p[2]), p[2]))
    if len(found) <= limit:
        return found
    place = 1 if found[0][0] == found[-1][0] else 0
    low, high = min(p[place] for p in found), max(p[place] for p in found)
    width = (high - low) // (limit // 2) + 1
    kept = {0, len(found) - 1}
    for part in {(p[place] - low) // width for p in found}:
        members = [at for at, p in enumerate(found) if (p[place] - low) // width == part]
        finite = [at for at in members if math.isfinite(found[at][2])]
        if finite:
            kept |= {min(finite, key=lambda at: found[at][2]), max(finite, key=lambda at: found[at][2])}
        for kind in ("nan", "inf", "-inf"):
            kept |= set([at for at in members if str(found[at][2]) == kind][:1])
    return [found[at] for at in sorted(kept)]


def _points(history: MetricHistory) -> list[str]:
    return [str(point) for point in zip(history.steps, history.times, history.values, strict=True)]


@pytest.mark.parametrize("limit", [2, 50, 400, 5000])
def test_a_database_keeps_the_points_of_the_definition(database: Database, limit: int) -> None:
    runs, keys = (
        ["c", "missing", "b", "a"],
        ["odd", "loss", "one step", "constant", "nothing finite", "short"],
    )
    found = _read(database, runs, keys, limit)
    wanted = [(run, key) for run in runs for key in keys if (run, key) in LOGGED]
    assert [(history.run_id, history.key) for history in found] == wanted
    for history in found:
        logged = LOGGED[history.run_id, history.key]
        assert _points(history) == [str(point) for point in _expected(logged, limit)]
        assert history.count == len(logged)
        assert history.nans == sum(math.isnan(value) for *_, value in logged)
        assert sum(map(math.isfinite, history.values)) <= limit + 2


def test_a_range_of_steps_is_read_more_finely(database: Database) -> None:
    logged = [point for point in LOGGED["a", "loss"] if 100 <= point[0] <= 300]
    (part,) = _read(database, ["a"], ["loss"], 100, (100, 300))
    assert _points(part) == [str(point) for point in _expected(logged, 100)]
    assert part.count == 201
    assert _read(database, ["a"], ["loss"], 100, (5000, 6000)) == ()


def test_metric_names_are_case_sensitive(database: Database) -> None:
    assert [history.key for history in _read(database, ["a", "c"], ["Loss"], 100)] == ["Loss"]
    assert _read(database, [], ["loss"], 100) == _read(database, ["a"], [], 100) == ()


@pytest.mark.slow
def test_a_long_history_is_read_with_bounded_memory(tmp_path: Path) -> None:
    """Three chunks of points, the extremes and marks in each of them."""
    count = 3 * CHUNK
    peaks = {CHUNK - 1: 9.0, CHUNK: -9.0, 2 * CHUNK + 5: math.inf, count - 1: 3.0}
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        for statement in SCHEMA:
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO metrics VALUES ('loss', ?, ?, 'a', ?, 0)",
            ((min(LARGEST, peaks.get(step, 0.5)), step, step) for step in range(count)),
        )
    (history,) = _read(SqliteDatabase(path), ["a"], ["loss"], 100)
    points = dict(zip(history.steps, history.values, strict=True))
    assert history.count == count
    assert len(points) <= 110
    assert {step: points.get(step) for step in peaks} == peaks
    assert isinstance(history.values, array)
