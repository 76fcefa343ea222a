"""A server without stages: the models view and the promotion dialog say so, and offer aliases."""

from __future__ import annotations

from engine.uri import TrackingUri
from tests.conftest import MlflowServer
from tests.support.front import in_front_of
from tests.support.web import Answer
from tests.tui.models.support import go_to, open_promotion
from tests.tui.support import settle, text_of
from tui.app import Console
from tui.models.target_line import TargetLine


async def test_without_stages_only_aliases_are_offered(mlflow_server: MlflowServer) -> None:
    with in_front_of(mlflow_server.uri) as front:
        front.answers["registered-models/get-latest-versions"] = Answer(404, b"<title>404 Not Found</title>")
        console = Console(TrackingUri(front.uri))
        async with console.run_test(size=(80, 24), notifications=True) as pilot:
            view = await go_to(pilot, 3)
            assert [column.key.name for column in view.versions.columns][:2] == ["version", "aliases"]
            models = view.model_pane.table.source
            assert not {"production", "staging"} & {column.key for column in models.columns}
            assert "This server has no model stages; P assigns aliases instead." in text_of(console)
            dialog = await open_promotion(pilot)
            await settle(pilot)
            options = dialog.query_one("#targets", TargetLine).options
            assert [option.label for option in options][:2] == ["@challenger", "@champion"]
            assert "[@champion]" in text_of(console), "what stands for Production"
            assert "This server has no model stages. Use aliases: @champion for" in text_of(console)
            assert dialog.plan is not None
            assert [str(change) for change in dialog.plan.changes] == ["alias champion 2 → 3"]
