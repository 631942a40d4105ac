"""A virtual clock for code that waits: an event loop whose time moves on at once when nobody has anything to do.

What the code under test would give to a thread (the disk, the database) runs in its place in the loop, through `Machine`, which
may delay it, refuse it, or let the process die before or after it. So a night takes a second, and the same seed the same night.
Bad at: two threads that meet. Never here: what is simulated on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol

_RESOLUTION_S: Final = 1e-6


class Machine(Protocol):
    """What becomes of a call that leaves the loop."""

    def call(self, loop: VirtualLoop, name: str, work: Callable[[], Any]) -> asyncio.Future[Any]: ...


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop whose `time` begins at `now_s`. It has no sockets."""

    def __init__(self, now_s: float, machine: Machine) -> None:
        super().__init__()
        self._now_s = now_s
        self._machine = machine
        self._clock_resolution = _RESOLUTION_S
        self._selector = self
        self.died = False
        """The process is dead: what still runs changes nothing outside it."""
        self.set_exception_handler(lambda loop, context: None)

    def time(self) -> float:
        return self._now_s

    def select(self, timeout: float | None = None) -> list[Any]:
        """Called by the loop when it has nothing to do for so long."""
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will come")
        self._now_s += timeout
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]  # no executor is asked
        called = func
        while isinstance(called, partial):  # of `asyncio.to_thread`: the context's `run`, of what is to be called
            called = called.args[0]
        if self.died:
            return failed(self, RuntimeError("the process is dead"))
        return self._machine.call(self, getattr(called, "__name__", ""), partial(func, *args))

    def die(self) -> None:
        """The process ends here: nothing that it was about to do is done."""
        self.died = True
        self.stop()

    def _over(self, _task: object) -> None:
        self.stop()

    def live(self, life: Any) -> None:
        """Run a coroutine until it returns or the process dies, and let go of all that was begun."""
        task = self.create_task(life)
        task.add_done_callback(self._over)
        try:
            self.run_forever()
            died, self.died = self.died, True
            task.remove_done_callback(self._over)
            while rest := [each for each in asyncio.all_tasks(self) if not each.done()]:
                for each in rest:
                    each.cancel()
                with suppress(asyncio.CancelledError):
                    self.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
            if not died:
                task.result()
        finally:
            self.close()


def done(loop: asyncio.AbstractEventLoop, work: Callable[[], Any]) -> asyncio.Future[Any]:
    """What a call gives, or raises."""
    future: asyncio.Future[Any] = loop.create_future()
    try:
        future.set_result(work())
    except Exception as raised:  # noqa: BLE001  # as an executor hands it over
        future.set_exception(raised)
    return future


def failed(loop: asyncio.AbstractEventLoop, error: Exception) -> asyncio.Future[Any]:
    """A call that raises."""
    future: asyncio.Future[Any] = loop.create_future()
    future.set_exception(error)
    return future


def later(
    loop: asyncio.AbstractEventLoop, wait_s: float, work: Callable[[], Any], alive: Callable[[], bool]
) -> asyncio.Future[Any]:
    """What a call gives after a wait; nothing, where the process died meanwhile."""
    future: asyncio.Future[Any] = loop.create_future()

    def run() -> None:
        if not alive() or future.done():
            return
        try:
            future.set_result(work())
        except Exception as raised:  # noqa: BLE001  # as an executor hands it over
            future.set_exception(raised)

    loop.call_later(wait_s, run)
    return future
