"""Payloads that a hostile or careless client can put into a store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Payload:
    """`text` is stored; `marker` is the visible part expected on the screen; `raw` are the parts that must
    never reach a terminal unescaped, each distinct from anything Textual writes."""

    name: str
    text: str
    marker: str
    raw: tuple[str, ...] = ()


PAYLOADS = (
    Payload("colour", "\x1b[31mPWN01", "PWN01", ("\x1b[31m",)),
    Payload("title", "\x1b]0;PWN02\x07", "PWN02", ("\x1b]0;",)),
    Payload("c1", "\x9b31mPWN03\x9d0;PWN03\x9c", "PWN03", ("\x9b", "\x9d", "\x9c")),
    Payload("nul", "a\x00bPWN04", "PWN04", ("\x00",)),
    Payload("bidi", "\u202ePWN05\u2066x\u2069", "PWN05", ("\u202e", "\u2066", "\u2069")),
    Payload("zero-width", "z\u200bw\u2060PWN06\ufeff", "PWN06", ("\u200b", "\u2060", "\ufeff")),
    Payload("newline", "n\r\nPWN07", "n␍␊PWN07"),
    Payload("tab", "t\tPWN08\x0b\x08", "PWN08", ("\t", "\x0b", "\x08")),
    Payload("bold", "[bold]PWN09[/bold]", "[bold]PWN09[/bold]"),
    Payload("closing-tag", "[/foo]PWN10", "[/foo]PWN10"),
    Payload("click", "[@click=app.quit]PWN11[/]", "[@click=app.quit]PWN11"),
    Payload("surrogate", "\ud800PWN12", "PWN12"),
    Payload("list", "[1, 2, 3] PWN13 lr=[0.1", "[1, 2, 3] PWN13"),
    Payload("long", "PWN14" + "x" * 9995, "PWN14"),
    Payload("wide", "PWN15日本語👩‍👩‍👧‍👦🇩🇪é", "PWN15日"),
)

EXPERIMENT = "hostile"
"""The experiment with one run per payload; every payload is also the name of an experiment."""
