"""A site's provider of sign-in as its file names it. Never here: signing in by it (deploy/access/oidc.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from models.staff import StaffRole
from models.wire.bounds import MANY, Name


class OidcPart(BaseModel):
    """The provider of a site.

    `people`: who may, the provider's subject or verified e-mail address → their name here. `roles`: values of the claim `claim` →
    the role here, the first that somebody has counts; without any, their account here has it. `name`: what the button says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, Field(max_length=500)]
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret_file: Path
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

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        if not self.client_secret_file.is_file():
            raise ValueError(f"client_secret_file: {self.client_secret_file}: there is no such file")
        return self
