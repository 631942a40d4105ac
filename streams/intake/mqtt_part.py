"""A site's MQTT broker as its file names it. Never here: taking messages from it (mqtt.py), whose library commands do without."""

from __future__ import annotations

from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from streams.intake.present import PresentFile

MQTT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
"""Those that IANA gives to MQTT, plain and over TLS."""


class MqttPart(BaseModel):
    """The broker whose messages are taken; without one none are.

    client_id: under which the broker keeps what was not taken yet: no two clients may share it. topics: what is subscribed to.
    ca: who signed the broker's certificate; certificate, key: those of Chairside, where the broker asks for them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    broker: str | None = None
    client_id: Annotated[str, Field(min_length=1, max_length=65_535)] = "chairside"
    topics: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=65_535)], ...], Field(min_length=1)] = (
        "chairside/#",
    )
    user: str | None = None
    password_file: PresentFile | None = None
    ca: PresentFile | None = None
    certificate: PresentFile | None = None
    key: PresentFile | None = None

    @field_validator("broker")
    @classmethod
    def _an_address(cls, broker: str | None) -> str | None:
        if broker is not None:
            parts = urlsplit(broker)
            if (
                parts.scheme not in MQTT_PORTS
                or not parts.hostname
                or parts.username is not None
                or parts.path not in {"", "/"}
            ):
                raise ValueError(
                    f"{broker}: write mqtt://HOST:PORT or mqtts://HOST:PORT; user and password have their own places"
                )
            _ = parts.port  # raises where it is no port
        return broker

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate of one's own takes certificate and key")
        if self.password_file is not None and self.user is None:
            raise ValueError("a password takes a user")
        if self.ca is not None and (self.broker or "").startswith("mqtt:"):
            raise ValueError("ca is of a broker that speaks TLS: write mqtts://")
        return self
