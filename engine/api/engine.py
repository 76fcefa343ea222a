"""The engine on one tracking store: named facets, one short method for each user task.

Every method is synchronous, may be called from any thread, raises only `EngineError`s, and returns frozen
records. Reading a database or a server never imports mlflow; the first write does (about two seconds).
"""

from __future__ import annotations

from collections.abc import Callable

from engine.api.access import StoreAccess
from engine.api.artifacts import Artifacts
from engine.api.charts import Charts
from engine.api.deployments import Deployments
from engine.api.edits import Edits
from engine.api.evidence import Evidence
from engine.api.experiments import Experiments
from engine.api.journal import Journal
from engine.api.model_tests import ModelTests
from engine.api.models import Models
from engine.api.reports import Reports
from engine.api.runs import Runs
from engine.api.server import Servers
from engine.api.training import Training
from engine.text import Shown
from engine.uri import TrackingUri


class Engine:
    """One tracking store and what can be done with it. Close it, or use it as a context manager."""

    def __init__(
        self,
        uri: TrackingUri,
        *,
        read_only: bool = False,
        on_wait: Callable[[Shown], object] = lambda _: None,
    ) -> None:
        """`on_wait` is called, in any thread, with a message when a read waits because a server asks."""
        from engine.stores import open_store

        self.uri = uri
        self.read_only = read_only
        self._store = open_store(uri, on_wait)
        access = StoreAccess(uri, self._store, read_only)
        self.runs = Runs(access)
        self.experiments = Experiments(access)
        self.evidence = Evidence(access)
        self.models = Models(access)
        self.edits = Edits(access)
        self.model_tests = ModelTests(access)
        self.training = Training(access)
        self.journal = Journal(access)
        self.charts = Charts(access)
        self.artifacts = Artifacts(access)
        self.reports = Reports(access)
        self.deployments = Deployments(read_only=read_only, access=access)
        self.server = Servers(read_only=read_only)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.model_tests.close()
        self._store.close()
