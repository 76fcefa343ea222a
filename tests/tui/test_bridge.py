"""The bridge between the event loop and engine threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from engine.errors import EngineError, NotFound
from tui.bridge import MAX_IDLE_THREADS, Bridge


async def test_consecutive_calls_reuse_a_thread() -> None:
    bridge = Bridge()
    threads = {await bridge.call(threading.get_ident) for _ in range(20)}
    assert len(threads) < 20  # a result may arrive before its thread is idle


async def test_a_hanging_call_blocks_no_other_call() -> None:
    bridge, released = Bridge(), threading.Event()
    hanging = [asyncio.create_task(bridge.call(released.wait)) for _ in range(3 * MAX_IDLE_THREADS)]
    await asyncio.sleep(0)
    assert await bridge.call(lambda: "answer") == "answer"
    assert bridge.pending == len(hanging)
    released.set()
    assert all(await asyncio.gather(*hanging))
    assert bridge.pending == 0


async def test_the_result_of_a_cancelled_call_is_dropped() -> None:
    bridge, released = Bridge(), threading.Event()
    call = asyncio.create_task(bridge.call(released.wait))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert bridge.pending == 0
    released.set()
    assert await bridge.call(lambda: 1) == 1


async def test_unexpected_exceptions_become_internal_errors() -> None:
    def unexpected() -> None:
        raise ZeroDivisionError("unexpected")

    def missing() -> None:
        raise NotFound("Run x not found")

    bridge = Bridge()
    with pytest.raises(NotFound):
        await bridge.call(missing)
    with pytest.raises(EngineError, match="Internal error"):
        await bridge.call(unexpected)
