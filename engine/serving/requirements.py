"""What a model says it needs, against what is installed here."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engine.serving.records import RequirementDifference

REQUIREMENTS = "requirements.txt"
_CONDA, _PYTHON = "conda.yaml", "python_env.yaml"


def differences(folder: Path) -> tuple[RequirementDifference, ...]:
    """The requirements of the model in a folder that the packages of this Python do not meet; those that
    cannot be checked, such as addresses, are left out."""
    from packaging.requirements import InvalidRequirement, Requirement

    found = []
    wanted = model_python(folder)
    if wanted and wanted.split(".")[:2] != platform.python_version().split(".")[:2]:
        found.append(RequirementDifference(f"python=={wanted}", platform.python_version()))
    for line in requirement_lines(folder):
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.url or (requirement.marker and not requirement.marker.evaluate()):
            continue
        installed = _installed(requirement.name)
        if not installed or not requirement.specifier.contains(installed, prereleases=True):
            found.append(RequirementDifference(f"{requirement.name}{requirement.specifier}", installed))
    return tuple(found)


def requirement_lines(folder: Path) -> Iterator[str]:
    """The packages that a model asks pip for, without comments and options."""
    file = folder / REQUIREMENTS
    lines = file.read_text().splitlines() if file.is_file() else _conda_packages(folder / _CONDA)
    for line in lines:
        text = line.partition(" #")[0].strip()
        if text and not text.startswith(("#", "-")):
            yield text


def model_python(folder: Path) -> str:
    """The version of Python that the model was logged with; empty if it does not say."""
    found = _yaml(folder / _PYTHON)
    return str(found.get("python", "")) if isinstance(found, dict) else ""


def _conda_packages(file: Path) -> list[str]:
    """The packages for pip in a conda environment."""
    found = _yaml(file)
    parts = found.get("dependencies") if isinstance(found, dict) else None
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, dict) and isinstance(part.get("pip"), list):
            return [str(line) for line in part["pip"]]
    return []


def _yaml(file: Path) -> Any:
    """The content of a YAML file; None if it is missing or malformed."""
    import yaml

    try:
        return yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return None


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
