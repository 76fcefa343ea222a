"""A store with the versions of `tests.support.served_models`, and services that end with their test."""

from __future__ import annotations

import pytest

from engine.uri import TrackingUri
from tests.engine.services.conftest import no_process_is_left as no_process_is_left
from tests.support.shared import Shared
from tests.support.warm import Warm


@pytest.fixture(scope="session")
def heart(shared: Shared, warm_writer: Warm) -> TrackingUri:
    """Never write to it: other tests read it too."""

    def make(folder):  # type: ignore[no-untyped-def]
        uri = f"sqlite:///{folder}/mlflow.db"
        warm_writer.run_script("tests.support.served_models", uri, folder=folder)
        return TrackingUri(uri)

    return shared.made("served-models", make)
