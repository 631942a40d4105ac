"""The sources that are named by a number (`[S33]`) in an alert's source: what each is, and where it is read.

docs/sources.md is the same table for readers; a test keeps them in step.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class NumberedSource(NamedTuple):
    """`address`: where it can be read; None where it was read on request, or may move."""

    title: str
    what: str
    address: str | None = None


# fmt: off
NUMBERED_SOURCES: Final[dict[str, NumberedSource]] = {
    "S6": NumberedSource("Johnson & Johnson medical information, esketamine: sedation", "the sponsor's answer to clinicians; MOAA/S in the trials"),
    "S7": NumberedSource("Johnson & Johnson medical information, esketamine: dissociation (2024-04)", "the same; CADSS above 4 counted as dissociation"),
    "S9": NumberedSource("Johnson & Johnson medical information, esketamine: blood pressure and antihypertensives", "the same; course of the pressure after a dose"),
    "S33": NumberedSource("studentdoctor.net, thread 1504698: an academic clinic's protocol, quoted on a forum", "weak evidence, a useful pattern: two readings at 180/110, once above 200/120, HR above 120 for five minutes"),
    "S38": NumberedSource("Yale 2024 (PubMed 38991311): 138 people, 2,342 infusions of ketamine", "cohort study; systolic rise 16 mmHg, SD 11", "https://pubmed.ncbi.nlm.nih.gov/38991311/"),
    "S48": NumberedSource("BMC Anesthesiology 2022, s12871-022-01788-1, table 2", "the MOAA/S scale's words", "https://doi.org/10.1186/s12871-022-01788-1"),
    "S56": NumberedSource("Johnson & Johnson medical information, esketamine: MADRS", "bands of the score"),
}
# fmt: on

_NUMBER: Final = re.compile(r"\s*\[(S\d+)\]")


def without_numbers(source: str) -> str:
    """A source as a nurse reads it: without the numbers of the list."""
    return _NUMBER.sub("", source)


def cited_numbers(source: str) -> list[str]:
    """The numbers that a source names, in order."""
    return _NUMBER.findall(source)
