"""The README, the command table and the package agree."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tui.commands.bindings import COMMANDS, key_table

ROOT = Path(__file__).parents[2]


def test_the_readme_has_the_current_key_table() -> None:
    _, _, rest = (ROOT / "README.md").read_text().partition("<!-- keys -->")
    table, end, _ = rest.partition("<!-- /keys -->")
    assert end, "the README must have the key table between <!-- keys --> and <!-- /keys -->"
    assert table.strip() == key_table().strip()


def test_command_ids_and_the_keys_of_a_scope_are_unique() -> None:
    ids = [command.id for command in COMMANDS]
    assert len(ids) == len(set(ids))
    taken = [(command.scope, key) for command in COMMANDS for key in command.keys.split(",") if key]
    assert len(taken) == len(set(taken))


def test_the_wheel_contains_only_tui_and_engine() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["tui", "engine"]}
    assert project["project"]["scripts"] == {
        "mlflow-console": "tui.cli.main:main",
        "mlc": "tui.cli.main:main",
    }


def test_the_readme_and_ci_run_the_same_test_command() -> None:
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    assert ".venv/bin/pip install -e '.[test]' && .venv/bin/pytest\n" in readme
    assert [line.strip() for line in ci.splitlines() if "pytest" in line][1:] == [
        '"$bin/pytest" || status=$?'
    ]
    assert "install install '.[dev]'\n" in ci
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert "mlflow-console[test]" in extras["dev"]
