"""The limits in force: the default table, each site's and each patient's changes, and the records made of them for scalar code.

A patient's changes lie on top of the site's. Equal tables are stored once; a session's row has its table's number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.instants import SECOND
from models.tables.limits import (
    HELD,
    LIMIT_COLUMN,
    LIMITS,
    SCORES,
    Limit,
    LimitOverride,
    LimitRefused,
    flatten,
    with_overrides,
)
from models.wire.observations import LIMIT_CHANGES, LimitChanges
from streams.ward.rules.cuffs import cuff_limits


class LimitRecord(Protocol):
    """One row of a table, as scalar code reads it: `Limit`, with its hold and leave time in microseconds.

    column: what it is on, a channel's or the rate's. strict: past `enter`, not at it. pleth_us: the hold
    without an ECG.
    """

    column: int
    above: bool
    strict: bool
    enabled: bool
    enter: float
    leave: float
    enter_us: int
    leave_us: int
    pleth_us: int


_RECORD: Final = np.dtype([
    ("column", "i8"), ("above", "u1"), ("strict", "u1"), ("enabled", "u1"), ("enter", "f8"), ("leave", "f8"),
    ("enter_us", "i8"), ("leave_us", "i8"), ("pleth_us", "i8"),
], align=True)  # fmt: skip


class LimitBook:
    """`tables` by number; `by_cuff`, `on_scores` and `held` their rows that are, and `records` of the last. 0 is the default."""

    def __init__(self) -> None:
        self.tables: list[tuple[Limit, ...]] = [LIMITS]
        self.by_cuff = [cuff_limits(LIMITS)]
        self.on_scores = [score_limits(LIMITS)]
        self.held: list[tuple[Limit, ...]] = [HELD]
        self.records = limit_records([HELD])
        self._sites: dict[str, tuple[Limit, ...]] = {}
        self._patients: dict[tuple[str, str], LimitChanges] = {}

    def configure_site(self, site: str, changes: LimitChanges) -> None:
        """Put a site's changes in force, instead of its earlier ones.

        Raises:
            LimitRefused: they make no sense; nothing is changed then.
        """
        self._sites[site] = with_overrides(LIMITS, changes)

    def configure_patient(
        self, site: str, patient: str, changes: LimitChanges, lost: frozenset[str] = frozenset()
    ) -> list[LimitRefused]:
        """Put a patient's changes in force, on top of the site's and instead of their earlier ones; those that make no sense are
        refused, each alone, and what was in force in their place stays.

        Args:
            lost: changes that were sent and could not be read, as ``limits.RULE.PRIORITY.CHANNEL``.
        """
        table = self._sites.get(site, LIMITS)
        wanted, refused = dict(flatten(changes)), list[LimitRefused]()
        while wanted:
            try:
                with_overrides(table, _nested(wanted))
                break
            except LimitRefused as wrong:
                refused.append(wrong)
                key = tuple(wrong.field.split(".")[1:])
                # Two rows that do not go together are refused with the rule's others: which was meant nobody knows.
                of_rule = [each for each in wanted if key and each[0] == key[0]]
                for each in [key] if key in wanted else of_rule or list(wanted):
                    del wanted[each]
        before = dict(flatten(self._patients.get((site, patient), {})))
        gone = lost | {wrong.field for wrong in refused}
        stays = (
            {key: change for key, change in before.items() if "limits." + ".".join(key) in gone} if wanted else before
        )
        if not wanted and not gone:
            stays = {}
        try:
            with_overrides(table, _nested({**stays, **wanted}))
        except LimitRefused:
            stays = {}
        self._patients[site, patient] = _nested({**stays, **wanted})
        return refused

    def merge(self, site: str, into: str, gone: str) -> list[str]:
        """Join the changes of an alias that goes to those of the one that stays; what is left out, as ``limits.RULE...``.

        The changes of the one that stays stand. Of the other a rule's are taken where both make sense together.
        """
        table = self._sites.get(site, LIMITS)
        own = dict(flatten(self._patients.get((site, into), {})))
        theirs = {
            key: change for key, change in flatten(self._patients.pop((site, gone), {})) if own.get(key) != change
        }
        left_out = [key for key in theirs if key in own]
        for rule in dict.fromkeys(key[0] for key in theirs):
            added = {key: change for key, change in theirs.items() if key[0] == rule and key not in own}
            try:
                with_overrides(table, _nested({**own, **added}))
                own |= added
            except LimitRefused:
                left_out += added
        if own:
            self._patients[site, into] = _nested(own)
        return ["limits." + ".".join(key) for key in left_out]

    def set_of(self, site: str, patient: str) -> int:
        """The number of the table in force for a patient."""
        table = self._sites.get(site, LIMITS)
        mine = self._patients.get((site, patient))
        if mine is not None:
            try:
                table = with_overrides(table, mine)
            except LimitRefused:
                # The site's table changed since, and the two no longer go together: the patient's own was signed off alone.
                table = with_overrides(LIMITS, mine)
        if table not in self.tables:
            self.tables.append(table)
            self.by_cuff.append(cuff_limits(table))
            self.on_scores.append(score_limits(table))
            self.held.append(tuple(limit for limit in table if limit.held))
            self.records = limit_records(self.held)
        return self.tables.index(table)

    def packed(self) -> dict[str, Any]:
        """As msgpack-able values."""
        return {
            "sites": [[site, [_dumped(limit) for limit in table]] for site, table in sorted(self._sites.items())],
            "patients": [
                [*key, LIMIT_CHANGES.dump_python(changes, mode="json", exclude_none=True)]
                for key, changes in sorted(self._patients.items())
            ],
        }

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> LimitBook:
        book = cls()
        book._sites = {site: _loaded(rows) for site, rows in packed["sites"]}
        book._patients = {
            (site, patient): LIMIT_CHANGES.validate_python(changes) for site, patient, changes in packed["patients"]
        }
        return book


def _nested(changes: Mapping[tuple[str, str, str], LimitOverride]) -> LimitChanges:
    """Changes by key as they are on the wire."""
    nested: dict[Any, Any] = {}
    for (rule, priority, channel), change in changes.items():
        nested.setdefault(rule, {}).setdefault(priority, {})[channel] = change
    return nested


def score_limits(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """The rows of a table that are on scores."""
    return tuple(limit for limit in limits if limit.channel in SCORES)


def limit_records(tables: Iterable[tuple[Limit, ...]]) -> NDArray[Any]:
    """The held rows of some tables, as records; (tables, rows)."""
    return np.array(
        [
            [
                (
                    LIMIT_COLUMN[one.channel], one.above, one.past in {"<", ">"}, one.enabled, one.enter, one.leave,
                    round(one.hold_s * SECOND), round(one.leave_s * SECOND),
                    round(max(one.hold_s, one.pleth_s) * SECOND),
                )
                for one in table
            ]
            for table in tables
        ],
        _RECORD,
    )  # fmt: skip


def _dumped(limit: Limit) -> list[Any]:
    return [*limit.key, limit.enter, limit.leave, limit.hold_s, limit.leave_s, limit.enabled]


def _loaded(rows: Iterable[list[Any]]) -> tuple[Limit, ...]:
    """A site's table on top of today's: limits that are new in this version keep their defaults."""
    theirs = {tuple(row[:3]): row[3:] for row in rows}

    def restored(limit: Limit) -> Limit:
        if limit.key not in theirs:
            return limit
        enter, leave, hold_s, leave_s, enabled = theirs[limit.key]
        return replace(limit, enter=enter, leave=leave, hold_s=hold_s, leave_s=leave_s, enabled=enabled)

    return tuple(restored(limit) for limit in LIMITS)
