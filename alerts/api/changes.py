"""What changed between two of the live feed's `chairs` documents: both in, the `changes` event out; and the way back.

Field by field, down to a channel's: a field that is not there is as it was. Where an object has other fields than before, or a
chair comes, goes or moves, the whole chair or the whole document is sent, so that nothing has to be said about what is gone.
Cost: 0.1 ms a chair. Never here: who has heard what (`live.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from models.wire.live import ChairOut, ChairsOut, ChangesOut


def chair_changes(before: ChairsOut, after: ChairsOut) -> ChangesOut | None:
    """What a board that has `before` must know to have `after`; None: other chairs sit there, or in another order."""
    if [_key(chair) for chair in before["chairs"]] != [_key(chair) for chair in after["chairs"]]:
        return None
    changed: dict[str, Mapping[str, Any]] = {}
    whole: dict[str, ChairOut] = {}
    for number, (was, now) in enumerate(zip(before["chairs"], after["chairs"], strict=True)):
        if was == now:
            continue
        found = _part(was, now)
        if found is None:
            whole[str(number)] = now
        else:
            changed[str(number)] = found
    return {
        "decided": after["decided"], "at": after["at"], "site": after["site"], "changed": changed, "whole": whole,
    }  # fmt: skip


def with_changes(before: ChairsOut, changes: ChangesOut) -> ChairsOut:
    """The document that a board has after an event: what the board's own page does too (`alerts/board/src/changes.ts`)."""
    chairs: list[Any] = [dict(chair) for chair in before["chairs"]]
    for number, part in changes["changed"].items():
        chairs[int(number)] = _merged(chairs[int(number)], part)
    for number, chair in changes["whole"].items():
        chairs[int(number)] = chair
    return {
        "decided": changes["decided"], "at": changes["at"], "site": changes["site"], "chairs": cast(list[ChairOut], chairs),
    }  # fmt: skip


def _key(chair: ChairOut) -> tuple[str | None, str, str | None]:
    return chair["session"], chair["patient"], chair["chair"]


def _part(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of `now` that are others; None: it has other fields, itself or in something that it holds."""
    if was.keys() != now.keys():
        return None
    found: dict[str, Any] = {}
    for name, value in now.items():
        if value == was[name]:
            continue
        if isinstance(value, dict) and isinstance(was[name], dict):
            part = _part(was[name], value)
            if part is None:
                return None
            found[name] = part
        else:
            found[name] = value
    return found


def _merged(was: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(was)
    for name, value in part.items():
        before = found.get(name)
        found[name] = _merged(before, value) if isinstance(value, dict) and isinstance(before, dict) else value
    return found
