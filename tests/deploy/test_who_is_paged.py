"""`check-config FILE --who-is-paged RULE`: the whole answer, beforehand, and that it is what the desk does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.service import invoked, said_once

CLINIC = """
[site]
timezone = "Europe/Berlin"
[destinations]
ada-phone = "ntfys://ntfy.sh/ada-secret"
ada-call = "ntfys://ntfy.sh/ada-other"
ben-phone = "ntfys://ntfy.sh/ben-secret"
[people.ada]
role = "nurse"
methods = ["ada-phone", "ada-call"]
[people.ben]
role = "nurse"
methods = ["ben-phone"]
[people.cem]
role = "doctor"
[schedules.nights]
timezone = "Europe/Berlin"
expected = [{ days = ["sun"] }]
[[schedules.nights.rotations]]
people = ["ben"]
since = 2026-03-01
hours = [{ since = 20:00:00, until = 06:00:00 }]
[policies.mood]
rungs = [{ who = ["cem"], minutes = 3 }]
[policies.chairs]
answers = 2
rungs = [
  { who = ["schedule:nights"] },
  { who = ["ada", "schedule:nights"], minutes = 20 },
  { who = ["role:nurse", "role:doctor"], minutes = 3 },
]
[[routes]]
policy = "mood"
categories = ["mood"]
[[routes]]
policy = "chairs"
priorities = ["high"]
chairs = ["3"]
[[routes]]
policy = "chairs"
rules = ["probe-off"]
hours = [{ since = 08:00:00, until = 18:00:00 }]
"""
ADA, BEN = "ada by ada-phone, then ada-call", "ben by ben-phone"
EVERYBODY = f"everybody: console; {ADA}; {BEN}"
FILLED = "the first that takes it."


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(CLINIC)
    return path


def asked(config: Path, *options: str) -> list[str]:
    done = invoked("check-config", config, "--who-is-paged", *options)
    assert done.status == 0, done.stderr
    assert "secret" not in done.stdout, "an address is a secret"
    return done.stdout.splitlines()


def test_by_day_each_rung_says_when_whom_by_what_and_who_is_passed_over(config: Path) -> None:
    assert asked(config, "desaturation", "--chair", "3", "--at", "2026-12-01 10:00") == [
        "desaturation, high, chair 3, raised Tue 2026-12-01 10:00:00 (Europe/Berlin).",
        "Not by route 1: mood: its categories are mood.",
        f"By route 2: chairs: {FILLED}",
        "Tue 10:00:00  passed over: rung 1, schedule:nights: nobody is on call.",
        "Tue 10:00:00  passed over: schedule:nights: nobody is on call.",
        f"Tue 10:00:00  rung 2 of 4 (ada, schedule:nights): {ADA}.",
        f"Tue 10:20:00  rung 3 of 4 (role:nurse, role:doctor): {ADA}; {BEN}.",
        "Tue 10:20:00  passed over: cem: no method.",
        f"Tue 10:23:00  rung 4 of 4: {EVERYBODY}.",
        "Tue 10:23:00  passed over: cem: no method.",
        "Then everybody again every 5 min until 2 people have answered.",
    ]


def test_a_ladder_goes_by_the_sites_clock_also_where_that_is_put_forward_and_by_who_is_on_call_then(
    config: Path,
) -> None:
    said = asked(config, "desaturation", "--chair", "3", "--at", "2026-03-29T01:55")
    assert said[3:7] == [
        f"Sun 01:55:00  rung 1 of 4 (schedule:nights): {BEN}.",
        f"Sun 01:57:00  rung 2 of 4 (ada, schedule:nights): {ADA}; {BEN}.",
        f"Sun 03:17:00  rung 3 of 4 (role:nurse, role:doctor): {ADA}; {BEN}.",
        "Sun 03:17:00  passed over: cem: no method.",
    ]
    assert asked(config, "desaturation", "--chair", "3", "--at", "2026-03-29T00:55Z") == said


def test_where_nobody_of_a_rung_can_be_reached_it_says_where_the_page_goes_instead(config: Path) -> None:
    assert asked(config, "suicidal-ideation", "--at", "2026-12-01 10:00")[2:4] == [
        "Tue 10:00:00  rung 1 of 2: console.",
        "Tue 10:00:00  passed over: cem: no method; nobody else is called by this rung, so it goes to console.",
    ]


def test_what_no_route_takes_calls_everybody_and_says_why_each_does_not(config: Path) -> None:
    assert asked(config, "probe-off", "--priority", "medium", "--at", "2026-12-01 22:00")[1:] == [
        "Not by route 1: mood: its categories are mood.",
        "Not by route 2: chairs: its priorities are high.",
        "Not by route 3: chairs: it is not its hours.",
        "No route takes it: everybody is called.",
        "It may wait: 30 s after another page of its patient, 5 min after a page of its rule, and while no-data of its patient says it.",
        f"Tue 22:00:00  rung 1 of 1: {EVERYBODY}.",
        "Tue 22:00:00  passed over: cem: no method.",
        "Then everybody again every 30 min until somebody answers.",
    ]


def test_what_pages_nobody_says_so_and_where_it_is_told(config: Path) -> None:
    assert asked(config, "maintenance-due", "--at", "2026-12-01 22:00") == [
        "maintenance-due, low, outside any session, raised Tue 2026-12-01 22:00:00 (Europe/Berlin).",
        "Nobody is paged (none: board only).",
        "The daily digest names it, at 08:00, to everybody.",
    ]
    config.write_text("[pages]\ndestinations = []")
    said = asked(config, "apnoea", "--chair", "3")
    assert "rung 1 of 1: everybody: nobody: the site has no destination." in said[2]


def test_a_chair_that_no_route_names_is_said(config: Path) -> None:
    assert asked(config, "apnoea", "--chair", "12")[1] == "No route names chair 12; they name 3."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--who-is-paged", "desaturatoin"), "there is no rule 'desaturatoin'; there is desaturation"),
        (("--who-is-paged", "apnoea", "--at", "25:00"), "'25:00' is no time: write \"2026-12-24 03:00\" as the clock of Europe/Berlin shows it, or with an offset"),
        (("--who-is-paged", "apnoea", "--at", "0002-01-01"), "'0002-01-01' is no time: write \"2026-12-24 03:00\" as the clock of Europe/Berlin shows it, or with an offset"),
        (("--who-is-paged", "apnoea", "--chair", ""), "there is no chair '': String should have at least 1 character"),
        (("--who-is-paged", "apnoea", "--priority", "huge"), "there is no priority 'huge': info, low, medium, high"),
        (("--chair", "3"), "--priority, --at and --chair go with --who-is-paged RULE"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_one_line(config: Path, options: tuple[str, ...], said: str) -> None:
    assert said_once(invoked("check-config", config, *options)) == f"chairside: {said}"
