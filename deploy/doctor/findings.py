"""What `chairside doctor` makes of what it saw: facts in, one finding a check out, each with what to do about it.

A finding is `good`, `look` (somebody should look at it soon) or `bad` (somebody may not be watched or not be told, or a stranger
may come in). The order is that in which somebody would mend them.
Bad at: what only shows under load. Never here: files, sockets, clocks (`look.py`), and what the ward decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from deploy.doctor.facts import UNTRUSTED, Facts
from models.instants import DAY, HOUR, SECOND, iso

DoctorSays = Literal["good", "look", "bad"]

CLOCK_LOOK_S: Final = 5
"""From here on a clock is worth a look: a second is the granularity of an HTTP date, and a slow answer takes another two."""
CLOCK_BAD_S: Final = 60
"""From here on the times of alerts mislead: a cuff is called late after minutes. Chosen by us."""
DISK_LOOK_BYTES, DISK_BAD_BYTES = 5 * 2**30, 2**30
"""Free space. Chosen by us: twelve chairs write some hundred megabytes a day before anything is thinned out."""
CERTIFICATE_LOOK, CERTIFICATE_BAD = 21 * DAY, 3 * DAY
"""Let's Encrypt's clients renew 30 days before the end: whoever has not by 21 will not. Below three there is a weekend."""
TRIED_LOOK: Final = 31 * DAY
"""A destination that took nothing for a month should be tried. Chosen by us."""
BACKUP_LOOK, BACKUP_BAD = 26 * HOUR, 3 * DAY
"""A nightly backup that is two hours late; one that has not run over a weekend. Chosen by us."""


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """One check: what was found, and what to do where that is something."""

    check: str
    verdict: DoctorSays
    found: str
    todo: str = ""


def findings(facts: Facts) -> list[CheckedPart]:
    """Every check, in a fixed order."""
    parts = (
        _running, _configuration, _disk, _destinations, _clock, _sign_in, _files, _certificates, _address, _backup, _weakened,
    )  # fmt: skip
    return [finding for part in parts for finding in part(facts)]


def _running(facts: Facts) -> Iterator[CheckedPart]:
    if not facts.data_exists:
        yield CheckedPart(
            "running",
            "bad",
            f"there is no folder {facts.data}",
            "give the --data of `chairside serve`, and run this as its user or as root",
        )
        return
    health = facts.health
    if health is None or health.error:
        why = "" if health is None else f" ({health.error})"
        if facts.in_use:
            yield CheckedPart(
                "running",
                "bad",
                f"a service has {facts.data}, but does not answer{why}",
                "look into its log (journalctl -u chairside); name its address with --url if it has another",
            )
        else:
            yield CheckedPart(
                "running", "bad", f"no service runs on {facts.data}{why}", "start it: systemctl start chairside"
            )
    elif health.status == 200:
        yield CheckedPart("running", "good", f"{health.url} decides frames, and every task runs")
    else:
        yield CheckedPart(
            "running",
            "bad",
            f"{health.url} answers {health.status}: nobody may be watched",
            "look into its log, and at /healthz, signed in as an operator, for the reason",
        )
    if facts.store:
        yield CheckedPart("store", "bad", facts.store, "start the version that wrote it, or restore a backup of before")
    elif facts.running_version is not None:
        if facts.running_version == facts.version or not facts.in_use:
            yield CheckedPart("version", "good", f"{facts.version}")
        else:
            yield CheckedPart(
                "version",
                "look",
                f"{facts.running_version} runs, {facts.version} is installed",
                "restart the service: systemctl restart chairside",
            )


def _configuration(facts: Facts) -> Iterator[CheckedPart]:
    if facts.config is None:
        yield CheckedPart(
            "configuration",
            "look",
            "no --config was given: built-in limits, and pages to the terminal",
            "give the --config of `chairside serve`",
        )
    elif facts.problems:
        more = f", and {len(facts.problems) - 1} more" if len(facts.problems) > 1 else ""
        yield CheckedPart(
            "configuration",
            "bad",
            f"{facts.problems[0]}{more}",
            f"mend it; chairside check-config {facts.config} says all of it. What was in force before stays until then",
        )
    else:
        yield CheckedPart("configuration", "good", f"{facts.config} can be used")
    for line in facts.unwatched:
        yield CheckedPart(
            "on call", "look", line, "fill the gap in `schedules`, or put somebody in on the board's page On call"
        )


def _weakened(facts: Facts) -> Iterator[CheckedPart]:
    for words, reason in facts.weakened:
        yield CheckedPart(
            "limits",
            "look",
            f"weakened: {words} ({reason or 'without a reason'})",
            "take it out of `limits` once its reason is over",
        )


def _disk(facts: Facts) -> Iterator[CheckedPart]:
    if not facts.data_exists:
        return
    free, share = facts.free_bytes / 2**30, facts.free_bytes / facts.total_bytes
    found = f"{free:.1f} GiB free ({share:.0%})"
    if not facts.writable:
        yield CheckedPart(
            "disk",
            "bad",
            f"{facts.data} cannot be written to",
            "mount it for writing, and give it to the service's user",
        )
    elif facts.free_bytes < DISK_BAD_BYTES:
        yield CheckedPart(
            "disk", "bad", found, "make room now: with a full disk nothing is accepted, and nobody is watched"
        )
    elif facts.free_bytes < DISK_LOOK_BYTES:
        yield CheckedPart("disk", "look", found, "make room, or give it a larger disk")
    else:
        yield CheckedPart("disk", "good", found)


def _destinations(facts: Facts) -> Iterator[CheckedPart]:
    if facts.problems:
        return
    if not facts.destinations:
        yield CheckedPart("pages", "bad", "pages go nowhere", "name destinations (docs/paging.md)")
    elif facts.console_only:
        yield CheckedPart(
            "pages",
            "bad" if facts.sign_in else "look",
            "pages go to the service's terminal only",
            "name destinations that reach a phone under [pages] or [destinations]",
        )
    test = f"chairside page-test --config {facts.config or 'FILE'} --data {facts.data} --to"
    for each in facts.destinations:
        check, again = f"destination {each.name}", f"{test} {each.name} tries it"
        taken_us = max((at for at in (each.last_success_us, each.last_test_us) if at is not None), default=None)
        if each.tried_now and each.refused_now:
            yield CheckedPart(
                check,
                "bad",
                f"did not take a test page: {each.refused_now}",
                f"mend its address or its account; {again} again",
            )
        elif each.tried_now:
            yield CheckedPart(check, "good", "took a test page now")
        elif each.failing_since_us is not None:
            yield CheckedPart(
                check,
                "bad",
                f"takes nothing since {iso(each.failing_since_us)}: {each.last_error}",
                f"mend its address or its account; {again}",
            )
        elif taken_us is None:
            yield CheckedPart(check, "look", "has never been tried", again)
        elif facts.now_us - taken_us > TRIED_LOOK:
            yield CheckedPart(check, "look", f"took its last page {_ago(facts.now_us - taken_us)}", again)
        else:
            page = "page" if taken_us == each.last_success_us else "test page"
            yield CheckedPart(check, "good", f"took its last {page} {_ago(facts.now_us - taken_us)}")


def _clock(facts: Facts) -> Iterator[CheckedPart]:
    todo = "let chrony or systemd-timesyncd set it: timedatectl set-ntp true"
    if facts.clocks:
        # The nearest: a host whose own clock is wrong must not make ours look so.
        host, apart_s = min(facts.clocks, key=lambda each: abs(each[1]))
        found = f"{abs(apart_s):.0f} s {'ahead of' if apart_s > 0 else 'behind'} {host}"
        if abs(apart_s) >= CLOCK_BAD_S:
            yield CheckedPart("clock", "bad", found, todo)
        elif abs(apart_s) >= CLOCK_LOOK_S:
            yield CheckedPart("clock", "look", found, todo)
        else:
            yield CheckedPart("clock", "good", f"as {host} has it, to {CLOCK_LOOK_S} s")
    elif facts.synchronised is None:
        yield CheckedPart("clock", "look", "nothing to compare it with", "name a host with --clock https://…")
    if facts.synchronised is False:
        yield CheckedPart("time service", "look", "the system says that its clock is not synchronised", todo)
    elif facts.synchronised:
        yield CheckedPart("time service", "good", "the system keeps its clock synchronised")


def _sign_in(facts: Facts) -> Iterator[CheckedPart]:
    stranger = facts.stranger
    if stranger is not None and stranger.status == 200:
        if facts.sign_in:
            yield CheckedPart(
                "sign-in",
                "bad",
                "it is configured, but the running service shows patients to anybody",
                "restart the service: sign-in counts from the next start",
            )
        else:
            yield CheckedPart(
                "sign-in",
                "look",
                "nobody signs in: right only while this machine alone can reach it",
                "set sign_in = true under [access], and restart (docs/access.md)",
            )
    elif stranger is not None and stranger.status == 401:
        yield CheckedPart("sign-in", "good", "a stranger is shown nothing")
    elif not facts.sign_in and not facts.problems:
        yield CheckedPart(
            "sign-in", "look", "it is not configured", "set sign_in = true under [access] (docs/access.md)"
        )
    if facts.has_operator is False:
        yield CheckedPart(
            "operator",
            "look",
            "nobody has the operator's role yet",
            "open the link that the start has printed (journalctl -u chairside)",
        )
    elif facts.has_operator:
        yield CheckedPart("operator", "good", "somebody can add accounts and read the metrics")


def _files(facts: Facts) -> Iterator[CheckedPart]:
    for path, mode in facts.too_open:
        yield CheckedPart("files", "bad", f"{path} can be read by others (mode {mode})", f"chmod go= {path}")
    for path in facts.foreign_owner:
        yield CheckedPart(
            "files",
            "bad",
            f"{path} belongs to another user than {facts.data}",
            f"chown --reference={facts.data} {path}",
        )
    if facts.data_exists and not facts.too_open and not facts.foreign_owner:
        yield CheckedPart("files", "good", "nobody but the service's user can read what it keeps")


def _certificates(facts: Facts) -> Iterator[CheckedPart]:
    for name, until_us, error in facts.certificates:
        check = f"certificate {name}"
        if until_us is None:
            yield CheckedPart(check, "bad", error, _mended(error))
            continue
        left, until = until_us - facts.now_us, iso(until_us)[:10]
        if left < 0:
            yield CheckedPart(check, "bad", f"ended on {until}", "renew it now")
        elif left < CERTIFICATE_BAD:
            yield CheckedPart(check, "bad", f"ends on {until}", "renew it now: what renews it does not")
        elif left < CERTIFICATE_LOOK:
            yield CheckedPart(check, "look", f"ends on {until}", "see why it has not been renewed")
        else:
            yield CheckedPart(check, "good", f"good until {until}")


def _mended(error: str) -> str:
    """What to do about a certificate that is of no use."""
    if not error.startswith(UNTRUSTED):
        return "name the right file"
    if "expired" in error:
        return "renew it now"
    if "valid for" in error:
        return "have one made for the name in `link`, or give `link` the name that it is for"
    return (
        "if it is of the clinic's own authority, let this machine trust that (docs/install.md), and each tablet and phone: they cannot "
        "answer a page otherwise"
    )


def _address(facts: Facts) -> Iterator[CheckedPart]:
    link = facts.link
    if link is None:
        if not facts.problems:
            yield CheckedPart(
                "address",
                "look",
                "`link` under [pages] is not set: pages cannot be answered from a phone",
                "set it to the address by which phones reach the board",
            )
    elif link.error:
        yield CheckedPart(
            "address",
            "bad",
            f"{link.url} does not answer: {link.error}",
            "mend its certificate, as above"
            if link.error.startswith(UNTRUSTED)
            else "see that the proxy runs, and that its name leads to it from here",
        )
    elif link.status == 421:
        yield CheckedPart(
            "address",
            "bad",
            f"{link.url} is refused as a foreign name",
            "let the proxy pass Host on as it came (docs/install.md)",
        )
    elif link.status != 200:
        yield CheckedPart("address", "bad", f"{link.url} answers {link.status}", "see what the proxy leads to")
    elif not link.url.startswith("https://"):
        yield CheckedPart(
            "address",
            "bad" if facts.sign_in else "look",
            f"{link.url} is not encrypted: passwords and names go over it in the clear",
            "put a proxy with TLS before the service (docs/install.md)",
        )
    else:
        yield CheckedPart("address", "good", f"{link.url} leads here")


def _backup(facts: Facts) -> Iterator[CheckedPart]:
    if not facts.data_exists:
        return
    todo = "chairside backup, each night by a timer, to another machine's disk"
    if facts.backup_us is None:
        yield CheckedPart(
            "backup", "look", "none is known of", f"{todo}; name their folder with --backups if there are some"
        )
        return
    age = facts.now_us - facts.backup_us
    verdict: DoctorSays = "bad" if age > BACKUP_BAD else "look" if age > BACKUP_LOOK else "good"
    yield CheckedPart("backup", verdict, f"the last one was made {_ago(age)}", "" if verdict == "good" else todo)


def _ago(age_us: int) -> str:
    if age_us < 2 * HOUR:
        return f"{max(0, age_us) // (60 * SECOND)} min ago"
    return f"{age_us // HOUR} h ago" if age_us < 2 * DAY else f"{age_us // DAY} days ago"
