"""Settings: a configuration is either good or refused with the field and the reason; what changed is in force after a start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.settings import BadConfiguration, PagesPart, Settings, limits_only, load
from models.oncall import on_call_of
from tests.support.service import ROOT, falling, invoked, said_once, serving


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "site.toml"


GOOD = """
[site]
name = "north"
timezone = "Europe/Berlin"

[pages]
destinations = ["console:", "ntfy://example.org/topic"]
link = "https://board.example"

[limits.desaturation.medium]
spo2 = { enter = 88, leave = 90, reason = "lung clinic" }
"""


def test_a_good_configuration_is_read_whole(config: Path) -> None:
    config.write_text(GOOD)
    settings = load(config)
    assert (settings.site.name, settings.site.timezone) == ("north", "Europe/Berlin")
    (changed,) = [limit for limit in settings.limit_table() if limit.key == ("desaturation", "medium", "spo2")]
    assert (changed.enter, changed.leave, changed.hold_s) == (88, 90, 15)


def test_the_example_that_comes_with_chairside_is_good() -> None:
    assert load(ROOT / "deploy" / "site.example.toml").site.name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "not TOML: "),
        ("[site]\nname = ''", "site.name: String should have at least 1 character"),
        ("[site]\ntimezone = 'Berlin'", "site.timezone: unknown time zone 'Berlin'; for example Europe/Berlin"),
        ("[sight]\nname = 'x'", "sight: there is no such setting; did you mean site?"),
        ("[access]\nsignin = true", "access.signin: there is no such setting; did you mean sign_in?"),
        ("[people.ada]\nrole = 'nurse'\nmethds = []", "people.ada.methds: there is no such setting; did you mean methods?"),
        ("[site]\nwhatever = 1", "site.whatever: there is no such setting; there are hosts, name, timezone"),
        ("[[routes]]\npolicy = 'p'\npriorties = []", "routes.0.priorties: there is no such setting; did you mean priorities?"),
        ("[limits.nonsense.high]\nspo2 = { enter = 80 }", "limits.nonsense.high.spo2: no such limit; there are "),
        ("[limits.desaturation.low]\nspo2 = { enter = 80 }", "no such limit; there are desaturation.high.spo2"),
        ("[limits.desaturation.medium]\nspo2 = { enter = 95 }", "leave 92 must be at or above enter 95, or the alert never ends"),
        ("[limits.hypertension.low]\nsbp = { enter = 160 }", "leave 170 must be at or below enter 160"),
        ("[limits.desaturation.medium]\nspo2 = { enter = 20 }", "is outside what the channel can show (40 to 100 %)"),
        ("[limits.desaturation.medium]\nspo2 = { enter = 84, leave = 90 }", "enter 85 is milder than medium's 84"),
        ("[limits.hypertension.low]\nsbp = { hold_s = 5 }", "comes in single readings"),
        ("[limits.desaturation.medium]\nspo2 = { entre = 84 }", "limits.desaturation.medium.spo2.entre: there is no such setting; did you mean enter?"),
        ("[limits.desaturation.medium]\nspo2 = { enter = nan }", "limits.desaturation.medium.spo2.enter: Input should be a finite number"),
        ("[pages]\ndestinations = ['carrier-pigeon://roof']", "not an address that Apprise knows"),
        ("[pages]\ndestinations = ['json://']", "not an address that Apprise knows"),
        ("[destinations]\nphone = 'carrier-pigeon://roof'", "destinations: phone: carrier-pigeon: not an address that Apprise knows"),
        ("[destinations]\nconsole = 'console:'", "destinations: console is the name of one under pages"),
        ("[people.ada]\nmethods = ['phone']", "people.ada.methods: there is no 'phone' under destinations"),
        ("[schedules.n]\ntimezone = 'Berlin'", "schedules.n.timezone: unknown time zone 'Berlin'"),
        ("[[routes]]\npolicy = 'p'", "routes.0.policy: there is no 'p' under policies"),
        ("[policies.p]\nrungs = [{ who = ['schedule:n'] }]", "policies.p.rungs.0.who: there is no 'schedule:n'"),
    ],
)  # fmt: skip
def test_a_bad_configuration_is_refused_with_field_and_reason(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    done = invoked("check-config", config)
    line = said_once(done)
    assert line.startswith(f"chairside: {config}: ")
    assert said in line
    with pytest.raises(BadConfiguration):
        limits_only(config)


def test_a_missing_configuration_is_one_line(config: Path) -> None:
    assert (
        said_once(invoked("check-config", config)) == f"chairside: {config}: cannot be read: No such file or directory"
    )


def test_a_secret_in_a_bad_address_is_not_shown(config: Path) -> None:
    config.write_text("[pages]\ndestinations = ['ntfys://user:hunter2@/']")
    assert "hunter2" not in invoked("check-config", config).stderr


def test_check_config_shows_every_limit_and_marks_what_changed(config: Path) -> None:
    config.write_text(GOOD)
    done = invoked("check-config", config)
    assert done.status == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in done.stdout.splitlines() if "│" in line]
    marked = [row for row in rows if row[0] == "*"]
    assert marked == [
        ["*", "desaturation", "medium", "spo2", "< 88 %", "90", "15 s", "this site"],
        ["*", "desaturation", "medium", "spo2-doubted", "< 88 %", "90", "60 s", "this site"],
    ]
    assert {row[1] for row in rows} > {"hypertension", "apnoea", "sedation", "severe-dissociation"}
    assert f"{config}: good. Pages go to " in done.stdout
    assert "topic" not in done.stdout, "an ntfy topic is a secret"


def test_check_config_says_when_pages_go_nowhere(config: Path) -> None:
    config.write_text("[pages]\ndestinations = []")
    assert "pages go nowhere" in invoked("check-config", config).stdout
    config.write_text('destinations.ada-phone = "ntfys://ntfy.sh/topic"\n[pages]\ndestinations = []')
    assert f"{config}: good. Pages go to ada-phone." in invoked("check-config", config).stdout


def test_check_config_says_when_nobody_will_be_on_call(config: Path) -> None:
    always = """
        people.ada.role = "nurse"
        [schedules.nurses]
        timezone = "Europe/Berlin"
        [[schedules.nurses.rotations]]
        people = ["ada"]
        since = 2026-01-05
    """
    config.write_text(always)
    assert "nurses: ada now; in four weeks somebody is on call" in invoked("check-config", config).stdout
    config.write_text(f'{always}hours = [{{ days = ["mon"], since = 08:00:00, until = 18:00:00 }}]')
    said = invoked("check-config", config).stdout
    assert re.search(r"nurses: (ada|nobody) now; nobody is on call from \w{3} .* 08:00, and [345] times more", said)
    assert re.search(r"nobody is on call from .*; alerted from \w{3} \d\d \w{3} \d\d:\d\d on\.", said)


@pytest.fixture
def without_desaturation(config: Path) -> Settings:
    """A site that wants no alert at all for low oxygen, and no pages."""
    config.write_text(
        "[limits.desaturation.medium]\nspo2 = { enabled = false, reason = 'test' }\n[pages]\ndestinations = []"
    )
    return load(config)


async def test_limits_changed_and_changed_back_are_in_force_after_each_start(
    tmp_path: Path, without_desaturation: Settings
) -> None:
    off = without_desaturation
    on = Settings(pages=PagesPart(destinations=()))
    found = []
    for start, settings in enumerate([on, off, on, on]):
        async with serving(tmp_path / "data", settings) as clinic:
            await clinic.post(*falling(f"P-{start}", start_s=start * 100))
            found.append([one["patient"] for one in await clinic.transitions() if one["rule"] == "desaturation"])
            entries = (await clinic.get("/v1/history"))["entries"]
    assert found == [["P-0"], ["P-0"], ["P-0", "P-2"], ["P-0", "P-2", "P-3"]]
    configured = [entry for entry in entries if entry["kind"] == "site.configured"]
    assert len(configured) == 3, "an unchanged configuration is not said again"


def test_people_schedules_and_policies_go_through_the_journal_by_name_and_no_address_does(config: Path) -> None:
    config.write_text(
        """
        destinations = { ada-phone = "ntfys://ntfy.sh/secret-topic" }
        people.ada = { role = "nurse", methods = ["ada-phone"] }
        schedules.nurses = { timezone = "Europe/Berlin", rotations = [{ people = ["ada"], since = 2026-11-02, handoff = 07:30:00 }] }
        policies.chairs = { rungs = [{ who = ["schedule:nurses"], minutes = 1 }], answers = 2 }
        routes = [{ policy = "chairs", priorities = ["high"] }]
        """
    )
    settings = load(config)
    record = settings.record()
    assert on_call_of(record.rota) == settings.on_call()
    assert record.rota["people"] == {"ada": {"role": "nurse"}}
    assert "secret" not in record.model_dump_json()
    assert "ada-phone" in [each.name for each in settings.opened()[0]]
    config.write_text(config.read_text().replace("minutes = 1", "minutes = 3"))
    assert load(config).record().hash != record.hash, "so that it is put in force"


def test_a_site_without_people_has_the_hash_that_it_always_had(config: Path) -> None:
    config.write_text("[site]\nname = 'main'")
    record = load(config).record()
    assert record.rota == {}
    assert record.hash == Settings().record().hash


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("enabled = false", "Low oxygen, high, SpO2: off"),
        ("enter = 79", "Low oxygen, high, SpO2: <= 79 % instead of 85"),
        ("hold_s = 3600", "Low oxygen, high, SpO2: only after 3600 s instead of 10 s"),
    ],
)
def test_what_weakens_a_limit_is_refused_without_a_reason_and_told_with_one(
    config: Path, change: str, said: str
) -> None:
    config.write_text(f"[limits.desaturation.high]\nspo2 = {{ {change} }}")
    with pytest.raises(BadConfiguration) as refused:
        load(config)
    assert refused.value.problems == [f'limits: {said}: give a reason, for example reason = "…"']
    assert limits_only(config).limits, "a replay watches nobody"
    config.write_text(f"[limits.desaturation.high]\nspo2 = {{ {change}, reason = 'trial 7' }}")
    assert load(config).weakened() == [(said, "trial 7")]
    done = invoked("check-config", config)
    assert (done.status, f"{said} (trial 7)." in done.stdout) == (0, True)


def test_a_limit_that_is_moved_a_little_or_stricter_is_not_weakened(config: Path) -> None:
    config.write_text(
        """
        [limits.desaturation.medium]
        spo2 = { enter = 86, leave = 88 }
        [limits.desaturation.high]
        spo2 = { enter = 82, hold_s = 0 }
        [limits.hypertension.low]
        sbp = { enter = 170, leave = 160 }
        [limits.tachycardia.medium]
        hr = { enter = 150, leave = 140, hold_s = 120 }
        """
    )
    assert load(config).weakened() == []


async def test_the_site_says_what_is_weakened_for_as_long_as_it_holds(tmp_path: Path) -> None:
    limits = {"tachycardia": {"low": {"hr": {"enabled": False, "reason": "athletes"}}}}
    weak = Settings.model_validate({"pages": {"destinations": []}, "limits": limits})
    async with serving(tmp_path, weak) as clinic:
        (one,) = (await clinic.get("/v1/site"))["weakened"]
        assert one == {"limit": "Fast heart rate, low, Heart rate: off", "reason": "athletes"}
    async with serving(tmp_path, Settings.model_validate({"pages": {"destinations": []}})) as clinic:
        assert (await clinic.get("/v1/site"))["weakened"] == []
