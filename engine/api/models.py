"""Registered models: read them, promote and undo, and smoke-test a version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from engine.entities import ModelVersion, RegisteredModel, Run, Stage

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.errors import StagesUnsupported
    from engine.journal import JournalEntry
    from engine.registry.approval import Request
    from engine.registry.comparison import VersionComparison
    from engine.registry.history import ModelHistory
    from engine.registry.lineage import Place, Station
    from engine.registry.promotion.apply import PromotionPlan, PromotionResult
    from engine.registry.promotion.policy import Policy
    from engine.registry.registration import CopyPlan, Registered, RegistrationPlan
    from engine.registry.removal import RemovalPlan, RemovalResult
    from engine.registry.smoke_test import SmokeTestResult
    from engine.runs.saved.store import SavedViews


class Models:
    """The model registry of a tracking store."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access
        self._store = access.store

    def registered(self) -> tuple[RegisteredModel, ...]:
        """All registered models, by name."""
        return self._store.registered_models()

    def model(self, name: str) -> RegisteredModel:
        """One registered model. Raises `NotFound`."""
        return self._store.registered_model(name)

    def versions(self, model: str) -> tuple[ModelVersion, ...]:
        """The versions of a model, newest first. Raises `NotFound`."""
        from engine.registry.history import remember

        versions = self._store.model_versions(model)
        remember(self._access.uri, model, versions)
        return versions

    def source_runs(self, versions: Iterable[ModelVersion]) -> dict[str, Run | None]:
        """The source runs of versions by id, None for a missing one; few requests, however many versions."""
        from engine.registry.version_rows import source_runs

        return source_runs(self._store, versions)

    def saved_views(self, model: str) -> SavedViews:
        """The saved views of a model's versions."""
        from engine.paths import views_file
        from engine.runs.saved.store import SavedViews, ViewFile

        return SavedViews(ViewFile(views_file(), "model"), self._access.uri.shown, model)

    def logged_metrics(
        self, versions: Iterable[ModelVersion], sources: Mapping[str, Run | None]
    ) -> Mapping[str, Mapping[str, float]]:
        """The metrics of the logged models of versions by model id, with few requests. `sources` are the
        source runs."""
        from engine.registry.version_rows import logged_metrics

        return logged_metrics(self._store, versions, sources)

    def prompt_count(self) -> int | None:
        """How many prompts the registry holds, which are not listed as models; None if the store cannot
        say."""
        return self._store.prompt_count()

    def history(self, model: str) -> ModelHistory:
        """Who had which stage and alias when, as far as this account can know. Raises `NotFound`."""
        from engine.editing.plan import former_names
        from engine.registry.history import history

        uri = self._access.uri
        return history(self._store, uri, model, former_names(uri, model))

    def lineage(self, model: str, version: int) -> tuple[Station, ...]:
        """What a version comes from: the version, its logged model, run, experiment and datasets, with the
        links between them, also broken ones. Raises `NotFound`."""
        from engine.registry.lineage import walk

        return walk(self._store, model, version)

    def station(self, place: Place) -> Station:
        """One stop of a lineage. Raises `NotFound`."""
        from engine.registry.lineage import read_station

        return read_station(self._store, place)

    def compare(self, model: str, versions: Iterable[int]) -> VersionComparison:
        """Versions of a model with their source runs, not yet with their signatures. Raises `NotFound`."""
        from engine.registry.comparison import read_versions

        return read_versions(self._store, model, versions)

    def with_signatures(self, found: VersionComparison) -> VersionComparison:
        """The comparison with the signatures of the versions, which may be on a slow host."""
        from engine.registry.comparison import read_signatures

        return replace(found, signatures=read_signatures(self._store, self._access.uri, found))

    def without_stages(self, model: str) -> StagesUnsupported | None:
        """What a registry without stages says of them; None if it has them, or does not tell."""
        return self._store.stages.problem(model)

    def plan_promotion(
        self,
        model: str,
        version: int,
        *,
        stage: Stage | None = None,
        alias: str | None = None,
        archive_existing: bool = True,
    ) -> PromotionPlan:
        """What a promotion would change. Give exactly one of `stage` and `alias`. Writes nothing."""
        from engine.registry.promotion.apply import plan_promotion

        return plan_promotion(
            self._store,
            self._access.uri,
            model,
            version,
            stage=stage,
            alias=alias,
            archive_existing=archive_existing,
        )

    def plan_undo(self, entry: JournalEntry | None = None) -> PromotionPlan:
        """What undoing a journalled promotion, this store's last one by default, would change. Writes
        nothing."""
        from engine.registry.promotion.apply import plan_undo

        return plan_undo(self._store, self._access.uri, entry)

    def plan_registration(
        self,
        model: str,
        run_id: str,
        *,
        logged: str = "",
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> RegistrationPlan:
        """What registering the model of a run would create: `logged` names it if the run has several. Without
        a `description` one is made from metrics and parameters. Writes nothing. Raises `UsageError`,
        `NotFound`."""
        from engine.registry.registration import plan_registration

        return plan_registration(
            self._store,
            self._access.uri,
            model,
            run_id,
            logged=logged,
            description=description,
            tags=tags,
        )

    def register(self, plan: RegistrationPlan, *, reason: str = "") -> Registered:
        """Register a version and wait until it is ready. Raises `WriteError`."""
        self._access.check_writable("Registering")
        from engine.registry.registration import register

        return register(self._store, self._access.uri, plan, reason=reason)

    def plan_copy(self, model: str, version: int, to: str) -> CopyPlan:
        """What copying a version to the model `to`, which may be new, would create. Writes nothing. Raises
        `UsageError`, `NotFound`."""
        from engine.registry.registration import plan_copy

        return plan_copy(self._store, self._access.uri, model, version, to)

    def copy(self, plan: CopyPlan, *, reason: str = "") -> ModelVersion:
        """Copy a version and wait until the copy is ready. `discard_registration` undoes it. Raises
        `WriteError`."""
        self._access.check_writable("Copying a version")
        from engine.registry.registration import copy

        return copy(self._store, self._access.uri, plan, reason=reason)

    def plan_removal(self, model: str, version: int | None = None) -> RemovalPlan:
        """What deleting a version of a model, or without one the model, would lose. Writes nothing. Raises
        `NotFound`."""
        from engine.journal import server_name
        from engine.registry.removal import plan_removal
        from engine.serving.deployments import all_deployments

        here = server_name(self._access.uri)
        serving = [
            (deployment.name, deployment.served.version)
            for deployment in all_deployments()
            if (deployment.served.model, deployment.served.tracking_uri) == (model, here)
        ]
        return plan_removal(self._store, self._access.uri, model, version, serving)

    def remove(self, plan: RemovalPlan, *, reason: str = "") -> RemovalResult:
        """Delete a version or a model, which MLflow cannot restore, read back, and write the journal. Raises
        `Conflict` when the model has changed since the plan was made."""
        self._access.check_writable("Deleting a version" if not plan.is_whole else "Deleting a model")
        from engine.registry.history import remember
        from engine.registry.removal import apply_removal

        result = apply_removal(self._store, self._access.uri, plan, reason=reason)
        if not plan.is_whole:
            remember(self._access.uri, plan.model.name, result.versions)
        return result

    def finish_registration(self, entry: JournalEntry) -> Registered:
        """Complete an interrupted registration. Raises `UsageError` if nothing of it is left."""
        self._access.check_writable("Registering")
        from engine.registry.registration import finish

        return finish(self._store, self._access.uri, entry)

    def promotions_after(self, entry: JournalEntry) -> tuple[JournalEntry, ...]:
        """The promotions of a registered version that `discard_registration` undoes first if the version is
        in use, newest first. Raises `WriteError` if the journal cannot be read."""
        from engine.registry.registration import promotions_after

        return promotions_after(entry)

    def discard_registration(self, entry: JournalEntry) -> str:
        """Undo a registration and the promotions of the version by this account, or remove what is left of an
        interrupted one. Returns what was undone and removed. Raises `UsageError` if the version is in use,
        `PromotionError` if the registry has changed since its promotion."""
        self._access.check_writable("Undoing")
        from engine.registry.registration import discard

        return discard(self._store, self._access.uri, entry)

    def request(self, model: str, version: int, target: str, *, reason: str = "") -> ModelVersion:
        """Ask others to approve the promotion of a version to `target` (`Production`, `@champion`). Returns
        the version as read back. Raises `UsageError`, `NotFound`, `WriteError`."""
        self._access.check_writable("Requesting a promotion")
        from engine.registry.approval import request
        from engine.registry.promotion.plan import target_name

        return request(self._store, self._access.uri, model, version, target_name(target), reason)

    def decide(self, model: str, version: int, *, approved: bool, reason: str = "") -> ModelVersion:
        """Approve or reject the request that waits on a version. Returns the version as read back. Raises
        `UsageError` if none waits, `GateError` if a policy wants someone else to approve it, `NotFound`,
        `WriteError`."""
        self._access.check_writable("Approving" if approved else "Rejecting")
        from engine.registry.approval import decide
        from engine.registry.promotion.policy import objection

        return decide(
            self._store,
            self._access.uri,
            model,
            version,
            approved=approved,
            reason=reason,
            objection=partial(objection, self.policies(model)),
        )

    def waiting(self, model: str) -> tuple[tuple[ModelVersion, Request], ...]:
        """The versions of a model whose requests are not decided, oldest request first. Raises `NotFound`."""
        from engine.registry.approval import waiting

        return waiting(self.versions(model))

    def policies(self, model: str) -> tuple[Policy, ...]:
        """What must hold before versions of a model may be promoted, from this account's file and the model's
        tag. Raises `UsageError` for an invalid policy, `NotFound`."""
        from engine.registry.promotion.policy import policies_of

        return policies_of(self._store.registered_model(model))

    def policies_for(self, model: str, target: str) -> tuple[Policy, ...]:
        """The policies that apply to a target (`Production`, `@champion`) of a model, which may be new; none
        if they cannot be read: a promotion then has a gate that says so. Raises `UsageError` for a target
        that does not exist."""
        from engine.entities import RegisteredModel
        from engine.errors import NotFound, UsageError
        from engine.registry.promotion.plan import target_name
        from engine.registry.promotion.policy import policies_of

        wanted = target_name(target)
        try:
            found = self._store.registered_model(model)
        except NotFound:
            found = RegisteredModel(model)
        try:
            return tuple(policy for policy in policies_of(found) if policy.applies_to([wanted]))
        except UsageError:
            return ()

    def set_policy(self, model: str, text: str) -> None:
        """Write the policy of a model for all consoles as TOML; an empty text removes it. Raises `UsageError`
        for an invalid one."""
        self._access.check_writable("Changing a policy")
        from engine.registry.promotion.policy import set_policy

        set_policy(self._store, self._access.uri, model, text)

    def promote(self, plan: PromotionPlan, *, reason: str = "", force: str = "") -> PromotionResult:
        """Apply a plan, verify by reading back, repair, and write the journal. `force` is why gates that are
        not passed do not count. Raises `GateError` without it, and `Conflict` when the registry has changed
        since the plan was made."""
        self._access.check_writable("Promoting")
        from engine.registry.history import remember
        from engine.registry.promotion.apply import apply_promotion

        result = apply_promotion(self._store, self._access.uri, plan, reason=reason, force=force)
        remember(self._access.uri, plan.model, result.versions)
        return result

    def smoke_test(self, model: str, version: int, *, allow_code: bool = False) -> SmokeTestResult:
        """Load a version in a separate process and predict its input example. Raises `UntrustedModel` if
        it can run arbitrary code, unless `allow_code`; a read-only engine never allows it."""
        if allow_code:
            self._access.check_writable("Loading a model that can run arbitrary code")
        from engine.registry.smoke_test import smoke_test_version

        return smoke_test_version(self._access.uri, self._store, model, version, allow_code=allow_code)
