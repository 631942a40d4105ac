"""The `chairs` document: a ward's state in, what boards show of each open session out. Read-only, made once a second."""

from __future__ import annotations

from models.instants import MINUTE, NEVER, SECOND, from_iso, iso
from models.tables.card import QualityWord
from models.tables.channels import CHANNELS, STALE_AFTER, ChannelName
from models.wire.limits_shown import limits_shown
from models.wire.live import ChairOut, ChairsOut, EstimatesOut, ReadinessOut, SidesOut, ValueOut
from streams.ward.association import Session
from streams.ward.estimates import estimates
from streams.ward.rules.readiness import due_next, readiness_of
from streams.ward.rules.unseen import unseen_of
from streams.ward.sentences import number
from streams.ward.signal.quality import GOOD, QUALITIES
from streams.ward.state import WardState


def chairs(state: WardState, site: str, decided: int) -> ChairsOut:
    """Every open session of a site with its latest values, their age and quality, by the shard's clock after so many frames."""
    now_us = state.clock_us
    here = [(row, session) for row, session in state.association.sessions.items() if session.site == site]
    limits = [limits_shown(table) for table in state.limits.tables]
    here.sort(key=lambda pair: (pair[1].chair or "~", pair[1].patient, pair[1].name or ""))
    return {
        "decided": decided,
        "at": iso(max(now_us, 0)),
        "site": site,
        "chairs": [
            _chair(state, row, session, limits[int(state.rows.limit_set[row])], now_us) for row, session in here
        ],
    }


def _chair(state: WardState, row: int, session: Session, limits: dict[str, SidesOut], now_us: int) -> ChairOut:
    sbp, dbp = state.baseline(row)
    given = session.dose_us
    estimated, unseen = estimates(state, row, now_us), unseen_of(state, row)
    return {
        "chair": session.chair,
        "patient": session.patient,
        "session": session.name,
        "device": session.device,
        "drug": session.drug,
        "route": session.route,
        "planned_mg": session.planned_mg,
        "planned_minutes": session.planned_minutes,
        "started_at": _iso(session.started_us),
        "dose_at": _iso(given),
        "dose_minutes": None if given is None else number(session.dosing_us / MINUTE),
        "given_mg": session.given_mg,
        "stopped_at": _iso(session.stopped_us),
        "phase": session.phase(now_us),
        "values": _values(state, row, now_us),
        "checkins": {
            report.instrument: {"score": number(report.score), "at": iso(report.at_us), "note": report.note or None}
            for report in session.reports
        },
        "baseline": {"sbp": sbp, "dbp": dbp},
        "limits": limits,
        "next": due_next(state, row, now_us),
        "observe_until": None if given is None else iso(given + round(session.protocol.observe_min * MINUTE)),
        **estimated,
        "readiness": {**_readiness(state, row, now_us, estimated), "unseen": [each.words for each in unseen]},
        "unseen": [each.card for each in unseen],
    }


def _values(state: WardState, row: int, now_us: int) -> dict[ChannelName, ValueOut]:
    rows = state.rows
    values: dict[ChannelName, ValueOut] = {}
    for column, channel in enumerate(CHANNELS):
        if rows.at[row, column] == NEVER:
            continue
        heard = int(rows.heard[row, column])
        lasts = round(channel.cadence_s * 2 * SECOND)
        if channel.continuous:
            lasts = int(rows.stale_due[row, column]) - heard if heard > NEVER else STALE_AFTER
        quality = int(rows.quality[row, column])
        word: QualityWord = QUALITIES[quality]
        if quality == GOOD and now_us - heard >= lasts:
            word = "stale"
        known = heard > NEVER
        values[channel.name] = {
            "value": number(float(rows.value[row, column]), channel.name) if known else None,
            "at": iso(int(rows.trusted_at[row, column])) if known else None,
            "age_s": number((now_us - heard) / SECOND) if known else None,
            "quality": word,
            "stale_after_s": lasts // SECOND,
        }
    return values


def _readiness(state: WardState, row: int, now_us: int, estimated: EstimatesOut) -> ReadinessOut:
    over_at = None if estimated["dissociation"] is None else estimated["dissociation"]["resolves_at"]
    found = readiness_of(state, row, now_us, None if over_at is None else from_iso(over_at))
    return {"ready": found.ready, "expected_at": _iso(found.expected_us), "reasons": found.words, "unseen": []}


def _iso(instant_us: int | None) -> str | None:
    return None if instant_us is None else iso(instant_us)
