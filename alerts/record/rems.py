"""A session's record in; what it says for the esketamine REMS patient monitoring form out.

The form is submitted within seven days of each session. Its fields: REMS patient monitoring form, as compiled from its 2019 and
2023 versions; those of which the compiler was not sure are the serious adverse event's (M). A person signs it: what nobody
entered here is named as missing and left empty, never guessed. Bad at: a session whose scores were not taken.
Never here: names and dates of birth, which Chairside does not hold; how it is printed (`rems_pdf.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from typing import Final

from alerts.record.session import Pressure, pressures_of, standing_doses
from models.calendar import zone_of
from models.instants import MINUTE, from_iso, iso, to_datetime
from models.session.readiness import NEAR_BASELINE
from models.tables.conditions import interactions_of
from models.tables.drugs import protocol_of
from models.tables.form_items import slug
from models.tables.instruments import INSTRUMENTS
from models.tables.rules import Priority
from models.wire.record import RecordEntryOut, RemsEventOut, RemsOut, RemsPressureOut, SessionRecordOut, YesNo

_DEVICE_MG: Final = 28.0
"""One device (US label): 56 mg are two, 84 mg three."""
_PEAK_MIN: Final = 40.0
_NEAR_PEAK_MIN: Final = 15.0
"""The form asks for the pressure at about 40 minutes: the nearest cuff within a quarter of an hour of it. Chosen by us."""
_SUBMIT_DAYS: Final = 7
_CONCOMITANTS: Final = {
    "benzodiazepines": "benzodiazepine", "non-benzodiazepine sedative hypnotics": "sedative-hypnotic",
    "psychostimulants": "psychostimulant", "monoamine oxidase inhibitors": "maoi", "opioids": "opioid",
}  # fmt: skip
_BREATHING: Final = frozenset({"desaturation", "bradypnoea", "apnoea", "hypoventilation"})
SERIOUS: Final = "serious-adverse-event"
"""An intervention of this name is the form's serious adverse event; its detail is the narrative."""
LOT: Final = "lot"
"""An intervention of this name holds the lot number of the devices."""
_DISSOCIATED: Final = {"cadss": 4.0, "cadss-6": 1.0}
"""Above 4 of 92: the convention of FDA and sponsor [S7]; above 4 × 24/92 of the six items."""
_AWAKE: Final = 5.0


def rems_form(
    record: SessionRecordOut, treated_before: bool, medications: Sequence[str] | None, timezone: str
) -> RemsOut:
    """The form's data.

    Args:
        treated_before: esketamine was given to this patient before this session.
        medications: as registered; None: nobody has said. timezone: the site's, in which days are counted.
    """
    entries, doses = record["entries"], standing_doses(record["entries"])
    start = record["first_dose_at"]
    start_us = None if start is None else from_iso(start)
    end_us = None if record["ended_at"] is None else from_iso(record["ended_at"])

    def minute(at_us: int) -> float:
        return 0.0 if start_us is None else round((at_us - start_us) / MINUTE, 1)

    cuffs = [] if start_us is None else pressures_of(record)
    before = [cuff for cuff in cuffs if cuff.at_us <= (start_us or 0)]
    after = [cuff for cuff in cuffs if cuff.at_us > (start_us or 0)]
    first = _pressure(before[-1], minute) if before else None
    near = sorted(after, key=lambda cuff: abs(minute(cuff.at_us) - _PEAK_MIN))
    peak = next((cuff for cuff in near if abs(minute(cuff.at_us) - _PEAK_MIN) <= _NEAR_PEAK_MIN), None)
    last = after[-1] if after and end_us is not None else None
    sedation = _scored(entries, {"moaas": _AWAKE}, start_us, minute, lower_is_worse=True)
    dissociation = _scored(entries, _DISSOCIATED, start_us, minute, lower_is_worse=False)
    serious = [entry for entry in entries if entry["kind"] == "intervention" and not entry["struck"] and slug(entry["doc"]["what"]) == SERIOUS]  # fmt: skip
    lots = [entry["doc"].get("detail") for entry in entries if entry["kind"] == "intervention" and not entry["struck"] and slug(entry["doc"]["what"]) == LOT]  # fmt: skip
    mg = record["given_mg"]
    day = None if start_us is None else to_datetime(start_us).astimezone(zone_of(timezone) or UTC).date()
    form: RemsOut = {
        "site": record["site"],
        "session": record["session"],
        "patient": record["patient"],
        "is_esketamine": (record["drug"], record["route"]) == ("esketamine", "intranasal"),
        "name": None,
        "date_of_birth": None,
        "birth_year": record["birth_year"],
        "sex": record["sex"],
        "first_treatment": "no" if treated_before else "yes",
        "concomitants": _concomitants(medications),
        "monitored_by": sorted({entry["by"] for entry in entries if entry["by"]}),
        "timezone": timezone,
        "treated_on": None if day is None else day.isoformat(),
        "dose_mg": mg,
        "devices": len(doses) if mg is None or mg % _DEVICE_MG else round(mg / _DEVICE_MG),
        "lot": ", ".join(str(lot) for lot in lots if lot) or None,
        "total_minutes": None if end_us is None or start_us is None else minute(end_us),
        "ready_minute": _ready_minute(sedation, dissociation),
        "vitals_acceptable_before": _acceptable_before(first, record),
        "vitals_acceptable_at_end": None if last is None else _acceptable_at_end(_pressure(last, minute), first),
        "pressure_before": first,
        "pressure_40": None if peak is None else _pressure(peak, minute),
        "pressure_at_end": None if last is None else _pressure(last, minute),
        "sedation": sedation,
        "dissociation": dissociation,
        "respiratory_depression": _breathing(record, minute, start_us),
        "serious_adverse_event": {
            "happened": "yes" if serious else None, "from_minute": minute(from_iso(serious[0]["at"])) if serious else None,
            "until_minute": None, "words": "; ".join(str(entry["doc"].get("detail") or "") for entry in serious) or None,
        },
        "missing": [],
        "due_by": None if day is None else (day + timedelta(days=_SUBMIT_DAYS)).isoformat(),
    }  # fmt: skip
    form["missing"] = _missing(form)
    return form


def _pressure(cuff: Pressure, minute: Callable[[int], float]) -> RemsPressureOut:
    return {"sbp": cuff.sbp, "dbp": cuff.dbp, "at": iso(cuff.at_us), "minute": minute(cuff.at_us)}


def _concomitants(medications: Sequence[str] | None) -> dict[str, YesNo | None]:
    """Each class of the form: taken, not taken, or (None) not asked."""
    taken = {row.name for _, row in interactions_of("esketamine", medications or ())}
    return {words: None if medications is None else "yes" if name in taken else "no" for words, name in _CONCOMITANTS.items()}  # fmt: skip


def _scored(
    entries: Sequence[RecordEntryOut],
    limits: dict[str, float],
    start_us: int | None,
    minute: Callable[[int], float],
    *,
    lower_is_worse: bool,
) -> RemsEventOut:
    """Whether scores of these instruments since the dose were ever past their limit, from when, and from when on never again."""
    found = [
        (minute(from_iso(entry["at"])), entry["score"] < limits[name] if lower_is_worse else entry["score"] > limits[name], entry)
        for entry in entries
        if entry["kind"] == "checkin" and not entry["struck"] and entry["score"] is not None
        and (name := str(entry["doc"]["instrument"])) in limits and start_us is not None and from_iso(entry["at"]) >= start_us
    ]  # fmt: skip
    past = [at for at, is_past, _ in found if is_past]
    if not found:
        return {"happened": None, "from_minute": None, "until_minute": None, "words": None}
    # By their order, not their minutes: what is entered within a minute came one after the other too.
    last_past = max((n for n, (_, is_past, _) in enumerate(found) if is_past), default=-1)
    clear = [at for at, _, _ in found[last_past + 1 :]]
    worst = (min if lower_is_worse else max)(found, key=lambda one: one[2]["score"] or 0.0)[2]
    return {
        "happened": "yes" if past else "no",
        "from_minute": past[0] if past else None,
        "until_minute": clear[0] if clear else None,
        "words": f"{INSTRUMENTS[worst['doc']['instrument']].title} {worst['score']:g}" if past else None,
    }


def _ready_minute(*events: RemsEventOut) -> float | None:
    """From which minute on all that is scored was clear; None: something was not scored, or never was clear."""
    ends = [event["until_minute"] for event in events]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _acceptable_before(first: RemsPressureOut | None, record: SessionRecordOut) -> YesNo | None:
    """Whether the pressure before the dose was one that asks nothing by the protocol."""
    ask = protocol_of(record["drug"], record["route"]).predose_mmhg
    if first is None or first["sbp"] is None or first["dbp"] is None or ask is None:
        return None
    return "yes" if first["sbp"] <= ask[0] and first["dbp"] <= ask[1] else "no"


def _acceptable_at_end(last: RemsPressureOut, first: RemsPressureOut | None) -> YesNo | None:
    """Whether the last pressure was near the one before the dose, as readiness asks."""
    pairs = [(last[name], None if first is None else first[name]) for name in ("sbp", "dbp")]
    known = [(value, base) for value, base in pairs if value is not None and base is not None]
    if not known:
        return None
    return "yes" if all(abs(value - base) <= NEAR_BASELINE * base for value, base in known) else "no"


def _breathing(record: SessionRecordOut, minute: Callable[[int], float], start_us: int | None) -> RemsEventOut:
    """Whether an alert of medium or high priority told of breathing or oxygen; None where no oximeter was on."""
    told = [
        alert for alert in record["alerts"]
        if alert["rule"] in _BREATHING and alert["priority"] in {Priority.MEDIUM.word, Priority.HIGH.word}
        and start_us is not None and from_iso(alert["onset_at"]) >= start_us
    ]  # fmt: skip
    if not told:
        seen = bool("spo2" in record["channels"])
        return {"happened": "no" if seen else None, "from_minute": None, "until_minute": None, "words": None}
    over = [alert["over_at"] for alert in told]
    return {
        "happened": "yes",
        "from_minute": minute(min(from_iso(alert["onset_at"]) for alert in told)),
        "until_minute": None if None in over else minute(max(from_iso(at) for at in over if at is not None)),
        "words": "; ".join(dict.fromkeys(alert["title"] for alert in told)),
    }


_ASKED_OF_A_PERSON: Final = ("name", "date_of_birth", "sex", "dose_mg", "lot", "total_minutes", "ready_minute", "pressure_before",
                    "pressure_40", "pressure_at_end")  # fmt: skip
_EVENTS: Final = ("sedation", "dissociation", "respiratory_depression", "serious_adverse_event")


def _missing(form: RemsOut) -> list[str]:
    """What the form asks and this session does not say, in words."""
    fields: dict[str, object] = dict(form)
    missing = [name for name in _ASKED_OF_A_PERSON if fields[name] is None]
    missing += [name for name in _EVENTS if isinstance(event := fields[name], dict) and event["happened"] is None]
    if None in form["concomitants"].values():
        missing.append("concomitants")
    return [name.replace("_", " ") for name in missing]
