"""One HTTP request of a notifier, with what can go wrong as a reason in our own words.

No redirect is followed: it is no delivery, and it would carry a page and its secrets elsewhere. Of an answer at most `LONGEST` is
read. A connection a request: a page is rare, and a kept one may be dead without anybody's knowing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from alerts.notify.destination import TIMEOUT_S, Outcome

LONGEST: Final = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered. `failure` is why it is no success, in our words; empty: it was 2xx."""

    failure: str
    body: bytes = b""

    @property
    def outcome(self) -> Outcome:
        return Outcome(not self.failure, self.failure)


async def request(
    url: str, body: bytes, headers: Mapping[str, str], auth: tuple[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> Answer:  # fmt: skip
    """Send a body, and read the answer. Never raises but for cancellation."""
    # Where they are needed: no replay has to wait for them.
    import aiohttp

    from alerts.notify.resolver import Resolver

    login = None if auth is None else aiohttp.encode_basic_auth(*auth)
    sent = {**headers, "User-Agent": "chairside"} | ({} if login is None else {"Authorization": login})
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, resolver=Resolver()),
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                trust_env=True, cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            session.post(url, data=body, headers=sent, allow_redirects=False) as answered,
        ):  # fmt: skip
            if 300 <= answered.status < 400:
                return Answer(f"answered {answered.status}: a redirect is no delivery")
            if not answered.ok:
                return Answer(f"answered {answered.status}")
            return Answer("", await answered.content.read(LONGEST))
    except TimeoutError:
        return Answer("no answer in time")
    except aiohttp.ClientConnectorCertificateError:
        return Answer("its certificate is not to be trusted")
    except (aiohttp.ClientConnectionError, OSError):
        return Answer("no connection")
    except aiohttp.ClientError as wrong:
        return Answer(f"no HTTP answer: {type(wrong).__name__}")
