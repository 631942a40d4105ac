"""Faults in what comes in: the order of rows, recorded tables, sites that no sender writes to; and the queue of forecasts."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.planted.fault import Fault, Suite

_order = partial(Fault, file="streams/intake/order.py")
_table = partial(Fault, file="streams/intake/csv_file.py")
_admission = partial(Fault, file="streams/intake/admission.py")
_queue = partial(Fault, file="alerts/store/forecast_queue.py")

# fmt: off
INTAKE: Final = Suite(
    "What comes in",
    ("tests/streams/intake/test_admission.py", "tests/streams/intake/test_order.py", "tests/streams/intake/test_order_of_rows.py",
     "tests/streams/intake/test_lines.py", "tests/streams/intake/test_files.py", "tests/streams/intake/test_blocks.py"),
    (
        _order("I1", old="        stray &= sample\n", new="        pass\n",
               why="where the monitor's clock is wrong, the doses that are right are strays"),
        _order("I2", old="        mine = far[rows] & ~far[rows].all()\n", new="        mine = far[rows]\n",
               why="whoever has one row only, far from all others, is a stray"),
        _order("I3", old="return among if (steps >= 0).all() or (steps <= 0).all() else found", new="return among",
               why="in a recording that is in disorder, rows are strays"),
        _order("I4", old="if len(run) >= CLOCK_ROWS and (set_back or 2 * shown >= len(run)):", new="if len(run) >= CLOCK_ROWS:",
               why="a part that was put after a later one is a clock that went back"),
        _table("I5", old="if layout.delimiter != \",\" and plain.count(\",\") == 1 and", new="if plain.count(\",\") == 1 and",
               why="a comma within quotes is a decimal comma, where commas part the columns"),
        _table("I6", old='    if "".join(row[len(layout.header) :]).strip():\n', new="    if False:\n",
               why="a row with too many fields is read by its first ones"),
        _table("I7", old=" and not _are_rows(taken, layout):", new=":",
               why="a quote that is never closed swallows the rows after it"),
        _admission("I8", old="if site.startswith(OPERATORS):", new="if site == OPERATORS:",
                  why="a sender writes to a site that is the network's"),
    ),
)

QUEUE: Final = Suite(
    "The queue of forecasts",
    ("tests/alerts/test_forecast_queue.py", "tests/alerts/test_store.py"),
    (
        _queue("F1", old="where(table.c.due_us <= now_us, table.c.tries < TRIES)", new="where(table.c.due_us <= now_us)",
               why="a request that kills whoever makes it is claimed for ever"),
        _queue("F2", old="order_by(table.c.as_of.desc(), ", new="order_by(table.c.as_of, ",
               why="the oldest days are made first, and nobody looks at those"),
        _queue("F3", old="        where=sa.or_(FORECAST_QUEUE.c.as_of != new.as_of, FORECAST_QUEUE.c.entries != new.entries),\n", new="",
               why="asking again for the same takes it from whoever is making it"),
        _queue("F4", old="    same = which.in_([(clean(each.site), clean(each.patient), each.as_of, each.entries) for each in made])\n",
               new="    which = sa.tuple_(table.c.site, table.c.patient)\n    same = which.in_([(clean(each.site), clean(each.patient)) for each in made])\n",
               why="who was asked for again while theirs was made is forgotten"),
        _queue("F5", old=", tries=table.c.tries + 1))", new="))",
               why="claims are not counted"),
    ),
)
# fmt: on
