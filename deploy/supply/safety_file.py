"""The safety file: hazards, requirements, threats, failures of others and foreign software as tables that name their tests; pages
and problems out.

The data are docs/safety/*.toml, which a clinician, an engineer and a security officer review; the pages beside them are written
by `make schema`. `problems` finds what hangs in the air: a hazard that no requirement reduces, a requirement, threat or failure
that no test holds, a test that there is not, a dependency that nobody has judged.
Bad at: whether a test tests what it says (that is what `make prove-planted` asks). Never here: files, which the caller reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

STRIDE: Final = {
    "S": "Spoofing", "T": "Tampering", "R": "Repudiation", "I": "Information disclosure", "D": "Denial of service",
    "E": "Elevation of privilege",
}  # fmt: skip
HAZARD_SEVERITIES: Final = ("high", "medium", "low")
WRITTEN_BY: Final = "*Written by `make schema` from [{file}]({file}); change that.*\n"
IN_PAGE: Final = "../../"
"""From docs/safety to the root of the tree."""
HERE: Final = "here"
"""Where a failure was seen that was our own."""
_THREAD: Final = re.compile(r"([\w.-]+/[\w.-]+)#(\d+)")
"""A thread on GitHub, as an owner, a repository and a number; `issues/` leads to pull requests too."""

KnownTests = Mapping[str, Sequence[str]]
"""A test's name, without `test_`, → the files that have it."""


@dataclass(frozen=True, slots=True)
class SafetyFile:
    """The tables as they were read, and the tests and dependencies that there are."""

    hazards: Mapping[str, Any]
    threats: Mapping[str, Any]
    failures: Mapping[str, Any]
    soup: Mapping[str, Any]
    tests: KnownTests
    versions: Mapping[str, str]
    """Direct dependency → its locked version."""

    def problems(self) -> list[str]:
        """What hangs in the air, one line each; empty: nothing does."""
        return [*self._traces(), *self._threat_problems(), *self._failure_problems(), *self._soup_problems()]

    def pages(self) -> dict[str, str]:
        """File name → its Markdown."""
        return {
            "hazards.md": self._hazards_page(), "threats.md": self._threats_page(), "failures.md": self._failures_page(),
            "soup.md": self._soup_page(),
        }  # fmt: skip

    # ---- problems ------------------------------------------------------------------------------------------------

    def _traces(self) -> Iterator[str]:
        hazards, requirements = self.hazards["hazard"], self.hazards["requirement"]
        yield from _twice("hazard", (each["id"] for each in hazards))
        yield from _twice("requirement", (each["id"] for each in requirements))
        known = {each["id"] for each in hazards}
        reduced = {hazard for each in requirements for hazard in each["against"]}
        yield from (f"{hazard}: no requirement reduces it" for hazard in sorted(known - reduced))
        for each in hazards:
            if each["severity"] not in HAZARD_SEVERITIES:
                yield f"{each['id']}: severity {each['severity']} is none of {', '.join(HAZARD_SEVERITIES)}"
        for each in requirements:
            if not each["against"]:
                yield f"{each['id']}: it is against no hazard"
            yield from (f"{each['id']}: there is no hazard {name}" for name in each["against"] if name not in known)
            yield from self._named(each["id"], each["tests"])

    def _threat_problems(self) -> Iterator[str]:
        yield from _twice("flow", (each["id"] for each in self.threats["flow"]))
        for flow in self.threats["flow"]:
            for letter, name in STRIDE.items():
                where, row = f"{flow['id']}.{letter}", flow.get(letter)
                if row is None:
                    yield f"{where}: {name.lower()} is not judged"
                elif "none" not in row and "open" not in row:
                    if not row.get("defence"):
                        yield f"{where}: nothing is said to stand against it"
                    yield from self._named(where, row.get("tests", ()))

    def _failure_problems(self) -> Iterator[str]:
        rows = self.failures["failure"]
        yield from _twice("failure", (each["id"] for each in rows))
        for each in rows:
            if not each.get("seen"):
                yield f"{each['id']}: it is not said where it was seen"
            if "not_here" not in each:
                if not each.get("guard"):
                    yield f"{each['id']}: nothing is said to stand against it"
                yield from self._named(each["id"], each.get("tests", ()))
            elif "tests" in each:
                yield f"{each['id']}: it has tests, and cannot happen here"

    def _soup_problems(self) -> Iterator[str]:
        named = [each["name"] for each in self.soup["part"]]
        yield from _twice("part", named)
        yield from (
            f"{name}: a dependency that no row of soup.toml judges" for name in sorted({*self.versions} - {*named})
        )
        yield from (f"{name}: a row of soup.toml, and no dependency" for name in sorted({*named} - {*self.versions}))
        for each in self.soup["part"]:
            yield from self._named(each["name"], each["tests"])

    def _named(self, where: str, names: Sequence[str]) -> Iterator[str]:
        if not names:
            yield f"{where}: no test holds it"
        for name in names:
            found = self._files(name)
            if len(found) != 1:
                yield f"{where}: {f'{len(found)} files have' if found else 'there is no'} test {name}"

    def _files(self, name: str) -> list[str]:
        file, _, function = name.rpartition("::")
        return [each for each in self.tests.get(function, ()) if not file or each.endswith(f"/{file}.py")]

    # ---- pages ---------------------------------------------------------------------------------------------------

    def _links(self, names: Sequence[str]) -> str:
        return "<br>".join(f"[{_said(each)}]({IN_PAGE}{self._files(each)[0]})" for each in names)

    def _hazards_page(self) -> str:
        hazards, requirements = self.hazards["hazard"], self.hazards["requirement"]
        lines = ["# Hazards and what reduces them\n", WRITTEN_BY.format(file="hazards.toml")]
        lines.append("Severity as if nothing else watched the person. Bedside monitors do, and stay primary.\n")
        lines += ["| | severity | hazard | how it comes about | reduced by |", "|---|---|---|---|---|"]
        for each in hazards:
            by = ", ".join(f"[{one['id']}](#requirements)" for one in requirements if each["id"] in one["against"])
            lines.append(f"| {each['id']} | {each['severity']} | {each['harm']} | {each['how']} | {by} |")
        lines += ["\n## Requirements\n", "| | requirement | against | held by |", "|---|---|---|---|"]
        lines += [
            f"| {each['id']} | {each['says']} | {', '.join(each['against'])} | {self._links(each['tests'])} |"
            for each in requirements
        ]
        lines += ["\n## From tests back\n", "| test | requirements | hazards |", "|---|---|---|"]
        back: dict[str, list[Any]] = {}
        for each in requirements:
            for name in each["tests"]:
                back.setdefault(name, []).append(each)
        for name in sorted(back):
            against = sorted({one for each in back[name] for one in each["against"]}, key=lambda one: int(one[1:]))
            lines.append(
                f"| {self._links([name])} | {', '.join(each['id'] for each in back[name])} | {', '.join(against)} |"
            )
        return "\n".join(lines) + "\n"

    def _threats_page(self) -> str:
        lines = ["# Threats, by the way that data takes\n", WRITTEN_BY.format(file="threats.toml")]
        waiting = [(flow, letter) for flow in self.threats["flow"] for letter in STRIDE if "open" in flow[letter]]
        lines.append(_open_line(waiting))
        for flow in self.threats["flow"]:
            lines += [
                f"## {flow['id']}: {flow['way']}\n",
                "| | threat | what stands against it | held by |",
                "|---|---|---|---|",
            ]
            for letter, name in STRIDE.items():
                row = flow[letter]
                if "none" in row:
                    lines.append(f"| {name} | none | {row['none']} | |")
                elif "open" in row:
                    lines.append(f"| {name} | {row['threat']} | **Open.** {row['open']} | |")
                else:
                    lines.append(f"| {name} | {row['threat']} | {row['defence']} | {self._links(row['tests'])} |")
            lines.append("")
        return "\n".join(lines)

    def _failures_page(self) -> str:
        lines = ["# How others have failed, and what stands against it\n", WRITTEN_BY.format(file="failures.toml")]
        lines.append(
            "Read in public threads about programs that page people, carry readings or watch them. "
            f'"{HERE.capitalize()}": seen in Chairside itself.\n'
        )
        lines += ["| | failure | seen in | what stands against it | held by |", "|---|---|---|---|---|"]
        for each in self.failures["failure"]:
            if "not_here" in each:
                stands, held = f"Cannot happen here: {each['not_here']}", ""
            else:
                stands, held = each["guard"], self._links(each["tests"])
                if "open" in each:
                    stands += f" **Open.** {each['open']}"
            seen = "<br>".join(map(_thread, each["seen"]))
            lines.append(f"| {each['id']} | {each['failure']} | {seen} | {stands} | {held} |")
        return "\n".join(lines) + "\n"

    def _soup_page(self) -> str:
        lines = ["# Software of others\n", WRITTEN_BY.format(file="soup.toml")]
        lines.append(
            "What a running service uses by our own choice; what that uses in its turn is in the bill of materials of the wheel. "
            "Vulnerabilities that somebody has judged not to concern us are under `accepted` in the same file.\n"
        )
        lines += [
            "| | version | for | if it fails | known anomalies, and what stands against them | held by |",
            "|---|---|---|---|---|---|",
        ]
        for each in sorted(self.soup["part"], key=lambda one: str(one["name"]).lstrip("@")):
            lines.append(
                f"| {each['name']} | {self.versions[each['name']]} | {each['use']} | {each['fails']} | {each['anomalies']} |"
                f" {self._links(each['tests'])} |"
            )
        return "\n".join(lines) + "\n"


def _open_line(waiting: Sequence[tuple[Mapping[str, Any], str]]) -> str:
    if not waiting:
        return "Nothing is open.\n"
    named = ", ".join(f"{flow['id']} {STRIDE[letter].lower()}" for flow, letter in waiting)
    return f"Open, and said in its row: {named}.\n"


def _thread(seen: str) -> str:
    """Where a failure was seen: a link for a thread on GitHub, else as it is written."""
    thread = _THREAD.fullmatch(seen)
    return seen if thread is None else f"[{seen}](https://github.com/{thread[1]}/issues/{thread[2]})"


def _twice(kind: str, ids: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            yield f"{each}: two rows of {kind} have this name"
        seen.add(each)


def _said(name: str) -> str:
    """A test's name as a sentence, cut where a table has no room."""
    words = name.rpartition("::")[2].replace("_", " ")
    return words if len(words) <= 90 else words[:87].rsplit(" ", 1)[0] + " …"
