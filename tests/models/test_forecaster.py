"""The forecaster beside the ward: every forecast from what is stored, once, and nobody waits for it."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import io
import json
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.effects import AuditEntry, FrameEffects, encode
from alerts.store.forecast_cache import CachedState
from models.arrays import Document
from models.instants import to_us
from models.wire.home import BURDEN_ADAPTER, FORECASTS_ADAPTER, PATIENT_ADAPTER, PATIENTS_ADAPTER
from models.wire.observations import OBSERVATION
from streams.forecasts.jobs import ForecastOutcome, ForecastRequest, PatientInput, make_forecasts
from streams.forecasts.shipped import shipped_pool
from streams.forecasts.worker import LENGTH, Worker, WorkerFailed, answer_jobs
from streams.shard import Shard
from tests.support.patients import FIRST, Patient
from tests.support.service import Inside, invoked, ndjson, serving, until, until_answered


def course(name: str = "A-1", weeks: int = 6) -> Patient:
    """Six infusions in two weeks, then a PHQ-9 a week that climbs."""
    patient = Patient(name).phq(-7, 20).phq(-2, 21)
    for day in (0, 2, 4, 7, 9, 11):
        patient.dose(day)
    for week in range(2, 2 + weeks):
        patient.phq(7 * week, 4 + 2 * week)
    return patient


def lines_of(*patients: Patient) -> list[Document]:
    lines: list[Document] = [json.loads(line) for patient in patients for line in patient.lines]
    return sorted(lines, key=lambda line: line["at"])


@asynccontextmanager
async def foreseeing(data: Path) -> AsyncIterator[Inside]:
    """A service that forecasts as soon as something came in."""
    async with serving(data, forecasting=True) as clinic:
        assert clinic.service.forecaster is not None
        clinic.service.forecaster.settles_s = 0.0
        yield clinic


async def quiet(clinic: Inside) -> None:
    """Every forecast that is wanted has been made, kept and heard of by the ward."""
    rows = clinic.service.views.at_home

    def is_quiet() -> bool:
        return all(row.forecast_entries == row.entries for row in rows() if row.enrolled)

    await clinic.settled()
    await until(is_quiet, "the forecasts")
    await clinic.settled()


async def shown(clinic: Inside) -> list[Document]:
    """The forecasts that the service answers with, as soon as there is one."""

    async def asked() -> list[Document]:
        found: list[Document] = (await clinic.get("/v1/forecasts"))["forecasts"]
        return found

    return await until_answered(asked, "a forecast")


async def test_an_answer_from_home_becomes_the_very_forecast_that_the_command_makes_of_it(tmp_path: Path) -> None:
    lines = lines_of(course("A-1"), course("B-2", weeks=2))
    async with foreseeing(tmp_path / "data") as clinic:
        await clinic.post(*lines)
        await quiet(clinic)
        answer = await clinic.get("/v1/forecasts")
    FORECASTS_ADAPTER.validate_json(json.dumps(answer))
    assert [each["patient"] for each in answer["forecasts"]] == ["A-1", "B-2"], "who is due first comes first"
    path = tmp_path / "lines.ndjson"
    path.write_bytes(ndjson(lines))
    for kept in answer["forecasts"]:
        done = invoked("forecast", path, "--as-of", kept["as_of"], "--cdf")
        (said,) = [line for line in map(json.loads, done.stdout.splitlines()) if line["patient"] == kept["patient"]]
        assert {name: kept[name] for name in said} == said


async def test_a_restart_makes_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    async with serving(tmp_path) as clinic:  # killed, so to say, before it could forecast
        await clinic.post(*lines_of(course()))
    counts = []
    for _ in range(3):
        async with foreseeing(tmp_path) as clinic:
            await quiet(clinic)
            kept = (await clinic.get("/v1/forecasts", patient="A-1", history=True))["forecasts"]
            counts.append(len(kept))
            frames = clinic.service.journal.read(0, 100_000)
            written = clinic.service.store.digests(0)
    assert counts == [1, 1, 1]
    shard, replayed = Shard(clock="observed"), []
    for entry in frames:
        for n, effect in enumerate(shard.step(entry.offset, entry.received_us, entry.payload).effects):
            replayed.append((entry.offset, n, encode(effect)))
    digests = [(offset, n, kind, digest) for offset, n, kind, digest in written]
    assert [(o, n) for o, n, _, _ in digests] == [(o, n) for o, n, _ in replayed]
    assert all(
        digest == hashlib.sha256(f"{kind}\n{text}".encode()).hexdigest()
        for (_, _, kind, digest), (_, _, text) in zip(digests, replayed, strict=True)
    )


async def test_the_end_of_a_patients_day_is_forecast_answered_or_not(tmp_path: Path) -> None:
    patient = course()
    patient.tell("patient.registered", -8, timezone="Pacific/Auckland")
    async with foreseeing(tmp_path) as clinic:
        await clinic.post(*lines_of(patient))
        await quiet(clinic)
        first = (await clinic.get("/v1/forecasts"))["forecasts"][0]
        assert first["as_of"] == patient.date(50), "seven in the evening of the 49th in London is the 50th in Auckland"
        # Ten days go by elsewhere in the clinic.
        await clinic.post({"kind": "vitals", "device": "m-1", "spo2": 97, "at": f"{patient.date(60)}T13:00:00Z"})
        await clinic.settled()
        assert clinic.service.forecaster is not None
        await clinic.service.forecaster.make_missing()
        await clinic.settled()
        history = (await clinic.get("/v1/forecasts", patient="A-1", history=True))["forecasts"]
    assert [each["as_of"] for each in history] == [patient.date(50), patient.date(60)]
    assert history[0]["entries"] == history[1]["entries"]


async def test_a_corrected_score_makes_another_forecast_and_the_old_one_stays_readable(tmp_path: Path) -> None:
    patient = course().phq(57, 24, id="slip")
    async with foreseeing(tmp_path) as clinic:
        await clinic.post(*lines_of(patient))
        await quiet(clinic)
        (before,) = (await clinic.get("/v1/forecasts"))["forecasts"]
        await clinic.post(json.loads(Patient("A-1").phq(57, 4, id="meant", replaces="slip").lines[0]))
        await quiet(clinic)
        (after,) = (await clinic.get("/v1/forecasts"))["forecasts"]
        everything = clinic.service.store.digests(0)
        page = await clinic.get("/v1/patients/A-1")
    assert before["known"] != after["known"]
    assert before["as_of"] == after["as_of"]
    assert after["cdf"][0] < before["cdf"][0]
    assert sum(kind == "forecast" for _, _, kind, _ in everything) == 2
    assert [score["score"] for score in page["scores"]][-1] == 4


async def test_the_pages_documents_are_what_their_schemas_say(tmp_path: Path) -> None:
    patient = (
        course()
        .tell("intervention", 20, what="bereavement")
        .tell("intervention", 60, what="booking", detail="2026-03-12")
    )
    patient.score(30, "mood-vas", 4)
    unheard = Patient("C-3").phq(59, 12)
    async with foreseeing(tmp_path) as clinic:
        await clinic.post(
            *lines_of(patient, unheard),
            {"kind": "session.started", "at": f"{patient.date(60)}T14:00:00Z", "patient": "A-1", "session": "s-1", "drug": "ketamine", "chair": "3"},
            {"kind": "dose", "at": f"{patient.date(60)}T14:05:00Z", "patient": "A-1", "session": "s-1", "drug": "ketamine", "route": "iv", "amount_mg": 40.0},
            {"kind": "vitals", "at": f"{patient.date(60)}T14:40:00Z", "patient": "A-1", "session": "s-1", "sbp": 148, "dbp": 92, "by": "rn-1"},
            *({"kind": "vitals", "at": f"{patient.date(60)}T14:50:{second:02}Z", "session": "s-1", "spo2": max(91, 96 - second // 3)} for second in range(60)),
            {"kind": "vitals", "at": f"{patient.date(60)}T14:50:30Z", "session": "s-1", "sbp": 163, "dbp": 95},
            {"kind": "session.ended", "at": f"{patient.date(60)}T16:05:00Z", "session": "s-1", "discharged": True},
        )  # fmt: skip
        await quiet(clinic)
        listed = await clinic.get("/v1/patients")
        page = await clinic.get("/v1/patients/A-1")
        other = await clinic.get("/v1/patients/C-3")
        burden = await clinic.get("/v1/burden", days=90)
        missing = await clinic.http.get("/v1/patients/nobody")
        unnamed = await clinic.http.get("/v1/forecasts", params={"history": True})
        chairs = await clinic.get("/v1/chairs")
    for model, document in (
        (PATIENTS_ADAPTER, listed),
        (PATIENT_ADAPTER, page),
        (PATIENT_ADAPTER, other),
        (BURDEN_ADAPTER, burden),
    ):
        model.validate_json(json.dumps(document))
    assert missing.status_code == 404
    assert unnamed.status_code == 422
    assert chairs["chairs"] == []
    assert [row["patient"] for row in listed["patients"]] == ["A-1", "C-3"], "without a forecast, last"
    assert listed["patients"][1]["relapse_probability"] is None
    assert listed["patients"][0]["doses"] == 7
    assert [event["what"] for event in page["events"]] == ["bereavement"]
    assert len(page["fan"]) == 85
    assert page["fan"][0]["day"] == page["severity"][-1]["day"] == page["forecast"]["as_of"]
    (session,) = page["sessions"]
    assert (session["session"], session["given_mg"], session["left_min"]) == ("s-1", 40, 120)
    assert (session["peak_sbp"], session["peak_dbp"], session["lowest_spo2"]) == (163, 95, 91), (
        "what nobody entered too"
    )
    assert burden["hours_watched"] == pytest.approx(0.02, abs=0.01)
    assert other["severity"] == []
    assert other["why_not"] == "no dose is known yet, so nothing wears off"


async def test_a_process_that_dies_is_begun_again_and_nothing_is_lost() -> None:
    worker = Worker()
    asked = ForecastRequest("main", "A-1", FIRST.toordinal() + 40, 2**62)
    job = [(asked, PatientInput([json.loads(line) for line in course().lines]))]
    (before,) = await worker.forecasts(job)
    worker.kill()
    with pytest.raises(WorkerFailed):
        await worker.forecasts(job)
    (after,) = await worker.forecasts(job)
    await worker.close()
    assert before == after
    assert before.forecast is not None


def test_who_stops_waiting_in_the_middle_of_a_job_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it waits for in that turn of the loop: a start, a pipe, an answer."""

    async def given_up(turns: int) -> None:
        worker = Worker()
        asking = asyncio.create_task(worker.page("A-1", [], FIRST.toordinal(), 7))
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], asyncio.CancelledError)
        await worker.close()
        with pytest.raises(WorkerFailed, match="ended for good"):
            await worker.page("A-1", [], FIRST.toordinal(), 7)

    complaints: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    for turns in (0, 1, 2, 3, 4, 5, 6, 8, 10, 100):
        asyncio.run(given_up(turns))
    gc.collect()
    assert complaints == []


async def test_an_answer_that_nobody_waits_for_any_more_is_not_the_next_ones() -> None:
    worker = Worker()
    first = asyncio.create_task(worker.forecasts([]))
    for _ in range(100):
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    found = await worker.page("B-2", [], FIRST.toordinal(), 7)
    assert found["why_not"] == "no dose is known yet, so nothing wears off"
    await worker.close()


def test_a_patient_whose_entries_cannot_be_read_fails_alone_and_with_a_reason() -> None:
    def asked(name: str) -> ForecastRequest:
        return ForecastRequest("main", name, FIRST.toordinal() + 40, 2**62)

    good = [json.loads(line) for line in course().lines]
    bad = [{"kind": "dose", "at": "yesterday", "patient": "B-2", "drug": "ketamine"}]
    first, second, third = make_forecasts(
        [(asked("B-2"), PatientInput(bad)), (asked("A-1"), PatientInput(good)), (asked("C-3"), PatientInput([]))],
        shipped_pool(),
    )
    assert first.forecast is None
    assert "at" in first.why_not
    assert second.forecast is not None
    assert (third.forecast, third.why_not) == (None, "nothing was known by then")


def test_neither_order_of_arrival_nor_company_nor_a_repeat_changes_a_forecast() -> None:
    asked = ForecastRequest("main", "A-1", FIRST.toordinal() + 60, 2**62)
    entries = [json.loads(line) for line in course().lines]
    (alone,) = make_forecasts([(asked, PatientInput(entries))], shipped_pool())
    shuffled = [*entries, entries[3]]
    random.Random(5).shuffle(shuffled)
    other = [json.loads(line) for line in course("Z-9", weeks=3).lines]
    _, among = make_forecasts(
        [
            (ForecastRequest("main", "Z-9", asked.as_of, asked.until_us), PatientInput(other)),
            (asked, PatientInput(shuffled)),
        ],
        shipped_pool(),
    )
    assert alone.forecast is not None
    assert among.forecast is not None
    assert {**among.forecast, "entries": 0} == {**alone.forecast, "entries": 0}


def test_what_is_kept_changes_no_forecast_whatever_comes_between() -> None:
    told = (
        course("A-1", weeks=0).phq(14, 8).phq(21, 10).score(21, "mood-vas", 3)
        .phq(28, 19, id="slip").phq(28, 9, id="meant", replaces="slip", received=FIRST + timedelta(days=33))
        .dose(30).phq(35, 6).phq(16, 15, id="late", received=FIRST + timedelta(days=37)).tell("intervention", 38, what="bereavement")
    )  # fmt: skip
    told.tell("patient.registered", 36, timezone="Pacific/Auckland", medications=["Lithium", "sertraline"])
    entries = sorted((json.loads(line) for line in told.lines), key=lambda line: line.get("received_at", line["at"]))
    kept: bytes | None = None
    before: list[Document] = []
    without_reading = 0
    for day in [*range(-3, 3), *range(12, 45)]:
        until = (FIRST + timedelta(days=day + 1)).isoformat()
        received = [entry for entry in entries if entry.get("received_at", entry["at"]) < until]
        asked = ForecastRequest("main", "A-1", told.day(day), to_us(FIRST + timedelta(days=day + 1)))
        (fresh,) = make_forecasts([(asked, PatientInput(received))], shipped_pool())
        (carried,) = make_forecasts([(asked, PatientInput(received, kept))], shipped_pool())
        assert carried == fresh
        if kept is not None and received == before:
            (blind,) = make_forecasts([(asked, PatientInput(None, kept))], shipped_pool())
            assert blind == fresh
            without_reading += 1
        kept, before = carried.cached, received
    assert without_reading > 20


def test_what_is_kept_of_another_or_was_damaged_is_refused_and_the_entries_are_read() -> None:
    asked = ForecastRequest("main", "A-1", FIRST.toordinal() + 60, 2**62)
    entries = [json.loads(line) for line in course().lines]
    (fresh,) = make_forecasts([(asked, PatientInput(entries))], shipped_pool())
    (other,) = make_forecasts([(replace(asked, patient="B-2"), PatientInput(entries))], shipped_pool())
    assert fresh.cached is not None
    for spoilt in (other.cached, fresh.cached[:-1], b"CSK0" + fresh.cached[4:], b""):
        assert make_forecasts([(asked, PatientInput(entries, spoilt))], shipped_pool()) == [fresh]
        (refused,) = make_forecasts([(asked, PatientInput(None, spoilt))], shipped_pool())
        assert refused.forecast is None
        assert "CacheRefused" in refused.why_not


async def test_a_night_goes_on_from_what_is_kept_and_does_without_it(tmp_path: Path) -> None:
    names = ["A-1", "B-2", "C-3"]
    async with foreseeing(tmp_path) as clinic:
        await clinic.post(*lines_of(*(course(name) for name in names)))
        await quiet(clinic)
        store, forecaster = clinic.service.store, clinic.service.forecaster
        assert forecaster is not None
        kept = store.cached_states("main", names)
        assert [kept[name].entries for name in names] == [14, 14, 14]
        store.save_cached_states([CachedState("main", "B-2", 14, b"damaged"), kept["C-3"]._replace(entries=0)])
        await clinic.post({"kind": "vitals", "device": "m-1", "spo2": 97, "at": f"{course().date(60)}T13:00:00Z"})
        await clinic.settled()
        await forecaster.make_missing()
        await clinic.settled()
        made = (await clinic.get("/v1/forecasts"))["forecasts"]
        again = store.cached_states("main", names)
    assert forecaster.maker.failed == 0
    assert {each["as_of"] for each in made} == {course().date(59)}
    assert [again[name].entries for name in names] == [14, 14, 14]
    asked = ForecastRequest("main", "", FIRST.toordinal() + 59, 2**62)
    for said in made:
        told = PatientInput([json.loads(line) for line in course(said["patient"]).lines])
        (fresh,) = make_forecasts([(replace(asked, patient=said["patient"]), told)], shipped_pool())
        assert fresh.forecast is not None
        assert {name: said[name] for name in fresh.forecast} == fresh.forecast


def test_frame_boundaries_and_repeats_change_nothing_of_what_is_said_of_patients_at_home() -> None:
    from tests.support.scenes import pack

    lines = lines_of(course("A-1", weeks=3), course("B-2", weeks=9))
    made = {"kind": "forecast.made", "as_of": "2026-02-02", "cdf": [0.9] * 85, "at": "2026-02-02T20:00:00Z"}
    lines += [{**made, "patient": "A-1"}, {**made, "patient": "B-2", "cdf": [0.6] * 85}, {**lines[-1]}]
    records = [OBSERVATION.validate_json(json.dumps(line)) for line in sorted(lines, key=lambda line: line["at"])]

    def told(cuts: list[int]) -> list[str]:
        shard, said = Shard(clock="observed"), []
        for n, (low, high) in enumerate(zip([0, *cuts], [*cuts, len(records)], strict=True)):
            for effect in shard.step(n, 0, pack(records[low:high])).effects:
                fields = json.loads(encode(effect))
                fields.pop("cause", None)
                said.append(json.dumps(fields))
        return said

    chance = random.Random(7)
    whole = told([])
    assert any('"relapse-risk"' in each for each in whole)
    assert any('"checkin-overdue"' in each for each in whole)
    for _ in range(10):
        assert told(sorted(chance.sample(range(1, len(records)), 12))) == whole
    assert told(list(range(1, len(records)))) == whole


# ---- one patient's trouble is nobody else's


async def test_an_entry_that_no_message_can_hold_fails_its_patient_alone_and_says_why(tmp_path: Path) -> None:
    """The edge refuses it; a store that an earlier version wrote may hold one."""
    huge = AuditEntry(
        "2026-01-05T09:00:00.000Z", "main", "A-1", None, "checkin", None, "accepted",
        {"kind": "checkin", "at": "2026-01-05T09:00:00Z", "patient": "A-1", "instrument": "symptoms", "items": [2**64]},
        "2026-01-05T09:00:00.000Z",
    )  # fmt: skip
    async with serving(tmp_path, forecasting=False) as clinic:
        await clinic.post(*lines_of(course("A-1"), course("B-2")))
        await clinic.settled()
        clinic.service.store.commit(FrameEffects(1, 0, (huge,)))  # of no frame that this journal could lack
    async with foreseeing(tmp_path) as clinic:
        forecaster = clinic.service.forecaster
        assert forecaster is not None
        await until(lambda: forecaster.maker.failed >= 1, "a failure")
        (made,) = await shown(clinic)
        assert made["patient"] == "B-2"
        assert "A-1" in str(forecaster.maker.last_failure)
        assert "the entries cannot be packed: Integer value out of range" in str(forecaster.maker.last_failure)


async def test_a_forecast_that_the_contract_refuses_fails_its_patient_alone_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of the model, planted: a severity beyond the scale."""
    answers = Worker.forecasts

    async def beyond(self: Worker, wanted: Any) -> list[ForecastOutcome]:
        made = await answers(self, wanted)
        for each in made:
            if each.request.patient == "A-1" and each.forecast is not None:
                each.forecast["severity_now"] = {"mean": 99.0, "sd": 1.0}
        return made

    monkeypatch.setattr(Worker, "forecasts", beyond)
    async with foreseeing(tmp_path) as clinic:
        forecaster = clinic.service.forecaster
        assert forecaster is not None
        await clinic.post(*lines_of(course("A-1"), course("B-2")))
        await until(lambda: forecaster.maker.failed >= 1, "a failure")
        (made,) = await shown(clinic)
        assert made["patient"] == "B-2"
        assert "not a forecast: severity_now.mean: Input should be less than or equal to 27" in str(
            forecaster.maker.last_failure
        )
        assert clinic.service.tasks.failure is None


@pytest.mark.parametrize("written", [b"", LENGTH.pack(100)[:2], LENGTH.pack(100), LENGTH.pack(100) + b"half"])
def test_a_process_whose_parent_was_killed_in_the_middle_of_a_job_ends_without_a_word(written: bytes) -> None:
    replies = io.BytesIO()
    answer_jobs(io.BytesIO(written), replies)
    assert replies.getvalue() == b""
