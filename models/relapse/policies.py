"""A clinic's policies for its patients at home: when the scheduler gets an alert, and how often a patient is asked.

A site's policies come through the journal (`site.configured`, `policies.maintenance` and `policies.checkins`), so that a replay
has those that were in force; `chairside check-config` checks the same model. What a clinic leaves out has the defaults below.
Never here: limits of vital signs (`limits.py`), and nothing that a forecast could turn off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.calendar import zone_of
from models.relapse.recalibration import NoRecalibration, recalibration_from
from models.wire.observations import InstrumentName


class _Policy(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Chosen = TypeVar("_Chosen", bound=_Policy)


class Maintenance(_Policy):
    """When a patient gets an alert on the scheduler's board.

    lead_days: how far ahead the clinic books; `maintenance-due` asks for P(due within so many days). 7, because most clinics plan
    by the week and a visit three days ahead (the shortest lead that closed-loop simulations assume) is then still free.
    due_probability: p*. 0.5, because below even odds more visits would come too early than too late; a clinic that would rather
    give a dose early than let anybody relapse sets it lower.
    risk_probability: P(due within 7 days) at which `relapse-risk` begins where no visit is booked in those days. 0.8: at that
    height the patient probably needs the dose before a visit that is booked now would come.
    rise: `relapse-risk` also begins when P(due within 14 days) is higher by this than at any time in the three days before.
    0.3 is more than a day's passing adds (some 0.05 to 0.1) or a forecast's own noise (some 0.03). All four chosen by us.
    digest_hour: the site's local hour of the daily page to the scheduler (`digest` false: none). 8: before the day's first call.
    """

    lead_days: Annotated[int, Field(ge=1, le=28)] = 7
    due_probability: Annotated[float, Field(ge=0.05, le=0.95)] = 0.5
    risk_probability: Annotated[float, Field(ge=0.05, le=0.99)] = 0.8
    rise: Annotated[float, Field(ge=0.1, le=0.9)] = 0.3
    digest_hour: Annotated[int, Field(ge=0, le=23)] = 8
    digest: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> Maintenance:
        if self.risk_probability < self.due_probability:
            raise ValueError("risk_probability is below due_probability: a risk would be said before a dose is due")
        return self


class CheckIns(_Policy):
    """How often a patient at home is asked about their mood.

    instruments: any of these is an answer. every_days: 7, because a weekly PHQ-9 gives nearly all that a forecast can use (a
    clinician's score at visits alone is a little worse, daily mood adds nothing). grace_days: 2, a weekend. All chosen by us.
    """

    enabled: bool = True
    instruments: tuple[InstrumentName, ...] = ("phq-9", "qids-sr16", "phq-2", "madrs")
    every_days: Annotated[int, Field(ge=1, le=90)] = 7
    grace_days: Annotated[int, Field(ge=0, le=30)] = 2


class PolicyRefused(ValueError):
    """A policy that cannot be put in force; `field` says which."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


@dataclass(frozen=True, slots=True)
class HomePolicies:
    """A site's policies for its patients at home. `zone` is the site's, an IANA name."""

    maintenance: Maintenance
    checkins: CheckIns
    zone: str
    recalibration: dict[str, Any] | None = None
    """The clinic's correction of forecasts (`recalibration.py`), if it put one in force."""


DEFAULT_POLICIES: Final = HomePolicies(Maintenance(), CheckIns(), "UTC")


def home_policies(policies: Mapping[str, Any]) -> HomePolicies:
    """The policies of a `site.configured` record, checked.

    Raises:
        PolicyRefused: one that makes no sense.
    """
    zone = policies.get("timezone", "UTC")
    if not isinstance(zone, str) or zone_of(zone) is None:
        raise PolicyRefused("policies.timezone", f"no such time zone: {zone!r}")
    correction = policies.get("recalibration")
    if correction is not None:
        try:
            recalibration_from(correction)
        except NoRecalibration as wrong:
            raise PolicyRefused("policies.recalibration", str(wrong)) from wrong
    return HomePolicies(
        _read("maintenance", Maintenance, policies), _read("checkins", CheckIns, policies), zone, correction
    )  # fmt: skip


def _read(name: str, model: type[_Chosen], policies: Mapping[str, Any]) -> _Chosen:
    try:
        return model.model_validate(policies.get(name, {}))
    except ValidationError as wrong:
        error = wrong.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in ("policies", name, *error["loc"]))
        raise PolicyRefused(where, error["msg"]) from wrong
