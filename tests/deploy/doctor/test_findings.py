"""What the doctor makes of what it saw: each fault is found, each says what to do, and a healthy installation has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deploy.doctor.facts import UNTRUSTED, Facts, HeardAddress, TriedDestination
from deploy.doctor.findings import findings
from models.instants import DAY, HOUR

NOW = 1_800_000_000_000_000
LINK = "https://board.example.org/healthz"
WELL = Facts(
    now_us=NOW, version="1.2.0", config="site.toml", sign_in=True, has_operator=True, data="/data", data_exists=True,
    free_bytes=80 * 2**30, total_bytes=100 * 2**30, in_use=True, running_version="1.2.0",
    health=HeardAddress("http://127.0.0.1:8000/healthz", 200), stranger=HeardAddress("http://127.0.0.1:8000/v1/chairs", 401),
    link=HeardAddress(LINK, 200), clocks=[("ntfy.sh", 0.4)], synchronised=True,
    certificates=[("board.example.org", NOW + 60 * DAY, "")], destinations=[TriedDestination("ada-phone", NOW - 3 * DAY)],
    backup_us=NOW - 9 * HOUR,
)  # fmt: skip

FAULTS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"data_exists": False}, "running", "bad", "there is no folder"),
    ({"health": None, "in_use": False}, "running", "bad", "no service runs"),
    ({"health": HeardAddress("http://x", error="Connection refused"), "in_use": False}, "running", "bad", "Connection refused"),
    ({"health": HeardAddress("http://x", error="timed out")}, "running", "bad", "does not answer"),
    ({"health": HeardAddress("http://x", 503)}, "running", "bad", "answers 503"),
    ({"running_version": "1.1.0"}, "version", "look", "1.1.0 runs, 1.2.0 is installed"),
    ({"store": "the store cannot be read: malformed"}, "store", "bad", "malformed"),
    ({"config": None}, "configuration", "look", "no --config"),
    ({"problems": ["site: no", "pages: no"]}, "configuration", "bad", "site: no, and 1 more"),
    ({"unwatched": ["nobody is on call in nurses from Mon to Tue"]}, "on call", "look", "nobody is on call"),
    ({"weakened": [("SpO2 off", "trial")]}, "limits", "look", "SpO2 off (trial)"),
    ({"writable": False}, "disk", "bad", "cannot be written"),
    ({"free_bytes": 2**29}, "disk", "bad", "0.5 GiB free"),
    ({"free_bytes": 2**31}, "disk", "look", "2.0 GiB free"),
    ({"destinations": []}, "pages", "bad", "pages go nowhere"),
    ({"console_only": True}, "pages", "bad", "terminal only"),
    ({"destinations": [TriedDestination("p")]}, "destination p", "look", "never been tried"),
    ({"destinations": [TriedDestination("p", NOW - 40 * DAY)]}, "destination p", "look", "40 days ago"),
    ({"destinations": [TriedDestination("p", NOW - DAY, NOW - HOUR, "refused")]}, "destination p", "bad", "takes nothing since"),
    ({"destinations": [TriedDestination("p", refused_now="401", tried_now=True)]}, "destination p", "bad", "did not take a test page: 401"),
    ({"clocks": [("a", 9.0)]}, "clock", "look", "9 s ahead of a"),
    ({"clocks": [("a", -90.0), ("b", 4000.0)]}, "clock", "bad", "90 s behind a"),
    ({"clocks": [], "synchronised": None}, "clock", "look", "nothing to compare"),
    ({"synchronised": False}, "time service", "look", "not synchronised"),
    ({"stranger": HeardAddress("http://x", 200)}, "sign-in", "bad", "shows patients to anybody"),
    ({"stranger": HeardAddress("http://x", 200), "sign_in": False}, "sign-in", "look", "nobody signs in"),
    ({"stranger": None, "sign_in": False}, "sign-in", "look", "not configured"),
    ({"has_operator": False}, "operator", "look", "nobody has the operator's role"),
    ({"too_open": [("/data/x", "644")]}, "files", "bad", "/data/x can be read by others (mode 644)"),
    ({"foreign_owner": ["/data/x"]}, "files", "bad", "/data/x belongs to another user"),
    ({"certificates": [("c", None, "is not trusted")]}, "certificate c", "bad", "is not trusted"),
    ({"certificates": [("c", NOW - DAY, "")]}, "certificate c", "bad", "ended on"),
    ({"certificates": [("c", NOW + 2 * DAY, "")]}, "certificate c", "bad", "ends on"),
    ({"certificates": [("c", NOW + 9 * DAY, "")]}, "certificate c", "look", "ends on"),
    ({"link": None}, "address", "look", "is not set"),
    ({"link": HeardAddress(LINK, error="refused")}, "address", "bad", "does not answer: refused"),
    ({"link": HeardAddress(LINK, 421)}, "address", "bad", "refused as a foreign name"),
    ({"link": HeardAddress(LINK, 502)}, "address", "bad", "answers 502"),
    ({"link": HeardAddress("http://board.example.org/healthz", 200)}, "address", "bad", "not encrypted"),
    ({"backup_us": None}, "backup", "look", "none is known of"),
    ({"backup_us": NOW - 30 * HOUR}, "backup", "look", "30 h ago"),
    ({"backup_us": NOW - 5 * DAY}, "backup", "bad", "5 days ago"),
]  # fmt: skip


def test_a_healthy_installation_has_nothing_to_do() -> None:
    found = findings(WELL)
    assert [(each.check, each.verdict, each.todo) for each in found if each.verdict != "good" or each.todo] == []
    assert len(found) >= 11


@pytest.mark.parametrize(("fault", "check", "verdict", "words"), FAULTS, ids=lambda each: str(each)[:60])
def test_each_fault_is_found_and_says_what_to_do(fault: dict[str, Any], check: str, verdict: str, words: str) -> None:
    found = [each for each in findings(replace(WELL, **fault)) if each.check == check and each.verdict == verdict]
    assert [each for each in found if words in each.found and each.todo] != []


@pytest.mark.parametrize(
    ("why", "todo"),
    [
        ("self-signed certificate", "let this machine trust"),
        ("unable to get local issuer certificate", "let this machine trust"),
        ("certificate has expired", "renew it now"),
        ("Hostname mismatch, certificate is not valid for 'b'.", "the name in `link`"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_told_by_what_mends_it(why: str, todo: str) -> None:
    error = f"{UNTRUSTED}: {why}"
    facts = replace(WELL, certificates=[("b", None, error)], link=HeardAddress(LINK, error=error))
    bad = {each.check: each.todo for each in findings(facts) if each.verdict == "bad"}
    assert todo in bad["certificate b"]
    assert bad["address"] == "mend its certificate, as above"


@pytest.mark.parametrize(
    ("page_us", "test_us", "verdict", "found"),
    [
        (None, NOW - HOUR, "good", "took its last test page 60 min ago"),
        (NOW - 40 * DAY, NOW - 3 * DAY, "good", "took its last test page 3 days ago"),
        (NOW - HOUR, NOW - 3 * DAY, "good", "took its last page 60 min ago"),
        (None, NOW - 40 * DAY, "look", "took its last page 40 days ago"),
    ],
)
def test_a_test_page_counts_as_a_page_that_was_taken(
    page_us: int | None, test_us: int, verdict: str, found: str
) -> None:
    tried = TriedDestination("p", page_us, last_test_us=test_us)
    assert [
        (each.verdict, each.found)
        for each in findings(replace(WELL, destinations=[tried]))
        if each.check == "destination p"
    ] == [(verdict, found)]


def test_what_to_type_never_names_a_file_that_was_not_given() -> None:
    facts = replace(WELL, config=None, destinations=[TriedDestination("p")])
    (todo,) = (each.todo for each in findings(facts) if each.check == "destination p")
    assert todo == "chairside page-test --config FILE --data /data --to p tries it"


def test_what_is_not_good_always_says_what_to_do() -> None:
    silent = [
        (fault, each.check)
        for fault, *_ in FAULTS
        for each in findings(replace(WELL, **fault))
        if (each.verdict == "good") == bool(each.todo)
    ]
    assert silent == []
