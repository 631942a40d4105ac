"""The invented clinic's lines: they keep the contract, the seed fixes them, and they have what is wrong with real ones."""

from __future__ import annotations

import hashlib
import json
import re
import tracemalloc
from collections import defaultdict
from itertools import islice, pairwise
from typing import Any

import pytest

from models.instants import HOUR, MINUTE, SECOND, from_iso
from models.tables.channels import CHANNELS
from models.wire.observations import OBSERVATION
from streams.clinic.clinic import OPENS_US, Clinic, demo_clinic, simulate

Line = dict[str, Any]


@pytest.fixture(scope="module")
def busy() -> Clinic:
    """Twelve chairs on a very bad day."""
    return simulate(sessions=12, seed=7, hours=3, adverse=60)


@pytest.fixture(scope="module")
def busy_arrivals(busy: Clinic) -> list[tuple[int, Line]]:
    return list(busy.arrivals())


def digest(clinic: Clinic) -> str:
    sha = hashlib.sha256()
    for line in clinic.observations():
        sha.update(json.dumps(line).encode())
    for event in clinic.truth():
        sha.update(json.dumps(event).encode())
    return sha.hexdigest()


def test_every_line_keeps_the_contract(busy_arrivals: list[tuple[int, Line]]) -> None:
    for _, line in busy_arrivals:
        OBSERVATION.validate_json(json.dumps(line))
    kinds = {line["kind"] for _, line in busy_arrivals}
    assert kinds == {
        "patient.registered", "device.assigned", "session.started", "dose", "dose.stopped", "vitals", "checkin",
        "intervention", "session.ended",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert digest(simulate(3, seed=5, hours=1)) == digest(simulate(3, seed=5, hours=1))
    assert digest(simulate(3, seed=5, hours=1)) != digest(simulate(3, seed=6, hours=1))


def test_more_sessions_leave_the_earlier_ones_as_they_were() -> None:
    few = list(simulate(4, seed=5, hours=3).observations())
    chairs = {str(chair) for chair in range(1, 5)}
    devices, patients = {f"monitor-{chair}" for chair in chairs}, {f"P{number:04d}" for number in range(1, 5)}
    many = [
        line
        for line in simulate(12, seed=5, hours=3).observations()
        if line.get("device") in devices or line.get("patient") in patients
    ]
    assert few == many


def test_lines_come_in_order_of_arrival_and_only_late_ones_say_when(busy_arrivals: list[tuple[int, Line]]) -> None:
    assert all(before[0] <= after[0] for before, after in pairwise(busy_arrivals))
    seen: set[str] = set()
    for arrives_us, line in busy_arrivals:
        text = json.dumps(line)
        if text not in seen:
            assert from_iso(str(line.get("received_at", line["at"]))) == arrives_us
        seen.add(text)


def test_nothing_arrives_after_closing() -> None:
    clinic = simulate(24, seed=1, hours=0.5)
    last_us = max(arrives_us for arrives_us, _ in clinic.arrivals())
    assert last_us < OPENS_US + HOUR // 2
    assert all(from_iso(event["from"]) < OPENS_US + HOUR // 2 for event in simulate(24, 1, 0.5, adverse=60).truth())


def test_a_device_is_silent_outside_its_sessions() -> None:
    open_devices: dict[str, str] = {}
    started: dict[str, str] = {}
    for line in simulate(26, seed=2, hours=8, adverse=20).observations():
        if line["kind"] == "session.started":
            assert line["device"] not in open_devices, "two sessions in one chair"
            open_devices[line["device"]] = line["session"]
            started[line["session"]] = line["device"]
        elif line["kind"] == "session.ended":
            del open_devices[started[line["session"]]]
        elif line["kind"] == "vitals":
            assert line["device"] in open_devices
    assert len(started) == 26


def test_a_device_says_one_thing_at_one_instant(busy_arrivals: list[tuple[int, Line]]) -> None:
    said: dict[tuple[str, str], Line] = {}
    for _, line in busy_arrivals:
        if line["kind"] == "vitals":
            assert said.setdefault((line["device"], line["at"]), line) == line


def test_patients_are_aliases_and_have_no_name(busy_arrivals: list[tuple[int, Line]]) -> None:
    for _, line in busy_arrivals:
        assert re.fullmatch(r"P\d{4}", line.get("patient", "P0001"))
        assert not {"name", "first_name", "last_name"} & line.keys()


def test_devices_show_whole_numbers(busy_arrivals: list[tuple[int, Line]]) -> None:
    channels = {channel.name for channel in CHANNELS}
    for _, line in busy_arrivals:
        if line["kind"] == "vitals":
            assert all(type(line[name]) is int for name in channels & line.keys())


def test_a_clinic_waits_without_living_the_sessions_to_come() -> None:
    clinic = simulate(600, seed=1, hours=3)
    tracemalloc.start()
    first = list(islice(clinic.observations(), 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Lived at once, 600 sessions would take some 200 kB each.
    assert len(first) == 20
    assert peak < 30_000_000


def test_a_clinic_that_cannot_be_says_why() -> None:
    with pytest.raises(ValueError, match="'earthquake' in session 0"):
        simulate(1, adverse=[(0, "earthquake", 5)])
    with pytest.raises(ValueError, match="in session 3: 1 sessions"):
        simulate(1, adverse=[(3, "apnoea", 5)])
    with pytest.raises(ValueError, match="hours=0"):
        simulate(1, hours=0)


def test_doses_are_the_protocols(busy_arrivals: list[tuple[int, Line]]) -> None:
    weight = {line["patient"]: line["weight_kg"] for _, line in busy_arrivals if line["kind"] == "patient.registered"}
    doses = [line for _, line in busy_arrivals if line["kind"] == "dose"]
    assert {(dose["drug"], dose["route"]) for dose in doses} == {("ketamine", "iv"), ("esketamine", "intranasal")}
    for dose in doses:
        if dose["drug"] == "ketamine":
            assert dose["amount_mg"] == pytest.approx(0.5 * weight[dose["patient"]], abs=0.06)
            assert dose["minutes"] == 40
        else:
            assert dose["amount_mg"] in (56.0, 84.0)


# What is wrong with the lines themselves


def test_the_lines_have_every_kind_of_artefact() -> None:
    lines = list(simulate(24, seed=1, hours=8, adverse=0).observations())
    vitals = [line for line in lines if line["kind"] == "vitals"]
    status = [(name, said) for line in vitals for name, said in line.get("status", {}).items()]
    assert {("spo2", "probe-off"), ("pulse", "probe-off"), ("spo2", "artefact"), ("sbp", "cuff-failed")} == set(status)
    for line in vitals:
        assert not line.get("status", {}).keys() & line.keys(), "a channel without a reading shows no value"
    ranges = {channel.name: (channel.lowest, channel.highest) for channel in CHANNELS}
    outside = [
        name for line in vitals for name in ranges.keys() & line.keys()
        if not ranges[name][0] <= line[name] <= ranges[name][1]
    ]  # fmt: skip
    assert {"spo2", "pulse", "hr"} >= set(outside) > set()
    late = [line for line in vitals if "received_at" in line]
    assert any(from_iso(line["received_at"]) - from_iso(line["at"]) > 20 * SECOND for line in late)
    texts = [json.dumps(line) for line in vitals]
    assert 0.001 < 1 - len(set(texts)) / len(texts) < 0.003
    seconds: dict[str, list[int]] = defaultdict(list)
    pulse: dict[str, list[int]] = defaultdict(list)
    for line in sorted(vitals, key=lambda line: from_iso(line["at"])):
        if "hr" in line:
            seconds[line["device"]].append(from_iso(line["at"]) // SECOND)
        if "pulse" in line:
            pulse[line["device"]].append(line["pulse"])
    gaps = [later - earlier for times in seconds.values() for earlier, later in pairwise(times)]
    assert sum(3 <= gap <= 16 for gap in gaps) > 10
    jumps = [abs(later - earlier) for values in pulse.values() for earlier, later in pairwise(values)]
    assert sum(jump > 15 for jump in jumps) > 100


def test_a_number_sometimes_stands_still_for_more_than_a_minute() -> None:
    longest = 0
    runs: dict[tuple[str, str], tuple[int, int]] = {}
    for line in simulate(24, seed=1, hours=8, adverse=0).observations():
        for name in ("hr", "pulse"):
            if line["kind"] == "vitals" and name in line:
                value, length = runs.get((line["device"], name), (-1, 0))
                length = length + 1 if value == line[name] else 1
                runs[line["device"], name] = (line[name], length)
                longest = max(longest, length)
    assert longest >= 60


# The demonstration


def test_the_demonstration_opens_in_the_middle_of_the_day() -> None:
    phases = defaultdict(list)
    doses: dict[str, tuple[int, float]] = {}
    started = set()
    for arrives_us, line in demo_clinic().arrivals():
        if arrives_us >= OPENS_US:
            break
        if line["kind"] == "session.started":
            started.add(line["chair"])
        if line["kind"] == "dose":
            doses[line["session"]] = (arrives_us, line["minutes"])
    assert started == {str(chair) for chair in range(1, 13)}
    for since_us, minutes in doses.values():
        phases["dosing" if OPENS_US - since_us < minutes * MINUTE else "observation"].append(since_us)
    assert 12 - len(doses) >= 2
    assert len(phases["dosing"]) >= 3
    assert len(phases["observation"]) >= 4
