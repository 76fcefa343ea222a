"""Tests of models: single requests, labelled rows, two versions side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.jobs import CancelToken, OnProgress, no_progress
from engine.text import quoted, safe

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.entities import ModelVersion
    from engine.evidence.version_tests import VersionTest
    from engine.model_files.trust import ModelDescription
    from engine.model_tests.answers import Answer, Processes, Scorer, Target
    from engine.model_tests.labelled import LabelledTest
    from engine.model_tests.load import LoadOptions, LoadTest
    from engine.model_tests.predicting import PredictedTable
    from engine.model_tests.requests import Request, RequestTemplate
    from engine.model_tests.rows import Recorded, Rows
    from engine.model_tests.shadow import ShadowTest


class ModelTests:
    """Tests of the versions of a registry. Each target is a version in a child process, which stays loaded
    until the engine is closed, or a scoring server at a URL.

    Loading a model that can run arbitrary code raises `UntrustedModel`, unless `allow_code`; a read-only
    engine never allows it. Everything raises `ModelFailure` if the model does not load or refuses a request.
    Outcomes are kept for promotions, except those of a URL, where anything may be served.
    """

    def __init__(self, access: StoreAccess) -> None:
        self._access = access
        self._store = access.store
        self._processes: Processes | None = None

    def version(self, reference: str) -> ModelVersion:
        """The version that `MODEL[@ALIAS|/STAGE|/VERSION]` names now. Raises `UsageError`, `NotFound`."""
        from engine.stores.references import parse_reference, preferred, referenced

        asked = parse_reference(reference)
        versions = self._store.model_versions(asked.model)
        return referenced(versions, asked if asked.target else preferred(versions, asked.model))

    def target(self, reference: str) -> Target:
        """What `MODEL[@ALIAS|/STAGE|/VERSION]` names now. A bare name is first that of a running deployment,
        if its model is from this store. Raises `UsageError`, `NotFound`."""
        from engine.journal import server_name
        from engine.model_tests.answers import Target
        from engine.serving.deployments import all_deployments

        here = server_name(self._access.uri)
        for found in all_deployments():
            if found.name == reference and found.service.running and found.served.tracking_uri == here:
                return self.deployed(reference)
        version = self.version(reference)
        return Target(version.name, version.version)

    def deployed(self, name: str) -> Target:
        """What a deployment of this machine serves now. Raises `NotFound`, and `UsageError` if its model is
        from another store."""
        from engine.journal import server_name
        from engine.model_tests.answers import Target
        from engine.serving.deployments import find

        found = find(name)
        served = found.served
        if served.tracking_uri != server_name(self._access.uri):
            hint = f"Use --tracking-uri {served.tracking_uri}."
            title = f"The model of {quoted(name)} is from another store"
            raise UsageError(title, f"{safe(served.model, 80)} {served.version}", hint)
        return Target(served.model, served.version, found.service.url, name)

    def describe(self, model: str, version: int) -> ModelDescription:
        """How a version is stored, whose it is, and whether loading it can run arbitrary code."""
        from engine.model_files.trust import describe_model

        return describe_model(self._access.uri, self._store, model, version)

    def check_trust(self, model: str, version: int) -> None:
        """Raises `UntrustedModel` if loading a version can run arbitrary code."""
        from engine.model_files.trust import check_trust

        check_trust(self.describe(model, version))

    def template(self, model: str, version: int) -> RequestTemplate:
        """A request prefilled from the signature and the input example. Does not load the model."""
        return self._recorded(model, version).template

    def send(self, target: Target, request: Request, *, allow_code: bool = False) -> Answer:
        """Send one request. An answer that refuses it is an answer too."""
        return self._scorer(target, allow_code=allow_code).send(request)

    def labelled(
        self,
        target: Target,
        rows: Path | None = None,
        *,
        label: str = "",
        allow_code: bool = False,
    ) -> LabelledTest:
        """Test a target on the rows of a CSV file with the true labels in column `label`, by default on the
        test part that its run recorded. Nothing is kept of a test on training data alone unless it finds
        skew. Raises `DatasetError`."""
        from engine.model_tests.keeping import keep
        from engine.model_tests.labelled import run_labelled

        recorded = self._recorded_of(target)
        found = self._rows(recorded, rows, label)
        test = run_labelled(target, self._scorer(target, allow_code=allow_code), found, recorded)
        says_something = test.is_skewed or len(test.trained) < len(test.rows)
        if says_something and (not target.url or target.deployment):
            keep(self._access.uri, recorded.version, test)
        return test

    def shadow(
        self,
        first: Target,
        second: Target,
        rows: Path | None = None,
        *,
        label: str = "",
        allow_code: bool = False,
        allow_other: bool = False,
    ) -> ShadowTest:
        """Compare two targets on the same rows: those of a CSV file, which may have labels, or the test part
        that the run of the first recorded. The outcome is kept for both, unless one
        was trained on all these rows. `allow_code` is for the first,
        `allow_other` for the second, which may be someone else's."""
        from engine.model_tests.keeping import keep
        from engine.model_tests.shadow import run_shadow

        recorded = self._recorded_of(first)
        recorded_other = self._recorded_of(second) if second.version else None
        found = self._rows(recorded, rows, label, needs_labels=False)
        one = first, self._scorer(first, allow_code=allow_code)
        other = second, self._scorer(second, allow_code=allow_other)
        test = run_shadow(one, other, found, recorded, recorded_other)
        if len(test.trained) == len(test.values):
            return test
        if not first.url or first.deployment:
            keep(self._access.uri, recorded.version, test)
        if recorded_other not in (None, recorded) and (not second.url or second.deployment):
            keep(self._access.uri, recorded_other.version, test, second=True)
        return test

    def load(
        self,
        target: Target,
        options: LoadOptions,
        request: Request | None = None,
        *,
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> LoadTest:
        """Send a request, by default the input example, to a deployment or a URL at a constant rate. The
        outcome of a deployment is kept. Raises `UsageError` without a server, or for one on another machine
        unless the options allow that; `ModelFailure` if the server refuses the request."""
        from engine.model_tests.load import run_load

        recorded = self._recorded(target.model, target.version) if target.version else None
        if request is None:
            if recorded is None:
                raise UsageError("Without a model, a load test needs a request", hint="Add --request FILE.")
            request = recorded.template.request()
        test = run_load(target, request, options, on_progress=on_progress, cancel=cancel or CancelToken())
        if target.deployment and recorded is not None:
            from engine.model_tests.keeping import keep

            keep(self._access.uri, recorded.version, test)
        return test

    def predict(
        self, target: Target, path: Path, raw: bytes | None = None, *, allow_code: bool = False
    ) -> PredictedTable:
        """Predict the rows of a CSV file; `raw` are its bytes if they have been read. Raises
        `DatasetError`."""
        from engine.model_tests.predicting import predict_table

        types = self._recorded(target.model, target.version).types if target.version else {}
        return predict_table(lambda: self._scorer(target, allow_code=allow_code), path, raw, types)

    def log(self, test: LabelledTest | ShadowTest) -> str:
        """Log a test as a run of its own, in the experiment `MODEL-tests`; returns its id. Raises
        `ReadOnly`."""
        self._access.check_writable("Logging a test")
        from engine.model_tests.keeping import log_test

        return log_test(self._access.uri, self._store, test)

    def last(self, model: str, version: int) -> tuple[VersionTest, ...]:
        """The last test of each kind that this account made of a version, newest first."""
        from engine.evidence.version_tests import last_tests
        from engine.journal import server_name
        from engine.stores.records import find_version

        found = find_version(self._store.model_versions(model), model, version)
        return last_tests(server_name(self._access.uri), found)

    def close(self) -> None:
        """End the processes with models."""
        if self._processes is not None:
            self._processes.close()

    def _recorded(self, model: str, version: int) -> Recorded:
        from engine.model_tests.rows import read_recorded

        return read_recorded(self._access.uri, self._store, model, version)

    def _recorded_of(self, target: Target) -> Recorded:
        if not target.version:
            hint = "Name the version that is served there."
            raise UsageError(f"It is not known which version {target.name} serves", "", hint)
        return self._recorded(target.model, target.version)

    def _rows(self, recorded: Recorded, path: Path | None, label: str, *, needs_labels: bool = True) -> Rows:
        if path is None:
            return recorded.test_part()
        return recorded.rows_of(path, label, needs_labels=needs_labels)

    def _scorer(self, target: Target, *, allow_code: bool) -> Scorer:
        from engine.model_tests.answers import Processes, ServerScorer

        if target.url:
            return ServerScorer(target.url)
        if allow_code:
            self._access.check_writable("Loading a model that can run arbitrary code")
        if self._processes is None:
            self._processes = Processes(self._access.uri, self._store)
        return self._processes.scorer(target.model, target.version, allow_code=allow_code)
