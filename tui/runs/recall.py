"""Walking through what was typed before, as in a shell."""

from __future__ import annotations

from collections.abc import Sequence


class Recall:
    """`entries`, the newest last, and a place among them; behind the last one stands what was being
    typed when the walk began."""

    def __init__(self, entries: Sequence[str] = ()) -> None:
        self._entries = entries
        self._at = len(entries)
        self._draft = ""

    @property
    def recalled(self) -> str:
        """What the line holds as long as nobody edits it."""
        return self._entries[self._at] if self._at < len(self._entries) else self._draft

    def back(self, text: str) -> str | None:
        """The entry before, where the line holds `text`; None when there is none."""
        if self._at == len(self._entries):
            self._draft = text
        at = self._at - 1
        while at >= 0 and self._entries[at] == text:
            at -= 1
        if at < 0:
            return None
        self._at = at
        return self.recalled

    def forward(self) -> str | None:
        """The entry after, at last the draft; None where the line is the draft."""
        if self._at == len(self._entries):
            return None
        self._at += 1
        return self.recalled

    def edited(self, text: str) -> None:
        """The line holds `text`: unless that was recalled, the walk is over."""
        if text != self.recalled:
            self._at, self._draft = len(self._entries), text
