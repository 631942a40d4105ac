"""What a patient's link can do, and that it can do nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.settings import Settings
from deploy.wiring import wall_us
from models.instants import DAY
from tests.support.service import Inside, serving

HOME = Settings.model_validate({"home": {"country": "US"}})


def link(inside: Inside, patient: str = "willow", form: str = "phq-9", days: float = 1) -> str:
    token = inside.service.selfreports.links.checkin("main", patient, form, "en", wall_us() + round(days * DAY))
    return f"/checkin/{token}"


def whole(items: list[int], **more: Any) -> dict[str, Any]:
    return {"instrument": "phq-9", "answers": {str(number): value for number, value in enumerate(items, 1)}, **more}


async def sit(inside: Inside, session: str = "s1", patient: str = "P-1") -> str:
    """A session in chair 3, and its tablet's path."""
    at = "2026-11-23T14:00:00Z"
    await inside.post(
        {
            "kind": "session.started",
            "at": at,
            "patient": patient,
            "session": session,
            "chair": "3",
            "drug": "ketamine",
            "route": "iv",
        }
    )
    await inside.post(
        {
            "kind": "dose",
            "at": at,
            "patient": patient,
            "session": session,
            "drug": "ketamine",
            "route": "iv",
            "amount_mg": 35,
            "minutes": 40,
        }
    )
    await inside.settled()
    url = (await inside.get(f"/v1/sessions/{session}/tablet"))["url"]
    return str(httpx.URL(url).path)


async def scores(inside: Inside, patient: str) -> list[dict[str, Any]]:
    await inside.settled()
    found = await inside.get("/v1/history", patient=patient, entries=100)
    return [each["doc"] for each in found["entries"] if each["kind"] == "checkin"]


async def test_an_answer_is_an_entry_and_sent_again_it_is_the_same_one(tmp_path: Path) -> None:
    async with serving(tmp_path, HOME) as inside:
        path = f"{link(inside)}/answers"
        for _ in range(3):
            answer = await inside.http.post(path, json=whole([1] * 8 + [0]))
            assert answer.json() == {"accepted": True}
        (entry,) = await scores(inside, "willow")
        assert entry["items"] == [1] * 8 + [0]


async def test_a_phone_that_was_offline_says_how_long_ago_it_was(tmp_path: Path) -> None:
    async with serving(tmp_path, HOME, clock="received") as inside:
        await inside.http.post(f"{link(inside)}/answers", json=whole([0] * 9, ago_ms=90_000, prompted_ago_ms=120_000))
        (entry,) = await scores(inside, "willow")
        (audited,) = (await inside.get("/v1/history", patient="willow", entries=9))["entries"]
        from models.instants import SECOND, from_iso

        late_s = (from_iso(audited["received_at"]) - from_iso(entry["at"])) / SECOND
        assert 89 < late_s < 100
        assert from_iso(entry["at"]) - from_iso(entry["prompted_at"]) == 30 * SECOND


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (whole([1] * 8), "not all are answered"),
        (whole([4] + [0] * 8), r"answers.1: an answer is 0 to 3"),
        ({"instrument": "madrs", "answers": {"1": 1}}, "this link asks phq-9"),
        ({"instrument": "phq-9", "answers": {"10": 1}, "early": True}, "has 9 items"),
        ({"instrument": "phq-9", "answers": {}, "early": True}, "not all are answered"),
        ({"instrument": "phq-9", "answers": {"1": 1}, "patient": "birch"}, "patient"),
        ([], "body"),
    ],
)
async def test_what_is_no_answer_to_what_was_asked_is_refused(tmp_path: Path, body: Any, named: str) -> None:
    async with serving(tmp_path, HOME) as inside:
        answer = await inside.http.post(f"{link(inside)}/answers", json=body)
        assert answer.status_code == 422
        assert named in answer.text
        assert await scores(inside, "willow") == []


async def test_a_link_reaches_its_own_page_and_nothing_else(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": {"country": "US"}, "access": {"sign_in": True}})
    async with serving(tmp_path, settings, forecasting=False) as inside:
        path = link(inside)
        page = await inside.http.get(path)
        assert page.status_code == 200
        assert "birch" not in page.text
        token = path.rpartition("/")[2]
        for other in (
            "/v1/patients", "/v1/patients/willow", "/v1/history?patient=willow", "/v1/chairs", "/v1/alerts", "/v1/live", "/metrics",
            "/v1/sessions/s1/tablet", f"/tablet/{token}/state", f"/v1/patients/willow?token={token}",
        ):  # fmt: skip
            answer = await inside.http.get(
                other, headers={"authorization": f"Bearer {token}", "cookie": f"chairside={token}"}
            )
            assert answer.status_code in {401, 403, 404, 410}, other
        assert (
            await inside.http.post(
                f"/tablet/{token}/help", json={"nonce": "x" * 9}, headers={"sec-fetch-site": "same-origin"}
            )
        ).status_code == 410
        foreign = await inside.http.post(
            f"{path}/answers", json=whole([0] * 9), headers={"sec-fetch-site": "cross-site"}
        )
        assert foreign.status_code == 403
        mine = await inside.http.post(f"{path}/answers", json=whole([0] * 9), headers={"sec-fetch-site": "same-origin"})
        assert mine.status_code == 200
        # What no schema check can be asked without signing in.
        inside.web.should_exit = True


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with serving(tmp_path, HOME) as inside:
        answer = await inside.http.post(
            f"{link(inside)}/answers", content=b"[" + b" " * 100_000, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413


async def test_a_page_without_crisis_lines_is_not_shown(tmp_path: Path) -> None:
    async with serving(tmp_path, Settings()) as inside:
        page = await inside.http.get(link(inside))
        assert page.status_code == 503
        assert "country" in page.text


async def test_whoever_calls_from_a_chair_is_an_alert_at_once_and_hears_that_it_was_seen(tmp_path: Path) -> None:
    async with serving(tmp_path, HOME) as inside:
        path = await sit(inside)
        assert (await inside.get(f"{path}/state"))["help"] == "none"
        for _ in range(2):
            assert (await inside.http.post(f"{path}/help", json={"press": 1, "nonce": "a1b2c3d4"})).json() == {
                "called": True
            }
        await inside.settled()
        (alert,) = [each for each in (await inside.get("/v1/alerts"))["alerts"] if each["rule"] == "help-asked"]
        assert (alert["priority"], alert["chair"], alert["patient"]) == ("medium", "3", "P-1")
        assert (await inside.get(f"{path}/state"))["help"] == "called"
        await inside.http.post(f"{path}/help", json={"press": 2, "nonce": "a1b2c3d4", "again": True})
        await inside.settled()
        (alert,) = [each for each in (await inside.get("/v1/alerts"))["alerts"] if each["rule"] == "help-asked"]
        assert alert["priority"] == "high", "asked again, because nobody came"
        answer = await inside.http.post(f"/v1/alerts/{alert['alert']}/acknowledge", json={"by": "rn-1"})
        assert answer.is_success
        await inside.settled()
        assert (await inside.get(f"{path}/state"))["help"] == "seen"


async def test_a_tablet_asks_by_the_protocol_and_ends_with_its_session(tmp_path: Path) -> None:
    async with serving(tmp_path, HOME) as inside:
        path = await sit(inside)
        assert (await inside.get(f"{path}/state"))["round"] == 0
        for minute, due, following in ((29, 0, 1), (31, 1, 29), (61, 2, 29)):
            await inside.post(
                {
                    "kind": "vitals",
                    "at": f"2026-11-23T{14 + minute // 60}:{minute % 60:02}:00Z",
                    "patient": "P-1",
                    "session": "s1",
                    "spo2": 97,
                }
            )
            await inside.settled()
            state = await inside.get(f"{path}/state")
            assert (state["round"], state["next_min"]) == (due, following)
        answered = {
            "instrument": "cadss-6",
            "answers": {str(n): 1 for n in range(1, 7)},
            "round": 2,
            "prompted_ago_ms": 20_000,
            "ago_ms": 5_000,
        }
        assert (await inside.http.post(f"{path}/answers", json=answered)).status_code == 200
        (entry,) = await scores(inside, "P-1")
        assert (entry["session"], entry["items"], entry["source"]) == ("s1", [1] * 6, "patient-tablet")
        await inside.post({"kind": "session.ended", "at": "2026-11-23T16:30:00Z", "patient": "P-1", "session": "s1"})
        await inside.settled()
        for gone in (
            await inside.http.get(path),
            await inside.http.get(f"{path}/state"),
            await inside.http.post(f"{path}/help", json={"nonce": "a1b2c3d4"}),
        ):
            assert gone.status_code == 410
        assert (await inside.http.get("/v1/sessions/s1/tablet")).status_code == 404


async def test_what_a_patient_answers_alone_is_no_round_of_a_nurses(tmp_path: Path) -> None:
    async with serving(tmp_path, HOME) as inside:
        path = await sit(inside)

        async def later(minute: int) -> set[str]:
            await inside.post(
                {
                    "kind": "vitals",
                    "at": f"2026-11-23T14:{minute:02}:00Z",
                    "patient": "P-1",
                    "session": "s1",
                    "spo2": 97,
                }
            )
            await inside.settled()
            return {each["rule"] for each in (await inside.get("/v1/alerts"))["alerts"]}

        await later(31)
        answered = {"instrument": "cadss-6", "answers": {str(n): 0 for n in range(1, 7)}, "round": 1}
        assert (await inside.http.post(f"{path}/answers", json=answered)).status_code == 200
        assert "checkin-overdue" in await later(46), "nobody has looked at them"
        await asyncio.sleep(0)
