"""What the folder of a model lacks to be loaded."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath

from engine.model_files.files import MLMODEL
from engine.text import safe

_FILE_KEYS = ("data", "model_data", "model_path", "pickled_model", "python_model")
"""Under these, the flavors in an `MLmodel` file name files and folders beside it."""


def flaw_of(names: Collection[str], read: Callable[[], bytes]) -> str:
    """What is wrong with a folder that holds these files and folders; empty if nothing is. `read` reads its
    `MLmodel` file."""
    if not names:
        return "the files are gone"
    if MLMODEL not in names:
        return f"{MLMODEL} is missing"
    named = _named_in(read())
    if named is None:
        return f"{MLMODEL} is damaged"
    return next((f"{safe(name, 80)}, which {MLMODEL} names, is missing" for name in named - set(names)), "")


def flaw_of_folder(folder: Path) -> str | None:
    """As `flaw_of`; None if the folder cannot be read."""
    try:
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        return flaw_of(names, (folder / MLMODEL).read_bytes)
    except OSError:
        return None


def _named_in(text: bytes) -> set[str] | None:
    """What an `MLmodel` file expects beside it; None if it is not one."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        flavors = list(yaml.load(text, Loader=loader)["flavors"].values())
        paths = [flavor[key] for flavor in flavors for key in _FILE_KEYS if isinstance(flavor.get(key), str)]
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    relative = [PurePosixPath(path) for path in paths if path]
    return {path.parts[0] for path in relative if path.parts and not path.is_absolute()} - {".."}
