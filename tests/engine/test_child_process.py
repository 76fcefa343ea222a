"""Child processes that answer through a pipe."""

from __future__ import annotations

import os

from engine.child_process import start_child


def test_a_child_process_exits_by_itself_while_a_thread_waits_for_its_input() -> None:
    child = start_child("engine.model_tests.load_worker", folder=None, environment=os.environ)
    assert child.process.stdin is not None
    with child.process.stdin as orders:
        orders.write(b"not JSON\n")
        orders.flush()
        assert child.process.wait() == 1  # not aborted: standard input is still open
    os.close(child.answers)
