"""The folder of a service: what it is made of, who may change it, what is recorded about it.

services/NAME/service.json   the record, replaced atomically by the supervisor, readable only by its owner
              control.sock   the supervisor answers here while it runs
              log, log.1 …   what the supervisor and its workers wrote
              lock           held by whoever starts, runs or removes the service
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from engine.errors import ServiceError, UsageError
from engine.files import make_private_folder, read_private, replacing
from engine.paths import state_dir
from engine.services.records import ServiceSpec
from engine.text import quoted, safe

MAX_NAME_BYTES = 200
_POLL_SECONDS = 0.02
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def services_folder() -> Path:
    return state_dir() / "services"


@dataclass(frozen=True, slots=True)
class Record:
    """What the supervisor wrote last. `running` only says that it has not written its end: whether it still
    runs, its control socket shows."""

    spec: ServiceSpec
    previous: ServiceSpec | None
    host: str
    port: int
    started: int
    since: int
    state: Literal["running", "stopped", "failed"]
    detail: str = ""
    machine: str = ""
    boot: str = ""

    @property
    def is_of_this_machine(self) -> bool:
        return self.machine == platform.node()

    @property
    def is_of_this_boot(self) -> bool:
        return self.boot == boot_id()


class ServiceFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, name: str) -> ServiceFolder:
        """Raises `UsageError` for a name that cannot be one."""
        check_name(name)
        return cls(services_folder() / name)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def control(self) -> Path:
        return self.path / "control.sock"

    @property
    def lock_file(self) -> Path:
        return self.path / "lock"

    @property
    def record_file(self) -> Path:
        return self.path / "service.json"

    @property
    def is_registered(self) -> bool:
        """Whether there is a record that this account may see."""
        return os.path.exists(self.record_file)

    def record(self) -> Record | None:
        """None if nothing is registered. Raises `ServiceError` if it cannot be read."""
        try:
            values = json.loads(read_private(self.record_file))
            return _record(values)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            detail = f"{self.record_file}: {error}"
            hint = "Remove the service, or the file if the service cannot be removed."
            raise ServiceError(f"The record of {self.name} cannot be read", detail, hint) from error

    def write_record(self, record: Record) -> None:
        """Raises `OSError`."""
        with replacing(self.record_file, private=True) as file:
            file.write(json.dumps(asdict(record), indent=1).encode())

    def write_end(self, record: Record) -> None:
        """Write the last record: on a full disk over the one before, with a shorter detail if need be. Raises
        `OSError`."""
        try:
            self.write_record(record)
        except OSError:
            with self.record_file.open("r+b") as file:
                room = os.fstat(file.fileno()).st_size
                data = _compact(record)
                if len(data) > room:
                    data = _compact(replace(record, detail=""))
                if len(data) > room:
                    raise
                file.write(data)
                file.truncate()

    def lock(self, seconds: float) -> int | None:
        """A descriptor that holds the lock, also in a process that inherits it, until all have closed it;
        None if another one holds it for longer than `seconds`. Creates the folder. Raises `OSError`."""
        end = time.monotonic() + seconds
        while True:
            make_private_folder(self.path)
            descriptor = self._try_lock()
            if descriptor is not None or time.monotonic() >= end:
                return descriptor
            time.sleep(_POLL_SECONDS)

    def _try_lock(self) -> int | None:
        path = self.lock_file
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # the folder has just been removed
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def remove(self) -> None:
        """Delete the folder, the lock last; the caller holds it. Raises `OSError`."""
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != self.lock_file:
                path.unlink()
        self.lock_file.unlink()
        with suppress(OSError):  # somebody is already starting a new one
            self.path.rmdir()


def _compact(record: Record) -> bytes:
    return json.dumps(asdict(record), separators=(",", ":")).encode()


def check_name(name: str) -> None:
    if (
        not name
        or name[0] in ".-"
        or "/" in name
        or safe(name) != name
        or len(name.encode(errors="replace")) > MAX_NAME_BYTES
    ):
        raise UsageError(
            f"{quoted(name)} cannot be the name of a service",
            hint=f"Use at most {MAX_NAME_BYTES} bytes of printable characters other than /, "
            "not beginning with . or -.",
        )


def all_folders() -> list[ServiceFolder]:
    """The folders of all services of this account, by name."""
    try:
        names = sorted(path.name for path in services_folder().iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ServiceError("The services of this account cannot be listed", str(error)) from error
    folders = []
    for name in names:
        with suppress(UsageError):  # not ours
            folders.append(ServiceFolder.of(name))
    return folders


def boot_id() -> str:
    """Identifies the time since the machine was started; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _record(values: Mapping[str, Any]) -> Record:
    previous = values["previous"]
    fields = {
        **values,
        "spec": ServiceSpec.from_json(values["spec"]),
        "previous": ServiceSpec.from_json(previous) if previous else None,
    }
    return Record(**{name: fields[name] for name in Record.__slots__ if name in fields})
