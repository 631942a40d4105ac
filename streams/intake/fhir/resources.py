"""FHIR R4 resources, translated: resources as JSON in, observations as documents and what cannot be used, by element, out.

- Observation: a vital sign (by LOINC or MDC, its components, units by UCUM), body weight, a part of a form.
- QuestionnaireResponse: a form, its answers by linkId and code. Never by position alone.
- Patient: who somebody is. Names are not read.
- Bundle (batch, transaction, collection): each of its resources; items that were answered together are one form.

What comes out is validated as from any other sender (streams/intake/json.py). Nothing is guessed: a code or a unit that is not in
the tables, a day without a time, a status that says the resource is void, are said with the element where they stand.
Never here: HTTP, what an answer means (models/tables/forms.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from models.tables.form_items import ALSO_CALLED, CODES, slug
from models.tables.instruments import INSTRUMENTS
from models.tables.nomenclature import Coded, NotKnown, channel_of, unit_of
from models.tables.units import CONVERSIONS, plain_unit
from models.wire.fhir_ids import name_behind

_Node = Mapping[str, Any]
_VOID: Final = frozenset(("entered-in-error", "cancelled", "unknown", "registered"))
"""Statuses of what nobody stands behind (FHIR R4, ObservationStatus, QuestionnaireResponseStatus)."""
_CORRECTED: Final = frozenset(("amended", "corrected"))
_LOINC: Final = "http://loinc.org"
_WEIGHT: Final = "29463-7"
_SCORES: Final[Mapping[str, str]] = {"44261-6": "phq-9", "55758-7": "phq-2"}
"""LOINC of a total → its instrument."""
_ITEMS: Final[Mapping[str, str]] = {
    code: instrument for instrument in reversed(tuple(CODES)) for code in CODES[instrument]
}
"""LOINC of an item → the first instrument that has it."""
_POUNDS_KG: Final = 0.45359237
_MOST_DEEP: Final = 12
"""Groups within groups of a form that are read: real forms have three at most. Chosen by us."""


@dataclass(slots=True)
class Translated:
    """`lines`: observations as documents, each with the element it came from. `issues`: (element, reason, excerpt)."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    issues: list[tuple[str, str, str]] = field(default_factory=list)

    def refuse(self, where: str, reason: str, node: object) -> None:
        """Note what cannot be used."""
        self.issues.append((where, reason, _excerpt(node)))


def translate(document: object) -> Translated:
    """The observations of a resource, or of a Bundle's."""
    done = Translated()
    forms: dict[tuple[str, ...], dict[str, Any]] = {}
    for where, resource in _resources(document, done):
        match resource.get("resourceType"):
            case "Observation":
                _observation(resource, where, done, forms)
            case "QuestionnaireResponse":
                _questionnaire(resource, where, done)
            case "Patient":
                _patient(resource, where, done)
            case kind:
                done.refuse(f"{where}.resourceType", f"{_words(kind)} is not taken here", resource)
    return done


def _resources(document: object, done: Translated) -> Iterator[tuple[str, _Node]]:
    if not isinstance(document, Mapping):
        done.refuse("", "not a resource: an object with a resourceType", document)
        return
    kind = document.get("resourceType")
    if kind != "Bundle":
        yield (kind if isinstance(kind, str) else "Resource"), document
        return
    for number, entry in enumerate(_list(document.get("entry"))):
        where = f"Bundle.entry[{number}].resource"
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        method = _at(entry, "request", "method")
        if not isinstance(resource, Mapping):
            done.refuse(where, "there is no resource", entry)
        elif method not in (None, "POST", "PUT"):
            done.refuse(f"Bundle.entry[{number}].request.method", f"{_words(method)} is not taken: POST or PUT", entry)
        else:
            yield where, resource


# ---- observations ----------------------------------------------------------------------------------------------------


def _observation(resource: _Node, where: str, done: Translated, forms: dict[tuple[str, ...], dict[str, Any]]) -> None:
    codes = [each.code for each in _codings(resource.get("code"))]
    form = next((code for code in codes if code in _ITEMS or code in _SCORES), None)
    common = _common(
        resource,
        where,
        done,
        form is not None,
        ("effectiveDateTime",),
        ("effectiveInstant",),
        ("effectivePeriod", "end"),
    )
    if common is None:
        return
    if "hasMember" in resource and not _has_value(resource) and "component" not in resource:
        return  # it only holds others together, and those come by themselves
    if form is not None:
        _form_part(resource, where, done, forms, common, form)
    elif _WEIGHT in codes:
        _weight(resource, where, done, common)
    else:
        _vitals(resource, where, done, common)


def _vitals(resource: _Node, where: str, done: Translated, common: dict[str, Any]) -> None:
    """One sample of a vital sign, or of a panel's components."""
    line = {"kind": "vitals", **common}
    if device := _name_of(resource.get("device")):
        line["device"] = device
    found = False
    components = [(f"{where}.component[{n}]", part) for n, part in enumerate(_list(resource.get("component")))]
    own = [] if components and not _has_value(resource) else [(where, resource)]
    for place, node in (*own, *components):
        if not isinstance(node, Mapping):
            done.refuse(place, "is no component", node)
            continue
        if (read := _reading(node, place, done)) is None:
            continue
        channel, value = read
        if channel in line or channel in line.get("status", {}):
            done.refuse(place, f"{channel} is there twice: the first one counts", node)
        elif value is None:
            line.setdefault("status", {})[channel] = "off"
        else:
            line[channel] = value
        found = True
    if found:
        done.lines.append((where, line))


def _reading(node: _Node, where: str, done: Translated) -> tuple[str, float | None] | None:
    """A channel and its value in the channel's unit, None where there is none; None for both: set aside, or nobody's here."""
    try:
        channel = channel_of(_codings(node.get("code")))
    except NotKnown as unknown:
        done.refuse(f"{where}.code", str(unknown), node)
        return None
    if channel is None:
        return None
    quantity = node.get("valueQuantity")
    if quantity is None and "dataAbsentReason" in node:
        return channel, None
    if not isinstance(quantity, Mapping):
        done.refuse(f"{where}.valueQuantity", f"{channel}: a quantity is needed", node)
        return None
    value = quantity.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool):
        done.refuse(f"{where}.valueQuantity.value", f"{channel}: {_words(value)} is no number", node)
        return None
    try:
        unit = unit_of([Coded(str(quantity.get("code") or "")), Coded(str(quantity.get("unit") or ""))])
        scale = CONVERSIONS[channel][plain_unit(unit)]
        return channel, scale.of(value)
    except NotKnown as unknown:
        done.refuse(f"{where}.valueQuantity.code", f"{channel}: {unknown}", node)
    except KeyError:
        done.refuse(f"{where}.valueQuantity.code", f"{channel} in {_words(unit)}: the unit is not known for it", node)
    except OverflowError:
        done.refuse(f"{where}.valueQuantity.value", f"{channel}: {_words(value)} is no number", node)
    return None


def _weight(resource: _Node, where: str, done: Translated, common: dict[str, Any]) -> None:
    quantity = resource.get("valueQuantity")
    value = quantity.get("value") if isinstance(quantity, Mapping) else None
    unit = str(quantity.get("code") or quantity.get("unit") or "") if isinstance(quantity, Mapping) else ""
    factor = {"kg": 1.0, "g": 1e-3, "[lb_av]": _POUNDS_KG, "lb": _POUNDS_KG, "lbs": _POUNDS_KG}.get(unit)
    if not isinstance(value, int | float) or isinstance(value, bool) or factor is None:
        done.refuse(
            f"{where}.valueQuantity",
            f"weight: {_words(value)} {_words(unit)} is no weight in kg, g or pounds",
            resource,
        )
        return
    about = {name: common[name] for name in common if name != "device"}
    done.lines.append((where, {"kind": "patient.registered", **about, "weight_kg": round(value * factor, 3)}))


# ---- forms -----------------------------------------------------------------------------------------------------------


def _form_part(
    resource: _Node,
    where: str,
    done: Translated,
    forms: dict[tuple[str, ...], dict[str, Any]],
    common: dict[str, Any],
    code: str,
) -> None:
    """An item, or the total, of a form that comes as an Observation each: what was answered together is one form."""
    instrument = _SCORES.get(code) or _ITEMS[code]
    origin = _reference(next(iter(_list(resource.get("derivedFrom"))), None)) or ""
    key = (common.get("patient", ""), common["at"] or "", instrument, origin)
    line = forms.get(key)
    if line is None:
        line = forms[key] = {"kind": "checkin", **common, "instrument": instrument}
        done.lines.append((where, line))
    elif "id" in line and "id" in common:
        # Parts that come apart are entries of their own: a part that comes later must not pass for a repeat of the first.
        line["id"] = blake2b(f"{line['id']}+{common['id']}".encode(), digest_size=16).hexdigest()
    answer = _answer(resource)
    if code in _SCORES:
        if isinstance(answer, int | float):
            line["score"] = answer
        else:
            done.refuse(f"{where}.value[x]", "the total is no number", resource)
        return
    line.setdefault("items", {})[code] = answer


def _questionnaire(resource: _Node, where: str, done: Translated) -> None:
    common = _common(resource, where, done, True, ("authored",))
    if common is None:
        return
    answers = dict(_answers(resource, _MOST_DEEP))
    instrument = _instrument(str(resource.get("questionnaire") or ""), answers)
    line = {
        "kind": "checkin",
        **common,
        "instrument": instrument or str(resource.get("questionnaire") or "") or "not said",
    }
    score = next((answers.pop(code) for code in _SCORES if code in answers), None)
    if answers:
        line["items"] = answers
    elif isinstance(score, int | float):
        line["score"] = score
    done.lines.append((where, line))


def _answers(node: _Node, deep: int) -> Iterator[tuple[str, Any]]:
    """The answers of a form's items and of the groups in it, by their LOINC code where the link or the item has one."""
    for item in _list(node.get("item")):
        if not isinstance(item, Mapping):
            continue
        link = str(item.get("linkId") or item.get("text") or "")
        code = next((code for code in (*_ITEMS, *_SCORES) if code in link), None)
        given = _list(item.get("answer"))
        if given:
            yield code or link, _answer(given[0]) if isinstance(given[0], Mapping) else None
        if deep:
            yield from _answers(item, deep - 1)
            for answer in given:
                if isinstance(answer, Mapping):
                    yield from _answers(answer, deep - 1)


def _instrument(questionnaire: str, answers: Mapping[str, Any]) -> str | None:
    """The instrument that a questionnaire's address or its items name; None: neither does."""
    for part in reversed(re.split(r"[/|#?]", questionnaire)):
        name = slug(part)
        if name in INSTRUMENTS or name in ALSO_CALLED:
            return name if name in INSTRUMENTS else ALSO_CALLED[name]
    asked = set(answers) & set(_ITEMS)
    # The shortest that has all of them: two items are the PHQ-2, nine are not.
    fitting = [name for name in CODES if asked and asked <= CODES[name].keys()]
    return min(fitting, key=lambda name: len(CODES[name]), default=None)


def _answer(node: _Node) -> Any:
    """The value of an answer or of an Observation: a number, a word, or the code of one."""
    for name, value in node.items():
        if not name.startswith("value"):
            continue
        match value:
            case bool() | int() | float() | str():
                return value
            case {"value": int() | float() as number}:
                return number
            case {"coding": _}:
                coded = next(iter(_codings(value)), None)
                return (coded.code or coded.text) if coded else None
            case {"code": str() as code}:
                return code
            case {"display": str() as display}:
                return display
    return None


# ---- people ----------------------------------------------------------------------------------------------------------


def _patient(resource: _Node, where: str, done: Translated) -> None:
    alias = resource.get("id") or _at(next(iter(_list(resource.get("identifier"))), None), "value")
    updated = _at(resource, "meta", "lastUpdated")
    if not isinstance(alias, str) or not alias:
        done.refuse(f"{where}.id", "no id and no identifier: nobody can be registered", None)
        return
    if not isinstance(updated, str):
        done.refuse(f"{where}.meta.lastUpdated", "when this became known is not said", None)
        return
    line: dict[str, Any] = {"kind": "patient.registered", "at": updated, "patient": alias, "source": "fhir"}
    if isinstance(born := resource.get("birthDate"), str) and re.match(r"\d{4}", born, re.ASCII):
        line["birth_year"] = int(born[:4])
    if isinstance(sex := resource.get("gender"), str):
        line["sex"] = sex
    done.lines.append((where, line))


# ---- what all have ---------------------------------------------------------------------------------------------------


def _common(
    resource: _Node, where: str, done: Translated, is_form: bool, *times: tuple[str, ...]
) -> dict[str, Any] | None:
    """Time, patient and identity of a resource; None, and refused, where it is void or, but for a form, without an instant.

    A form goes on without a time, as a line that cannot be read: that it may hold an answer about suicide is then told.
    """
    status = str(resource.get("status"))
    if status in _VOID:
        done.refuse(f"{where}.status", f"{status}: nobody stands behind it", resource)
        return None
    at = next((said for path in times if isinstance(said := _at(resource, *path), str)), None)
    if (at is None or "T" not in at) and not is_form:
        reason = f"{_words(at)} is a day, and no instant" if at else "when it was is not said"
        done.refuse(f"{where}.{times[0][0]}", reason, resource)
        return None
    line: dict[str, Any] = {"at": at, "source": "fhir"}
    if patient := _name_of(resource.get("subject")):
        line["patient"] = patient
    if isinstance(identity := resource.get("id"), str) and identity:
        line["id"] = f"{resource.get('resourceType')}/{identity}"
        if status in _CORRECTED:
            version = _at(resource, "meta", "versionId") or _at(resource, "meta", "lastUpdated") or at
            line |= {"id": f"{line['id']}/{version}", "replaces": line["id"]}
    return line


def _name_of(node: object) -> str | None:
    """The alias that a reference names: its identifier, else the last part of its address."""
    said = _at(node, "identifier", "value")
    if isinstance(said, str) and said:
        return said
    reference = _reference(node)
    last = reference.rstrip("/").rpartition("/")[2].removeprefix("urn:uuid:") if reference else ""
    # An alias that may be no id goes out as one that stands for it (models/wire/fhir_ids.py): here it comes back.
    return name_behind(last, tuple) or last or None


def _reference(node: object) -> str | None:
    said = _at(node, "reference")
    return said if isinstance(said, str) and said else None


def _codings(node: object) -> list[Coded]:
    """The codings of a CodeableConcept, LOINC's first; without any, its text."""
    found = [
        Coded(*(str(coding.get(name) or "") for name in ("code", "display", "system")))
        for coding in _list(_at(node, "coding")) if isinstance(coding, Mapping)
    ]  # fmt: skip
    text = _at(node, "text")
    return sorted(found, key=lambda coded: coded.system != _LOINC) or ([Coded("", str(text))] if text else [])


def _has_value(node: _Node) -> bool:
    return any(name.startswith("value") or name == "dataAbsentReason" for name in node)


def _at(node: object, *path: str) -> object:
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _list(node: object) -> Sequence[Any]:
    return node if isinstance(node, list) else []


def _words(value: object) -> str:
    return str(value)[:60] if value not in (None, "") else "nothing"


def _excerpt(node: object) -> str:
    """What is kept of what cannot be used: without the parts that hold names or free text."""
    if not isinstance(node, Mapping):
        return _words(node)
    kept = {
        name: node[name]
        for name in ("resourceType", "id", "status", "code", "valueQuantity", "effectiveDateTime")
        if name in node
    }
    return json.dumps(kept, default=str)[:500]
