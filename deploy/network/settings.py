"""A network's settings: one TOML file that all its processes read: where the brokers and the database are, and how to get in.

No secret is in the file: a password is read from a file of its own (as Docker and Kubernetes hand them out), or from the
environment. What a site decides is in the site's own file (deploy/settings.py), one each in the folder `sites`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.engine import make_url

from alerts.notify.address import keys_in
from deploy.refused_fields import problems_of
from deploy.settings import BadConfiguration
from streams.journal.kafka import KafkaConnection

KAFKA_PASSWORD: Final = "CHAIRSIDE_KAFKA_PASSWORD"
DATABASE_PASSWORD: Final = "CHAIRSIDE_DATABASE_PASSWORD"
ANSWER_KEYS: Final = "CHAIRSIDE_ANSWER_KEYS"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaPart(_Strict):
    """The brokers. `ca` is the certificate to trust; `tls` alone trusts the machine's."""

    brokers: Annotated[str, Field(min_length=1)] = "127.0.0.1:9092"
    tls: bool = False
    ca: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""

    def connection(self) -> KafkaConnection:
        """How to reach them."""
        password = _secret(self.password_file, KAFKA_PASSWORD)
        return KafkaConnection(self.brokers, self.tls, self.ca, self.user, password, self.mechanism, self.prefix)


class DatabasePart(_Strict):
    """PostgreSQL, as a URL whose query takes libpq's parameters: ``?sslmode=verify-full&sslrootcert=/etc/…/ca.pem``."""

    url: Annotated[str, Field(pattern="^postgres(ql)?://")] = "postgresql://127.0.0.1/chairside"
    password_file: Path | None = None

    def located(self) -> str:
        """The URL with its password."""
        password = _secret(self.password_file, DATABASE_PASSWORD)
        url = make_url(self.url)
        return (url if password is None else url.set(password=password)).render_as_string(hide_password=False)


class AnswersPart(_Strict):
    """The keys of the links with which pages are acknowledged, one for the whole network: pagers sign, edges read.

    `key_file` has a key a line, the newest first: that one signs, all are believed.
    """

    key_file: Path | None = None

    def keys(self) -> Callable[[], Sequence[str]]:
        """What gives the keys as they are now; without any, no links are made and none is believed."""
        if self.key_file is not None:
            return keys_in(self.key_file, "answers.key_file")
        fixed = os.environ.get(ANSWER_KEYS, "").split()
        return lambda: fixed


class NetworkAccess(_Strict):
    """Whether people and devices must prove at the edges who they are (docs/access.md); how long, each site's file says."""

    sign_in: bool = False


class NetworkSettings(_Strict):
    """A network's configuration file."""

    kafka: KafkaPart = KafkaPart()
    database: DatabasePart = DatabasePart()
    answers: AnswersPart = AnswersPart()
    access: NetworkAccess = NetworkAccess()
    sites: Path | None = None


def load_network(path: Path) -> NetworkSettings:
    """Read and check a network's file; relative paths in it are beside it.

    Raises:
        BadConfiguration: it is not there, not TOML, or says something that makes no sense.
    """
    try:
        network = NetworkSettings.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as wrong:
        raise BadConfiguration(path, [f"cannot be read: {wrong.strerror}"]) from wrong
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise BadConfiguration(path, [f"not TOML: {wrong}"]) from wrong
    except ValidationError as wrong:
        raise BadConfiguration(path, problems_of(wrong, NetworkSettings)) from wrong
    parts = (network.kafka.ca, network.kafka.password_file, network.database.password_file, network.answers.key_file)
    for place in (*parts, network.sites):
        if place is not None and not (path.parent / place).exists():
            raise BadConfiguration(path, [f"{place}: there is no such file"])

    def beside(place: Path | None) -> Path | None:
        return None if place is None else path.parent / place

    kafka = network.kafka.model_copy(
        update={"ca": beside(network.kafka.ca), "password_file": beside(network.kafka.password_file)}
    )
    database = network.database.model_copy(update={"password_file": beside(network.database.password_file)})
    answers = network.answers.model_copy(update={"key_file": beside(network.answers.key_file)})
    return network.model_copy(
        update={"kafka": kafka, "database": database, "answers": answers, "sites": beside(network.sites)}
    )


def _secret(file: Path | None, variable: str) -> str | None:
    return file.read_text("utf-8").strip() if file is not None else os.environ.get(variable)
