"""Crisis lines: whom somebody with thoughts of suicide can call in a country, by day and night, and the emergency number.

Bad at: being up to date. A clinic checks its country's row before it sends the first link, and may put its own lines in place of
it (`[home]` of its file). A country that is not here has none of ours: its clinic names some, or sends no links.
Never here: advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CrisisLine:
    """Somebody to call: the name as the country knows it, and the number as it is dialled there."""

    name: str
    number: str


@dataclass(frozen=True, slots=True)
class CountryLines:
    """A country's lines and its emergency number."""

    emergency: str
    lines: tuple[CrisisLine, ...]
    source: str


# fmt: off
CRISIS_LINES: Final[Mapping[str, CountryLines]] = {
    #                     emergency   lines                                                                                source
    "US": CountryLines("911", (CrisisLine("988 Suicide & Crisis Lifeline", "988"),),                                       "988lifeline.org, since July 2022"),
    "CA": CountryLines("911", (CrisisLine("9-8-8 Suicide Crisis Helpline", "988"),),                                       "988.ca, since November 2023"),
    "GB": CountryLines("999", (CrisisLine("Samaritans", "116 123"),),                                                      "samaritans.org"),
    "IE": CountryLines("112", (CrisisLine("Samaritans", "116 123"),),                                                      "samaritans.org/ireland"),
    "DE": CountryLines("112", (CrisisLine("TelefonSeelsorge", "0800 111 0 111"), CrisisLine("TelefonSeelsorge", "116 123")), "telefonseelsorge.de"),
    "AT": CountryLines("144", (CrisisLine("TelefonSeelsorge", "142"),),                                                    "telefonseelsorge.at"),
    "CH": CountryLines("144", (CrisisLine("Die Dargebotene Hand · La Main Tendue", "143"),),                               "143.ch"),
    "ES": CountryLines("112", (CrisisLine("Línea 024", "024"),),                                                           "Ministerio de Sanidad, since May 2022"),
    "FR": CountryLines("112", (CrisisLine("3114, prévention du suicide", "3114"),),                                        "3114.fr, since October 2021"),
    "NL": CountryLines("112", (CrisisLine("113 Zelfmoordpreventie", "0800 0113"), CrisisLine("113 Zelfmoordpreventie", "113")), "113.nl"),
    "AU": CountryLines("000", (CrisisLine("Lifeline", "13 11 14"),),                                                       "lifeline.org.au"),
    "NZ": CountryLines("111", (CrisisLine("1737, need to talk?", "1737"),),                                                "1737.org.nz"),
    "MX": CountryLines("911", (CrisisLine("Línea de la Vida", "800 911 2000"),),                                           "gob.mx/salud/conasama"),
}
# fmt: on
"""ISO 3166-1 code of a country → its lines. Each has its owner's address as source, and was not called: check yours."""
