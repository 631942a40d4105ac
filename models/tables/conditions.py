"""Conditions and medications: which speak against a drug, how much, and which are known to say nothing against it.

Conditions come as people write them: "Hx of psychosis", "mother with schizophrenia", "AVM (clipped 2019)". A row fits where its
name or another of its names stands in the words; of several the longest counts. What is somebody else's, in the family, is
weighed only where a row says so. Every condition is judged or said to be unknown: none is passed over.
Bad at: spelling mistakes, codes and languages other than English, which are all unknown and so are said; what a physician knows.
Never here: whether to treat all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from models.tables.drugs import treatment_of
from models.tables.form_items import slug

Weight = Literal["contraindicated", "defer", "caution"]
"""`contraindicated`: the label forbids it. `defer`: a physician must decide, trials excluded it. `caution`: watch more."""
_HEAVIEST: Final[tuple[Weight, ...]] = ("contraindicated", "defer", "caution")


@dataclass(frozen=True, slots=True)
class Contraindication:
    """A condition (or, in `INTERACTIONS`, a medication) under any of its names, and how much it weighs for each drug.

    A drug that is not among `weights` is not concerned.
    """

    name: str
    also: tuple[str, ...]
    weights: dict[str, Weight]
    words: str
    source: str
    whole: tuple[str, ...] = ()
    """Other names that count only where they are all that a condition says: not in "penicillin hypersensitivity"."""


WEIGHED: Final = ("ketamine", "esketamine")
"""Drugs that have weights of their own. Any other, known to `drugs.py` or not, is weighed as the first, so that nothing that
speaks against it is passed over until somebody has reviewed these rows for it."""


def _both(weight: Weight) -> dict[str, Weight]:
    return dict.fromkeys(WEIGHED, weight)


def _label(weight: Weight = "defer") -> dict[str, Weight]:
    """Forbidden by esketamine's label; ketamine's label does not say so, and guidance follows it all the same."""
    return {"ketamine": weight, "esketamine": "contraindicated"}


# fmt: off
CONTRAINDICATIONS: Final = (
    Contraindication("aneurysmal-vascular-disease", ("aneurysm", "aneurysmal", "aaa", "aortic-dissection"), _label(), "a rise in pressure may rupture it", "US label §4"),
    Contraindication("arteriovenous-malformation",  ("avm", "arterio-venous-malformation"), _label(), "a rise in pressure may rupture it", "US label §4"),
    Contraindication("intracerebral-haemorrhage",   ("intracerebral-hemorrhage", "ich", "haemorrhagic-stroke", "hemorrhagic-stroke", "cerebral-haemorrhage", "cerebral-hemorrhage", "brain-haemorrhage", "brain-hemorrhage", "intracranial-haemorrhage", "intracranial-hemorrhage", "subarachnoid-haemorrhage", "subarachnoid-hemorrhage"), _label(), "it may bleed again", "US label §4"),
    Contraindication("ketamine-hypersensitivity",   ("esketamine-hypersensitivity", "ketamine-allergy", "esketamine-allergy", "allergy-to-ketamine", "allergy-to-esketamine", "allergic-to-ketamine", "allergic-to-esketamine"), _both("contraindicated"), "allergy", "US labels §4", whole=("hypersensitivity",)),
    Contraindication("recent-cardiovascular-event", ("recent-myocardial-infarction", "recent-mi", "recent-heart-attack", "recent-stroke", "recent-tia"), _label(), "within six weeks", "EU SmPC of esketamine (M); Sanacora 2017"),
    Contraindication("raised-intracranial-pressure", ("raised-icp", "increased-intracranial-pressure"), _both("defer"), "pressure in the skull may rise further", "trials' exclusions (M)"),
    Contraindication("unstable-angina",             (), _both("defer"), "the heart works harder under the drug", "trials' exclusions (M)"),
    Contraindication("decompensated-heart-failure", ("acute-heart-failure",), _both("defer"), "the heart works harder under the drug", "trials' exclusions (M)"),
    Contraindication("cardiovascular-disease",      ("cerebrovascular-disease", "heart-disease", "coronary-artery-disease", "coronary-heart-disease", "ischaemic-heart-disease", "ischemic-heart-disease", "heart-failure", "cardiomyopathy", "myocardial-infarction", "heart-attack", "angina", "arrhythmia", "atrial-fibrillation", "mi", "stroke", "tia"), _both("caution"), "a rise in pressure weighs more", "US label §5: cardiovascular and cerebrovascular conditions (M)"),
    Contraindication("uncontrolled-hypertension",   (), _both("defer"), "treat the pressure first", "US label §5: above 140/90"),
    Contraindication("psychosis",                   ("psychotic", "schizophrenia", "schizoaffective", "schizophreniform", "hallucinations"), _both("defer"), "psychosis may worsen", "trials' exclusions"),
    Contraindication("psychosis-history",           (), _both("caution"), "psychosis may come back: case by case", "trials' exclusions"),
    Contraindication("psychosis-family-history",    (), _both("caution"), "a first psychosis is likelier: ask, and watch for it", "trials' exclusions; case by case, as the patient's own history (M)"),
    Contraindication("mania",                       ("hypomania", "manic"), _both("defer"), "mania may worsen", "trials' exclusions (M)"),
    Contraindication("bipolar-disorder",            ("bipolar",), _both("caution"), "a switch into mania", "trials' exclusions (M)"),
    Contraindication("substance-use-disorder",      ("substance-abuse", "substance-misuse", "substance-dependence", "drug-abuse", "drug-dependence", "addiction", "alcohol-use-disorder", "alcohol-abuse", "alcohol-dependence", "alcoholism", "opioid-use-disorder", "opioid-dependence", "cocaine-use-disorder", "stimulant-use-disorder", "sud", "aud", "oud"), _both("caution"), "misuse", "US label, boxed warning"),
    Contraindication("pregnancy",                   ("pregnant",), _both("defer"), "harm to the child", "US label §5, §8"),
    Contraindication("lactation",                   ("breastfeeding", "breast-feeding", "nursing-mother"), _both("defer"), "passes into milk", "US label §8"),
    Contraindication("severe-hepatic-impairment",   ("severe-liver-impairment", "liver-failure", "hepatic-failure", "cirrhosis", "child-pugh-c"), _both("defer"), "not recommended: the drug stays longer", "US label §8"),
    Contraindication("moderate-hepatic-impairment", ("hepatic-impairment", "liver-impairment", "liver-disease", "hepatitis", "child-pugh-b"), _both("caution"), "may need to be watched longer", "US label §8"),
    Contraindication("thyrotoxicosis",              ("hyperthyroidism", "graves-disease"), _both("defer"), "pressure and heart rate may rise far", "trials' exclusions (M)"),
    Contraindication("recent-seizure",              ("seizure", "epilepsy", "convulsion"), _both("defer"), "a seizure may follow", "trials' exclusions (M)"),
    Contraindication("hypertensive-encephalopathy", (), _both("caution"), "measure the pressure often: small rises can do harm", "US label §5"),
    Contraindication("cognitive-impairment",        ("dementia", "alzheimer", "alzheimers", "intellectual-disability"), _both("caution"), "memory and attention may get worse", "US label §5"),
    Contraindication("breathing-disorder",          ("sleep-apnoea", "sleep-apnea", "osa", "copd", "chronic-obstructive-pulmonary-disease", "respiratory-failure", "respiratory-depression"), _both("caution"), "less reserve where breathing slows: limits of their own", "US label §5: respiratory depression; which disorders: chosen by us"),
    Contraindication("cystitis",                    ("bladder-pain-syndrome",), _both("caution"), "the bladder may get worse", "US label §5"),
)

NO_OBJECTION: Final = frozenset({
    "hypertension", "high-blood-pressure", "depression", "major-depression", "major-depressive-disorder", "mdd", "depressive-disorder",
    "treatment-resistant-depression", "trd", "severe-depression", "dysthymia", "anxiety", "anxiety-disorder", "generalised-anxiety-disorder",
    "generalized-anxiety-disorder", "gad", "panic-disorder", "social-anxiety", "ptsd", "post-traumatic-stress-disorder", "ocd",
    "obsessive-compulsive-disorder", "adhd", "insomnia", "migraine", "headache", "asthma", "diabetes", "diabetes-mellitus", "hypothyroidism",
    "obesity", "hyperlipidaemia", "hyperlipidemia", "dyslipidaemia", "dyslipidemia", "hypercholesterolaemia", "hypercholesterolemia",
    "gerd", "reflux", "chronic-pain", "fibromyalgia", "back-pain", "arthritis", "osteoarthritis", "allergic-rhinitis", "hay-fever", "smoker",
    "smoking", "tobacco-use", "anaemia", "anemia", "osteoporosis", "menopause", "irritable-bowel-syndrome", "ibs", "suicidal-ideation",
})  # fmt: skip
"""Conditions that no label or trial cited in these tables holds against the drugs. Hypertension is expected in a quarter of
patients, and the pressure before the dose decides; suicidal thoughts are what esketamine is also given for. Chosen by us."""
NO_CONDITION: Final = frozenset({
    "none", "nil", "no", "nothing", "na", "n-a", "no-conditions", "no-known-conditions", "none-known", "nka", "nkda", "healthy",
    "no-known-allergies", "no-known-drug-allergies", "unremarkable",
})
"""What is written where nothing is to be written."""

IN_THE_FAMILY: Final = frozenset({
    "family", "familial", "fh", "fhx", "famhx", "relative", "relatives", "mother", "father", "parent", "parents", "sibling", "siblings",
    "brother", "sister", "son", "daughter", "aunt", "uncle", "cousin", "grandmother", "grandfather", "maternal", "paternal",
})
IN_THE_PAST: Final = frozenset({"history", "hx", "past", "previous", "previously", "prior", "former", "remission", "remitted", "resolved"})
NOT_THERE: Final = frozenset({"no", "not", "non", "never", "denies", "denied", "negative", "without", "excluded", "absent", "ruled"})
_SAYS_LITTLE: Final = IN_THE_PAST | {
    "of", "in", "with", "a", "an", "the", "known", "diagnosis", "diagnosed", "diagnoses", "personal", "medical", "pmh", "h", "o", "s", "p", "status",
    "post", "active", "current", "currently", "essential", "primary", "controlled", "well", "treated", "stable", "mild", "recurrent", "untreated",
    "episode", "disorder", "type", "1", "2", "i", "ii",
}
"""Words that change nothing of which condition it is; of a harmless one they may be left out."""

INTERACTIONS: Final = (
    Contraindication("benzodiazepine", ("alprazolam", "clonazepam", "diazepam", "lorazepam", "midazolam", "oxazepam", "temazepam"), _both("caution"), "more sedation", "US label §7"),
    Contraindication("opioid", ("buprenorphine", "codeine", "fentanyl", "hydrocodone", "methadone", "morphine", "oxycodone", "tramadol"), _both("caution"), "more sedation, slower breathing", "US label §5, §7"),
    Contraindication("sedative-hypnotic", ("eszopiclone", "zaleplon", "zolpidem", "zopiclone"), _both("caution"), "more sedation", "US label §7; REMS form"),
    Contraindication("gabapentinoid", ("gabapentin", "pregabalin"), _both("caution"), "more sedation, slower breathing", "chosen by us: as other CNS depressants"),
    Contraindication("psychostimulant", ("amphetamine", "dexamfetamine", "lisdexamfetamine", "methylphenidate", "modafinil", "armodafinil"), _both("caution"), "higher pressure", "US label §7"),
    Contraindication("maoi", ("isocarboxazid", "moclobemide", "phenelzine", "selegiline", "tranylcypromine"), _both("caution"), "higher pressure", "US label §7"),
)
# fmt: on


class WeighedConditions(NamedTuple):
    """Conditions for a drug: rows with their weights, the heaviest first; and those that no table knows, as written."""

    found: tuple[tuple[Weight, Contraindication], ...]
    unknown: tuple[str, ...]


def weigh_conditions(drug: str | None, conditions: Iterable[str]) -> WeighedConditions:
    """Judge every condition of a patient for a drug. An unknown drug counts as ketamine; for ECT and TMS nothing is judged."""
    name = _weighed_as(drug)
    if name is None:
        return WeighedConditions((), ())
    there: set[str] = set()
    unknown: list[str] = []
    for condition in dict.fromkeys(conditions):
        rows = _rows_of(condition)
        if rows is None:
            unknown.append(condition)
        else:
            there |= {row.name for row in rows}
    return WeighedConditions(_heaviest_first(name, CONTRAINDICATIONS, there), tuple(unknown))


def interactions_of(drug: str | None, medications: Iterable[str]) -> tuple[tuple[Weight, Contraindication], ...]:
    """Which of a patient's medications interact with a drug, as context."""
    name = _weighed_as(drug)
    if name is None:
        return ()
    taken = {slug(each) for each in medications}
    return _heaviest_first(name, INTERACTIONS, {row.name for row in INTERACTIONS if taken & {row.name, *row.also}})


def _weighed_as(drug: str | None) -> str | None:
    found = treatment_of(drug, None)
    if found is not None and found.usual is None:
        return None
    return found.drug if found is not None and found.drug in WEIGHED else WEIGHED[0]


def _heaviest_first(
    drug: str, table: Sequence[Contraindication], names: set[str]
) -> tuple[tuple[Weight, Contraindication], ...]:
    weighed = [(row.weights[drug], row) for row in table if row.name in names and drug in row.weights]
    return tuple(sorted(weighed, key=lambda pair: _HEAVIEST.index(pair[0])))


_PSYCHOSIS, _PSYCHOSIS_PAST, _PSYCHOSIS_FAMILY = (
    next(row for row in CONTRAINDICATIONS if row.name == name)
    for name in ("psychosis", "psychosis-history", "psychosis-family-history")
)


def _rows_of(condition: str) -> list[Contraindication] | None:
    """The rows that a condition is; empty: it is known and says nothing against a drug. None: nobody knows."""
    plain = slug(condition)
    words = plain.split("-")
    if plain in NO_CONDITION:
        return []
    matches = _matches(words)
    if NOT_THERE & set(words) and matches:
        # "no surgery for the aneurysm", "denies psychosis": which it is, a person must say.
        return None
    if IN_THE_FAMILY & set(words):
        return [_PSYCHOSIS_FAMILY] if any(row.name.startswith("psychosis") for row in matches) else None
    if _PSYCHOSIS in matches and IN_THE_PAST & set(words):
        matches = [_PSYCHOSIS_PAST if row is _PSYCHOSIS else row for row in matches]
    if matches:
        return matches
    known = plain in NO_OBJECTION or "-".join(word for word in words if word not in _SAYS_LITTLE) in NO_OBJECTION
    return [] if known else None


def _matches(words: Sequence[str]) -> list[Contraindication]:
    """The rows of whose names one stands in the words; where one name is part of another, the longer."""
    spans = [
        (start, stop, row)
        for row in CONTRAINDICATIONS
        for name in (row.name, *row.also, *row.whole)
        for start, stop in _places(words, name.split("-"))
        if name not in row.whole or stop - start == len(words)
    ]
    longest = [
        row for start, stop, row in spans
        if not any(begin <= start and stop <= end and end - begin > stop - start for begin, end, _ in spans)
    ]  # fmt: skip
    return [row for row in CONTRAINDICATIONS if row in longest]


def _places(words: Sequence[str], parts: Sequence[str]) -> list[tuple[int, int]]:
    """Where parts stand in words, one after the other."""
    starts = range(len(words) - len(parts) + 1)
    return [
        (start, start + len(parts))
        for start in starts
        if all(_same_word(word, part) for word, part in zip(words[start:], parts, strict=False))
    ]


def _same_word(word: str, part: str) -> bool:
    return word in (part, part + "s")
