"""Conventions checked in the source code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUI = sorted((ROOT / "tui").rglob("*.py"))
ENGINE = sorted((ROOT / "engine").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

SCREEN_LIBRARIES = {"textual", "rich", "click", "tui"}
READERS_AVOID = {"mlflow", "sklearn", "skops", "pandas", "requests", "matplotlib"}
TESTS_DELAY = READERS_AVOID - {"requests"} | {"scipy", "sqlalchemy", "alembic", "pyarrow"}
CELL_WIDTHS = ("engine/text.py", "rich.cells")  # text has to be measured with the table that draws it
LOADING = ROOT / "engine" / "model_files" / "loading.py"
LOADERS = re.compile(
    r"(?:.+\.)?(?:load_model|load_pyfunc|load_model_with_mlflow_config|_load_pyfunc|validate_serving_input)"
    r"|(?:pickle|cloudpickle|joblib|dill|marshal|skops\.io)\.loads?|mlflow\.(?:models\.)?(?:evaluate|predict)"
)
"""Functions of MLflow, skops and others that load a model, and with it the code that it brings."""
LOADING_WORDS = re.compile(
    r"load_model|load_pyfunc|serving_input|loads?\b|evaluate\b|predict\b|scoring_server"
)
PICKLES = {
    "pickle",
    "cloudpickle",
    "joblib.numpy_pickle",
    "dill",
    "marshal",
    "mlflow.pyfunc.scoring_server.app",
}
MODEL_PROCESSES = ("engine/model_files/worker.py", "engine/serving/worker.py")
"""Modules that are run as processes of their own, which load models there."""
BRIDGE = ROOT / "tui" / "bridge.py"
THEMES = ROOT / "tui" / "themes.py"
MAX_LINES = 600

_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{6})\b|:[^;{}\n]*#[0-9a-fA-F]{3}\b")
_SWALLOWED = re.compile(r"except (?:Base)?Exception(?: as \w+)?:\s*(?:#[^\n]*)?\n?\s*pass\b|except:")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path, *, nested: bool = True) -> Iterator[tuple[int, str]]:
    """(line, module) of every import in a file, including nested imports and `import_module`."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if nested else tree.body:
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, name.name) for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module
            case ast.Call(
                func=ast.Name("import_module") | ast.Attribute(attr="import_module"), args=[first, *_]
            ):
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield node.lineno, first.value


def _found(paths: list[Path], pattern: str | re.Pattern[str]) -> list[str]:
    """`file:line text` of every match."""
    found = []
    for path in paths:
        text = path.read_text()
        for match in re.finditer(pattern, text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{_name(path)}:{line} {match[0].strip()}")
    return found


@pytest.mark.parametrize(
    ("paths", "forbidden"),
    [(ENGINE, SCREEN_LIBRARIES), (TUI, READERS_AVOID)],
    ids=["engine", "tui"],
)
def test_nested_imports_respect_the_layers(paths: list[Path], forbidden: set[str]) -> None:
    assert paths
    assert [
        f"{_name(path)}:{line} {name}"
        for path in paths
        for line, name in _imports(path)
        if name.partition(".")[0] in forbidden and (_name(path), name) != CELL_WIDTHS
    ] == []


def test_relative_imports_are_not_used() -> None:
    assert _found(TUI + ENGINE + TESTS, r"(?m)^\s*from \.+\w* import") == []


def test_only_the_bridge_uses_threads() -> None:
    others = [path for path in TUI if path != BRIDGE]
    threads = r"\bThread\(|thread=True|call_from_thread\(|to_thread\(|run_in_executor\(|ThreadPoolExecutor"
    assert _found(others, threads) == []


def test_the_console_never_sleeps() -> None:
    assert _found(TUI, r"time\.sleep\(|from time import sleep") == []


def test_text_is_never_parsed_as_markup() -> None:
    assert _found(TUI, r"markup=True|from_markup\(") == []


def test_no_exception_is_swallowed() -> None:
    assert _found(TUI + ENGINE, _SWALLOWED) == []


def test_only_one_module_loads_models_and_only_in_processes_of_their_own() -> None:
    """The console itself never does: a pickle runs code when it is loaded."""
    found = []
    for path in ENGINE + TUI:
        if not LOADING_WORDS.search(path.read_text()):
            continue
        found += [f"{_name(path)}:{line} imports {name}" for line, name in _imports(path) if name in PICKLES]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "joblib":
                found += [
                    f"{_name(path)} imports joblib.{name.name}" for name in node.names if name.name == "load"
                ]
            word = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
            name = ast.unparse(node) if LOADING_WORDS.search(word) else ""
            is_ours = name == "load_model" and _name(path) in MODEL_PROCESSES
            if path != LOADING and LOADERS.fullmatch(name) and not is_ours:
                found.append(f"{_name(path)} uses {name}")
    assert found == []


def test_collecting_the_tests_imports_nothing_heavy() -> None:
    """Each worker collects all tests: what a file imports at its top is imported in every one of them."""
    collected = [path for path in TESTS if path.name.startswith("test_") or path.name == "conftest.py"]
    assert [
        f"{_name(path)}:{line} {name}"
        for path in collected
        for line, name in _imports(path, nested=False)
        if name.partition(".")[0] in TESTS_DELAY
    ] == []


def test_only_the_themes_have_literal_colours() -> None:
    styled = [path for path in TUI if path != THEMES] + sorted((ROOT / "tui").rglob("*.tcss"))
    assert _found(styled, _COLOUR) == []


def test_no_file_is_longer_than_the_limit() -> None:
    long = {
        _name(path): lines
        for path in TUI + ENGINE + TESTS
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert long == {}


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "tests/bench").glob("*.py")), ids=lambda path: path.stem)
def test_every_benchmark_can_be_imported(path: Path) -> None:
    import_module(f"tests.bench.{path.stem}")
