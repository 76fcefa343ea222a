"""A model card of a registered version, in the form of skops.

It is made from what MLflow holds; the model itself is not loaded, so that no code of it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.artifacts.preview import preview
from engine.entities import ModelVersion, RegisteredModel, RunDetail
from engine.errors import EngineError, NotFound
from engine.formats import number
from engine.report.classes import confusion_blocks, per_class_blocks
from engine.report.document import (
    Block,
    Column,
    Heading,
    Paragraph,
    Part,
    Quote,
    code,
    lined_up,
    plain,
    strong,
)
from engine.report.facts import NOTE, measured
from engine.report.markdown import markdown_blocks
from engine.report.wording import LEVEL, bracketed, name_of, utc
from engine.runs.metrics import CONFUSION_COUNTS, FOLD_METRIC
from engine.secrets import mask
from engine.stores.records import find_version
from engine.text import safe

if TYPE_CHECKING:
    from engine.stores.base import Store

FILE = "model-card.md"


def model_card(store: Store, name: str, number_: int) -> dict[str, bytes]:
    """The file of a version's model card. Raises `NotFound`."""
    model = store.registered_model(name)
    version = find_version(store.model_versions(name), name, number_)
    detail: RunDetail | None = None
    with suppress(NotFound):
        detail = store.run(version.run_id) if version.run_id else None
    sections = {
        "Model description": _description(model, version),
        "Model description/Intended uses & limitations": _limitations(store, detail),
        "Model description/Training Procedure": _training(detail),
        "Model description/Training Procedure/Hyperparameters": _parameters(detail),
        "Model description/Evaluation Results": _results(detail),
        "How to Get Started with the Model": _start(store, version, detail),
        "Model Card Authors": _authors(version, detail),
    }
    from skops.card import Card

    card = Card(None, template={title: text for title, blocks in sections.items() if (text := _text(blocks))})
    return {FILE: (card.render().strip() + "\n").encode()}


def _text(blocks: Iterator[Block]) -> str:
    return markdown_blocks(tuple(blocks))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in mask(text).splitlines() if line.strip())


def _description(model: RegisteredModel, version: ModelVersion) -> Iterator[Block]:
    stage = version.stage if version.stage != "None" else "no stage"
    aliases = f", alias {', '.join(version.aliases)}" if version.aliases else ""
    yield Paragraph(
        (
            strong(f"{model.name} version {version.version}"),
            f": {stage}{aliases}, registered {utc(version.creation_time)}.",
        )
    )
    for text in (model.description, version.description):
        if text.strip():
            yield Quote(_lines(text))


def _limitations(store: Store, detail: RunDetail | None) -> Iterator[Block]:
    """The descriptions of the run and of its parent, where such things are written down."""
    if detail is None:
        return
    notes = [detail.run.tags.get(NOTE, "")]
    if detail.run.parent_run_id is not None:
        with suppress(NotFound):
            notes.append(store.run(detail.run.parent_run_id).run.tags.get(NOTE, ""))
    for note in notes:
        if note.strip():
            yield Quote(_lines(note))


def _training(detail: RunDetail | None) -> Iterator[Block]:
    if detail is None:
        yield Paragraph(("The source run is gone: how the model was trained is not known.",))
        return
    run = detail.run
    rows: list[list[Part]] = [
        ["run", name_of(run)],
        ["run id", code(run.run_id)],
        ["date", utc(run.start_time)],
    ]
    rows += [
        ["dataset", f"{data.name}, digest {data.digest}" + (f" ({data.context})" if data.context else "")]
        for data in detail.datasets
    ]
    if source := run.tags.get("mlflow.source.name"):
        commit = run.tags.get("mlflow.source.git.commit", "")
        rows.append(["source", mask(source) + (f", commit {commit[:8]}" if commit else "")])
    yield lined_up(["", ""], rows)


def _parameters(detail: RunDetail | None) -> Iterator[Block]:
    if detail is not None and detail.run.params:
        rows: list[list[Part]] = [[code(name), value] for name, value in sorted(detail.run.params.items())]
        yield lined_up(["Hyperparameter", "Value"], rows)


def _results(detail: RunDetail | None) -> Iterator[Block]:
    if detail is None or not detail.run.metrics:
        return
    run = detail.run
    rows: list[list[Part]] = []
    for name, value in sorted(run.metrics.items()):
        if name in (*CONFUSION_COUNTS, FOLD_METRIC) or name.startswith(("class_", "system/")):
            continue
        exact = measured(run, name)
        rows.append([code(name), number(value), f"{bracketed(exact[1])} n={exact[0].n}" if exact else "–"])
    if rows:
        yield lined_up(["Metric", Column("Value", numeric=True), LEVEL], rows)
    yield from _deeper(per_class_blocks(run))
    yield from _deeper(confusion_blocks(run))


def _deeper(blocks: Iterator[Block]) -> Iterator[Block]:
    """Without headings: skops makes its own."""
    for block in blocks:
        yield Paragraph((strong(plain(block.text)),)) if isinstance(block, Heading) else block


def _start(store: Store, version: ModelVersion, detail: RunDetail | None) -> Iterator[Block]:
    address = f"models:/{version.name}/{version.version}"
    yield Paragraph(("Load it with MLflow:",))
    yield Paragraph((code(f"mlflow.pyfunc.load_model({address!r}).predict(data)"),))
    if lines := _signature(store, version, detail):
        yield Quote(lines)


def _signature(store: Store, version: ModelVersion, detail: RunDetail | None) -> tuple[str, ...]:
    """The flavors, inputs and outputs in the `MLmodel` file; nothing if it cannot be read."""
    if detail is None:
        return ()
    model_id = version.source.removeprefix("models:/")
    names = [model.name for model in detail.models if model.model_id == model_id]
    if not names:
        return ()
    try:
        lines = preview(store, detail.run.run_id, f"{names[0]}/MLmodel").lines
    except EngineError:
        return ()
    summary = lines[: lines.index("")] if "" in lines else ()
    return tuple(safe(line, len(line)) for line in summary)


def _authors(version: ModelVersion, detail: RunDetail | None) -> Iterator[Block]:
    users = dict.fromkeys(
        user
        for user in (version.user_id, detail.run.user_id if detail else "")
        if user not in ("", "unknown")
    )
    if users:
        yield Paragraph((", ".join(users),))
