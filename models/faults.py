"""Faults of the core itself: how what raised is said, and which due thing it was that raised.

A defect of ours must cost the record that shows it and nothing else. So whoever folds something in lets exceptions pass, the
shard (`streams/shard.py`) takes back what was half done, and here is how that is written down: the same words on every replay.
Never here: what is done about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal

_OURS: Final = frozenset({"models", "streams", "alerts"})
_ADDRESS: Final = re.compile(r"0x[0-9a-f]+")
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Due:
    """What falls due by time alone: something of an open session, of a patient at home, a site's digest or rota, an open alert.

    `whose`: the session's row, (site, patient), (site,) or the alert's id. `at_us`: when, by the shard's clock.
    """

    what: Literal["session", "patient", "digest", "alert", "rota"]
    whose: tuple[object, ...]
    at_us: int


class DueFailed(Exception):
    """What fell due raised. No record is at fault, so the frame is taken again without `due`."""

    def __init__(self, due: Due) -> None:
        super().__init__(f"{due.what} {due.whose} at {due.at_us}")
        self.due = due


@contextmanager
def falling_due(due: Due) -> Iterator[None]:
    """Whatever raises within is what fell due, and not the record that moved the clock.

    Raises:
        DueFailed: from what was raised.
    """
    try:
        yield
    except (DueFailed, MemoryError):
        raise
    except Exception as raised:
        raise DueFailed(due) from raised


def fault_line(raised: BaseException) -> str:
    """An exception in a line: type, where in our code, message; nothing that another process would say otherwise."""
    if isinstance(raised, DueFailed) and raised.__cause__ is not None:
        raised = raised.__cause__
    said = " ".join(_ADDRESS.sub("0x…", str(raised)).split())
    place = _place(raised.__traceback__)
    return f"{type(raised).__name__}{place}{f': {said}' if said else ''}"[:_LONGEST]


def _place(trace: TracebackType | None) -> str:
    """The innermost of our functions that the exception came through."""
    place = ""
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _OURS:
            place = f" in {module}.{trace.tb_frame.f_code.co_name}"
        trace = trace.tb_next
    return place
