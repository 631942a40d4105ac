"""Sign-in by a clinic's own provider (OpenID Connect): the authorization code flow with PKCE in, a person who is known here out.

authlib does the protocol: state, nonce and PKCE, the exchange of the code, keys, signature and claims of the ID token.
What it leaves to its user is said here: which issuer and audience, which algorithms, that the provider has asked for the
password just now (a shared tablet's browser is signed in there as whoever was last), and who of those it knows is somebody here.
What lies between the two redirects is in a signed cookie of this browser, so that any edge of a network can go on with it.
Bad at: who is struck off at the provider stays signed in here until the session ends; disable the account, which counts at once.
Never here: sessions and cookies of whoever is signed in (`access.py`, `routes.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc.errors import JoseError
from starlette.requests import Request

from deploy.access.accounts import Accounts
from deploy.access.sessions import SignedPerson
from deploy.oidc_part import OidcPart

PROVIDER_WAITS_S: Final = 5.0
"""How long a provider may take to answer. Chosen by us: longer, and somebody tries again."""
BETWEEN_S: Final = 600
"""How long somebody may take at the provider's page. Chosen by us: a password, a second factor, a call to the help desk."""
JUST_NOW_S: Final = 120
"""How far the clocks of provider and service may be apart (authlib's own leeway)."""
ALGORITHMS: Final = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)
"""What an ID token may be signed with: never nothing, and nothing that the client could sign with itself."""

RefusedWhy = Literal["state", "provider", "unknown", "role", "disabled", "away"]
"""Why nobody is signed in: it was not begun in this browser, or was used; the provider or its token will not do; who it names is
nobody here, has no role here, or is shut out; the provider does not answer."""


class ProviderRefused(RuntimeError):
    """Nobody is signed in. `detail` is for the log: it names no person and no secret."""

    def __init__(self, why: RefusedWhy, detail: str) -> None:
        super().__init__(detail)
        self.why: Final = why


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that goes on at the provider: where, and what this browser keeps meanwhile."""

    location: str
    cookie: str


@dataclass(frozen=True, slots=True)
class CameBack:
    """Somebody whom the provider has named, and the page that they came from."""

    person: SignedPerson
    to: str
    known: str | None


class Provider:
    """Sign-in by the providers of the sites that are served. `part_of`: a site's, as its file has it now."""

    def __init__(self, accounts: Accounts, part_of: Callable[[str], OidcPart | None]) -> None:
        self.part_of = part_of
        self._accounts = accounts
        self._signed = URLSafeTimedSerializer(accounts.database.key("oidc"), salt="chairside.oidc")
        self._clients: dict[str, tuple[OidcPart, Any]] = {}

    async def begin(self, request: Request, site: str, back: str, to: str, known: str | None) -> Begun | None:
        """Where somebody proves who they are; None: the site has no provider. `back`: where the provider sends them then.

        `known`: the cookie of a known browser, which stays at home when the provider, another site, sends them back.

        Raises:
            ProviderRefused: the provider does not answer.
        """
        part = self.part_of(site)
        if part is None:
            return None
        request.scope["session"] = between = {"site": site, "to": to, "known": known, "at": int(time.time())}
        try:
            client = await self._client(site, part)
            answer = await client.authorize_redirect(request, back, prompt="login", max_age=0)
        except (httpx2.HTTPError, ValueError, RuntimeError) as away:
            raise ProviderRefused("away", _words(away)) from away
        return Begun(answer.headers["location"], str(self._signed.dumps(between)))

    async def come_back(self, request: Request, cookie: str | None) -> CameBack:
        """Who came back from the provider.

        Raises:
            ProviderRefused: nobody who may come in.
        """
        try:
            between = self._signed.loads(cookie or "", max_age=BETWEEN_S)
            site, to, begun_s = str(between.pop("site")), str(between.pop("to")), int(between.pop("at"))
            known: str | None = between.pop("known")
        except (BadData, KeyError, ValueError, TypeError) as wrong:
            raise ProviderRefused("state", "it was not begun in this browser, or too long ago") from wrong
        part = self.part_of(site)
        if part is None:
            raise ProviderRefused("provider", "the site has no provider any more")
        if request.query_params.get("iss", part.issuer) != part.issuer:
            raise ProviderRefused("provider", "another issuer's answer (RFC 9207)")
        request.scope["session"] = between
        options = {
            "iss": {"essential": True, "value": part.issuer},
            # authlib alone would take another client's token that names this one as its authorized party.
            "aud": {"essential": True, "value": part.client_id},
            "auth_time": {"essential": True},
        }
        try:
            client = await self._client(site, part)
            token = await client.authorize_access_token(request, claims_options=options)
        except OAuthError as wrong:
            raise ProviderRefused(
                "state" if wrong.error == "mismatching_state" else "provider", _words(wrong)
            ) from wrong
        except (httpx2.HTTPError, RuntimeError) as away:
            raise ProviderRefused("away", _words(away)) from away
        except (JoseError, ValueError, KeyError, TypeError) as wrong:
            raise ProviderRefused("provider", _words(wrong)) from wrong
        claims = token.get("userinfo") or {}
        if not claims:
            raise ProviderRefused("provider", "it sent no ID token")
        if claims["auth_time"] < begun_s - JUST_NOW_S:
            raise ProviderRefused("provider", "it has not asked who it is just now")
        if not part.client_wants <= claims.keys():
            try:
                more = await client.userinfo(token=token)
            except (httpx2.HTTPError, OAuthError, ValueError, KeyError) as wrong:
                raise ProviderRefused("away", _words(wrong)) from wrong
            if more.get("sub") != claims["sub"]:
                raise ProviderRefused("provider", "it tells of somebody else than whom it signed in")
            claims = {**more, **claims}
        return CameBack(await asyncio.to_thread(self._known, part, claims, site), to, known)

    def _known(self, part: OidcPart, claims: Mapping[str, Any], site: str) -> SignedPerson:
        called = [claims["sub"], *([claims.get("email")] if claims.get("email_verified") is True else [])]
        name = next((part.people[each] for each in called if each in part.people), None)
        if name is None:
            raise ProviderRefused("unknown", "whoever that is, they are nobody here")
        role = None
        if part.roles:
            said = claims.get(part.claim)
            theirs = [said] if isinstance(said, str) else said if isinstance(said, list) else []
            role = next((role for value, role in part.roles.items() if value in theirs), None)
            if role is None:
                raise ProviderRefused("role", f"{name} has no role here")
        found = self._accounts.by_provider(name, role, site)
        if isinstance(found, SignedPerson):
            return found
        raise ProviderRefused(found, f"{name} may not come in: {found}")

    async def _client(self, site: str, part: OidcPart) -> Any:
        """The client of a site's provider, with what the provider says of itself, which is asked once.

        Raises:
            httpx2.HTTPError: it does not answer. ValueError: it says that it is another.
        """
        kept = self._clients.get(site)
        if kept is not None and kept[0] == part:
            return kept[1]
        client = OAuth().register(
            "provider", client_id=part.client_id, client_secret=part.client_secret_file.read_text("utf-8").strip(),
            server_metadata_url=f"{part.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": " ".join(dict.fromkeys(("openid", *part.scopes))), "code_challenge_method": "S256",
                "timeout": PROVIDER_WAITS_S, "trust_env": False,
            },
        )  # fmt: skip
        metadata = await client.load_server_metadata()
        if metadata.get("issuer") != part.issuer:
            raise ValueError(f"it calls itself {str(metadata.get('issuer'))[:200]}")
        offered = metadata.get("id_token_signing_alg_values_supported", ["RS256"])
        metadata["id_token_signing_alg_values_supported"] = [each for each in offered if each in ALGORITHMS] or [
            "RS256"
        ]
        self._clients[site] = (part, client)
        return client


def _words(raised: Exception) -> str:
    return f"{type(raised).__name__}: {' '.join(str(raised).split())[:200]}"
