"""A backup's folder as one tar file."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.errors import EngineError
from engine.jobs import CancelToken, OnProgress, Progress
from engine.server.copying import CHUNK_BYTES, check_room, private_file
from engine.server.manifest import MANIFEST, FileFacts
from engine.text import safe

SUFFIXES = (".tar", ".tar.gz", ".tgz")


def is_archive(path: Path) -> bool:
    """Whether a backup with this name is a tar file."""
    return path.name.endswith(SUFFIXES)


def pack(
    folder: Path,
    archive: Path,
    name: str,
    files: Sequence[FileFacts],
    *,
    on_progress: OnProgress,
    cancel: CancelToken,
) -> None:
    """Write a backup's folder to the new file `archive`. `name` is the file's later name: its suffix says
    whether to compress, the rest is the folder inside. Raises `OSError`."""
    suffix = next(suffix for suffix in SUFFIXES if name.endswith(suffix))
    total = sum(file.size for file in files)
    check_room(archive.parent, total)
    done = 0
    with private_file(archive) as output:
        with _new_tar(output, compress=suffix != ".tar") as tar:
            for path, length in ((MANIFEST, 0), *((file.path, file.size) for file in files)):
                cancel.check("The backup")
                on_progress(Progress(done, total, f"Writing {safe(name)}"))
                tar.add(folder / path, f"{name.removesuffix(suffix)}/{path}", recursive=False)
                done += length
        output.flush()
        os.fsync(output.fileno())


def _new_tar(output: BinaryIO, *, compress: bool) -> tarfile.TarFile:
    if compress:
        return tarfile.open(fileobj=output, mode="w:gz", compresslevel=6)
    return tarfile.open(fileobj=output, mode="w")


def unpack(archive: Path, folder: Path, *, on_progress: OnProgress, cancel: CancelToken) -> None:
    """Write the files of a tar file below `folder`, which exists; only regular files, none outside. Raises
    `EngineError` for what is not a backup, and `OSError`."""
    total = archive.stat().st_size
    with archive.open("rb") as packed:
        try:
            with tarfile.open(fileobj=packed, mode="r:*") as tar:
                for member in tar:
                    cancel.check("The restore")
                    on_progress(Progress(min(packed.tell(), total), total, f"Unpacking {safe(archive.name)}"))
                    inside = PurePosixPath(*PurePosixPath(member.name).parts[1:])
                    if member.isdir():
                        continue
                    if not member.isreg() or inside.is_absolute() or ".." in inside.parts or not inside.name:
                        raise tarfile.TarError(f"unexpected entry {member.name}")
                    check_room(folder, member.size)
                    _unpack_file(tar, member, folder / inside, cancel)
        except (tarfile.TarError, EOFError, ValueError) as error:
            hint = "Use another backup; nothing was written."
            raise EngineError(
                "The backup is damaged", f"{safe(archive, 200)}: {safe(error, 200)}", hint
            ) from error


def _unpack_file(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, cancel: CancelToken) -> None:
    content = tar.extractfile(member)
    assert content is not None
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with private_file(target) as file:
        while piece := content.read(CHUNK_BYTES):
            cancel.check("The restore")
            file.write(piece)
    os.utime(target, (member.mtime, member.mtime))
