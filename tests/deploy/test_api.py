"""The HTTP contract: what a sender, a board or a script may rely on, asked of a real service over a real socket."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter

from deploy.settings import PagesPart, Settings, SitePart
from models.arrays import Document
from models.wire.live import (
    ALERT_ADAPTER,
    CHAIRS_ADAPTER,
    HISTORY_ADAPTER,
    SESSIONS_ADAPTER,
    SNAPSHOT_ADAPTER,
    TRANSITION_ADAPTER,
)
from models.wire.schema import SCHEMAS
from streams.intake.http import LARGEST
from streams.journal.frame import FULL
from tests.support.service import Inside, at, falling, heard, ndjson, recovering, sample, serving, until

QUIET = Settings(pages=PagesPart(destinations=()))


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path / "data", QUIET) as inside:
        yield inside


async def metrics(clinic: Inside) -> dict[str, float]:
    """Everything on /metrics, as ``name{label=value}``."""
    answer = await clinic.http.get("/metrics")
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for one in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


# ---- observations in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "accepted"),
    [
        (json.dumps(sample(0, patient="P-1", spo2=97)), "application/json", 1),
        (json.dumps([sample(n, patient="P-1", spo2=97) for n in range(3)]), "application/json", 3),
        (ndjson(sample(n, patient="P-1", spo2=97) for n in range(4)), "application/x-ndjson", 4),
        (ndjson(sample(n, patient="P-1", spo2=97) for n in range(5)), None, 5),
        (json.dumps(sample(0, patient="P-1", spo2=97), indent=2), "application/json; charset=utf-8", 1),
        (b"\n" + ndjson([sample(0, patient="P-1", spo2=97)]) + b"\n\n", "application/x-ndjson", 1),
    ],
    ids=["one object", "an array", "lines", "lines without a type", "one object over several lines", "empty lines"],
)
async def test_one_object_an_array_and_lines_are_taken(
    clinic: Inside, body: Any, content_type: str | None, accepted: int
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    answer = await clinic.http.post("/v1/observations", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"accepted": accepted, "set_aside": []})
    await clinic.settled()
    assert (await metrics(clinic))["chairside_ward_observations{fate=samples}"] == accepted


async def test_a_bad_line_is_named_with_field_and_reason_and_the_others_are_taken(clinic: Inside) -> None:
    lines = [
        json.dumps(sample(0, patient="P-1", spo2=97)),
        json.dumps(sample(1, patient="P-1", spo2="97")),
        "nonsense",
        json.dumps({"kind": "weather", "at": at(2)}),
        json.dumps(sample(3, spo2=97)),
        json.dumps({"kind": "vitals", "at": "2026-11-23T14:00:00", "patient": "P-1", "spo2": 97}),
        json.dumps(sample(5, patient="P-1", spo2=96)),
    ]
    answer = await clinic.http.post(
        "/v1/observations", content="\n".join(lines), headers={"content-type": "application/x-ndjson"}
    )
    assert answer.status_code == 200
    document = answer.json()
    assert document["accepted"] == 2
    assert [(aside["line"], aside["field"]) for aside in document["set_aside"]] == [
        (2, "spo2"), (3, ""), (4, "kind"), (5, "device"), (6, "at"),
    ]  # fmt: skip
    reasons = [aside["reason"] for aside in document["set_aside"]]
    assert "number" in reasons[0]
    assert "JSON" in reasons[1]
    assert reasons[2:4] == ["unknown kind", "names no device, patient or session"]
    assert "timezone" in reasons[4]

    await clinic.settled()
    kept = (await clinic.get("/v1/dead-letters"))["dead_letters"]
    assert [(letter["field"], letter["reason"]) for letter in kept] == [
        (aside["field"], aside["reason"]) for aside in document["set_aside"]
    ]
    assert kept[1]["line"] == "nonsense"


async def test_a_list_of_alerts_is_read_in_pages_and_says_when_it_is_cut(clinic: Inside) -> None:
    for patient in ("P-1", "P-2", "P-3"):
        await clinic.post(*falling(patient))
    await clinic.settled()
    first = await clinic.get("/v1/alerts", limit=2, open=True)
    second = await clinic.get("/v1/alerts", limit=2, open=True, after=first["next"])
    assert [len(page["alerts"]) for page in (first, second)] == [2, 1]
    assert second["next"] is None
    assert {each["patient"] for page in (first, second) for each in page["alerts"]} == {"P-1", "P-2", "P-3"}
    assert (await clinic.http.get("/v1/alerts", params={"after": "nonsense"})).status_code == 400


@pytest.mark.parametrize("body", ["nonsense", "{}", "[]", "", "[1, 2]", "null"])
async def test_a_body_of_which_nothing_can_be_used_is_refused(clinic: Inside, body: str) -> None:
    answer = await clinic.http.post("/v1/observations", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json().get("accepted", 0) == 0


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(clinic: Inside) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 4 * LARGEST:
            sent += 2**20
            yield b" " * 2**20

    answer = await clinic.http.post("/v1/observations", content=body())
    assert answer.status_code == 413
    assert "send it in parts" in answer.json()["detail"]


async def test_a_hundred_bad_lines_are_named_and_all_are_counted(clinic: Inside) -> None:
    body = ndjson([sample(0, patient="P-1", spo2=97)]) + b"nonsense\n" * 250
    answer = await clinic.http.post("/v1/observations", content=body)
    document = answer.json()
    assert (len(document["set_aside"]), document["set_aside_in_all"]) == (100, 250)
    await clinic.settled()
    assert (await metrics(clinic))["chairside_observations_set_aside_total"] == 250


async def test_what_is_sent_again_changes_nothing(clinic: Inside) -> None:
    story = [
        {"kind": "session.started", "at": at(0), "patient": "P-1", "session": "S-1", "chair": "1", "id": "start-1"},
        *(line | {"session": "S-1"} for line in falling()),
        {
            "kind": "dose",
            "at": at(1),
            "patient": "P-1",
            "session": "S-1",
            "drug": "ketamine",
            "route": "iv",
            "amount_mg": 30,
            "id": "d",
        },
        {"kind": "checkin", "at": at(2), "patient": "P-1", "session": "S-1", "instrument": "moaas", "score": 3},
    ]
    await clinic.post(*story)
    once, entries = await clinic.transitions(), (await clinic.get("/v1/history", session="S-1"))["entries"]
    for lines in (story, story[:7], story[::-1]):
        await clinic.post(*lines)
    assert await clinic.transitions() == once
    assert (await clinic.get("/v1/history", session="S-1"))["entries"] == entries
    assert (await clinic.get("/v1/dead-letters"))["dead_letters"] == []


async def test_a_post_larger_than_a_frame_is_one_post(clinic: Inside) -> None:
    answer = await clinic.post(*(sample(n, patient="P-1", hr=70 + n % 3) for n in range(2 * FULL + 5)))
    assert answer["accepted"] == 2 * FULL + 5
    await clinic.settled()
    assert (await metrics(clinic))["chairside_ward_observations{fate=samples}"] == 2 * FULL + 5


# ---- alerts and answers ----------------------------------------------------------------------------------------------


async def raised(clinic: Inside, patient: str = "P-1") -> str:
    """A patient desaturates; the alert's id."""
    await clinic.post(*falling(patient))
    await clinic.settled()
    (alert,) = [one for one in (await clinic.get("/v1/alerts"))["alerts"] if one["patient"] == patient]
    return str(alert["alert"])


async def recovers(clinic: Inside, patient: str = "P-1") -> None:
    """The patient of `raised` breathes deeply."""
    await clinic.post(*(sample(60 + n, patient=patient, spo2=96 + n % 2, pulse=80 + n % 3) for n in range(60)))
    await clinic.settled()


async def answers(clinic: Inside, alert: str, verb: str, **body: Any) -> Document:
    answer = await clinic.http.post(f"/v1/alerts/{alert}/{verb}", json={"by": "rn-1", **body})
    assert answer.status_code == 202, answer.text
    await clinic.settled()
    (standing,) = [one for one in (await clinic.get("/v1/alerts"))["alerts"] if one["alert"] == alert]
    return dict(standing)


async def test_an_alert_is_acknowledged_snoozed_escalated_and_closed(clinic: Inside) -> None:
    alert = await raised(clinic)
    (standing,) = (await clinic.get("/v1/alerts", open=True))["alerts"]
    assert (standing["phase"], standing["rule"], standing["priority"]) == ("active", "desaturation", "medium")

    acknowledged = await answers(clinic, alert, "acknowledge", note="on my way")
    assert (acknowledged["phase"], acknowledged["by"]) == ("acknowledged", "rn-1")
    snoozed = await answers(clinic, alert, "snooze", minutes=5)
    assert (snoozed["phase"], snoozed["until"]) == ("snoozed", at(59 + 300))
    assert (await answers(clinic, alert, "unsnooze"))["phase"] == "active"
    await answers(clinic, alert, "escalate")
    refused = await clinic.http.post(f"/v1/alerts/{alert}/close", json={"by": "rn-2"})
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("it is measured and goes on: acknowledge or snooze it")
    await recovers(clinic)
    assert (await answers(clinic, alert, "close"))["phase"] == "closed"
    assert (await clinic.get("/v1/alerts", open=True))["alerts"] == []

    steps = [one["transition"] for one in await clinic.transitions()]
    assert steps[:3] == ["raised", "acknowledged", "snoozed"]
    assert "escalated" in steps
    assert steps[-1] == "closed"
    said = [one["evidence"].get("note") for one in await clinic.transitions()]
    assert said[1] == "on my way"
    entries = (await clinic.get("/v1/history", patient="P-1"))["entries"]
    verbs = ("acknowledged", "snoozed", "unsnoozed", "escalated", "closed", "closed")
    assert [entry["kind"] for entry in entries] == [f"alert.{verb}" for verb in verbs]
    (tried,) = [entry for entry in entries if entry["outcome"].startswith("refused")]
    assert (tried["kind"], tried["by"]) == ("alert.closed", "rn-2")


async def test_the_same_answer_sent_twice_is_one_answer(clinic: Inside) -> None:
    alert = await raised(clinic)
    for _ in range(3):
        await answers(clinic, alert, "acknowledge", id="tap-17")
    assert [one["transition"] for one in await clinic.transitions()] == ["raised", "acknowledged"]


async def test_an_alert_that_does_not_exist_cannot_be_answered(clinic: Inside) -> None:
    answer = await clinic.http.post("/v1/alerts/nothing/acknowledge", json={"by": "rn-1"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no alert nothing")


@pytest.mark.parametrize(
    ("verb", "body"),
    [("acknowledge", {}), ("acknowledge", {"by": ""}), ("snooze", {"by": "rn-1", "minutes": 0}),
     ("snooze", {"by": "rn-1", "minutes": 61}), ("acknowledge", {"by": "rn-1", "nurse": "x"}), ("ignore", {"by": "rn-1"})],
)  # fmt: skip
async def test_an_answer_that_makes_no_sense_is_refused(clinic: Inside, verb: str, body: Document) -> None:
    answer = await clinic.http.post(f"/v1/alerts/any/{verb}", json=body)
    assert answer.status_code == 422


async def test_answering_a_closed_alert_is_kept_as_a_dead_letter(clinic: Inside) -> None:
    alert = await raised(clinic)
    await recovers(clinic)
    await answers(clinic, alert, "close")
    await answers(clinic, alert, "acknowledge")
    (letter,) = (await clinic.get("/v1/dead-letters"))["dead_letters"]
    assert (letter["field"], letter["reason"]) == ("alert", f"no open alert {alert}")


async def test_transitions_are_read_page_by_page(clinic: Inside) -> None:
    for n in range(6):
        await raised(clinic, f"P-{n}")
    everything = await clinic.transitions()
    assert [one["seq"] for one in everything] == list(range(1, 7))
    first = await clinic.get("/v1/transitions", after=0, limit=4)
    assert (first["transitions"], first["next"]) == (everything[:4], 4)
    rest = await clinic.get("/v1/transitions", after=first["next"])
    assert (rest["transitions"], rest["next"]) == (everything[4:], 6)
    assert await clinic.get("/v1/transitions", after=6) == {"transitions": [], "next": 6}
    assert (await clinic.http.get("/v1/transitions", params={"after": 10**30})).status_code == 422


# ---- what the service has --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["main", "north"])
async def test_whoever_names_no_site_means_the_one_that_is_served_in_posts_and_in_questions(
    tmp_path: Path, name: str
) -> None:
    limits = {"desaturation": {"medium": {"spo2": {"enter": 91}}}}
    settings = Settings.model_validate({"site": {"name": name}, "pages": {"destinations": []}, "limits": limits})
    async with serving(tmp_path, settings) as clinic:
        await clinic.post(*falling())
        for asked in ({}, {"site": "main"}, {"site": name}):
            await clinic.settled()
            (alert,) = (await clinic.get("/v1/alerts", **asked))["alerts"]
            assert (alert["site"], alert["evidence"]["limit"]) == (name, 91), "its own limits, not the built-in ones"
            assert len((await clinic.get("/v1/chairs", **asked))["chairs"]) == 1
        assert (await clinic.get("/v1/alerts", site="south"))["alerts"] == []


async def test_what_names_another_site_is_set_aside_with_its_reason_and_never_counted_as_accepted(
    clinic: Inside,
) -> None:
    answer = await clinic.http.post(
        "/v1/observations", json=[sample(0, patient="P-1", spo2=97), sample(1, patient="P-1", spo2=97, site="north")]
    )
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    (aside,) = answer.json()["set_aside"]
    assert (aside["line"], aside["field"], aside["reason"]) == (2, "site", "this service serves main, not north")
    await clinic.settled()
    (letter,) = (await clinic.get("/v1/dead-letters"))["dead_letters"]
    assert letter["field"] == "site"


async def test_no_sender_switches_a_limit_off(clinic: Inside) -> None:
    off = {"kind": "site.configured", "at": at(0), "limits": {"desaturation": {"high": {"spo2": {"enabled": False}}}}}
    answer = await clinic.http.post("/v1/observations", json=off)
    assert (answer.status_code, answer.json()["accepted"]) == (422, 0)
    await clinic.post(*falling())
    await clinic.settled()
    assert [alert["rule"] for alert in (await clinic.get("/v1/alerts"))["alerts"]] == ["desaturation"]


async def test_sessions_history_and_entries_of_a_chair(clinic: Inside) -> None:
    await clinic.post(
        {"kind": "session.started", "at": at(0), "patient": "P-1", "session": "S-1", "chair": "3", "device": "m-3", "by": "rn-1"},
        *(sample(n, device="m-3", hr=70 + n % 3, spo2=97) for n in range(1, 11)),
        sample(11, device="m-3", sbp=124, dbp=78, by="rn-1"),
        {"kind": "intervention", "at": at(12), "patient": "P-1", "session": "S-1", "what": "oxygen", "by": "rn-1"},
    )  # fmt: skip
    await clinic.settled()
    (session,) = (await clinic.get("/v1/sessions"))["sessions"]
    assert (session["session"], session["chair"], session["started_at"]) == ("S-1", "3", at(0))
    found = await clinic.get("/v1/history", session="S-1", minutes=60)
    assert [value for _, value in found["series"]["hr"]] == [70 + n % 3 for n in range(1, 11)]
    assert found["series"]["sbp"][0][1] == 124
    assert [entry["kind"] for entry in found["entries"]] == ["session.started", "vitals", "intervention"]
    assert (await clinic.get("/v1/history", session="none"))["series"] == {}


async def test_a_monitor_takes_no_history_from_the_patient_before(clinic: Inside) -> None:
    await clinic.post(
        {"kind": "session.started", "at": at(0), "patient": "P-1", "session": "S-1", "device": "m-1"},
        *(sample(n, device="m-1", hr=150) for n in range(60)),
        {"kind": "session.ended", "at": at(60), "patient": "P-1", "session": "S-1"},
        {"kind": "session.started", "at": at(61), "patient": "P-2", "session": "S-2", "device": "m-1"},
        *(sample(n, device="m-1", hr=60) for n in range(62, 70)),
    )
    await clinic.settled()
    series = (await clinic.get("/v1/history", session="S-2", minutes=20))["series"]
    assert {value for _, value in series["hr"]} == {60}


async def test_live_documents_fit_the_exported_schemas(clinic: Inside) -> None:
    await clinic.post(
        {"kind": "session.started", "at": at(0), "patient": "P-1", "session": "S-1", "chair": "1", "device": "m-1",
         "drug": "ketamine", "route": "iv", "planned_mg": 40, "planned_minutes": 40},
        {"kind": "dose", "at": at(1), "patient": "P-1", "session": "S-1", "drug": "ketamine", "route": "iv", "amount_mg": 40, "minutes": 40},
        {"kind": "checkin", "at": at(2), "patient": "P-1", "session": "S-1", "instrument": "cadss-6", "items": [1, 0, 2, 0, 1, 0]},
        sample(3, device="m-1", sbp=185, dbp=111), *falling("P-2"),
    )  # fmt: skip
    await clinic.settled()
    alert = (await clinic.get("/v1/alerts"))["alerts"][0]["alert"]
    await clinic.http.post(f"/v1/alerts/{alert}/acknowledge", json={"by": "rn-1"})
    await clinic.settled()

    def fits(schema: str, adapter: TypeAdapter[Any], document: Any) -> None:
        jsonschema.Draft202012Validator(SCHEMAS[schema]()).validate(document)
        adapter.validate_python(document, strict=False)

    chairs = await clinic.get("/v1/chairs")
    assert len(chairs["chairs"]) == 2
    fits("chairs", CHAIRS_ADAPTER, chairs)
    fits("sessions", SESSIONS_ADAPTER, await clinic.get("/v1/sessions"))
    history = await clinic.get("/v1/history", session="S-1")
    assert [bool(history["series"]), len(history["entries"])] == [True, 3]
    fits("history", HISTORY_ADAPTER, history)
    transitions = await clinic.transitions()
    assert len(transitions) > 1
    for one in transitions:
        fits("transition", TRANSITION_ADAPTER, one)
    alerts = (await clinic.get("/v1/alerts"))["alerts"]
    assert {each["by"] for each in alerts} == {None, "rn-1"}
    for one in alerts:
        fits("alert", ALERT_ADAPTER, one)
    async with clinic.http.stream("GET", "/v1/live") as response:
        snapshot = await anext(heard(response))
    assert snapshot.name == "snapshot"
    fits("snapshot", SNAPSHOT_ADAPTER, snapshot.data)


async def test_the_api_describes_itself(clinic: Inside) -> None:
    document = await clinic.get("/openapi.json")
    assert document["openapi"].startswith("3.")
    assert {
        "/v1/observations",
        "/v1/transitions",
        "/v1/alerts",
        "/v1/alerts/{alert}/{verb}",
        "/v1/live",
        "/healthz",
        "/metrics",
    } <= set(document["paths"])
    for reference in set(json_references(document)):
        if reference.startswith("#/"):
            node: Any = document
            for part in reference[2:].split("/"):
                node = node[part]
        else:
            jsonschema.Draft202012Validator.check_schema(await clinic.get(reference))
    page = await clinic.http.get("/docs")
    assert page.status_code == 200
    assert "/openapi.json" in page.text
    missing = await clinic.http.get("/schema/nothing.json")
    assert missing.status_code == 404
    assert missing.json()["detail"] == f"no schema nothing; there are {', '.join(sorted(SCHEMAS))}"


def json_references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from json_references(child)
    elif isinstance(node, list):
        for child in node:
            yield from json_references(child)


# ---- how it is -------------------------------------------------------------------------------------------------------


async def test_metrics_agree_with_what_was_posted(clinic: Inside) -> None:
    await clinic.post(*falling("P-1"), *falling("P-2"), *recovering("P-2"))
    await clinic.http.post("/v1/observations", content=ndjson(falling("P-3", seconds=5)) + b"nonsense\n")
    await clinic.post(*falling("P-1"))
    alert = next(one["alert"] for one in (await clinic.transitions()) if one["patient"] == "P-1")
    await answers(clinic, alert, "acknowledge")
    found = await metrics(clinic)
    assert found["chairside_observations_accepted_total"] == 60 + 120 + 5 + 60
    assert found["chairside_observations_set_aside_total"] == 1
    assert found["chairside_ward_observations{fate=samples}"] == 245
    assert found["chairside_ward_observations{fate=set aside}"] == 1
    assert found["chairside_ward_observations{fate=repeated or late}"] == 60
    steps = {
        name.partition("transition=")[2].rstrip("}"): value
        for name, value in found.items()
        if name.startswith("chairside_transitions_total") and "rule=desaturation" in name
    }
    assert steps["raised"] == 2
    assert steps["acknowledged"] == 1
    assert found["chairside_open_sessions"] == 3
    assert found["chairside_frames_behind"] == 0
    assert found["chairside_effect_conflicts_total"] == 0
    assert found["chairside_pages_owed"] == 2
    standing = [one["priority"] for one in (await clinic.get("/v1/alerts", open=True))["alerts"]]
    assert standing.count("medium") == found["chairside_open_alerts{priority=medium}"] == 2
    assert standing.count("low") == found["chairside_open_alerts{priority=low}"]


async def test_metrics_can_be_read_while_the_ward_is_at_work(clinic: Inside) -> None:
    async def work() -> None:
        for n in range(20):
            await clinic.post(*(sample(n, patient=f"P-{n}-{k}", hr=70) for k in range(50)))

    working = asyncio.create_task(work())
    while not working.done():
        assert (await metrics(clinic))["chairside_effect_conflicts_total"] == 0
    await working


def locked(path: Path) -> sqlite3.Connection:
    """Another process's hand on the file: nobody else can write until it is closed."""
    connection = sqlite3.connect(path / "data" / "chairside.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


async def test_health_is_lost_when_nothing_moves_and_comes_back(
    clinic: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.wiring.STALLED_AFTER_S", 1.5)

    assert (await clinic.turns(200))["ok"]
    with closing(locked(tmp_path)):
        waiting = asyncio.create_task(clinic.post(*falling()))
        unwell = await clinic.turns(503)
        assert not waiting.done(), "accepted means durable"
        assert not unwell["ok"]
        assert unwell["last_progress_s"] >= 1.5
    assert (await waiting)["accepted"] == 60
    await clinic.turns(200)
    assert [one["rule"] for one in await clinic.transitions()] == ["desaturation"]


async def test_a_sender_is_told_when_its_post_could_not_be_made_durable(clinic: Inside, tmp_path: Path) -> None:
    clinic.service.journal._connection.execute("PRAGMA busy_timeout=20")
    with closing(locked(tmp_path)):
        answer = await clinic.http.post("/v1/observations", content=ndjson(falling()))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["detail"].endswith("send again")
    assert (await clinic.post(*falling()))["accepted"] == 60
    assert len(await clinic.transitions()) == 1


async def test_effects_that_could_not_be_written_are_written_when_they_can_be(
    clinic: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("alerts.store.database.BUSY_S", 0.05)
    monkeypatch.setattr("streams.hosts.embedded.STORE_RETRY_S", 0.05)
    journal = clinic.service.journal
    told: list[sqlite3.Connection] = []
    append = journal.append

    def append_then_lock(payloads: Any) -> Any:
        """The file is locked by another hand right after the frame is in the journal, before its effects are written."""
        entries = append(payloads)
        if not told and any(len(payload) > 500 for payload in payloads):
            other = sqlite3.connect(
                tmp_path / "data" / "chairside.sqlite", isolation_level=None, check_same_thread=False
            )
            other.execute("BEGIN IMMEDIATE")
            told.append(other)
        return entries

    monkeypatch.setattr(journal, "append", append_then_lock)
    journal._connection.execute("PRAGMA busy_timeout=20")
    await clinic.post(*falling())
    await until(lambda: "the store cannot be written" in caplog.text, "the owner to say that it cannot write")
    assert (await clinic.get("/v1/transitions"))["transitions"] == []
    told[0].close()
    assert [one["rule"] for one in await clinic.transitions()] == ["desaturation"]


async def test_an_owner_that_died_is_said_aloud_and_ends_the_service(
    clinic: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        clinic.service.owner.deliver(clinic.service.journal.append([b"not a frame"]))
        await until(clinic.ended, "the service to end")
    assert "owner has failed: UnknownFrame: not a frame" in caplog.text
    assert clinic.service.health()["tasks"]["owner"].startswith("UnknownFrame: not a frame")


# ---- pages -----------------------------------------------------------------------------------------------------------


class Receiver(ThreadingHTTPServer):
    """A phone's gateway on this machine. `refusing` makes it answer 500 so many times first."""

    daemon_threads = True

    def __init__(self, refusing: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.refusing = refusing
        self.got: list[Document] = []
        self.refused: list[Document] = []


class _Answering(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        page = json.loads(self.rfile.read(int(self.headers["content-length"])))
        refuse = len(self.server.refused) < self.server.refusing
        (self.server.refused if refuse else self.server.got).append(page)
        self.send_response(500 if refuse else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver(refusing=1)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_page_reaches_a_phone_however_often_that_takes(tmp_path: Path, receiver: Receiver) -> None:
    settings = Settings(
        site=SitePart(name="main"),
        pages=PagesPart(destinations=(f"json://127.0.0.1:{receiver.server_port}",), link="https://board.example"),
    )
    async with serving(tmp_path, settings) as clinic:
        alert = await raised(clinic)
        await until(lambda: receiver.got, "the page to arrive")
        await until(lambda: clinic.service.store.page_counts(0).owed == 0, "the page to be marked")
        (standing,) = (await clinic.get("/v1/alerts"))["alerts"]
    (refused,), (page,) = receiver.refused, receiver.got
    assert refused["key"] == page["key"] == standing["pages"][0]["key"]
    assert page["title"] == "MEDIUM ◆ P-1: Low oxygen"
    assert page["message"].startswith("P-1: Low oxygen. SpO2 8")
    told, _, answer = page["message"].partition("\n")
    assert told.endswith(f"https://board.example/alert/{alert}")
    assert answer.startswith("Acknowledge: https://board.example/answer/")
    assert [state["state"] for state in standing["pages"]] == ["sent"]
