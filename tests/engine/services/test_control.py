"""Services from start to removal, with real processes and sockets."""

from __future__ import annotations

import pytest

from engine.errors import NotFound
from engine.services import control, service_log
from tests.engine.services.conftest import get, own_processes, start, worker_spec


def test_a_service_is_started_found_stopped_and_removed() -> None:
    status = start(worker_spec())
    assert (status.state, status.facts) == ("serving", {"name": "one"})
    assert get(status) == "one"
    [found] = control.all_services()
    assert found.pid == status.pid
    assert found.memory > 10_000_000
    assert len(found.processes) == 1

    assert control.stop("heart").state == "stopped"
    assert own_processes() == []
    assert "one is ready" in service_log.tail(status.log, 10)
    control.remove("heart")
    assert control.all_services() == []
    with pytest.raises(NotFound, match="heart"):
        control.find("heart")
