"""Signing in and out over HTTP, and the one-time link with which somebody chooses a password.

Where nobody need sign in, only `me` is here, and says so.
"""

from __future__ import annotations

import asyncio
from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from deploy.access.access import KNOWN, Access, SignedIn, Wait
from deploy.access.accounts import LONGEST_PASSWORD, LONGEST_PIN
from deploy.access.database import AccessRefused
from deploy.access.oidc import BETWEEN_S, ProviderRefused
from deploy.access.roles import enterable, may_answer, may_audit, may_break_glass, may_name
from deploy.access.sessions import SCREEN, SignedPerson
from models.instants import MINUTE, SECOND
from models.staff import StaffRole
from models.wire.bounds import Name

KNOWN_FOR_S = 180 * 24 * 3600
"""How long a browser is known. Chosen by us: longer than anybody's leave."""

BETWEEN = "chairside_oidc"
"""The cookie of a sign-in that goes on at the provider."""

PIN_WITHIN_US = 10 * MINUTE
"""How long after a whole sign-in somebody may choose a PIN. Chosen by us."""

SecretText = Annotated[str, Field(min_length=1, max_length=LONGEST_PASSWORD)]


class SignInBody(BaseModel):
    """Who, and the proof. `site`: in a network, whose they are; without it the one whose address the page has."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Name
    password: SecretText
    site: Name | None = None


class PinBody(BaseModel):
    """A PIN."""

    model_config = ConfigDict(strict=True, extra="forbid")

    pin: Annotated[str, Field(min_length=1, max_length=LONGEST_PIN)]


class UnlockBody(PinBody):
    """Whose session, and their PIN."""

    name: Name


class LinkBody(BaseModel):
    """A one-time link's secret."""

    model_config = ConfigDict(strict=True, extra="forbid")

    link: SecretText


class WelcomeBody(LinkBody):
    """A one-time link's secret, and the password; a name where the link has none."""

    password: SecretText
    name: Name | None = None


def access_routes(access: Access | None, *, keeps_names: bool = False) -> APIRouter:
    """The routes; None: nobody need sign in. `keeps_names`: whether who is behind an alias is kept here."""
    routes = APIRouter(prefix="/v1/access", tags=["access"])

    @routes.get("/me")
    async def me(request: Request) -> dict[str, Any]:
        """Who is signed in, and what they may: answer, audit, enter which kinds; `sign_in` is false where nobody need be.

        `names`: read and enter who is behind an alias. `breaks_glass`: read a patient of another site, with a reason. `site`: in
        a network, whose they are; else null.
        """
        if access is None:
            return {
                "sign_in": False,
                "name": None,
                "role": None,
                "answers": True,
                "audits": True,
                "enters": enterable(None),
                "names": False,
                "breaks_glass": False,
                "site": None,
            }
        person = request.state.signed_in
        own = access.reach(person) if access.served is None else None
        return _who(person.name, person.role) | {
            "names": keeps_names and may_name(person.role),
            "breaks_glass": own is not None and may_break_glass(person.role),
            "site": own,
            "locked": person.locked,
            "locks_after_s": access.locks_after_s(person),
            "has_pin": await access.has_pin(person),
        }

    if access is None:
        return routes

    @routes.post("/sign-in", responses={401: {"description": "Wrong"}, 429: {"description": "Too often: wait"}})
    async def sign_in(request: Request, body: SignInBody) -> JSONResponse:
        """Sign in: a new session, in a cookie. A session that the browser had is over."""
        found = await access.sign_in(
            body.name, body.password, _address(request), access.known_in(request.headers),
            request.url.hostname or "", body.site,
        )  # fmt: skip
        if found is None:
            raise HTTPException(401, "Name or password is wrong.")
        if isinstance(found, Wait):
            seconds = ceil(found.seconds)
            raise HTTPException(429, f"Too many tries: wait {seconds} s.", {"Retry-After": str(seconds)})
        return await _signed_in(request, found)

    @routes.get("/ways")
    async def ways(request: Request, site: Name | None = None) -> dict[str, Any]:
        """How somebody signs in here beside name and password: what the provider's button says, or null; and who by a PIN."""
        part = access.provider.part_of(access.site_at(request.url.hostname or "", site))
        session = access.session_in(request.headers, request.url.scheme)
        return {
            "provider": None if part is None else part.name,
            "pins": await access.by_pin(session, access.known_in(request.headers)),
        }

    @routes.post("/unlock", responses={403: {"description": "It does not fit, or a whole sign-in is needed"}})
    async def unlock(request: Request, body: UnlockBody) -> JSONResponse:
        """Open one's own locked session by one's PIN; the one that was open in this browser locks."""
        session = access.session_in(request.headers, request.url.scheme)
        found = await access.unlock(body.name, body.pin, session, access.known_in(request.headers))
        if found is None:
            raise HTTPException(403, "The PIN does not fit. After five tries a whole sign-in is needed.")
        answer = JSONResponse(_who(found.person.name, found.person.role))
        _keep(request, found, answer, is_known=False)
        return answer

    @routes.post("/lock")
    async def lock(request: Request) -> dict[str, Any]:
        """Lock the session now, where sessions lock."""
        await access.lock(access.session_in(request.headers, request.url.scheme) or "")
        return {"locked": access.locks_after_s(request.state.signed_in) is not None}

    @routes.post(
        "/pin", responses={400: {"description": "It will not do"}, 409: {"description": "Sign in again first"}}
    )
    async def choose_pin(request: Request, body: PinBody) -> dict[str, Any]:
        """Choose a PIN, just after a whole sign-in: whoever finds a tablet unlocked sets nobody's."""
        session = access.session_in(request.headers, request.url.scheme) or ""
        if not await asyncio.to_thread(access.accounts.sessions.signed_in_within, session, PIN_WITHIN_US):
            raise HTTPException(409, "Sign out and in again first: a PIN is chosen within ten minutes of that.")
        try:
            await asyncio.to_thread(access.accounts.choose_pin, request.state.signed_in, body.pin)
        except AccessRefused as why:
            raise HTTPException(400, str(why)) from why
        return {"has_pin": True}

    @routes.get("/oidc", response_class=Response, responses={303: {}, 404: {"description": "There is no provider"}})
    async def begin_at_provider(
        request: Request, site: Name | None = None, to: Annotated[str, Query(max_length=500)] = "/"
    ) -> Response:
        """Sign in at the clinic's provider, and come back to a page of ours."""
        place = access.site_at(request.url.hostname or "", site)
        back = f"{(access.base_of(place) or str(request.base_url)).rstrip('/')}{request.url.path}/back"
        try:
            begun = await access.provider.begin(request, place, back, _our_page(to), access.known_in(request.headers))
        except ProviderRefused as why:
            access.refuse_provider(why.why, str(why), _address(request))
            return RedirectResponse(f"/?refused={why.why}", 303)
        if begun is None:
            raise HTTPException(404, "nobody signs in by a provider here")
        if (before := access.session_in(request.headers, request.url.scheme)) is not None:
            await _leave(before, await access.person(request.headers, request.url.scheme))
        answer = RedirectResponse(begun.location, 303)
        # Lax: the provider's redirect, from another site, has to bring it along.
        answer.set_cookie(BETWEEN, begun.cookie, samesite="lax", **_of_provider(request))
        return answer

    @routes.get("/oidc/back", response_class=Response, responses={303: {}})
    async def back_from_provider(request: Request) -> Response:
        """Where the provider sends somebody: signed in, or with the reason why not."""
        address = _address(request)
        try:
            if not access.may_try(address):
                raise ProviderRefused("away", "too many tries of one address")
            came = await access.provider.come_back(request, request.cookies.get(BETWEEN))
        except ProviderRefused as why:
            access.refuse_provider(why.why, str(why), address)
            answer = RedirectResponse(f"/?refused={why.why}", 303)
        else:
            signed = await access.begin(came.person, address, came.known)
            answer = RedirectResponse(came.to, 303)
            _keep(request, signed, answer)
        answer.set_cookie(BETWEEN, "", samesite="lax", **{**_of_provider(request), "max_age": 0})
        return answer

    def _of_provider(request: Request) -> dict[str, Any]:
        secure = access.is_secure(request.url.scheme)
        return {"max_age": BETWEEN_S, "path": "/v1/access/oidc", "secure": secure, "httponly": True}

    @routes.post("/link", responses={400: {"description": "The link holds no longer"}})
    async def link(body: LinkBody) -> dict[str, Any]:
        """Whose a one-time link is, and with which role; a link without a name is whoever's has it."""
        linked = await asyncio.to_thread(access.accounts.linked, body.link)
        if linked is None:
            raise HTTPException(400, "This link has been used, or is too old. Ask for a new one.")
        return _who(linked.name, linked.role)

    @routes.post("/welcome", responses={400: {"description": "The link or the password will not do"}})
    async def welcome(request: Request, body: WelcomeBody) -> JSONResponse:
        """Choose a password with a one-time link, and be signed in."""
        try:
            person = await asyncio.to_thread(access.accounts.choose_password, body.link, body.name or "", body.password)
        except AccessRefused as why:
            access.refuse_link(_address(request))
            raise HTTPException(400, str(why)) from why
        signed = await access.begin(person, _address(request), access.known_in(request.headers))
        return await _signed_in(request, signed)

    @routes.post("/sign-out")
    async def sign_out(request: Request) -> JSONResponse:
        """Sign out: the session is over, here and wherever its cookie has got to."""
        secret = access.session_in(request.headers, request.url.scheme)
        if secret is not None:
            await access.sign_out(secret)
            access.note("signed out", request.state.person, "")
        answer = JSONResponse({"signed_in": False})
        answer.delete_cookie(
            access.cookie(request.url.scheme), path="/", secure=access.is_secure(request.url.scheme), httponly=True,
            samesite="strict",
        )  # fmt: skip
        return answer

    @routes.post("/here")
    async def here(request: Request) -> dict[str, Any]:
        """Somebody touched the page: the session does not end for want of input."""
        return {"name": request.state.person}

    async def _signed_in(request: Request, signed: SignedIn) -> JSONResponse:
        scheme = request.url.scheme
        before = access.session_in(request.headers, scheme)
        if before is not None:
            await _leave(before, signed.person)
        answer = JSONResponse(_who(signed.person.name, signed.person.role))
        _keep(request, signed, answer)
        return answer

    async def _leave(before: str, person: SignedPerson | None) -> None:
        """End the session that a browser had; where sessions lock it locks, and its person comes back to it by their PIN."""
        if person is not None and access.locks_after_s(person) is not None:
            await access.lock(before)
        else:
            await access.sign_out(before)

    def _keep(request: Request, signed: SignedIn, answer: Response, *, is_known: bool = True) -> None:
        scheme = request.url.scheme
        secure = access.is_secure(scheme)
        # A screen on a wall is signed in still when its browser has been started anew; anybody else is not.
        kept_s = SCREEN // SECOND if signed.person.role == "viewer" else None
        answer.set_cookie(
            access.cookie(scheme), signed.secret, max_age=kept_s, path="/", secure=secure, httponly=True,
            samesite="strict",
        )  # fmt: skip
        if is_known:
            answer.set_cookie(
                KNOWN,
                signed.known,
                max_age=KNOWN_FOR_S,
                path="/v1/access",
                secure=secure,
                httponly=True,
                samesite="strict",
            )

    return routes


def _who(name: str | None, role: StaffRole) -> dict[str, Any]:
    return {
        "sign_in": True,
        "name": name,
        "role": role,
        "answers": may_answer(role),
        "audits": may_audit(role),
        "enters": enterable(role),
    }


def _our_page(to: str) -> str:
    """The page to come back to, if it is a path of ours; another site's address, in whatever spelling, is the board."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() else "/"


def _address(request: Request) -> str:
    return "" if request.client is None else request.client.host
