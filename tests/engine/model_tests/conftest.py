"""Rows of heart.csv, as files to test models with."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.paths import heart_csv

SCALED = ("age", "trestbps", "chol", "thalach", "oldpeak")
PUBLISHED = (20, 31, 1, 23, 7, 24, 45, 46, 63, 76, 78, 254, 5)
"""Rows of heart.csv like the 13 that were sent to the published model: the labels of the first four
contradict the training data."""
CONTRADICTED = PUBLISHED[:4]
NAMES = tuple(heart_csv().read_text().partition("\n")[0].split(","))


def heart() -> list[dict[str, object]]:
    with heart_csv().open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(
    path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str] = NAMES, bom: str = ""
) -> Path:
    lines = [",".join(columns), *(",".join(str(row[name]) for name in columns) for row in rows)]
    path.write_text(bom + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def published_rows() -> list[dict[str, object]]:
    """The 13 rows with five columns in the range 0 to 1, written with six decimals, and their labels."""
    data = heart()
    rows = [dict(data[at]) for at in PUBLISHED]
    for name in SCALED:
        values = [float(str(line[name])) for line in data]
        for row in rows:
            row[name] = f"{(float(str(row[name])) - min(values)) / (max(values) - min(values)):.6f}"
    for row, at in zip(rows, PUBLISHED, strict=True):
        if at in CONTRADICTED:
            row["target"] = 1 - int(str(row["target"]))
    return rows
