"""Model versions as HTTP services of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import ReadOnly, StoreRefused
from engine.jobs import CancelToken, OnProgress, no_progress

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.serving.deployments import DeployOptions, Registry
    from engine.serving.records import Deployment


class Deployments:
    """The deployments of this account, whatever store their models are from. They outlive the console."""

    def __init__(self, *, read_only: bool, access: StoreAccess | None = None) -> None:
        """Without `access` to a store, nothing can be deployed, but what runs can be looked after."""
        self._read_only = read_only
        self._access = access

    def all(self) -> tuple[Deployment, ...]:
        """All deployments by name, running or not. Reads no store: `newer` is None."""
        from engine.serving.deployments import all_deployments

        return all_deployments()

    def failed(self) -> tuple[str, ...]:
        """The names of deployments and tracking servers that do not run, or do not answer, although nobody
        stopped them."""
        from engine.services.control import all_services
        from engine.services.records import RUNNING

        return tuple(found.name for found in all_services() if found.state not in {*RUNNING, "stopped"})

    def with_newer(self, deployments: Sequence[Deployment]) -> tuple[Deployment, ...]:
        """The deployments with `newer` looked up, in the stores that their models are from. Raises
        `StoreError`."""
        from engine.serving.deployments import with_newer

        found = {deployment.name: deployment for deployment in deployments}
        for place in {deployment.served.tracking_uri for deployment in deployments}:
            theirs = [each for each in deployments if each.served.tracking_uri == place]
            with self._registry(theirs[0]) as registry:
                found.update((each.name, each) for each in with_newer(registry, theirs))
        return tuple(found.values())

    def is_from_here(self, deployment: Deployment) -> bool:
        """Whether what it serves is from the open store."""
        from engine.journal import server_name

        return self._access is not None and deployment.served.tracking_uri == server_name(self._access.uri)

    def find(self, name: str) -> Deployment:
        """One deployment. Raises `NotFound`."""
        from engine.serving.deployments import find

        return find(name)

    def deploy(
        self,
        reference: str,
        options: DeployOptions | None = None,
        *,
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> Deployment:
        """Deploy the version that `MODEL[@ALIAS|/STAGE|/VERSION]` names now, and wait until it has answered
        its recorded input example. Raises `UntrustedModel` if that can run code that came with the model,
        unless the options allow it; `ServiceError` if it does not get ready; `Cancelled`."""
        self._check_writable("Deploying")
        from engine.serving.deployments import DeployOptions, deploy

        with self._registry() as registry:
            return deploy(registry, reference, options or DeployOptions(), on_progress, cancel)

    def swap(
        self,
        name: str,
        version: int | None = None,
        *,
        allow_code: bool = False,
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> Deployment:
        """Serve another version, by default the one that the alias or stage of the deployment names now,
        without a failed request. Raises like `deploy`; the version before then goes on serving."""
        self._check_writable("Swapping")
        from engine.serving.deployments import swap

        with self._registry(self.find(name)) as registry:
            return swap(
                registry, name, version, allow_code=allow_code, on_progress=on_progress, cancel=cancel
            )

    def back(self, name: str, *, cancel: CancelToken | None = None) -> Deployment:
        """Serve what the last swap replaced. Raises `ServiceError`, `NotFound`."""
        self._check_writable("Going back")
        from engine.serving.deployments import back

        return back(name, cancel)

    def stop(self, name: str) -> Deployment:
        """End a deployment with all its processes. Raises `ServiceError`, `NotFound`."""
        self._check_writable("Stopping a deployment")
        from engine.serving.deployments import stop

        return stop(name)

    def remove(self, name: str) -> None:
        """Forget a deployment that does not run, with its files and its log. Raises `ServiceError`,
        `NotFound`."""
        self._check_writable("Removing a deployment")
        from engine.serving.deployments import remove

        remove(name)

    def log(self, name: str, lines: int = 200) -> tuple[str, ...]:
        """The last lines of a deployment's log, oldest first; raw text. Raises `NotFound`, `ServiceError`."""
        from engine.services.service_log import tail

        return tuple(tail(self.find(name).service.log, lines))

    def follow(self, name: str, cancel: CancelToken) -> Iterator[str]:
        """The lines of its log as they are written, until cancelled. Raises like `log`."""
        from engine.services.service_log import follow

        return follow(self.find(name).service.log, cancel)

    def unit(self, name: str) -> str:
        """A hardened unit for `systemd --user` that runs the deployment. Raises `NotFound`."""
        from engine.services.unit import unit

        return unit(self.find(name).service.spec)

    @contextmanager
    def _registry(self, deployment: Deployment | None = None) -> Iterator[Registry]:
        """The store that a deployment's model is from: this engine's, or, if it is another one, opened for
        now."""
        from engine.journal import server_name
        from engine.serving.deployments import Registry
        from engine.stores import open_store
        from engine.uri import TrackingUri

        access = self._access
        place = None if deployment is None else deployment.served.tracking_uri
        if access is not None and place in (None, server_name(access.uri)):
            yield Registry(access.uri, access.store)
            return
        if place is None or "***" in place:
            raise StoreRefused(
                "The store of this deployment needs a password, which is not kept",
                place or "",
                "Open the console, or run the command, with its tracking URI.",
            )
        store = open_store(uri := TrackingUri(place))
        try:
            yield Registry(uri, store)
        finally:
            store.close()

    def _check_writable(self, action: str) -> None:
        if self._read_only:
            raise ReadOnly(action, "The console was started with --read-only.")
