"""Downloads write all of what was chosen or nothing, and nothing outside the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.artifacts.download import download, plan_download
from engine.artifacts.tree import listing, walk
from engine.entities import Artifact, LoggedModel, RunDetail
from engine.errors import Cancelled, EngineError, NotFound, StoreRefused, StoreUnreadable
from engine.jobs import CancelToken, Progress
from engine.stores.artifacts import ArtifactContent, list_folder, locations, open_file
from tests.support.runs import a_run


class FolderStore:
    """A run with artifacts in a folder, and a logged model in another."""

    def __init__(self, folder: Path) -> None:
        self.root, self.model = folder / "run", folder / "model-root"
        (self.root / "plots").mkdir(parents=True)
        self.model.mkdir()
        (self.root / "notes.txt").write_text("four")
        (self.root / "plots" / "roc.txt").write_text("x" * 1000)
        (self.model / "MLmodel").write_text("flavors: {}\n")

    def run(self, run_id: str) -> RunDetail:
        from dataclasses import replace

        run = replace(a_run(run_id), artifact_uri=str(self.root))
        return RunDetail(run, (), (LoggedModel("m-1", "model", "READY", str(self.model)),))

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        return tuple(
            artifact
            for found in locations(self.run(run_id), path)
            for artifact in list_folder(Path(found.root), found.path, found.prefix)
        )

    @contextmanager
    def open_artifact(
        self, run_id: str, path: str, *, fetch_limit: int | None = None
    ) -> Iterator[ArtifactContent]:
        found = next(f for f in locations(self.run(run_id), path) if os.path.lexists(Path(f.root) / f.path))
        with open_file(Path(found.root), found.path) as content:
            yield content


RUN = "a" * 32


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_the_root_shows_the_logged_models_as_folders(store: FolderStore) -> None:
    found = listing(store, RUN)  # type: ignore[arg-type]
    assert [(a.path, a.is_dir) for a in found.artifacts] == [
        ("model", True),
        ("plots", True),
        ("notes.txt", False),
    ]
    assert [a.path for a in walk(store, RUN).files] == ["model/MLmodel", "plots/roc.txt", "notes.txt"]  # type: ignore[arg-type]


def test_models_of_one_name_are_counted(store: FolderStore) -> None:
    detail = store.run(RUN)
    older = LoggedModel("m-0", "model", "READY", str(store.model))
    store.run = lambda run_id: RunDetail(detail.run, (), (*detail.models, older))  # type: ignore[method-assign]
    notes = listing(store, RUN).notes  # type: ignore[arg-type]
    assert notes == ("2 logged models of this run are named model; model/ has the files of the newest.",)


def test_a_missing_artifact_names_those_that_are_there(store: FolderStore) -> None:
    with pytest.raises(NotFound) as raised:
        walk(store, RUN, "note.txt")  # type: ignore[arg-type]
    assert "notes.txt" in raised.value.detail


def test_a_root_on_another_machine_is_named(store: FolderStore) -> None:
    store.root = Path("/srv/mlruns/1/abc/artifacts")
    store.model = Path("/srv/mlruns/1/models/m-1/artifacts")
    notes = walk(store, RUN).notes  # type: ignore[arg-type]
    assert any("/srv/mlruns/1/models/m-1/artifacts does not exist on this machine" in note for note in notes)


def test_what_is_no_file_is_left_out_of_a_download(store: FolderStore, tmp_path: Path) -> None:
    (store.root / "plots" / "dangling").symlink_to("nowhere")
    os.mkfifo(store.root / "plots" / "pipe")
    plan = plan_download(store, RUN, "plots", tmp_path / "out")  # type: ignore[arg-type]
    written = download(store, plan)  # type: ignore[arg-type]
    assert files_in(tmp_path / "out") == ["plots/roc.txt"]
    assert written.files == (tmp_path / "out" / "plots" / "roc.txt",)
    assert written.summary == "1 file, 1.0 kB"
    assert written.sentences == (
        "Skipped: plots/dangling: Artifact plots/dangling not found",
        "Skipped: plots/pipe: The artifact is not a file",
    )
    with pytest.raises(NotFound, match="dangling"):
        download(store, plan_download(store, RUN, "plots/dangling", tmp_path / "out"))  # type: ignore[arg-type]


def test_a_folder_is_downloaded_as_a_folder_and_a_file_under_its_name(
    store: FolderStore, tmp_path: Path
) -> None:
    reports: list[Progress] = []
    plan = plan_download(store, RUN, "", tmp_path / "all")  # type: ignore[arg-type]
    assert plan.summary == "3 files, 1.0 kB"
    assert download(store, plan, on_progress=reports.append).size == 1016  # type: ignore[arg-type]
    assert files_in(tmp_path / "all") == ["model/MLmodel", "notes.txt", "plots/roc.txt"]
    assert (reports[0].done, reports[-1].done, reports[0].total) == (0, 1016, 1016)
    plan = plan_download(store, RUN, "plots/roc.txt", tmp_path / "one")  # type: ignore[arg-type]
    download(store, plan)  # type: ignore[arg-type]
    assert files_in(tmp_path / "one") == ["roc.txt"]


def test_an_existing_file_is_replaced_only_on_request(store: FolderStore, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    plan = plan_download(store, RUN, "", target)  # type: ignore[arg-type]
    assert plan.existing == (target / "notes.txt",)
    with pytest.raises(EngineError, match="would be replaced"):
        download(store, plan)  # type: ignore[arg-type]
    assert files_in(target) == ["notes.txt"]
    download(store, plan, replace=True)  # type: ignore[arg-type]
    assert (target / "notes.txt").read_text() == "four"


def test_a_file_that_appears_meanwhile_is_not_replaced(store: FolderStore, tmp_path: Path) -> None:
    target = tmp_path / "out"
    plan = plan_download(store, RUN, "notes.txt", target)  # type: ignore[arg-type]
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with pytest.raises(EngineError, match="would be replaced"):
        download(store, plan)  # type: ignore[arg-type]
    assert (target / "notes.txt").read_text() == "mine"
    assert files_in(target) == ["notes.txt"]


def test_a_cancelled_download_leaves_nothing(store: FolderStore, tmp_path: Path) -> None:
    cancel = CancelToken()
    plan = plan_download(store, RUN, "", tmp_path / "out")  # type: ignore[arg-type]

    def stop(progress: Progress) -> None:
        if progress.done > 500:
            cancel.cancel()

    with pytest.raises(Cancelled):
        download(store, plan, on_progress=stop, cancel=cancel)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_paths_that_a_server_invents_are_not_listed(store: FolderStore, tmp_path: Path) -> None:
    names = ("../escaped", "/etc/passwd", "plots/../../x", "plots/inner", "a\\b")
    store.artifacts = lambda *_: tuple(Artifact(name, is_dir=False, size=1) for name in names)  # type: ignore[method-assign]
    found = listing(store, RUN)  # type: ignore[arg-type]
    assert [artifact.path for artifact in found.artifacts] == ["model"]
    assert found.notes == ("Not listed: 5 artifacts whose path leads elsewhere.",)


def test_a_link_in_the_target_is_not_followed_out_of_it(store: FolderStore, tmp_path: Path) -> None:
    target, outside = tmp_path / "out", tmp_path / "outside"
    target.mkdir()
    outside.mkdir()
    (target / "plots").symlink_to(outside)
    plan = plan_download(store, RUN, "plots", target)  # type: ignore[arg-type]
    with pytest.raises(EngineError) as raised:
        download(store, plan)  # type: ignore[arg-type]
    assert "a link leads out of the folder" in raised.value.detail
    assert files_in(outside) == []


def test_a_link_among_the_artifacts_is_not_read_out_of_them(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (store.root / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(StoreRefused, match="outside"):
        download(store, plan_download(store, RUN, "link", tmp_path / "out"))  # type: ignore[arg-type]
    assert files_in(tmp_path / "out") == []


def test_a_link_back_up_does_not_walk_for_ever(store: FolderStore) -> None:
    (store.root / "plots" / "up").symlink_to(store.root)
    found = walk(store, RUN, limit=500)  # type: ignore[arg-type]
    assert not found.complete
    with pytest.raises(StoreRefused, match="Too many"):
        plan_download(store, RUN, "plots", Path("/nowhere"))  # type: ignore[arg-type]


def test_a_pipe_among_the_artifacts_does_not_block(store: FolderStore) -> None:
    os.mkfifo(store.root / "pipe")
    with pytest.raises(StoreRefused, match="not a file"), open_file(store.root, "pipe"):
        pass


def test_a_folder_that_cannot_be_written_is_one_clear_error(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineError) as raised:
        download(store, plan_download(store, RUN, "", tmp_path / "file" / "out"))  # type: ignore[arg-type]
    assert raised.value.title == "The download failed"


def test_an_error_half_way_leaves_nothing(store: FolderStore, tmp_path: Path) -> None:
    plan = plan_download(store, RUN, "", tmp_path / "out")  # type: ignore[arg-type]
    (store.root / "notes.txt").unlink()
    (store.root / "notes.txt").symlink_to("notes.txt")  # changed since the plan
    with pytest.raises(StoreUnreadable):
        download(store, plan)  # type: ignore[arg-type]
    assert files_in(tmp_path / "out") == []
