"""HL7 messages become the observations that they mean; what cannot be used is set aside with its segment, the rest counts."""

from __future__ import annotations

from datetime import UTC
from math import isnan
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.instants import from_iso, iso
from models.tables.channels import CHANNEL_NAMES
from models.wire.observations import MonitorAlarm, PatientMerged, PatientRegistered, SetAside
from streams.intake.admission import Admission
from streams.intake.hl7.answers import acknowledgement
from streams.intake.hl7.fields import BadMessage, Fields
from streams.intake.hl7.message import read_message
from streams.intake.hl7.times import hl7_instant
from streams.intake.json import Reading
from streams.journal.frame import SAMPLE_VALUES, Sample
from tests.support.service import ROOT

HERE = Admission("main")
HEAD = "MSH|^~\\&|GATEWAY^0011^EUI-64|WARD|||20261109090000{zone}||{kind}|m-1|P|2.6|||AL|NE||UNICODE UTF-8"


def message(*segments: str, kind: str = "ORU^R01^ORU_R01", zone: str = "+0000") -> bytes:
    return "\r".join([HEAD.format(kind=kind, zone=zone), *segments]).encode()


def obx(code: str, value: str, unit: str, at: str = "20261109085958", device: str = "m-3", status: str = "R") -> str:
    return f"OBX|1|NM|{code}|1.1.1.1|{value}|{unit}|||||{status}|||{at}||||{device}"


def reading(body: bytes, zone: Any = UTC) -> Reading[Sample]:
    return read_message(Fields(body), HERE, zone)


def values(sample: Any) -> dict[str, float]:
    assert isinstance(sample, Sample)
    return {
        name: value
        for name, value in zip(CHANNEL_NAMES, SAMPLE_VALUES.unpack(sample.values), strict=True)
        if not isnan(value)
    }


SPO2 = "150456^MDC_PULS_OXIM_SAT_O2^MDC"
PERCENT = "262688^MDC_DIM_PERCENT^MDC"
HR = "147842^MDC_ECG_HEART_RATE^MDC"
PER_MIN = "264864^MDC_DIM_BEAT_PER_MIN^MDC"
SYS = "150021^MDC_PRESS_BLD_NONINV_SYS^MDC"


def test_what_is_measured_at_one_instant_by_one_device_is_one_sample() -> None:
    read = reading(
        message(
            "PID|||12345^^^A^MR||DOE^JANE", "OBR|1|||x|||20261109085958+0000", "OBX|1||70686^MDC_DEV_X_VMD^MDC|1.16.0.0|||||||X|||||||monitor-9",
            obx(SPO2, "97", PERCENT, device=""), obx(HR, "72", PER_MIN, device=""), obx(SYS, "121", "mm[Hg]^^UCUM", device="cuff-2"),
            obx(HR, "73", "{beat}/min^^UCUM", at="20261109085959", device=""),
        )
    )  # fmt: skip
    assert read.bad == []
    assert [(iso(one.at_us), one.origin[2:4], values(one)) for one in read.records if isinstance(one, Sample)] == [
        ("2026-11-09T08:59:58.000Z", ("12345", "monitor-9"), {"spo2": 97, "hr": 72}),
        ("2026-11-09T08:59:58.000Z", ("12345", "cuff-2"), {"sbp": 121}),
        ("2026-11-09T08:59:59.000Z", ("12345", "monitor-9"), {"hr": 73}),
    ]


@pytest.mark.parametrize(
    ("code", "value", "unit", "expected"),
    [
        (SYS, "16.0", "kPa^^UCUM", {"sbp": 120.0}),
        ("8480-6^Systolic^LN", "120", "mm[Hg]^^UCUM", {"sbp": 120}),
        ("150301^MDC_PRESS_CUFF_SYS^MDC", "120", "266016^MDC_DIM_MMHG^MDC", {"sbp": 120}),
        ("0002-4bb8^SpO2^MDIL", "96", "%", {"spo2": 96}),
        ("SpO2^SpO2^99LOCAL^150456^MDC_PULS_OXIM_SAT_O2^MDC", "96", PERCENT, {"spo2": 96}),
        (SPO2, "0.96", "1^^UCUM", {"spo2": 96}),
        ("MDC_TEMP", "98.6", "[degF]^^UCUM", {"temp": 37.0}),
        ("151562^MDC_RESP_RATE^MDC", "14", "264928^MDC_DIM_RESP_PER_MIN^MDC", {"rr": 14}),
        ("151562^MDC_RESP_RATE^MDC", "0", "{breath}/min^^UCUM", {"rr": 0}),
    ],
)
def test_codes_and_units_are_read_as_monitors_write_them(
    code: str, value: str, unit: str, expected: dict[str, float]
) -> None:
    (one,) = reading(message(obx(code, value, unit))).records
    found = values(one)
    assert {name: round(number, 1) for name, number in found.items()} == expected


@pytest.mark.parametrize(
    ("segment", "where", "reason"),
    [
        (
            obx("999999^MDC_NEW_THING^MDC", "5", PERCENT),
            "OBX|2|3",
            "999999^MDC_NEW_THING^MDC is no channel that is known here",
        ),
        (obx("150456^MDC_ECG_HEART_RATE^MDC", "97", PERCENT), "OBX|2|3", "names hr and spo2 at once"),
        (obx(HR, "72", ""), "OBX|2|6", "hr: no unit is said"),
        (obx(HR, "72", "furlong^^UCUM"), "OBX|2|6", "hr in furlong: the unit is not known for it"),
        (obx(HR, "seventy", PER_MIN), "OBX|2|5", "hr: seventy is no number"),
        (obx(HR, "72", PER_MIN, at="20261309085958"), "OBX|2|14", "is in no calendar"),
        (obx(HR, "72", PER_MIN, at="20261109"), "OBX|2|14", "is no time to the minute"),
        (obx(SPO2, "99", PERCENT), "OBX|2|3", "spo2 is there twice for one instant"),
        (obx(HR, "1e999", PER_MIN), "OBX|2|5", "hr: 1e999 is no number"),
        (obx(HR, "nan", PER_MIN), "OBX|2|5", "hr: nan is no number"),
    ],
)
def test_what_cannot_be_used_is_set_aside_with_its_place_and_the_rest_counts(
    segment: str, where: str, reason: str
) -> None:
    read = reading(message(obx(SPO2, "97", PERCENT), segment))
    ((_, aside),) = read.bad
    assert aside.field == where
    assert reason in aside.reason
    assert read.accepted == 1
    assert values(read.records[0]) == {"spo2": 97}


@pytest.mark.parametrize("said", [("-100", "R"), ("32767", "R"), ("8388607", "R"), ("", "R"), ("97", "X")])
def test_what_stands_for_no_reading_is_none(said: tuple[str, str]) -> None:
    value, status = said
    (one,) = reading(message(obx(SPO2, value, PERCENT, status=status))).records
    assert isinstance(one, Sample)
    assert (values(one), one.status) == ({}, {"spo2": "off"})


def test_what_no_one_watches_is_passed_over_without_a_dead_letter() -> None:
    read = reading(
        message(
            obx("131854^MDC_ECG_V_P_C_CNT^MDC", "3", PER_MIN), obx("150037^MDC_PRESS_BLD_ART_SYS^MDC", "88", "mm[Hg]")
        )
    )
    assert (read.records, read.bad) == ([], [])


@pytest.mark.parametrize("patient", ["", "Unknown Patient", "UNKNOWN", "-", "none", "^^^A"])
def test_a_message_about_nobody_is_its_device_s(patient: str) -> None:
    (one,) = reading(message(f"PID|||{patient}", "PV1||I|OR^2^B", obx(SPO2, "97", PERCENT, device=""))).records
    assert isinstance(one, Sample)
    assert one.origin[2:4] == (None, "OR/2/B")


def test_a_time_has_the_message_s_zone_or_the_site_s_and_the_first_of_two() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    (one,) = reading(message(obx(SPO2, "97", PERCENT), zone="-0600"), berlin).records
    assert isinstance(one, Sample)
    assert iso(one.at_us) == "2026-11-09T14:59:58.000Z"
    (one,) = reading(message(obx(SPO2, "97", PERCENT), zone=""), berlin).records
    assert isinstance(one, Sample)
    assert iso(one.at_us) == "2026-11-09T07:59:58.000Z"
    assert hl7_instant("202610250230", berlin) == from_iso("2026-10-25T00:30:00Z")
    assert hl7_instant("20261109090000.25+0100", UTC) == from_iso("2026-11-09T08:00:00.250Z")


def test_an_admission_registers_whoever_it_is_about_and_takes_no_name() -> None:
    body = message(
        "EVN|A04|20261109085000", "PID|1||P-77^^^H^MR||DOE^JANE||19661224|F", "DG1|1||I10^Essential hypertension^I10", "DG1|2||F29^^I10",
        kind="ADT^A04^ADT_A01",
    )  # fmt: skip
    (record,) = reading(body).records
    assert isinstance(record, PatientRegistered)
    assert (record.patient, record.birth_year, record.sex) == ("P-77", 1966, "F")
    assert record.conditions is not None
    assert len(record.conditions) == 2
    assert "DOE" not in repr(record)
    (record,) = reading(message("PID|1||P-77", kind="ADT^A08")).records
    assert isinstance(record, PatientRegistered)
    assert record.conditions is None, "what is not said stays as it was"


def test_no_name_is_kept_with_what_is_set_aside() -> None:
    (record,) = reading(message("PID|1||||DOE^JANE", kind="ADT^A04")).records
    assert isinstance(record, SetAside)
    assert (record.field, record.line) == ("PID|1|3", "PID")


@pytest.mark.parametrize(("phase", "active"), [("start", True), ("continue", True), ("end", False)])
def test_the_monitor_s_own_no_breath_is_one_that_raises(phase: str, active: bool) -> None:
    segments = (
        "OBX|1|ST|196680^MDC_EVT_APNEA^MDC|1.1|APNEA|||H~PH~SP|||F|||20261109085958||||m-3",
        f"OBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.2|{phase}||||||F",
    )
    (record,) = reading(message(*segments, kind="ORU^R40^ORU_R40")).records
    assert isinstance(record, MonitorAlarm)
    assert (record.alarm, record.active, record.device) == ("no-breath", active, "m-3")


@pytest.mark.parametrize(
    ("event", "more", "label", "priority"),
    [
        ("196670^MDC_EVT_LO^MDC|1.1|Low SpO2|||L~PM~SP|||F", "", "Low SpO2", "medium"),
        ("196670^MDC_EVT_LO^MDC|1.1||||PH", "", "MDC_EVT_LO", "high"),
        ("0^^MDC|1.1|ECG leads off", "OBX|2|ST|68484^MDC_ATTR_ALARM_PRIORITY^MDC|1.2|PL", "ECG leads off", "low"),
        ("0^^MDC|1.1|ECG leads off", "", "ECG leads off", None),
    ],
)  # fmt: skip
def test_the_monitor_s_other_alarms_are_put_on_record_by_its_own_name_and_priority(
    event: str, more: str, label: str, priority: str | None
) -> None:
    def record(phase: str) -> MonitorAlarm:
        request = "OBR|1|7^GW|7^GW|196616^MDC_EVT_ALARM^MDC|||20261109085950" + "|" * 22 + "^41&GW"
        at = f"OBX|9|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.9|{phase}"
        (found,) = reading(
            message(request, f"OBX|1|ST|{event}", *filter(None, [more]), at, kind="ORU^R40^ORU_R40")
        ).records
        assert isinstance(found, MonitorAlarm)
        return found

    begun = record("start")
    assert (begun.alarm, begun.label, begun.priority, begun.active) == ("other", label, priority, True)
    assert record("continue").id == begun.id, "that it goes on is the same alarm"
    over = record("end")
    assert over.active is False
    assert over.id not in (None, begun.id)


def merged(*segments: str) -> list[Any]:
    return list(reading(message("EVN||202611091030", *segments, kind="ADT^A40^ADT_A39")).records)


def test_the_alias_of_mrg_goes_into_that_of_pid() -> None:
    (record,) = merged("PID|||N-9^^^HOSP^MR||Doe^Jo", "MRG|P-3^^^HOSP^MR||||||Doe^Joe")
    assert isinstance(record, PatientMerged)
    assert (record.patient, record.merged) == ("N-9", "P-3")
    assert iso(from_iso("2026-11-09T10:30:00Z")) == record.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert "Doe" not in record.model_dump_json()


def test_each_pair_of_a_merge_counts_and_a_half_one_is_set_aside_without_a_name() -> None:
    records = merged("PID|||A||Doe^Jo", "MRG|B", "PID|||C||Doe^Jo", "PID|||unknown", "MRG|D", "PID|||E", "MRG|")
    assert [(each.patient, each.merged) for each in records if isinstance(each, PatientMerged)] == [("A", "B")]
    aside = [each for each in records if isinstance(each, SetAside)]
    assert [each.field for each in aside] == ["PID|2|3", "MRG|2|1", "MRG|3|1"]
    assert not any("Doe" in each.line for each in aside)


def test_a_merge_of_nobody_is_set_aside() -> None:
    (record,) = merged()
    assert isinstance(record, SetAside)


def test_an_alarm_without_a_name_is_set_aside() -> None:
    (record,) = reading(message("OBR|1|7^GW", kind="ORU^R40^ORU_R40")).records
    assert isinstance(record, SetAside)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "AR"), (b"nonsense", "AR"), (b"MSH", "AR"), (b"MSH|^~\\&|", "AR"), (b"PID|||1", "AR"), (b"\xff\xfe", "AE"),
        (message(kind="RGV^O15"), "AR"), (message(kind=""), "AR"), (message(kind="ADT^A39"), "AR"),
        (message("PID|||\u00e9").replace(b"\xc3\xa9", b"\xe9"), "AE"),
    ],
)  # fmt: skip
def test_what_is_no_message_or_of_another_kind_is_refused_by_its_code(body: bytes, code: str) -> None:
    with pytest.raises(BadMessage) as refused:
        reading(body)
    assert refused.value.code == code


def test_a_message_in_latin_1_is_read_as_it_says() -> None:
    body = (
        message("PID|||K\u00e4fer-1", obx(SPO2, "97", PERCENT))
        .replace(b"UNICODE UTF-8", b"8859/1")
        .replace("\u00e4".encode(), b"\xe4")
    )
    (one,) = reading(body).records
    assert isinstance(one, Sample)
    assert one.origin[2] == "K\u00e4fer-1"


def test_an_answer_names_the_message_and_turns_its_addresses_round() -> None:
    said = (
        acknowledgement(Fields(message()), "AE", "a|b^c&d~e\nf", "OBX|2|6", from_iso("2026-11-09T09:00:01Z"))
        .decode()
        .split("\r")
    )
    assert said[0].startswith("MSH|^~\\&|||GATEWAY|WARD|20261109090001+0000||ACK^R01^ACK|m-1|P|2.6|")
    assert said[1] == "MSA|AE|m-1"
    assert said[2].startswith("ERR||OBX^2^6|207^")
    assert said[2].endswith("|E||||a\\F\\b\\S\\c\\T\\d\\R\\e f")


TEXT = st.text(st.sampled_from("MSHOBXPIDRU|^~\\&0123456789.-+\r\n\x00 \u00e9"), max_size=80)


@given(
    st.lists(
        st.one_of(TEXT, st.sampled_from([obx(SPO2, "97", PERCENT), "OBX", "OBX|", "OBR|1", "PID|||~^&"])), max_size=6
    ),
    st.booleans(),
)
def test_whatever_the_bytes_nothing_else_raises_and_all_of_it_is_taken_or_set_aside(
    parts: list[str], headed: bool
) -> None:
    body = message(*parts) if headed else "\r".join(parts).encode()
    try:
        read = reading(body)
    except BadMessage:
        return
    assert read.accepted + len(read.bad) == len(read.records)
    assert acknowledgement(Fields(body), "AA", "", "", 0).endswith(b"\r")


def test_the_documentation_s_example_is_taken_whole() -> None:
    read = reading((ROOT / "docs" / "hl7" / "vitals.hl7").read_bytes())
    (one,) = read.records
    assert (read.bad, values(one)) == ([], {"spo2": 97, "pulse": 74, "sbp": pytest.approx(123, abs=0.1)})
