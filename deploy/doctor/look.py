"""Looks at a running installation: a configuration file and a data directory in, `Facts` out. Changes nothing.

It reads the store read-only, asks the service as a stranger would, and calls the hosts of destinations for their clock; a page
goes out only if that is asked for. What cannot be seen is left empty: one check that fails must not hide the others.
Bad at: rights that a container or a security module takes away. Never here: what any of it means (`findings.py`).
"""

from __future__ import annotations

import asyncio
import email.utils
import fcntl
import http.client
import os
import shutil
import ssl
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from alerts.notify.destination import Destination, Message
from alerts.store.store import Store
from deploy.access.accounts import Accounts
from deploy.access.database import ACCOUNTS_FILE, AccessRefused
from deploy.configuration import LAST_GOOD
from deploy.doctor.facts import UNTRUSTED, Facts, HeardAddress, TriedDestination
from deploy.running import last_backup_us, page_tests_us, running_note
from deploy.settings import BadConfiguration, Settings, load
from deploy.trial_page import trial_page
from deploy.upkeep.verify import LIST_FILE
from models.instants import DAY, SECOND, to_us

WAIT_S: Final = 5.0
"""For each answer. Chosen by us: what takes longer is as bad as none."""
CLOCKS: Final = {
    "ntfy": "http", "ntfys": "https", "webhook": "http", "webhooks": "https", "json": "http", "jsons": "https",
    "http": "http", "https": "https",
}  # fmt: skip
"""Destinations whose host can be asked for its clock, and how."""
OF_PROVIDERS: Final = {
    "pagerduty-events": "https://events.pagerduty.com",
    "twilio-sms": "https://api.twilio.com",
    "twilio-call": "https://api.twilio.com",
}


def look(
    config: Path | None, data: Path, url: str | None = None, clocks: Sequence[str] = (), *, backups: Path | None = None,
    try_pages: bool = False,
) -> Facts:  # fmt: skip
    """Everything that can be seen of an installation. `url`: where the service listens, if its own note is not to be used."""
    facts = Facts(_now_us(), version("chairside"), data=str(data), config=None if config is None else str(config))
    settings = Settings()
    if config is not None:
        try:
            settings = load(config)
        except BadConfiguration as bad:
            facts = replace(facts, problems=tuple(bad.problems))
            # What a service goes on with; without it, the defaults say nothing about this installation.
            with suppress(BadConfiguration):
                settings = load(data / LAST_GOOD)
    facts = replace(
        facts,
        sign_in=settings.access.sign_in,
        weakened=tuple(settings.weakened()),
        unwatched=tuple(_unwatched(settings)),
    )
    note: dict[str, str] = {}
    if data.is_dir():
        facts = _data(facts, data, config)
        note = running_note(data)
    here = (url or note.get("address") or "http://127.0.0.1:8000").rstrip("/").replace("//0.0.0.0:", "//127.0.0.1:")
    link = settings.pages.link
    return replace(
        facts,
        running_version=note.get("version"),
        health=heard(f"{here}/healthz"),
        stranger=heard(f"{here}/v1/chairs"),
        link=(through := heard(f"{link.rstrip('/')}/healthz")) if link is not None else None,
        certificates=tuple(_certificates(settings, through if link is not None else None)),
        clocks=tuple(_clocks([*clocks, *_hosts(settings)])),
        synchronised=_synchronised(),
        backup_us=last_backup_us(data) if backups is None else _newest(backups),
        destinations=tuple(_destinations(settings, data, try_pages)),
        console_only={urlsplit(each).scheme or each for each in _addresses(settings)} <= {"console"},
    )


def _now_us() -> int:
    return time.time_ns() // 1000


# ---- the data directory ----------------------------------------------------------------------------------------------


def _data(facts: Facts, data: Path, config: Path | None) -> Facts:
    disk, owner = shutil.disk_usage(data), data.stat().st_uid
    mine = [data, *sorted(each for each in data.rglob("*") if not each.is_symlink())]
    private = [*mine, config] if config is not None and config.is_file() and facts.sign_in else mine
    return replace(
        facts,
        data_exists=True,
        in_use=_in_use(data),
        writable=os.access(data, os.W_OK),
        free_bytes=disk.free,
        total_bytes=disk.total,
        too_open=tuple(
            (str(each), f"{mode:o}") for each in private if (mode := _mode(each)) & _others(each, config, data)
        ),
        foreign_owner=tuple(str(each) for each in mine if each.exists() and each.stat().st_uid != owner),
        has_operator=_has_operator(data) if facts.sign_in else None,
        store=_store_trouble(data),
    )


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def _others(path: Path, config: Path | None, data: Path) -> int:
    """The rights that nobody else may have: a file in a folder that is closed is closed, and root's group may share the file of a
    service's configuration.
    """
    if path == config:
        return stat.S_IRWXO
    return stat.S_IRWXG | stat.S_IRWXO if path == data or _mode(data) & (stat.S_IXGRP | stat.S_IXOTH) else 0


def _in_use(data: Path) -> bool:
    try:
        with (data / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _has_operator(data: Path) -> bool | None:
    if not (data / ACCOUNTS_FILE).is_file():
        return False
    try:
        accounts = Accounts(data / ACCOUNTS_FILE, _now_us)
        try:
            return accounts.has_operator()
        finally:
            accounts.close()
    except (AccessRefused, OSError):
        return None


def _read_only(data: Path) -> Store:
    return Store(f"sqlite:///file:{(data / 'chairside.sqlite').resolve()}?mode=ro&uri=true")


def _store_trouble(data: Path) -> str:
    from sqlalchemy.exc import DBAPIError

    if not (data / "chairside.sqlite").is_file():
        return ""
    store = _read_only(data)
    try:
        store.destinations()
    except DBAPIError as wrong:
        return f"the store cannot be read: {wrong.orig}"
    finally:
        store.close()
    return ""


def _newest(backups: Path) -> int | None:
    """When the newest whole backup in a folder was made; its list is written last, and its name says the instant."""
    made = sorted(each.parent.name for each in backups.glob(f"chairside-*Z/{LIST_FILE}"))
    try:
        return to_us(datetime.strptime(made[-1], "chairside-%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC)) if made else None
    except ValueError:
        return None


# ---- addresses -------------------------------------------------------------------------------------------------------


def heard(url: str) -> HeardAddress:
    """What an address answers to a stranger's GET; redirects are not followed."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=WAIT_S, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(host, port, timeout=WAIT_S)
    try:
        connection.request("GET", parts.path or "/")
        until_us = None
        if isinstance(connection.sock, ssl.SSLSocket):
            certificate = connection.sock.getpeercert() or {}
            until_us = ssl.cert_time_to_seconds(str(certificate["notAfter"])) * SECOND
        answer = connection.getresponse()
        date = answer.getheader("Date")
        date_us = None if date is None else round(email.utils.parsedate_to_datetime(date).timestamp() * SECOND)
        return HeardAddress(url, answer.status, date_us, until_us)
    except ssl.SSLCertVerificationError as wrong:
        return HeardAddress(url, error=f"{UNTRUSTED}: {wrong.verify_message}")
    except (OSError, http.client.HTTPException, ValueError) as wrong:
        return HeardAddress(url, error=getattr(wrong, "strerror", None) or str(wrong) or type(wrong).__name__)
    finally:
        connection.close()


def _certificates(settings: Settings, link: HeardAddress | None) -> Iterator[tuple[str, int | None, str]]:
    if (
        link is not None
        and link.url.startswith("https://")
        and (link.certificate_until_us or "certificate" in link.error)
    ):
        yield urlsplit(link.url).netloc, link.certificate_until_us, link.error
    if settings.hl7.certificate is not None:
        from cryptography import x509

        try:
            loaded = x509.load_pem_x509_certificate(settings.hl7.certificate.read_bytes())
        except (OSError, ValueError) as wrong:
            yield str(settings.hl7.certificate), None, f"cannot be read: {wrong}"
        else:
            yield str(settings.hl7.certificate), round(loaded.not_valid_after_utc.timestamp() * SECOND), ""


def _addresses(settings: Settings) -> list[str]:
    return [*settings.pages.destinations, *settings.pages.scheduler, *settings.destinations.values()]


def _hosts(settings: Settings) -> Iterator[str]:
    """The hosts outside whose clock can be asked for: those of the destinations and of the heartbeat."""
    for address in [*_addresses(settings), *filter(None, [settings.pages.heartbeat])]:
        parts = urlsplit(address)
        if parts.scheme in OF_PROVIDERS:
            yield OF_PROVIDERS[parts.scheme]
        elif parts.scheme in CLOCKS and parts.hostname:
            yield f"{CLOCKS[parts.scheme]}://{parts.netloc.rpartition('@')[2]}"


def _clocks(urls: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Of each host that says what time it is, by how many seconds this machine's clock is ahead of it."""
    for url in dict.fromkeys(urls):
        before_us = _now_us()
        answer = heard(url)
        if answer.date_us is not None:
            # A date is cut to its second, and was written at some moment between the question and the answer.
            middle_us = (before_us + _now_us()) // 2
            yield urlsplit(url).netloc, (middle_us - answer.date_us - SECOND // 2) / SECOND


def _synchronised() -> bool | None:
    try:
        asked = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=WAIT_S, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return {"yes": True, "no": False}.get(said)


# ---- people and pages ------------------------------------------------------------------------------------------------


def _unwatched(settings: Settings) -> Iterator[str]:
    from alerts.rota.rota import holes
    from alerts.rota.wall_clock import wall_of

    table, now_us = settings.on_call(), _now_us()
    for name, schedule in table.schedules.items():
        for since_us, until_us in list(holes(table, name, now_us, now_us + 7 * DAY))[:1]:
            since, until = (f"{wall_of(each, schedule.timezone):%a %d %b %H:%M}" for each in (since_us, until_us))
            yield f"nobody is on call in {name} from {since} to {until}"


def _destinations(settings: Settings, data: Path, try_pages: bool) -> Iterator[TriedDestination]:
    from sqlalchemy.exc import DBAPIError

    known: dict[str, TriedDestination] = {}
    if (data / "chairside.sqlite").is_file():
        store = _read_only(data)
        try:
            known = {
                each.name: TriedDestination(
                    each.name, each.last_success_us, each.failing_since_us, each.last_error or ""
                )
                for each in store.destinations()
            }
        except DBAPIError:
            known = {}
        finally:
            store.close()
    tests_us = page_tests_us(data)
    opened = settings.opened()[0]
    outcomes = asyncio.run(_try(opened, settings.site.name)) if try_pages else [None] * len(opened)
    for each, refused in zip(opened, outcomes, strict=True):
        yield replace(
            known.get(each.name, TriedDestination(each.name)),
            last_test_us=tests_us.get(each.name),
            refused_now=refused,
            tried_now=try_pages,
        )


async def _try(opened: Sequence[Destination], site: str) -> list[str]:
    page = trial_page(site, _now_us())
    outcomes = await asyncio.gather(*(each.deliver(Message(page)) for each in opened))
    return ["" if each.arrived else each.reason for each in outcomes]
