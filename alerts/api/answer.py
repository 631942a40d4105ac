"""The page behind a page's link: what is wrong, and one button that acknowledges it. No sign-in; the link is the proof.

A GET changes nothing, because mail scanners and previews fetch every link; the button posts. The acknowledgement is a command in
the journal like one from the board, with the person's name; pressed twice it is one. It is plain HTML: it must come up in a
second on a bad network. Never here: what is signed (`alerts/answer_links.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from html import escape
from typing import Annotated, Final

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from alerts.answer_links import AnswerLinks, BadLink
from alerts.api.views import Views
from alerts.store.store import Store
from models.instants import to_datetime
from models.tables.rules import PRIORITY_SHAPES, Priority
from models.wire.live import AlertOut
from models.wire.observations import AlertAcknowledged, Command

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title><style>
:root {{ color-scheme: dark; }}
body {{ margin: 0; background: #16191d; color: #f2f4f6; font: 20px/1.5 system-ui, sans-serif; }}
main {{ max-width: 34rem; margin: 0 auto; padding: 1.25rem; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; overflow-wrap: anywhere; }}
p {{ margin: .75rem 0; overflow-wrap: anywhere; }}
button {{ width: 100%; min-height: 72px; margin-top: 1rem; border: 0; border-radius: 12px; background: #f2f4f6; color: #16191d;
  font: inherit; font-size: 1.35rem; font-weight: 700; }}
button:focus-visible {{ outline: 4px solid #9db7d5; outline-offset: 3px; }}
</style></head><body><main>{body}</main></body></html>
"""

Token = Annotated[str, Path(max_length=1000)]


def answer_routes(
    store: Store, append: Callable[[Command], Awaitable[None]], views: Views, links: AnswerLinks
) -> APIRouter:  # fmt: skip
    """The two routes of a link.

    Args:
        append: puts a command into the journal; durable when it returns.
        views: whose time a command is stamped with.
        links: reads a link.
    """
    routes = APIRouter(include_in_schema=False)

    async def alert_of(token: str) -> tuple[AlertOut | None, str, str]:
        """The alert and the person of a link; or None and why there is none."""
        try:
            answerable = links.read(token)
        except BadLink as bad:
            return None, "", str(bad)
        alert = await asyncio.to_thread(store.alert, answerable.alert)
        return alert, answerable.person, "This alert is no longer known here."

    @routes.get("/answer/{token}")
    async def ask(token: Token) -> HTMLResponse:
        """The alert as it stands, and the button."""
        alert, person, why = await alert_of(token)
        if alert is None:
            return _answered(_told("Not acknowledged", why), "Not acknowledged", 410)
        standing = _standing(alert)
        if alert["phase"] == "closed":
            return _answered(_about(alert) + standing, "Over")
        button = f'<form method="post"><button>Acknowledge as {escape(person)}</button></form>'
        return _answered(_about(alert) + standing + button, "Acknowledge")

    @routes.post("/answer/{token}")
    async def acknowledge(token: Token) -> HTMLResponse:
        """Acknowledge it."""
        alert, person, why = await alert_of(token)
        if alert is None:
            return _answered(_told("Not acknowledged", why), "Not acknowledged", 410)
        if alert["phase"] == "closed":
            return _answered(_about(alert) + _standing(alert), "Over")
        command = AlertAcknowledged(
            at=to_datetime(await views.now_us(alert["site"])), alert=alert["alert"], by=person, site=alert["site"],
            source="page", id=blake2b(token.encode(), digest_size=16).hexdigest(),
        )  # fmt: skip
        await append(command)
        said = f'<p role="status"><strong>Acknowledged by {escape(person)}.</strong> It is on the board.</p>'
        return _answered(_about(alert) + said, "Acknowledged")

    return routes


def _about(alert: AlertOut) -> str:
    priority = Priority[alert["priority"].upper()]
    where = f"Chair {alert['chair']}" if alert["chair"] else alert["patient"]
    heading = f"{priority.name} {PRIORITY_SHAPES[priority]} {where}: {alert['title']}"
    return f"<h1>{escape(heading)}</h1><p>{escape(alert['text'])}</p>"


def _standing(alert: AlertOut) -> str:
    match alert["phase"]:
        case "closed":
            return '<p role="status"><strong>This is over.</strong> There is nothing to acknowledge.</p>'
        case "acknowledged" | "snoozed" if alert["by"]:
            return f'<p role="status"><strong>{escape(alert["by"])} has it in hand.</strong></p>'
        case _:
            return ""


def _told(heading: str, text: str) -> str:
    return f'<h1>{escape(heading)}</h1><p role="status">{escape(text)}</p>'


def _answered(body: str, title: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=title, body=body), status, HEADERS)
