"""Supervision: the tasks of a service by name, so that one that fails ends the process with its reason.

A service whose owner is dead and whose routes still answer is worse than none: posts are accepted and nobody is watched. So
nothing is restarted in here. The first task that raises, is cancelled by somebody else, or returns before it was told to stop
is the service's failure; the host stops in order, says so in one line and exits with a status that is not 0, and whoever
started it (systemd, a container engine) starts it again from its checkpoint.
Never here: which tasks there are, the order in which they stop.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
_ROOT: Final = Path(__file__).resolve().parent.parent


class ServiceFailed(RuntimeError):
    """A task of the service has failed; `task` names it, the message says why and where."""

    def __init__(self, task: str, reason: str) -> None:
        super().__init__(f"{task} has failed: {reason}")
        self.task, self.reason = task, reason


class Supervisor:
    """The tasks of one service. `failure` is the first that failed; None while all is well."""

    def __init__(self) -> None:
        self.failure: ServiceFailed | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[str] = set()
        self._failed = asyncio.Event()

    def __getitem__(self, name: str) -> asyncio.Task[None]:
        return self._tasks[name]

    @property
    def names(self) -> list[str]:
        """The names of all tasks that were started, in order."""
        return list(self._tasks)

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` until it is told to stop; before that it must neither return nor raise."""
        task = self._tasks[name] = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)

    def stopping(self, name: str) -> asyncio.Task[None]:
        """The task was told to stop: from now on it may end. Its failure from now on is logged, and no failure of the service."""
        self._stopping.add(name)
        return self._tasks[name]

    async def stopped(self, name: str, *, cancel: bool = False) -> None:
        """Return when a task that was told to stop has ended, well or not."""
        task = self.stopping(name)
        if cancel:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def unless_failed(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which needs the tasks.

        Raises:
            ServiceFailed: a task failed first, so `work` might never end.
        """
        wanted, failed = asyncio.ensure_future(work), asyncio.ensure_future(self._failed.wait())
        try:
            await asyncio.wait({wanted, failed}, return_when=asyncio.FIRST_COMPLETED)
            if not wanted.done() and self.failure is not None:
                raise self.failure
            return await wanted
        finally:
            wanted.cancel()
            failed.cancel()

    def health(self) -> dict[str, str]:
        """Of each task: ``running``, ``stopped``, or what it failed with."""
        return {name: self._state(name, task) for name, task in self._tasks.items()}

    def _state(self, name: str, task: asyncio.Task[None]) -> str:
        if not task.done():
            return "running"
        return self._reason(task) or ("stopped" if name in self._stopping else "returned before it was told to stop")

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = task.get_name()
        reason = self._reason(task)
        if name in self._stopping:
            if reason and not task.cancelled():
                log.error("%s ended badly: %s", name, reason)
            return
        self.fail(name, reason or "returned before it was told to stop", None if task.cancelled() else task.exception())

    def fail(self, name: str, reason: str, raised: BaseException | None = None) -> None:
        """Whatever goes by this name has failed: log it, and make it the service's failure if it is the first."""
        failure = ServiceFailed(name, reason)
        log.critical("%s; Chairside ends", failure, exc_info=raised)
        if self.failure is None:
            self.failure = failure
            self._failed.set()

    @staticmethod
    def _reason(task: asyncio.Task[None]) -> str:
        if task.cancelled():
            return "was cancelled"
        raised = task.exception()
        return "" if raised is None else reason_of(raised)


def reason_of(raised: BaseException) -> str:
    """An exception as one line: its type, what it says, and where it was raised."""
    while isinstance(raised, BaseExceptionGroup):
        raised = raised.exceptions[0]
    said = " ".join(str(raised).split()) or "nothing more is said"
    frames = traceback.extract_tb(raised.__traceback__)
    where = f" ({_place(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(raised).__name__}: {said}{where}"


def _place(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else path.name
