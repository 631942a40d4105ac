"""A configuration file that changes is put in force while we run; one that cannot be used changes nothing, and is seen."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from deploy.configuration import AWAY_FOR_LOOKS, LAST_GOOD, WatchedSettings
from deploy.network.sites import Sites
from deploy.settings import BadConfiguration, PagesPart, Settings
from models.instants import SECOND, from_iso, iso
from models.wire.on_call import SiteOut
from tests.support.published import hold_to_schema
from tests.support.service import START_US, Inside, invoked, said_once, serving, until

GOOD = "[limits.desaturation.medium.spo2]\nenter = 88\nleave = 91\nreason = 'a lung clinic'\n"
BAD = "[limits.desaturation.medium.spo2]\nenter = 95\n"
WHY = "limits.desaturation.medium.spo2: leave 92 must be at or above enter 95, or the alert never ends"


class Clock:
    """A wall clock that a test sets."""

    now_us = START_US

    def __call__(self) -> int:
        return self.now_us


def _write(path: Path, text: str, stamp: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(stamp, stamp))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    _write(path, GOOD, 1)
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watched(path: Path, tmp_path: Path, clock: Clock) -> WatchedSettings:
    return WatchedSettings(path, tmp_path, clock)


def test_a_file_is_new_once_a_change(path: Path, watched: WatchedSettings) -> None:
    assert watched.changed() is None
    _write(path, GOOD.replace("88", "87"), 2)
    settings = watched.changed()
    assert settings is not None
    assert settings.limits["desaturation"]["medium"]["spo2"].enter == 87
    assert watched.changed() is None


def test_a_bad_change_is_refused_since_it_was_seen_until_the_file_is_good_again(
    path: Path, watched: WatchedSettings, clock: Clock
) -> None:
    _write(path, BAD, 2)
    assert watched.changed() is None
    assert watched.refused is not None
    assert watched.refused.document() == {"file": "site.toml", "since": iso(START_US), "problems": [WHY]}
    clock.now_us += 60 * SECOND
    _write(path, "not toml", 3)
    assert watched.changed() is None
    assert watched.refused.since_us == START_US, "it goes on, whatever is wrong now"
    assert watched.refused.problems[0].startswith("not TOML")
    _write(path, GOOD, 4)
    assert watched.changed() is not None
    assert watched.refused is None


@pytest.mark.parametrize("text", ["", "\n# only a comment\n"], ids=["nothing", "a comment"])
def test_an_empty_file_is_no_configuration_and_puts_no_default_back(
    path: Path, watched: WatchedSettings, text: str
) -> None:
    _write(path, text, 2)
    assert watched.changed() is None
    assert watched.refused is not None
    assert "it is empty" in watched.refused.problems[0]


def test_a_file_that_is_away_for_a_moment_is_no_change_and_one_that_stays_away_is_refused(
    path: Path, watched: WatchedSettings
) -> None:
    path.unlink()
    refusals = []
    for _ in range(AWAY_FOR_LOOKS):
        assert watched.changed() is None
        refusals.append(watched.refused and watched.refused.problems)
    assert refusals == [None] * (AWAY_FOR_LOOKS - 1) + [("cannot be read: No such file or directory",)]
    _write(path, GOOD, 1)
    assert watched.changed() is not None, "the same file as before, and it is back"
    assert watched.refused is None


def test_what_is_configured_has_a_hash_that_changes_with_it(path: Path, watched: WatchedSettings) -> None:
    _write(path, GOOD.replace("88", "87"), 2)
    first = watched.changed()
    _write(path, GOOD.replace("88", "86"), 3)
    second = watched.changed()

    assert first is not None
    assert second is not None
    assert first.record().hash != second.record().hash


# ---- a service -------------------------------------------------------------------------------------------------------

CALLS_PHONE = 'destinations.phone = "ntfys://ntfy.sh/secret"\npages.destinations = []\n' + GOOD


async def _said(clinic: Inside) -> SiteOut:
    document: SiteOut = await clinic.get("/v1/site")
    hold_to_schema("site", document)
    return document


async def test_a_refused_file_is_on_the_board_in_health_and_in_the_metrics_and_the_last_good_one_is_in_force(
    path: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    _write(path, CALLS_PHONE, 1)
    async with serving(data, config=path) as clinic:
        assert (await _said(clinic))["configuration_refused"] is None
        in_force = clinic.service.views.configuration("main")
        _write(path, "", 2)
        await until(lambda: clinic.service.refused, "the file to be looked at")
        refused = (await _said(clinic))["configuration_refused"]
        assert refused is not None
        assert refused["file"] == "site.toml"
        assert "it is empty" in refused["problems"][0]
        health = await clinic.get("/healthz")
        assert health["ok"]
        assert health["configuration_refused"] == refused
        metric = re.compile(
            r'^chairside_configuration_refused_since_timestamp_seconds\{file="site.toml"\} (\S+)$', re.MULTILINE
        )
        (since,) = metric.findall((await clinic.http.get("/metrics")).text)
        assert abs(float(since) - from_iso(refused["since"]) / SECOND) < 0.01
        assert clinic.service.views.configuration("main") == in_force
        _write(path, CALLS_PHONE.replace("88", "87"), 3)
        await until(lambda: clinic.service.refused is None, "the file to be good again")
        await until(lambda: clinic.service.views.configuration("main") != in_force, "the good file to be in force")
        assert (await _said(clinic))["configuration_refused"] is None
        assert "site.toml" not in (await clinic.http.get("/metrics")).text


async def test_a_start_with_a_bad_file_goes_on_with_the_last_good_one_and_pages_go_where_they_went(
    path: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    _write(path, CALLS_PHONE, 1)
    async with serving(data, config=path) as clinic:
        in_force = clinic.service.views.configuration("main")
    assert (data / LAST_GOOD).stat().st_mode & 0o077 == 0, "it holds addresses"

    _write(path, BAD, 2)
    async with serving(data, config=path) as clinic:
        said = await _said(clinic)
        assert said["configuration_refused"] is not None
        assert said["configuration_refused"]["problems"] == [WHY]
        assert said["pages_to"] == ["phone"]
        assert clinic.service.views.configuration("main") == in_force
        entries = (await clinic.get("/v1/history"))["entries"]
        assert [entry["kind"] for entry in entries] == ["site.configured"], "it is not said again"


def test_a_first_start_with_a_bad_file_is_refused(path: Path, tmp_path: Path, watched: WatchedSettings) -> None:
    _write(path, BAD, 2)
    with pytest.raises(BadConfiguration):
        watched.first()
    assert said_once(invoked("serve", "--config", path, "--data", tmp_path / "none")) == f"chairside: {path}: {WHY}"
    assert not (tmp_path / "none").exists()


async def test_a_service_without_a_file_has_none_that_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", Settings(pages=PagesPart(destinations=()))) as clinic:
        assert (await _said(clinic))["configuration_refused"] is None


# ---- a network -------------------------------------------------------------------------------------------------------


def test_a_network_s_sites_keep_what_they_said_and_their_refusal_is_known_by_the_site(tmp_path: Path) -> None:
    north = tmp_path / "n.toml"
    _write(north, f'site.name = "north"\n{GOOD}', 1)
    _write(tmp_path / "south.toml", f'site.name = "wrong"\nnonsense = 1\n{GOOD}', 1)
    sites = Sites(tmp_path)
    assert set(sites.refused) == {"wrong"}
    assert set(sites.configured) == {"north"}
    _write(north, "", 2)
    sites.look()
    assert set(sites.refused) == {"north", "wrong"}
    assert sites.configured["north"].limits, "what it said before stays"
    since = sites.refused["north"].since_us
    _write(north, "not toml", 3)
    sites.look()
    assert sites.refused["north"].since_us == since
    _write(north, f'site.name = "north"\n{GOOD}', 4)
    sites.look()
    assert set(sites.refused) == {"wrong"}
