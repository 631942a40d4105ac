"""A site's provider of sign-in as its file names it. Never here: signing in by it (deploy/access/oidc.py)."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.staff import StaffRole
from models.wire.bounds import MANY, Name
from streams.intake.present import PresentFile


class OidcPart(BaseModel):
    """The provider of a site.

    `people`: who may, the provider's subject or verified e-mail address → their name here. `roles`: values of the claim `claim` →
    the role here, the first that somebody has counts; without any, their account here has it. `name`: what the button says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, Field(max_length=500)]
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret_file: PresentFile
    people: Annotated[dict[str, Name], Field(min_length=1, max_length=10_000)]
    roles: Annotated[dict[str, StaffRole], Field(max_length=MANY)] = Field(default_factory=dict)
    claim: str = "groups"
    scopes: tuple[str, ...] = ("email",)
    name: Annotated[str, Field(min_length=1, max_length=40)] = "the clinic's account"

    @property
    def client_wants(self) -> set[str]:
        """The claims that somebody is told apart by; many providers say them only when asked again."""
        return {"email", "email_verified", *([self.claim] if self.roles else [])}

    @field_validator("issuer")
    @classmethod
    def _by_tls(cls, issuer: str) -> str:
        address = urlsplit(issuer)
        if address.scheme != "https" and not (
            address.scheme == "http" and address.hostname in ("127.0.0.1", "localhost")
        ):
            raise ValueError("the provider is reached by https://")
        return issuer
