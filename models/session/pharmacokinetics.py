"""Concentrations from doses: the exact solution of a linear compartment model, for any history of doses.

dA/dt = K A + input. With K = V diag(λ) V⁻¹ the answer to a dose is a sum of exponentials, in closed form for a dose at once and
for one at a constant rate; a history of doses is their sum. So there is no step, no error that grows, and asking for one time
costs as much as asking for it among thousands. The effect site is one more compartment, that takes nothing from the others.

Good at: repeated, mixed, stopped doses; many times; many bodies at once (`Body` of arrays).
Bad at:  elimination that saturates (not known at these doses), and a person: see `compounds.py`.
Cost:    one eigen-decomposition a model and body (50 µs, cached for the usual ones), then a few exponentials a dose and time.
Never here: what a concentration does to somebody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.tables.compounds import KINETICS_OF, POTENCY, Absorption, Kinetics
from models.tables.drugs import WEIGHT_KG, treatment_of, usual_mg

KE0: Final = 0.3
"""Per minute: how fast the effect site follows plasma. No human value exists for dissociation or pressure; published control
programs guess 0.2 to 5. In the middle of 0.1-0.7, between whose ends the effect site differs by a sixth at the end of an infusion
and by a tenth an hour later (a test). Chosen by us."""


@dataclass(frozen=True, slots=True)
class DoseEvent:
    """A dose as it was given, `at_min` on any axis of minutes, evenly over `minutes` (0: at once)."""

    drug: str
    route: str | None
    at_min: float
    mg: float
    minutes: float = 0.0

    def stopped(self, at_min: float, given_mg: float | None = None) -> DoseEvent:
        """The same, stopped: what was given by then, as measured, or else in proportion. A stop after its end changes nothing."""
        length = at_min - self.at_min
        if given_mg is not None and isfinite(given_mg) and 0 <= given_mg <= self.mg:
            return DoseEvent(self.drug, self.route, self.at_min, given_mg, max(min(length, self.minutes), 0.0))
        if not 0 <= length < self.minutes:
            return self
        return DoseEvent(self.drug, self.route, self.at_min, self.mg * length / self.minutes, length)


@dataclass(frozen=True, slots=True)
class Body:
    """A body: weight in kg; clearance and volume as multiples of the model's. Numbers, or arrays of one shape (P,)."""

    weight_kg: ArrayLike = WEIGHT_KG
    clearance: ArrayLike = 1.0
    volume: ArrayLike = 1.0


USUAL_BODY: Final = Body()


class Input(NamedTuple):
    """The input of a dose into one compartment: mg from `at_min` on, evenly over `minutes`."""

    into: str
    at_min: float
    mg: float
    minutes: float


class ImpulseResponse(NamedTuple):
    """The concentration, ng/mL, that 1 mg put at once into a compartment makes: Σ weights · exp(rates · t). (P, n) each."""

    rates: Floats
    weights: dict[str, Floats]


def plasma(
    doses: Iterable[DoseEvent], at_min: ArrayLike, body: Body = USUAL_BODY, model: Kinetics | None = None
) -> Floats:
    """Plasma concentration in ng/mL.

    Args:
        doses: what was given. Amounts of different drugs are added up as mass; see `racemate_equivalent` for effects.
        at_min: the minutes asked for, any shape, on the doses' axis.
        body: one body, or P of them.
        model: instead of each drug's own (`DOMINO`, as a bound).

    Returns:
        The shape of `at_min`; for P bodies (P, *at_min.shape).
    """
    return _answer(doses, at_min, body, model, None, weighed=False)


def effect_site(
    doses: Iterable[DoseEvent],
    at_min: ArrayLike,
    ke0: float = KE0,
    body: Body = USUAL_BODY,
    model: Kinetics | None = None,
) -> Floats:
    """Concentration at the effect site in ng/mL, following plasma at `ke0` per minute. Else as `plasma`."""
    return _answer(doses, at_min, body, model, ke0, weighed=False)


def racemate_equivalent(
    doses: Iterable[DoseEvent],
    at_min: ArrayLike,
    ke0: float = KE0,
    body: Body = USUAL_BODY,
    model: Kinetics | None = None,
) -> Floats:
    """The effect-site concentration, ng/mL, of racemate that would act as strongly: esketamine by its potency. Else as
    `plasma`.
    """
    return _answer(doses, at_min, body, model, ke0, weighed=True)


def effective_mg(drug: str, route: str | None, amount_mg: float | None, weight_kg: float | None = None) -> float:
    """The dose in mg that a record stands for: its amount, or one usual dose where that is missing or implausible."""
    row = treatment_of(drug, route)
    if row is None or row.plausible_mg is None:
        return 0.0
    lowest, highest = row.plausible_mg
    # A stopped dose may be any part of what was planned, so only too much is implausible here, and nothing at all.
    if amount_mg is None or not isfinite(amount_mg) or not 0 < amount_mg <= highest or amount_mg < lowest / 10:
        return usual_mg(drug, route, weight_kg) or 0.0
    return amount_mg


def inputs(doses: Iterable[DoseEvent], intakes: dict[str, Kinetics]) -> list[tuple[Kinetics, Input]]:
    """The inputs of doses into the compartments of their drugs' models, by time; none for a drug without a model."""
    found: list[tuple[Kinetics, Input]] = []
    sprays: dict[str, int] = {}
    last_min: dict[str, float] = {}
    for dose in sorted(doses, key=lambda dose: (dose.at_min, dose.drug, dose.mg)):
        model = intakes.get(dose.drug.strip().lower())
        if model is None or not dose.mg > 0:
            continue
        intake = model.intake(dose.route)
        if intake.device_mg is None:
            found += [(model, each) for each in _uptaken(intake, dose.at_min, dose.mg, dose.minutes, first=True)]
            continue
        # A spray after an hour without one is the first of a sitting again. Chosen by us: the nose has cleared by then.
        if dose.at_min - last_min.get(model.name, -np.inf) > 60:
            sprays[model.name] = 0
        remaining_mg, at_min = dose.mg, dose.at_min
        while remaining_mg > 1e-9:
            mg = min(intake.device_mg, remaining_mg)
            found += [(model, each) for each in _uptaken(intake, at_min, mg, 0.0, first=sprays[model.name] == 0)]
            sprays[model.name] += 1
            last_min[model.name] = at_min
            remaining_mg, at_min = remaining_mg - mg, at_min + intake.device_min
    return found


def _uptaken(intake: Absorption, at_min: float, mg: float, minutes: float, *, first: bool) -> list[Input]:
    return [
        Input(
            uptake.into,
            at_min,
            mg * (uptake.share if first or uptake.later is None else uptake.later),
            max(minutes, 0.0) + uptake.over_min,
        )
        for uptake in intake.uptakes
    ]


def _answer(
    doses: Iterable[DoseEvent],
    at_min: ArrayLike,
    body: Body,
    model: Kinetics | None,
    ke0: float | None,
    *,
    weighed: bool,
) -> Floats:
    at = np.asarray(at_min, dtype=np.float64)
    weight, clearance, volume = np.broadcast_arrays(
        *(np.asarray(each, dtype=np.float64) for each in (body.weight_kg, body.clearance, body.volume))
    )
    many = weight.ndim > 0
    total = np.zeros((weight.size, at.size))
    models = KINETICS_OF if model is None else {**KINETICS_OF, model.drug: model}
    by_model: dict[Kinetics, list[Input]] = {}
    for row, put in inputs(doses, models):
        by_model.setdefault(row, []).append(put)
    for row, puts in by_model.items():
        potency = POTENCY.get(row.drug, 1.0) if weighed else 1.0
        if many:
            response = impulse_response(row, weight.ravel(), clearance.ravel(), volume.ravel(), ke0)
        else:
            response = _usual(row, float(weight), float(clearance), float(volume), ke0)
        for person in range(weight.size):
            total[person] += potency * _of_inputs(response, person, puts, at.ravel())
    return total.reshape((weight.size, *at.shape) if many else at.shape)


def _of_inputs(response: ImpulseResponse, person: int, puts: Sequence[Input], at_min: Floats) -> Floats:
    """The concentration in one of the bodies after some inputs, (T,), ng/mL."""
    made: Floats = np.zeros(len(at_min))
    rates = response.rates[person][:, None]
    for slow in (False, True):
        mine = [put for put in puts if (put.minutes > 0) == slow]
        if not mine:
            continue
        weights = np.array([response.weights[put.into][person] * put.mg for put in mine])
        began = np.array([[put.at_min] for put in mine])
        since = np.maximum(at_min - began, 0.0)[:, None, :]
        if slow:
            minutes = np.array([[[put.minutes]] for put in mine])
            flowed = np.minimum(since, minutes)
            # ∫ exp(λ (t − s)) ds over the time that it flowed; expm1 keeps its digits where λ · flowed is small.
            shape = np.exp(rates * (since - flowed)) * np.expm1(rates * flowed) / (rates * minutes)
        else:
            shape = np.exp(rates * since) * (at_min >= began)[:, None, :]
        made += np.maximum((weights[:, :, None] * shape).sum(axis=1), 0.0).sum(axis=0)
    return made


def impulse_response(
    model: Kinetics, weight_kg: Floats, clearance: Floats, volume: Floats, ke0: float | None = None
) -> ImpulseResponse:
    """The impulse response of the concentration to each compartment. weight_kg, clearance, volume: (P,).

    Raises:
        ValueError: something in the model never leaves it, or a rate or volume is not above 0.
    """
    if not (np.all(weight_kg > 0) and np.all(clearance > 0) and np.all(volume > 0) and (ke0 is None or ke0 > 0)):
        raise ValueError("weight, clearance, volume and ke0 are above 0")
    if len(volume) == 1:
        per_litre = _per_litre_of_one(model, float(clearance[0]), float(volume[0]), ke0)
    else:
        per_litre = _per_litre(model, clearance, volume, ke0)
    litres = model.volume * volume * (weight_kg if model.per_kg else 1.0)
    return ImpulseResponse(
        per_litre.rates, {name: weights / litres[:, None] for name, weights in per_litre.weights.items()}
    )


def _per_litre(model: Kinetics, clearance: Floats, volume: Floats, ke0: float | None) -> ImpulseResponse:
    """The impulse response in a central compartment of one litre, whoever's: a weight changes nothing else."""
    names = sorted({name for source, target, _ in model.flows for name in (source, target) if name is not None})
    n = len(names) + (ke0 is not None)
    matrix = np.zeros((len(volume), n, n))
    for source, target, per_min in model.flows:
        i = names.index(source)
        rate = np.full(len(volume), per_min) if source in model.depots else per_min / volume
        if target is None:
            rate = rate * clearance
        else:
            matrix[:, names.index(target), i] += rate
        matrix[:, i, i] -= rate
    if ke0 is not None:
        matrix[:, -1, names.index("central")] = ke0
        # Equal rates would leave no basis of eigenvectors; a millionth beside an assumed number is nothing.
        matrix[:, -1, -1] = -ke0 * (1 + 1e-6)
    rates, vectors = np.linalg.eig(matrix)
    if np.iscomplexobj(rates) and np.abs(rates.imag).max() > 1e-9:
        raise ValueError(f"{model.name} is no compartment model: it swings")
    rates, vectors = rates.real.astype(np.float64), vectors.real.astype(np.float64)
    if not (rates < 0).all():
        raise ValueError(f"something in {model.name} never leaves it")
    inverse = np.linalg.inv(vectors)
    seen = vectors[:, -1 if ke0 is not None else names.index("central"), :]
    # mg/L is µg/mL, hence the thousand.
    return ImpulseResponse(rates, {name: seen * inverse[:, :, i] * 1000 for i, name in enumerate(names)})


@lru_cache(maxsize=1024)
def _per_litre_of_one(model: Kinetics, clearance: float, volume: float, ke0: float | None) -> ImpulseResponse:
    return _per_litre(model, np.array([clearance]), np.array([volume]), ke0)


@lru_cache(maxsize=4096)
def _usual(
    model_row: Kinetics, weight_kg: float, clearance: float, volume: float, ke0: float | None
) -> ImpulseResponse:
    return impulse_response(model_row, np.array([weight_kg]), np.array([clearance]), np.array([volume]), ke0)
