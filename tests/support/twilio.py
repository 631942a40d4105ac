"""Twilio as its documentation describes it, on a port of this machine: a real HTTP server that takes messages and calls.

It refuses what the API refuses (credentials, numbers, lengths, TwiML that is none), keeps what it took, posts status callbacks,
keys and replies, each signed as Twilio signs, and reads the TwiML that is answered. The clinic's own address is `public`, as in
the world; what is posted there goes to `behind`, as through a proxy. Source: www.twilio.com/docs (messaging, voice, security).
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree import ElementTree as ET

import httpx
from twilio.request_validator import RequestValidator

from tests.support.paging import QuietHandler, listening_at

ACCOUNT = "AC" + "0" * 32
TOKEN = "auth-token"
OUR_NUMBER = "+15005550006"


@dataclass
class Taken:
    """A message or a call that was taken."""

    sid: str
    form: dict[str, str]

    @property
    def twiml(self) -> ET.Element:
        return ET.fromstring(self.form["Twiml"])

    @property
    def said(self) -> str:
        return " ".join(say.text or "" for say in self.twiml.iter("Say"))


@dataclass
class Twilio:
    """The fake's side. `public`: the clinic's address as it is configured; `behind`: where it really listens."""

    port: int = 0
    public: str = "https://clinic.example.org"
    behind: str = ""
    token: str = TOKEN
    refuses: int = 0
    messages: list[Taken] = field(default_factory=list)
    calls: list[Taken] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What was asked of it that the API refuses."""
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def address(self, channel: str, number: str, token_file: str = "") -> str:
        token = f"token_file={token_file}" if token_file else f"token={TOKEN}"
        numbers = urlencode({"from": OUR_NUMBER, "to": number})
        return f"twilio-{channel}://{ACCOUNT}@127.0.0.1:{self.port}/?{numbers}&{token}&tls=no"

    # ---- what it takes

    def take(self, path: str, authorization: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The status and the body of the answer to one request."""
        resource = re.fullmatch(rf"/2010-04-01/Accounts/{ACCOUNT}/(Messages|Calls)\.json", path)
        if self.refuses:
            self.refuses -= 1
            return 500, {"code": 20500, "message": "Internal server error"}
        if authorization != "Basic " + base64.b64encode(f"{ACCOUNT}:{self.token}".encode()).decode():
            return 401, {"code": 20003, "message": "Authenticate"}
        if resource is None:
            return 404, {"code": 20404, "message": "not found"}
        if any(not re.fullmatch(r"\+[1-9]\d{6,14}", form.get(which, "")) for which in ("To", "From")):
            return self._refused(21211, "invalid number")
        callback = form.get("StatusCallback")
        if callback is not None and urlsplit(callback).scheme not in ("http", "https"):
            return self._refused(21609, "StatusCallback is no URL")
        if resource[1] == "Messages":
            if not 0 < len(form.get("Body", "")) <= 1600:
                return self._refused(21617, "body is missing or too long")
            return self._took(self.messages, "SM", form)
        try:
            document = ET.fromstring(form.get("Twiml", ""))
        except ET.ParseError:
            return self._refused(12100, "document parse failure")
        if document.tag != "Response" or len(form["Twiml"]) > 4000:
            return self._refused(12200, "schema validation")
        if not 5 <= int(form.get("Timeout", "60")) <= 600:
            return self._refused(21220, "timeout")
        return self._took(self.calls, "CA", form)

    def _refused(self, code: int, why: str) -> tuple[int, dict[str, Any]]:
        self.problems.append(why)
        return 400, {"code": code, "message": why, "status": 400}

    def _took(self, kept: list[Taken], kind: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        taken = Taken(f"{kind}{len(self.messages) + len(self.calls):032x}", dict(form))
        kept.append(taken)
        self.came.release()
        return 201, {"sid": taken.sid, "status": "queued", "account_sid": ACCOUNT}

    # ---- what it posts

    async def status(self, taken: Taken, status: str, error: str = "") -> httpx.Response:
        """Tell what became of it."""
        kind = "Message" if taken.sid.startswith("SM") else "Call"
        more = {f"{kind}Sid": taken.sid, f"{kind}Status": status} | ({"ErrorCode": error} if error else {})
        return await self.post(taken.form["StatusCallback"], self._numbers(taken) | more)

    async def press(self, taken: Taken, digit: str) -> httpx.Response:
        """Press a key in a call that was answered."""
        gather = taken.twiml.find("Gather")
        assert gather is not None
        return await self.post(gather.attrib["action"], self._numbers(taken) | {"CallSid": taken.sid, "Digits": digit})

    async def reply(self, number: str, text: str, sid: str, to: str = OUR_NUMBER) -> httpx.Response:
        """A message that somebody sends to the clinic's number."""
        form = {"MessageSid": sid, "From": number, "To": to, "Body": text}
        return await self.post(f"{self.public}/hooks/twilio/sms", form)

    async def post(self, url: str, form: Mapping[str, str], signature: str | None = None) -> httpx.Response:
        """Post a form, signed."""
        full = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", **form}
        signed = RequestValidator(self.token).compute_signature(url, full) if signature is None else signature
        assert url.startswith(self.public)
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(
                self.behind + url.removeprefix(self.public), data=full, headers={"X-Twilio-Signature": signed}
            )

    @staticmethod
    def _numbers(taken: Taken) -> dict[str, str]:
        return {"From": taken.form["From"], "To": taken.form["To"]}


def answered(response: httpx.Response) -> str:
    """What the TwiML of an answer says or writes."""
    assert response.status_code == 200, response.text
    document = ET.fromstring(response.text)
    assert document.tag == "Response"
    return " ".join(each.text or "" for each in document.iter() if each.tag in ("Say", "Message"))


@contextmanager
def twilio() -> Iterator[Twilio]:
    """Twilio, listening."""
    fake = Twilio()

    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802  # what http.server calls
            sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
            form = {name: values[-1] for name, values in sent.items()}
            status, body = fake.take(self.path, self.headers.get("Authorization", ""), form)
            answer = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with listening_at(Handler) as fake.port:
        yield fake
