"""A text goes to the operator's editor and comes back; whatever goes wrong is one clear error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import EngineError, UsageError
from tui.external_editor import edit_text


def use_editor(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str, variable: str = "EDITOR") -> Path:
    """Make a shell script the editor; `$1` is the file. Returns a path for its use, `$OUT`."""
    editor = folder / "my editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    monkeypatch.setenv(variable, f"'{editor}' --wait" if "--wait" in script else f"'{editor}'")
    monkeypatch.setenv("OUT", str(folder / "out"))
    return folder / "out"


def test_the_edited_text_comes_back_from_a_private_file_that_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        'stat -c %a "$1" > "$OUT"; echo "$1" >> "$OUT"; cat "$1" >> "$OUT"; printf "neu\\n\\nzwei\\n" > "$1"'
    )
    out = use_editor(monkeypatch, tmp_path, script)
    assert edit_text("alt – ü") == "neu\n\nzwei"
    mode, name, before = out.read_text().splitlines()
    assert (mode, before) == ("600", "alt – ü")
    assert name.endswith(".md")
    assert not os.path.exists(name)


def test_visual_wins_over_editor_and_may_have_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "false")
    use_editor(monkeypatch, tmp_path, '[ "$1" = --wait ] && echo more >> "$2"', "VISUAL")
    assert edit_text("one") == "one\nmore"


def test_an_unchanged_text_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_editor(monkeypatch, tmp_path, "true")
    assert edit_text("one\ntwo") is None
    assert edit_text("") is None


@pytest.mark.parametrize(
    ("script", "title", "detail"),
    [
        (': > "$1"', "The editor left no text", "Nothing was changed."),
        ("exit 3", "The editor failed", "exit status 3"),
        ("kill -9 $$", "The editor failed", "signal 9"),
        ('rm "$1"', "The editor left no file", "No such file or directory"),
    ],
    ids=["emptied", "failed", "killed", "file removed"],
)
def test_a_failed_edit_says_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, title: str, detail: str
) -> None:
    use_editor(monkeypatch, tmp_path, script)
    with pytest.raises(EngineError) as caught:
        edit_text("one")
    assert caught.value.title == title
    assert detail in caught.value.detail
    assert isinstance(caught.value, UsageError) == (title == "The editor left no text")


@pytest.mark.parametrize("editor", ["/nowhere/editor", "'unbalanced"])
def test_an_editor_that_cannot_be_started_is_named(editor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", editor)
    with pytest.raises(EngineError, match="Cannot start the editor") as caught:
        edit_text("one")
    assert editor in caught.value.detail
    assert "VISUAL or EDITOR" in caught.value.hint
