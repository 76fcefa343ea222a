"""The table of deployments and the tracking server, and the details of one of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive

from engine import formats
from engine.api import milliseconds
from engine.text import Shown, cell_width, cut, safe
from tui.widgets.lines import Lines, field, paragraph
from tui.widgets.screen_lines import shorten_left
from tui.widgets.table import CellStyle, FirstWord, TableColumn, TextRow, TextSource
from tui.widgets.table.layout import GAP, GUTTER, MARGIN

if TYPE_CHECKING:
    from engine.api import Deployment, ServiceStatus, TrackingServer, VersionTest

STATES: Mapping[str, tuple[str, CellStyle]] = {
    "starting": ("◐", "warning"),
    "serving": ("●", "good"),
    "restarting": ("◐", "warning"),
    "swapping": ("◐", "warning"),
    "stopping": ("◐", "warning"),
    "stopped": ("○", "muted"),
    "failed": ("✗", "bad"),
    "lost": ("✗", "bad"),
    "unresponsive": ("!", "bad"),
}
"""Glyph and style of each state."""
COLOURS: Mapping[CellStyle, str] = {
    "good": "$success",
    "bad": "$error",
    "warning": "$warning",
    "muted": "$text-muted",
}
MAX_NAME = 32
MAX_DETAIL_LINES = 4
RESPONSE_STEPS = (0.1, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Service:
    """A deployment or a tracking server. `serves` is the version, or the store."""

    status: ServiceStatus
    serves: Shown
    deployment: Deployment | None = None
    server: TrackingServer | None = None
    test: VersionTest | None = None
    """The last test of the served version on labelled rows, of this deployment or not."""

    @property
    def name(self) -> str:
        return self.status.name

    @property
    def address(self) -> str:
        """Its URL on this machine."""
        return self.status.url

    @property
    def known(self) -> LookedUp | None:
        """What the registry said of it."""
        deployment = self.deployment
        if deployment is None:
            return None
        return LookedUp(deployment.served.version, deployment.newer, self.test, deployment.is_gone)

    @property
    def is_broken(self) -> bool:
        """Whether it does not serve, although nobody stopped it."""
        return STATES[self.status.state][1] == "bad"

    @property
    def has_ended(self) -> bool:
        return not self.status.running


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a registry says of a deployment that serves `version`: another one that its alias or stage names
    now, or that it names none, and the last test of the served one."""

    version: int
    newer: int | None = None
    test: VersionTest | None = None
    is_gone: bool = False


def of_deployment(deployment: Deployment, known: LookedUp | None = None) -> Service:
    """`known` is dropped if it is about another version than the deployment serves by now."""
    known = known if known is not None and known.version == deployment.served.version else None
    steady = replace(
        deployment,
        service=_steady(deployment.service),
        newer=None if known is None else known.newer,
        is_gone=known is not None and known.is_gone,
    )
    test = None if known is None else known.test
    own = test if test is not None and is_test_of(test, steady.service) else None
    return Service(steady.service, serves_text(steady, own), steady, test=test)


def is_test_of(test: VersionTest, status: ServiceStatus) -> bool:
    """Whether a test sent its rows to this deployment, since it was started."""
    return test.deployment == status.name and test.time >= status.started


def of_server(server: TrackingServer) -> Service:
    steady = replace(server, service=_steady(server.service), response_seconds=_step(server.response_seconds))
    return Service(steady.service, safe(server.facts.backend), server=steady)


def _steady(status: ServiceStatus) -> ServiceStatus:
    """With memory in whole megabytes: an idle service stays the same, and nothing is repainted."""
    return replace(status, memory=round(status.memory / 1e6) * 1_000_000)


def _step(seconds: float | None) -> float | None:
    """The response time rounded up to one of `RESPONSE_STEPS`, for the same reason."""
    if seconds is None:
        return None
    return next((step for step in RESPONSE_STEPS if seconds < step), math.inf)


def serves_text(deployment: Deployment, test: VersionTest | None = None) -> Shown:
    """`@champion → 2`, or `version 2`; with `now 3` if the alias or stage names another version by now, and
    with the last `test`: `(tested 56/61)`. The model comes first if the deployment has another name."""
    served = deployment.served
    if deployment.name != served.model:
        what: str = deployment.serves
    elif is_number(served.requested):
        what = f"version {served.version}"
    else:
        what = f"{safe(served.requested)} → {served.version}"
    what += "" if deployment.newer is None else f", now {deployment.newer}"
    what += ", now none" if deployment.is_gone else ""
    return Shown(what if test is None else f"{what} (tested {test.right}/{test.rows})")


def short_serves(text: Shown, width: int) -> Shown:
    """Shortened at the end of the model's name, so that the version stays: `heart_dis… → 2`."""
    name, arrow, version = text.partition(" → ")
    if not arrow:
        name, slash, version = text.rpartition("/")
        arrow = slash
    if not name or cell_width(text) <= width:
        return text
    tail = f"{arrow}{version}"
    return Shown(f"{cut(Shown(name), max(1, width - cell_width(tail)))}{tail}")


def is_number(requested: str) -> bool:
    """Whether a version was asked for, not an alias or a stage."""
    return requested.lstrip("/").isdecimal()


def state_text(status: ServiceStatus) -> Shown:
    """`● serving`"""
    return Shown(f"{STATES[status.state][0]} {status.state}")


HEADS = ("name", "serves", "where", "state", "up", "req/s", "p95", "memory", "errors", "restarts")
NAME, SERVES, WHERE, STATE = range(4)
BY_IMPORTANCE = (NAME, STATE, SERVES, WHERE, *range(4, len(HEADS)))
ALWAYS_SHOWN = frozenset({NAME, STATE, SERVES})
MIN_SERVES = 16
SCROLLBAR = 1
"""The cell that is kept free for it, so that no column is cut when it appears."""


def service_source(services: Sequence[Service], now: int, width: int) -> TextSource:
    """One row per service, in the order given. The least important columns are left out if they do not fit
    into `width` cells."""
    cells = [_cells(service, now) for service in services]
    widths = [
        max([cell_width(head), *(cell_width(row[at]) for row in cells)]) for at, head in enumerate(HEADS)
    ]
    natural = widths[SERVES]
    widths[NAME], widths[SERVES] = min(MAX_NAME, widths[NAME]), min(MIN_SERVES, natural)
    room = width - GUTTER - MARGIN + GAP - SCROLLBAR
    shown = []
    for at in BY_IMPORTANCE:
        if widths[at] + GAP > room and at not in ALWAYS_SHOWN:
            break
        shown.append(at)
        room -= widths[at] + GAP
    widths[SERVES] = min(natural, widths[SERVES] + max(0, room))
    shown.sort()
    columns = [TableColumn(HEADS[at], Shown(HEADS[at]), widths[at], numeric=at > STATE) for at in shown]
    return TextSource(columns, [_row(*each, shown, widths) for each in zip(services, cells, strict=True)])


def _row(service: Service, cells: Sequence[Shown], shown: Sequence[int], widths: Sequence[int]) -> TextRow:
    """The shown cells. The end of a store's address says more than its beginning."""
    styles = _styles(service)
    texts, deployment = list(cells), service.deployment
    if deployment is not None and cell_width(texts[SERVES]) > widths[SERVES]:
        texts[SERVES] = short_serves(serves_text(deployment), widths[SERVES])
    if service.server is not None:
        texts[SERVES] = shorten_left(texts[SERVES], widths[SERVES])
    return TextRow(
        service.name,
        [texts[at] for at in shown],
        {position: styles[at] for position, at in enumerate(shown) if at in styles},
    )


def _cells(service: Service, now: int) -> tuple[Shown, ...]:
    status = service.status
    return (
        safe(service.name),
        service.serves,
        formats.MISSING if service.has_ended else safe(f"{_host(status.host)}:{status.port}"),
        state_text(status),
        up_text(status, now),
        formats.MISSING if service.deployment is None else rate_text(status),
        milliseconds(status.p95),
        memory_text(status.memory),
        formats.MISSING if service.deployment is None else formats.count(status.errors),
        formats.count(status.restarts),
    )


def _styles(service: Service) -> dict[int, CellStyle | FirstWord]:
    status, deployment = service.status, service.deployment
    styles: dict[int, CellStyle | FirstWord] = {3: FirstWord(STATES[status.state][1])}
    if deployment is not None and (deployment.newer is not None or deployment.is_gone):
        styles[1] = "warning"
    if service.has_ended:
        styles |= {1: "muted", 2: "muted"}
    if status.errors:
        styles[8] = "warning"
    if status.restarts:
        styles[9] = "warning"
    return styles


def up_text(status: ServiceStatus, now: int) -> Shown:
    """How long it has run, swaps and restarts included: `8 s` while it starts, `< 1 min`, `12 min`, `3 h`."""
    if not status.running:
        return formats.MISSING
    if status.state != "starting" and now - status.started < 60_000:
        return Shown("< 1 min")
    return Shown(formats.ago(status.started, now).removesuffix(" ago"))


def rate_text(status: ServiceStatus) -> Shown:
    if status.rate is None:
        return formats.MISSING
    if 0 < status.rate < 0.1:
        return Shown("< 0.1")
    return Shown(f"{status.rate:.1f}" if 0 < status.rate < 10 else f"{status.rate:.0f}")


def memory_text(size: int) -> Shown:
    """`214 MB`"""
    if not size:
        return formats.MISSING
    return Shown(f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB")


class ServiceDetail(Lines):
    """What is known of one service."""

    DEFAULT_CSS = """
    ServiceDetail { padding: 0 1; }
    """

    service: reactive[Service | None] = reactive(None, layout=True)

    def lines(self, width: int) -> list[Content]:
        return [] if self.service is None else service_lines(self.service, width)


def service_lines(service: Service, width: int) -> list[Content]:
    status, deployment = service.status, service.deployment
    head = Content.assemble(
        (safe(service.name), "bold"), "  ", (state_text(status), COLOURS.get(STATES[status.state][1], ""))
    )
    lines = [head]
    if status.detail:
        style = "$error" if STATES[status.state][1] == "bad" else ""
        lines += paragraph([safe(status.detail)], width, MAX_DETAIL_LINES, style)
    if service.has_ended:
        again = "n deploys it again" if deployment is not None else "S starts it again"
        lines.append(Content.styled(f"{again} as it was", "$text-muted"))
    if deployment is not None:
        lines += field("serves", _version_items(deployment), width)
        lines += _version_hints(deployment, width)
        if service.test is not None:
            lines += field("tested", _test_items(service.test, status), width)
    if service.server is not None:
        lines += _server_lines(service.server, width)
    lines += field("address", [Content(safe(service.address))], width)
    if deployment is not None:
        lines += field("requests", _request_items(status), width)
    if status.last_swap:
        lines += field("last swap", [Content(safe(status.last_swap))], width)
    lines += field("processes", _process_items(status), width)
    if deployment is not None and deployment.served.requirements:
        differs = [Content(safe(each)) for each in deployment.served.requirements]
        lines += field("packages", [Content.styled("not as the model needs:", "$warning"), *differs], width)
    return lines


def _server_lines(server: TrackingServer, width: int) -> list[Content]:
    facts = server.facts
    accounts = f"accounts and passwords; the first is in {facts.password_file}" if facts.auth else "none"
    lines = field(
        "store", [Content(safe(facts.backend)), Content(f"artifacts {safe(facts.artifacts)}")], width
    )
    lines += field("login", [Content(safe(accounts))], width)
    items = [f"MLflow {facts.mlflow_version}", formats.counted(facts.workers, "worker")]
    items.append("runs jobs" if facts.jobs else "does not run jobs")
    if server.service.running:
        items.append(response_text(server.response_seconds))
    return lines + field("server", [Content(safe(item)) for item in items], width)


def response_text(seconds: float | None) -> str:
    if seconds is None:
        return "does not answer /health"
    return f"answers within {seconds:g} s" if math.isfinite(seconds) else "answers slowly"


def _version_items(deployment: Deployment) -> Iterable[Content]:
    served = deployment.served
    name = "" if is_number(served.requested) else f"  {safe(served.requested)}"
    yield Content.assemble(f"{safe(served.model)} {served.version}", (name, "$accent"))
    yield Content(safe(served.format))
    if served.code_owner:
        yield Content(f"runs code of {safe(served.code_owner)}")
    yield Content(f"environment {served.environment}")
    if deployment.note:
        yield Content.styled(deployment.note, "$warning")
    elif deployment.rows:
        yield Content(f"answered {formats.counted(deployment.rows, 'example row')} before it served")
    yield Content.styled(safe(served.tracking_uri), "$text-muted")


def _test_items(test: VersionTest, status: ServiceStatus) -> Iterable[Content]:
    if not is_test_of(test, status):
        how = f"at {safe(test.deployment)}, earlier" if test.deployment else "in process, not at this address"
        yield Content(f"the version {how}")
    yield Content(formats.moment(test.time))
    yield Content.styled(safe(test.text), "" if test.passed else "$error")


def _version_hints(deployment: Deployment, width: int) -> list[Content]:
    if not deployment.service.running:
        return []
    hints = []
    if deployment.newer is not None:
        text = f"{safe(deployment.served.requested)} now names version {deployment.newer}; s swaps to it"
        hints.append(Content.styled(text, "$warning"))
    if deployment.is_gone:
        text = f"{safe(deployment.served.requested)} names no version any more"
        hints.append(Content.styled(text, "$warning"))
    if deployment.previous is not None:
        hints.append(Content(f"before it: version {deployment.previous}; b goes back"))
    return field("", hints, width)


def _request_items(status: ServiceStatus) -> Iterable[Content]:
    if status.requests is None or status.errors is None:
        return
    yield Content(formats.counted(status.requests, "request"))
    yield Content.styled(formats.counted(status.errors, "error"), "$warning" if status.errors else "")
    if status.p50 is not None:
        yield Content(f"p50 {milliseconds(status.p50)}")
        yield Content(f"p95 {milliseconds(status.p95)}")


def _process_items(status: ServiceStatus) -> Iterable[Content]:
    if status.running:
        workers = status.processes
        yield Content(f"supervisor {status.pid}")
        yield Content(f"worker {workers[0]}" if len(workers) == 1 else f"{len(workers)} worker processes")
        yield Content(memory_text(status.memory))
    if status.restarts is not None:
        style = "$warning" if status.restarts else ""
        yield Content.styled(formats.counted(status.restarts, "restart"), style)
    yield Content(f"started {formats.moment(status.started)}")
