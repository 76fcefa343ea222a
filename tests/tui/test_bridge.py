"""The bridge between the event loop and the engine's threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from engine.errors import EngineError, NotFound
from tui.bridge import SPARE, Bridge


async def test_calls_one_after_the_other_take_the_same_thread() -> None:
    bridge = Bridge()
    threads = {await bridge.call(threading.get_ident) for _ in range(20)}
    assert len(threads) <= 2  # an answer may come before its thread is free again


async def test_no_call_waits_for_one_that_hangs() -> None:
    bridge, answered = Bridge(), threading.Event()
    hanging = [asyncio.create_task(bridge.call(answered.wait)) for _ in range(3 * SPARE)]
    await asyncio.sleep(0)
    assert await bridge.call(lambda: "answer") == "answer"
    assert bridge.pending == len(hanging)
    answered.set()
    assert all(await asyncio.gather(*hanging))
    assert bridge.pending == 0


async def test_an_answer_that_nobody_waits_for_is_dropped_and_its_thread_goes_on() -> None:
    bridge, answered = Bridge(), threading.Event()
    call = asyncio.create_task(bridge.call(answered.wait))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert bridge.pending == 0
    answered.set()
    assert await bridge.call(lambda: 1) == 1


async def test_only_engine_errors_come_back() -> None:
    def mistake() -> None:
        raise ZeroDivisionError("of our own")

    def missing() -> None:
        raise NotFound("There is no such run")

    bridge = Bridge()
    with pytest.raises(NotFound):
        await bridge.call(missing)
    with pytest.raises(EngineError, match="Internal error"):
        await bridge.call(mistake)
