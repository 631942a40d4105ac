"""The forecaster's own process: jobs in on stdin, replies out on stdout, so that the ward never waits for a forecast.

It is started when it is first needed, gives way to everything else on the machine, and ends when its parent does, however
that ends: its stdin closes. A message is four bytes of length and msgpack. It has no state between jobs, so one that dies
loses nothing. Never here: the store, the network, a decision.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgpack

from models.wire.home import CourseOut
from streams.forecasts.jobs import ForecastOutcome, ForecastRequest, PatientInput, course_page, make_forecasts
from streams.forecasts.shipped import shipped_pool

NICE: Final = 10
"""Below everything that watches somebody, above nothing."""
LENGTH: Final = struct.Struct(">I")


class WorkerFailed(RuntimeError):
    """The process died, or could not do a job; the message is its own."""


def answer(job: dict[str, Any]) -> Any:
    """Do one job: ``forecast`` or ``course_page``."""
    if job["task"] == "page":
        return course_page(job["patient"], job["entries"], job["as_of"], job["every_days"])
    wanted = [(ForecastRequest(**each["asked"]), PatientInput(each["entries"], each["kept"])) for each in job["wanted"]]
    return [
        [made.forecast, made.why_not, made.cached, made.entries_read] for made in make_forecasts(wanted, shipped_pool())
    ]


def answer_jobs(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Read jobs and write a reply for each, until the input ends: also in the middle of a job, where whoever asked was killed."""
    while len(head := incoming.read(LENGTH.size)) == LENGTH.size:
        length = LENGTH.unpack(head)[0]
        if len(asked := incoming.read(length)) < length:
            return
        job = msgpack.unpackb(asked)
        try:
            reply = {"answer": answer(job)}
        except Exception as wrong:  # noqa: BLE001  # one bad job must not end the process
            reply = {"failed": f"{type(wrong).__name__}: {wrong}"}
        packed = msgpack.packb(reply)
        outgoing.write(LENGTH.pack(len(packed)) + packed)
        outgoing.flush()


class Worker:
    """The parent's side: one process, one job at a time, begun again when it has died."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._half_read = False
        """A job was begun and its reply not read to the end: whoever comes next would read it as theirs."""
        self._closed = False

    async def forecasts(self, wanted: Sequence[tuple[ForecastRequest, PatientInput]]) -> list[ForecastOutcome]:
        """The outcome of each request, in order: a forecast, or None and why not.

        Raises:
            WorkerFailed: no answer came; nothing was lost, ask again.
        """
        jobs = [{"asked": asdict(request), "entries": jobs.entries, "kept": jobs.cached} for request, jobs in wanted]
        answers = await self._ask({"task": "forecast", "wanted": jobs})
        return [ForecastOutcome(request, *answer) for (request, _), answer in zip(wanted, answers, strict=True)]

    async def page(self, patient: str, entries: list[dict[str, Any]], as_of: int, every_days: int) -> CourseOut:
        """The data of one patient's page (`jobs.course_page`).

        Raises:
            WorkerFailed: as above.
        """
        job = {"task": "page", "patient": patient, "entries": entries, "as_of": as_of, "every_days": every_days}
        found: CourseOut = await self._ask(job)
        return found

    async def _ask(self, job: dict[str, Any]) -> Any:
        try:
            packed = msgpack.packb(job)
        except (OverflowError, TypeError, ValueError) as wrong:
            raise WorkerFailed(f"the entries cannot be packed: {wrong}") from wrong
        async with self._turn:
            process = await self._running()
            if process.stdin is None or process.stdout is None:
                raise WorkerFailed("no pipe to the forecaster's process")
            self._half_read = True
            try:
                process.stdin.write(LENGTH.pack(len(packed)) + packed)
                await process.stdin.drain()
                head = await process.stdout.readexactly(LENGTH.size)
                reply = msgpack.unpackb(await process.stdout.readexactly(LENGTH.unpack(head)[0]))
            except (OSError, asyncio.IncompleteReadError) as died:
                raise WorkerFailed("the forecaster's process died in the middle of a job") from died
            except asyncio.CancelledError:
                self.kill()  # it must not work on for nobody
                raise
            self._half_read = False
        if "failed" in reply:
            raise WorkerFailed(reply["failed"])
        return reply["answer"]

    async def _running(self) -> asyncio.subprocess.Process:
        if self._closed:
            raise WorkerFailed("the forecaster's process is ended for good")
        if self._half_read or (self._process is not None and self._process.returncode is not None):
            await self._end()
        if self._process is None:
            path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "streams.forecasts.worker", env={**os.environ, "PYTHONPATH": path},
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        return self._process

    def kill(self) -> None:
        """As a machine that runs out of memory would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def close(self) -> None:
        """End the process, for good: who asks after this is told so."""
        self._closed = True
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        """Kill the process, wait for it, and read its pipe to the end: asyncio closes a process's transport only then, and one
        that is open when the loop ends complains on stderr.
        """
        if self._process is not None:
            self.kill()
            await self._process.communicate()
        # Last: who is cancelled above leaves the process to whoever comes next.
        self._process, self._half_read = None, False


if __name__ == "__main__":
    os.nice(NICE)
    try:
        answer_jobs(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        # Nobody waits for the answer any more; what is left in the buffer must not be tried again at exit.
        os._exit(0)
