"""The outcomes of tests of model versions on this machine: what promotions have to go by.

One JSON object per line in `paths.version_tests_file()`; invalid lines are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

from engine.entities import ModelVersion
from engine.files import append_line, lines_from_end, locked, open_private, rotate
from engine.formats import moment
from engine.log import log
from engine.paths import version_tests_file
from engine.secrets import mask

TestKind = Literal["labelled", "shadow", "load", "smoke"]
MAX_FILE_BYTES = 1 << 20
"""The size at which a new file is started; the older one is kept, but not read."""
APPEND_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class VersionTest:
    """The outcome of one test. `server` is the store's name as in the journal; `created` distinguishes
    versions of the same number, when a model was deleted and made again. `text` says the outcome in a few
    sentences: untrusted text. `against` is what a shadow test compared the version with, `deployment` the
    deployment that was tested, empty for a version in process. Of `rows` with labels `right` were right; both
    are 0 without labels and for a regression."""

    __test__ = False  # for pytest

    server: str
    model: str
    version: int
    created: int
    kind: TestKind
    passed: bool
    text: str
    time: int
    user: str
    against: str = ""
    deployment: str = ""
    right: int = 0
    rows: int = 0

    @property
    def name(self) -> str:
        """`test`, `shadow test`, `load test`"""
        return "test" if self.kind == "labelled" else f"{self.kind} test"

    @property
    def title(self) -> str:
        """`Shadow test of 2026-11-29 17:42:39`"""
        return f"{self.name.capitalize()} of {moment(self.time)}"


def keep_test(test: VersionTest) -> None:
    """Append an outcome. If that fails, the log says so: the test itself has been made."""
    record = asdict(test) | {"server": mask(test.server), "text": mask(test.text)}
    line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
    try:
        path = version_tests_file()
        with open_private(path) as descriptor, locked(descriptor, APPEND_SECONDS):
            append_line(descriptor, line)
            if path.stat().st_size >= MAX_FILE_BYTES:
                rotate(path, 1)
    except (OSError, RuntimeError) as error:
        log.warning("the outcome of a test cannot be kept: %s", error)


def last_tests(server: str, version: ModelVersion) -> tuple[VersionTest, ...]:
    """The last test of each kind of a version, newest first."""
    found: dict[TestKind, VersionTest] = {}
    for test in _tests():
        if (test.server, test.model, test.version) == (mask(server), version.name, version.version):
            if test.created == (version.creation_time or 0):
                found.setdefault(test.kind, test)
            if len(found) == len(get_args(TestKind)):
                break
    return tuple(sorted(found.values(), key=lambda test: test.time, reverse=True))


def _tests() -> Iterator[VersionTest]:
    """All tests, last first; none if the file cannot be read."""
    try:
        for line in lines_from_end(version_tests_file()):
            if (test := _from_line(line)) is not None:
                yield test
    except FileNotFoundError:
        return
    except (OSError, RuntimeError) as error:
        log.warning("the outcomes of tests cannot be read: %s", error)


def _from_line(line: bytes) -> VersionTest | None:
    try:
        found = json.loads(line)
        test = VersionTest(**{f.name: found[f.name] for f in fields(VersionTest) if f.name in found})
    except (ValueError, TypeError, RecursionError):
        return None
    texts = all(isinstance(getattr(test, f.name), str) for f in fields(test) if f.type in ("str", "TestKind"))
    numbers = all(isinstance(getattr(test, f.name), int) for f in fields(test) if f.type in ("int", "bool"))
    return test if texts and numbers and test.kind in get_args(TestKind) else None
