"""A session's record in; a CSV of one line for each thing that was entered, measured in a minute, or told, by time, out.

Never here: a spreadsheet's formulas. A text that begins like one is quoted with an apostrophe before it.
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import Final

from models.instants import from_iso, iso
from models.tables.channels import CHANNELS
from models.wire.record import RecordEntryOut, SessionRecordOut

COLUMNS: Final = ("at", "what", "name", "value", "lowest", "highest", "unit", "by", "struck", "detail")
_UNITS: Final = {channel.name: channel.unit for channel in CHANNELS}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_COMMON: Final = frozenset({"at", "id", "by", "source", "patient", "session", "replaces"})


def csv_of(record: SessionRecordOut) -> str:
    """The text, with a header line."""
    rows = [(from_iso(str(row[0])), row) for row in _rows(record)]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_plain(value) for value in row] for _, row in sorted(rows, key=lambda pair: pair[0]))
    return text.getvalue()


def _rows(record: SessionRecordOut) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name, minutes in record["channels"].items():
        for at_ms, lowest, mean, highest in zip(
            minutes["minute"], minutes["lowest"], minutes["mean"], minutes["highest"], strict=True
        ):
            rows.append((iso(at_ms * 1000), "minute", name, mean, lowest, highest, _UNITS[name], None, None, None))
    rows += [_entered(entry) for entry in record["entries"]]
    for alert in record["alerts"]:
        for step in alert["steps"]:
            rows.append(
                (step["at"], "alert", alert["rule"], alert["priority"], None, None, None, step["by"], None,
                 f"{step['transition']}: {alert['text']}")
            )  # fmt: skip
    return rows


def _entered(entry: RecordEntryOut) -> tuple[object, ...]:
    doc = entry["doc"]
    named = doc.get("instrument") or doc.get("what") or doc.get("drug") or ("cuff" if "sbp" in doc else None)
    value, unit = entry["score"], None
    if "amount_mg" in doc or "given_mg" in doc:
        value, unit = doc.get("amount_mg", doc.get("given_mg")), "mg"
    cuff = "sbp" in doc
    detail = "; ".join(f"{name}={text}" for name, text in doc.items() if name not in _COMMON and text is not None)
    return (
        entry["at"], entry["kind"], named, value, doc.get("dbp") if cuff else None, doc.get("sbp") if cuff else None,
        "mm[Hg]" if cuff else unit, entry["by"], "struck" if entry["struck"] else None, detail,
    )  # fmt: skip


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
