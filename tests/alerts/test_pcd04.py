"""Alerts to an alarm manager as IHE PCD-04, against python-hl7's own MLLP server: what it reads, and what counts as taken."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hl7
import pytest
import trustme
from hl7.mllp import start_hl7_server

from alerts.effects import Cause, FrameEffects, Page, Transition
from alerts.notify.destination import Message, Outcome
from alerts.notify.notifiers import open_destination
from alerts.notify.pager import Pager
from alerts.notify.pcd04_message import Receiver, alert_message, phase_of
from alerts.store.alert_list import AlertNow
from alerts.store.store import Store
from models.instants import SECOND, iso
from models.tables.nomenclature import EVENTS, mdc_number
from models.tables.rules import RULES
from models.wire.live import AlertPhase
from tests.support.paging import START, Clock, page
from tests.support.service import until

EVIDENCE = {"channel": "spo2", "value": 85, "limit": 90, "past": "below", "unit": "%", "chair": "3"}


@dataclass
class Manager:
    """An alarm manager: what came, and how it answers each message."""

    answer: Callable[[hl7.Message], str | None] = lambda message: str(message.create_ack())
    port: int = 0
    came: list[hl7.Message] = field(default_factory=list)


@asynccontextmanager
async def managing(manager: Manager, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Manager]:
    async def serve(reader: Any, writer: Any) -> None:
        try:
            while True:
                message = await reader.readmessage()
                manager.came.append(message)
                answer = manager.answer(message)
                if answer is None:
                    return
                if answer:
                    writer.writeblock(answer.encode())
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await start_hl7_server(serve, "127.0.0.1", port, ssl=tls, encoding="utf-8")
    manager.port = server.sockets[0].getsockname()[1]
    try:
        yield manager
    finally:
        server.close()


def step(seq: int, transition: Any = "raised", phase: AlertPhase = AlertPhase.ACTIVE, **more: Any) -> Transition:
    fields: dict[str, Any] = {
        "alert": "a1", "at": iso(START + seq * SECOND), "site": "main", "patient": "P-07", "session": "s1", "rule": "desaturation",
        "category": "respiratory", "priority": "medium", "onset_at": iso(START), "evidence": EVIDENCE,
        "text": "Chair 3: Low oxygen. SpO2 85 %, below 90 % | for ^15 s.", "source": "", "cause": Cause(0, seq), "seq": seq,
    }  # fmt: skip
    return Transition(transition=transition, phase=phase, **{**fields, **more})


def store_with(folder: Path, *effects: Transition | Page) -> Store:
    store = Store(f"sqlite:///{folder / 'a.sqlite'}")
    store.migrate()
    for offset, effect in enumerate(effects):
        store.commit(FrameEffects(0, offset, (effect,)))
    return store


def now(store: Store) -> tuple[AlertNow, ...]:
    return tuple(store.alerts_now(["a1"]))


def facets(message: hl7.Message) -> dict[str, str]:
    """The value of each attribute by its name."""
    return {
        str(each[3][0][1]): str(each[5])
        for each in message.segments("OBX")
        if str(each[3][0][1]).startswith("MDC_ATTR_")
    }


PHASES = [
    # The page; the steps of the alert so far; what the alarm manager is told.
    (page("k1", "medium"), [], ("start", "active", "enabled", "PM")),
    (page("k2", "medium"), [], ("continue", "active", "enabled", "PM")),
    (Page("k2", iso(START), "main", "P-07", "medium", ("a1",), "t", "b", rung=2), [], ("escalate", "active", "enabled", "PM")),
    (page("k2", "high"), [step(2, "worsened", priority="high")], ("escalate", "active", "enabled", "PH")),
    (
        Page("k2", iso(START), "main", "P-07", "info", ("a1",), "t", "b", kind="answered"),
        [step(2, "acknowledged", AlertPhase.ACKNOWLEDGED, evidence={**EVIDENCE, "by": "rn-1"})],
        ("continue", "active", "alert-acknowledged", "PM"),
    ),
    (page("k2", "medium"), [step(2, "snoozed", AlertPhase.SNOOZED)], ("continue", "active", "audio-paused", "PM")),
    (page("k2", "medium"), [step(2, "latched", AlertPhase.LATCHED)], ("continue", "latched", "enabled", "PM")),
    (
        Page("k2", iso(START), "main", "P-07", "info", ("a1",), "t", "b", kind="over"),
        [step(2, "closed", AlertPhase.CLOSED)],
        ("end", "inactive", "enabled", "PM"),
    ),
    # The first page, tried again after all is over: it begins nothing any more.
    (page("k1", "medium"), [step(2, "closed", AlertPhase.CLOSED)], ("end", "inactive", "enabled", "PM")),
]  # fmt: skip


@pytest.mark.parametrize(("paged", "steps", "told"), PHASES)
async def test_an_alarm_manager_is_told_where_an_alert_stands(
    tmp_path: Path, paged: Page, steps: list[Transition], told: tuple[str, str, str, str]
) -> None:
    store = store_with(tmp_path, step(1), page("k1", "medium"), *steps)
    async with managing(Manager()) as manager:
        target = open_destination(f"pcd04://127.0.0.1:{manager.port}?application=AM&facility=WARD")
        assert target.wants_alerts
        assert target.name == "pcd04://127.0.0.1"
        outcome = await target.deliver(Message(paged, about=now(store)))
    store.close()
    assert outcome == Outcome(True)
    (message,) = manager.came
    found = facets(message)
    assert (
        tuple(
            found[f"MDC_ATTR_{name}"]
            for name in ("EVENT_PHASE", "ALARM_STATE", "ALARM_INACTIVATION_STATE", "ALARM_PRIORITY")
        )
        == told
    )


async def test_a_message_has_the_segments_and_codes_of_the_profile(tmp_path: Path) -> None:
    store = store_with(tmp_path, step(1), page("k1", "medium"))
    (alert,) = now(store)
    built = alert_message(page("k1", "medium"), alert, Receiver("AM", "WARD"))
    again = alert_message(page("k1", "medium"), alert, Receiver("AM", "WARD"))
    store.close()
    assert built == again, "what is sent again is the same message"
    message = hl7.parse(built.body.decode())
    assert [str(each[0]) for each in message] == ["MSH", "PID", "PV1", "OBR", *["OBX"] * 7]
    assert str(message["MSH"][0][9]) == "ORU^R40^ORU_R40"
    assert str(message["MSH"][0][21]).startswith("IHE_PCD_ACM_001^IHE PCD^")
    assert len(built.control_id) <= 20
    assert message.extract_field("PID", 1, 3, 1, 1) == "P-07"
    assert str(message["PV1"][0][3]) == "^^3"
    assert str(message["OBR"][0][4]) == "196616^MDC_EVT_ALARM^MDC"
    assert "a1" in str(message["OBR"][0][29])
    event, value = message.segments("OBX")[:2]
    assert str(event[3]) == "196670^MDC_EVT_LO^MDC^desaturation^Low oxygen^99CHAIRSIDE"
    assert message.unescape(str(event[5])) == "Chair 3: Low oxygen. SpO2 85 %, below 90 % | for ^15 s."
    assert str(event[8]) == "L~PM~SP"
    assert [str(value[place]) for place in (2, 3, 5, 6, 7)] == [
        "NM", "150456^MDC_PULS_OXIM_SAT_O2^MDC", "85", "262688^MDC_DIM_PERCENT^MDC", ">90",
    ]  # fmt: skip


def test_every_code_that_goes_out_is_of_a_rule_that_there_is_and_of_a_channel_with_a_number() -> None:
    assert set(EVENTS) <= set(RULES)
    assert all(event.channel is None or mdc_number(event.channel) for event in EVENTS.values())


def test_an_alert_without_a_code_is_an_alarm_with_our_name_of_it(tmp_path: Path) -> None:
    store = store_with(tmp_path, step(1, rule="help-asked", category="protocol", evidence={}), page("k1", "medium"))
    (alert,) = now(store)
    message = hl7.parse(alert_message(page("k1", "medium"), alert, Receiver()).body.decode())
    store.close()
    event, source = message.segments("OBX")[:2]
    assert str(event[3]) == "196616^MDC_EVT_ALARM^MDC^help-asked^Asks for somebody^99CHAIRSIDE"
    assert str(source[3]) == "68480^MDC_ATTR_ALERT_SOURCE^MDC"
    assert phase_of(page("k1", "medium"), alert) == "start"


async def test_a_test_page_is_an_alarm_in_training_that_begins_and_ends() -> None:
    async with managing(Manager()) as manager:
        assert await open_destination(f"pcd04://127.0.0.1:{manager.port}").deliver(Message(page("k1"))) == Outcome(True)
    assert [facets(each)["MDC_ATTR_EVENT_PHASE"] for each in manager.came] == ["start", "end"]
    assert {str(each["MSH"][0][11]) for each in manager.came} == {"T"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda message: str(message.create_ack("AE")), "answered AE: it could not use the message"),
        (lambda message: str(message.create_ack("AR")), "answered AR: it refuses the message"),
        (lambda message: str(message.create_ack("XX")), "answered with a code that is none of HL7"),
        (lambda message: str(message.create_ack()).replace(str(message["MSH"][0][10]), "another"), "answered another message"),
        (lambda message: "OK", "answered, but not as HL7 does"),
        (lambda message: "x" * 2**17, "its answer does not end"),
        (lambda message: None, "the connection ended before the answer"),
        (lambda message: "", "no answer in 0.3 s"),
    ],
)  # fmt: skip
async def test_what_is_not_answered_as_taken_was_not_delivered(
    answer: Callable[[hl7.Message], str | None], reason: str
) -> None:
    async with managing(Manager(answer)) as manager:
        target = open_destination(f"pcd04://127.0.0.1:{manager.port}")
        target.timeout_s = 0.3
        assert await target.deliver(Message(page("k1"))) == Outcome(False, reason)
    assert await target.deliver(Message(page("k1"))) == Outcome(False, "no connection")


async def test_over_tls_only_a_receiver_that_is_vouched_for_is_told_and_ours_is_shown(tmp_path: Path) -> None:
    ca, other = trustme.CA(), trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(server)
    ca.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    for name, each in (("ca.pem", ca), ("other.pem", other)):
        each.cert_pem.write_to_path(tmp_path / name)
    own = ca.issue_cert("chairside.example.org")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    async with managing(Manager(), server) as manager:
        address = f"pcd04s://127.0.0.1:{manager.port}?ca_file={tmp_path}"
        shown = f"certificate={tmp_path}/own.pem"
        assert await open_destination(f"{address}/ca.pem&{shown}").deliver(Message(page("k1"))) == Outcome(True)
        unknown = await open_destination(f"{address}/other.pem&{shown}").deliver(Message(page("k1")))
        assert unknown == Outcome(False, "its certificate is not vouched for")
        assert not (await open_destination(f"{address}/ca.pem").deliver(Message(page("k1")))).arrived
    assert len(manager.came) == 2


async def test_what_a_manager_that_was_killed_had_not_answered_comes_again_by_the_outbox_as_the_same_message(
    tmp_path: Path,
) -> None:
    store = store_with(tmp_path, step(1), page("k1", "medium"))
    clock = Clock()
    # It takes the message, and dies before it answers.
    async with managing(Manager(lambda message: None)) as first:
        target = open_destination(f"pcd04://127.0.0.1:{first.port}")
        pager = Pager(store, [target], now_us=clock, idle_s=0.01)
        running = asyncio.create_task(pager.run())
        await until(lambda: bool(first.came), "the alert to come")
    await until(lambda: any(each.last_error for each in store.destinations()), "the failure to be written")
    assert store.destinations()[0].last_error == "the connection ended before the answer"
    async with managing(Manager(), port=first.port) as second:
        while not second.came:
            clock.passes(5)
            pager.wake()
            await asyncio.sleep(0.02)
        await pager.drain(running)
    # Where the machine is slow a lease may end before the answer is written: then it comes once more, as the same message.
    assert {str(each["MSH"][0][10]) for each in (*first.came, *second.came)} == {str(first.came[0]["MSH"][0][10])}
    assert store.page_counts(clock()).sent == 1
    store.close()
