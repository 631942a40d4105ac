"""What was entered of a patient is for those who may open a patient's page, by whichever route it could be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from deploy.settings import AccessPart, PagesPart, Settings
from models.staff import StaffRole
from tests.support.access import account, browser, locked
from tests.support.service import at, sample

LOCKING: Final = Settings(pages=PagesPart(destinations=()), access=AccessPart(sign_in=True, lock_minutes=5))
ROLES: Final[tuple[StaffRole, ...]] = ("viewer", "operator", "scheduler", "auditor", "clinician")
STARTED: Final = {
    "kind": "session.started", "at": at(0), "patient": "P-1", "session": "S-1", "chair": "3", "device": "m-3",
}  # fmt: skip
ANSWERS: Final = {
    "kind": "checkin",
    "at": at(1),
    "patient": "P-1",
    "session": "S-1",
    "instrument": "cssrs-screen",
    "items": [1] * 6,
}
ASKED: Final = (
    "?patient=P-1",
    "?session=S-1",
    "?patient=P-1&entries=1000",
    "?entries=1",
    "?entries=0&entries=9",
    "?entries=00",
    "",
)


async def test_a_screen_on_a_wall_and_a_locked_tablet_see_curves_and_no_answer_to_a_questionnaire(
    tmp_path: Path,
) -> None:
    async with locked(tmp_path, LOCKING) as clinic:
        account(clinic, "ada", "nurse")
        for role in ROLES:
            account(clinic, role, role)
        async with browser(clinic, "ada") as ada:
            entered = await ada.post("/v1/observations", json=[STARTED, ANSWERS])
            assert entered.json() == {"accepted": 2, "set_aside": []}
            await clinic.post(*(sample(n, device="m-3", hr=70 + n % 3) for n in range(2, 12)))
            await clinic.settled()
            told = {}
            for role in ROLES:
                async with browser(clinic, role) as somebody:
                    answers = [await somebody.get(f"/v1/history{query}") for query in ASKED]
                told[role] = any("cssrs" in answer.text for answer in answers)
                assert answers[1].json()["series"], "whoever sees the chair sees its curve"
                assert {answer.status_code for answer in answers} == ({200} if told[role] else {200, 403})
            assert told == {"viewer": False, "operator": False, "scheduler": True, "auditor": True, "clinician": True}

            assert "cssrs" in (await ada.get("/v1/history?patient=P-1")).text
            assert (await ada.post("/v1/access/lock", json={})).status_code == 200
            locked_out = [await ada.get(f"/v1/history{query}") for query in ASKED]
            assert not any("cssrs" in answer.text for answer in locked_out)
            assert {answer.status_code for answer in locked_out} == {200, 423}
