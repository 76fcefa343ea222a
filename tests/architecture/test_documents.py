"""The README and the package say what is so."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tui.commands.bindings import COMMANDS, key_table

ROOT = Path(__file__).parents[2]


def test_the_readme_holds_the_key_table_of_the_command_table() -> None:
    _, _, rest = (ROOT / "README.md").read_text().partition("<!-- keys -->")
    table, end, _ = rest.partition("<!-- /keys -->")
    assert end, "the README must hold the key table between <!-- keys --> and <!-- /keys -->"
    assert table.strip() == key_table().strip()


def test_command_ids_are_unique_and_no_scope_gives_a_key_twice() -> None:
    ids = [command.id for command in COMMANDS]
    assert len(ids) == len(set(ids))
    taken = [(command.scope, key) for command in COMMANDS for key in command.keys.split(",") if key]
    assert len(taken) == len(set(taken))


def test_the_wheel_owns_the_two_halves_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["tui", "engine"]}
    assert project["project"]["scripts"] == {
        "mlflow-console": "tui.cli.main:main",
        "mlc": "tui.cli.main:main",
    }


def test_the_readme_names_the_commands_that_ci_runs() -> None:
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    assert ".venv/bin/pip install -e '.[test]' && .venv/bin/pytest\n" in readme
    assert ci.rstrip().endswith('"$bin/pytest"\n}\n\nmain')
