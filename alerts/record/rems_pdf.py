"""The REMS form's data in; one printed page of it out, to be copied from or filed: it is not the form itself.

Bad at: letters outside Latin-1, which the printer's own fonts do not have; they are printed as `?`, and the JSON has them.
Never here: what a field says (`rems.py`).
"""

from __future__ import annotations

from datetime import UTC
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from models.calendar import zone_of
from models.instants import from_iso, to_datetime
from models.wire.record import RemsEventOut, RemsOut, RemsPressureOut

_UNKNOWN: Final = "________________"
_WIDTH_MM: Final = 95


def rems_pdf(form: RemsOut, entered_until: str | None) -> bytes:
    """One A4 page. `entered_until`: when the last of what it says was entered."""
    page = FPDF(format="A4")
    page.set_title("Data for the REMS patient monitoring form")
    page.set_creator("Chairside")
    page.set_auto_page_break(auto=False)
    page.add_page()
    page.set_font("Helvetica", "B", 14)
    page.cell(0, 8, "Data for the esketamine REMS patient monitoring form", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font("Helvetica", "", 8.5)
    page.multi_cell(
        0, 4,
        "Filled from what was entered and measured at the chair. A person checks it, fills in what is missing and submits the form "
        "itself. Chairside is not a medical device.", new_x=XPos.LMARGIN, new_y=YPos.NEXT,
    )  # fmt: skip
    page.ln(1)
    for label, value in form_lines(form, entered_until):
        page.set_font("Helvetica", "", 9)
        top = page.get_y()
        page.multi_cell(_WIDTH_MM, 5, _printable(label), align="L", new_x=XPos.RIGHT, new_y=YPos.TOP)
        page.set_font("Helvetica", "B", 9)
        page.set_xy(page.l_margin + _WIDTH_MM, top)
        page.multi_cell(0, 5, _printable(value), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(2)
    page.set_font("Helvetica", "", 9)
    page.cell(
        0, 8, "Signed: ______________________________     Date: ________________", new_x=XPos.LMARGIN, new_y=YPos.NEXT
    )
    return bytes(page.output())


def form_lines(form: RemsOut, entered_until: str | None) -> list[tuple[str, str]]:
    """Label and value of each line, in the order of the form."""
    words = form["serious_adverse_event"]["words"]
    return [
        ("Patient (alias here)", form["patient"]),
        ("Name, date of birth", _UNKNOWN),
        ("Sex; year of birth", f"{_said(form['sex'])}; {_said(form['birth_year'])}"),
        ("First treatment with esketamine", f"{form['first_treatment']}, as far as it was entered here"),
        *((f"Takes {name}", _said(taken)) for name, taken in form["concomitants"].items()),
        ("Monitored and entered by", ", ".join(form["monitored_by"]) or _UNKNOWN),
        ("Date of treatment", _said(form["treated_on"])),
        ("Dose", f"{_said(form['dose_mg'])} mg, {_said(form['devices'])} devices"),
        ("Lot number", _said(form["lot"])),
        ("Minutes from the first device to the end of monitoring", _said(form["total_minutes"])),
        ("Would have been ready to leave, minutes from the start", _said(form["ready_minute"])),
        ("Vital signs acceptable before administration", _said(form["vitals_acceptable_before"])),
        ("Vital signs acceptable before completion", _said(form["vitals_acceptable_at_end"])),
        ("Blood pressure before", _pressure_words(form["pressure_before"], form["timezone"])),
        ("Blood pressure at about 40 minutes", _pressure_words(form["pressure_40"], form["timezone"])),
        ("Blood pressure before completion", _pressure_words(form["pressure_at_end"], form["timezone"])),
        ("Sedation", _event_words(form["sedation"])),
        ("Dissociation", _event_words(form["dissociation"])),
        ("Respiratory depression", _event_words(form["respiratory_depression"])),
        ("Serious adverse event", _event_words({**form["serious_adverse_event"], "words": None if words is None else words[:400]})),
        ("Still missing", ", ".join(form["missing"]) or "nothing"),
        ("Due by", _said(form["due_by"])),
        ("Session; last entry", f"{form['session']}; {_said(entered_until)}"),
    ]  # fmt: skip


def _said(value: object) -> str:
    return _UNKNOWN if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _pressure_words(pressure: RemsPressureOut | None, timezone: str) -> str:
    if pressure is None:
        return _UNKNOWN
    local = to_datetime(from_iso(pressure["at"])).astimezone(zone_of(timezone) or UTC)
    values = f"{_said(pressure['sbp'])}/{_said(pressure['dbp'])}"
    return f"{values} mmHg, minute {pressure['minute']:g} ({local:%H:%M} {local.tzname()})"


def _event_words(event: RemsEventOut) -> str:
    if event["happened"] != "yes":
        return _said(event["happened"])
    span = "" if event["from_minute"] is None else f", from minute {event['from_minute']:g}"
    over = "" if event["until_minute"] is None else f", resolved by minute {event['until_minute']:g}"
    words = "" if event["words"] is None else f" ({event['words']})"
    return f"yes{span}{over}{words}"


def _printable(text: str) -> str:
    return text.encode("latin-1", "replace").decode("latin-1")
