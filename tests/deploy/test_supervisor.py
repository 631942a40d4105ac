"""One dead task is not a living service: it ends with its reason, and /healthz speaks for every task until it does."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from deploy.settings import PagesPart, Settings
from deploy.supervisor import ServiceFailed, Supervisor
from deploy.wiring import Service
from models.instants import EPOCH
from models.wire.observations import Fault
from streams.intake.append import Overloaded
from tests.support.service import PATIENCE_S, ROOT, Inside, falling, heard, serving, until

TASKS = (
    "owner", "intake", "boards", "configuration", "faults", "machine", "retention", "auditor", "pager", "check-ins", "audit",
    "forecaster",
)  # fmt: skip


# ---- the registry


async def forever() -> None:
    await asyncio.Event().wait()


async def breaks() -> None:
    raise ValueError("the disk\nis gone")


async def returns() -> None:
    pass


@pytest.fixture
async def tasks() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor()
    supervisor.start("good", forever())
    yield supervisor
    for name in supervisor.names:
        await supervisor.stopped(name, cancel=True)


async def test_a_task_that_raises_is_the_failure_with_its_reason_and_the_others_go_on(
    tasks: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.start("bad", breaks())
    await until(lambda: tasks.failure, "the failure")
    assert tasks.failure is not None
    assert tasks.failure.task == "bad"
    here = str(Path(__file__).relative_to(ROOT))
    assert str(tasks.failure).startswith(f"bad has failed: ValueError: the disk is gone ({here}:")
    health = tasks.health()
    assert health["good"] == "running"
    assert health["bad"].startswith("ValueError: the disk is gone")
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]


@pytest.mark.parametrize(
    ("work", "reason"), [(returns, "returned before it was told to stop"), (forever, "was cancelled")]
)
async def test_a_task_that_returns_or_is_cancelled_before_it_was_told_to_stop_has_failed(
    work: Callable[[], Coroutine[Any, Any, None]], reason: str
) -> None:
    tasks = Supervisor()
    tasks.start("one", work())
    await asyncio.sleep(0)
    tasks["one"].cancel()
    await until(lambda: tasks.failure, "the failure")
    assert str(tasks.failure) == f"one has failed: {reason}"
    assert tasks.health() == {"one": reason}


async def test_the_first_failure_is_the_reason_and_later_ones_are_logged(
    tasks: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.start("first", returns())
    await until(lambda: tasks.failure, "the failure")
    tasks.start("second", breaks())
    await until(lambda: tasks["second"].done() and len(caplog.records) == 2, "the second")
    assert tasks.failure is not None
    assert tasks.failure.task == "first"


async def test_what_was_told_to_stop_may_end(tasks: Supervisor, caplog: pytest.LogCaptureFixture) -> None:
    await tasks.stopped("good", cancel=True)
    assert tasks.failure is None
    assert caplog.records == []


async def test_whoever_waits_for_a_task_that_fails_does_not_wait_for_good(tasks: Supervisor) -> None:
    assert await tasks.unless_failed(asyncio.sleep(0, "done")) == "done"
    tasks.start("bad", breaks())
    with pytest.raises(ServiceFailed, match="bad has failed"):
        await tasks.unless_failed(forever())


# ---- the service


@pytest.fixture
async def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Inside]:
    monkeypatch.setattr("deploy.auditor.EVERY_S", 0.05)
    settings = Settings(pages=PagesPart(destinations=("console:",)))
    async with serving(tmp_path / "data", settings, forecasting=True) as inside:
        yield inside


async def test_health_names_every_task(clinic: Inside) -> None:
    health = await clinic.turns(200)
    assert health["tasks"] == dict.fromkeys(TASKS, "running")


def planted(*_: object, **__: object) -> NoReturn:
    raise LookupError("planted")


def ends_thread(*_: object) -> NoReturn:
    """Raise what no `except Exception` catches; a thread ends by it without a word."""
    raise SystemExit


async def break_(service: Service, task: str, clinic: Inside) -> None:
    """Have something raise in the middle of what the task does."""
    broken: Any = service
    match task:
        case "owner":
            broken.owner.shard.step = planted
        case "intake":
            broken.intake._deliver = planted
        case "boards":
            broken.turns = None
        case "configuration":
            broken._changed = planted
        case "faults":
            broken.intake.append = planted
            broken._faults.put_nowait(Fault(at=EPOCH, what="-", raised="-"))
        case "machine":
            broken._watched_clock.look = planted
        case "auditor":
            broken.auditor.audit = ends_thread
        case "pager":
            broken.pager._judge = planted
            await clinic.post(*falling("P-2"))
        case "audit":
            broken.trail._turn = planted
        case "check-ins":
            broken.checkin_sender._news.clear = planted
            broken.checkin_sender.wake()
        case "forecaster":
            broken.forecaster._news.clear = planted
            broken.forecaster._news.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("task", [name for name in TASKS if name != "retention"])  # that sleeps for an hour
async def test_a_task_that_breaks_ends_the_service_and_says_which_and_why(clinic: Inside, task: str) -> None:
    await clinic.post(*falling())
    await clinic.settled()
    await break_(clinic.service, task, clinic)
    await until(clinic.service.tasks[task].done, "the task to end")
    health = clinic.service.tasks.health()
    assert health[task] not in {"running", "stopped"}
    await until(clinic.ended, "the server to end by itself")
    assert str(clinic.service.tasks.failure).startswith(f"{task} has failed: ")
    with pytest.raises(httpx.ConnectError):
        await clinic.http.get("/healthz")


@pytest.mark.parametrize("killed", [name for name in TASKS if name != "owner"])
async def test_whatever_else_dies_the_owner_still_finishes_and_keeps_the_state(clinic: Inside, killed: str) -> None:
    await clinic.post(*falling())
    clinic.service.tasks[killed].cancel()
    await until(clinic.ended, "the server to end by itself")
    assert clinic.service.owner.checkpointed_offset == clinic.service.owner.written_offset > 0


async def test_a_start_that_fails_is_the_failure(tmp_path: Path) -> None:
    service = Service(tmp_path, Settings(), "observed", forecasting=False)
    service.journal.close()
    with pytest.raises(Overloaded):
        async with service.running():
            pass
    assert "start has failed: Overloaded: the journal cannot be written" in str(service.tasks.failure)


async def unknown(site: str) -> dict[str, Any]:
    raise KeyError(site)


async def test_what_cannot_be_shown_is_said_and_ends_nothing(
    clinic: Inside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A board's document decides nothing: a defect in it must not end the watch, nor pass for health."""
    monkeypatch.setattr("deploy.wiring.CHAIRS_EVERY_S", 0.01)
    async with clinic.http.stream("GET", "/v1/live") as board:
        events = heard(board)
        while (await anext(events)).name != "chairs":
            pass
        monkeypatch.setattr(clinic.service.views, "chairs", unknown)
        unwell = await clinic.turns(503)
        assert unwell["tasks"]["boards"].startswith("nothing can be shown: KeyError: 'main'")
        await clinic.post(*falling())
        assert [one["rule"] for one in await clinic.transitions()] == ["desaturation"]
        assert caplog.text.count("the chairs cannot be shown") == 1
        monkeypatch.delattr(clinic.service.views, "chairs")
        assert (await clinic.turns(200))["tasks"]["boards"] == "running"


DIES = """
import sys
from pathlib import Path
import deploy.http as http
from deploy.cli.app import app
from deploy.wiring import Service

class Dying(Service):
    async def append(self, records):
        await super().append(records)
        self.tasks["owner"].cancel()

http.Service = Dying
app(["serve", "--port", "0", "--data", sys.argv[1]])
"""


def test_a_process_whose_owner_died_exits_with_the_reason_on_its_last_line(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DIES, str(tmp_path)], stderr=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        assert process.stderr is not None
        address = process.stderr.readline().split()[2]
        sent = {"kind": "vitals", "at": "2026-11-23T14:00:00Z", "patient": "P-1", "spo2": 97}
        httpx.post(f"{address}/v1/observations", json=sent, timeout=PATIENCE_S)
        said = process.stderr.read().splitlines()
        assert process.wait(PATIENCE_S) == 1
    assert said[-1] == "chairside: owner has failed: was cancelled"
    assert sum("has failed" in line for line in said) == 2, "once in the log, once as the reason"
