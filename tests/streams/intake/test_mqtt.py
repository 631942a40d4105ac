"""MQTT in, against a broker of another make: what is acknowledged is durable, and what is not comes again."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from pydantic import ValidationError

from deploy.settings import Settings
from streams.intake.append import Overloaded
from streams.intake.mqtt import LARGEST_MQTT_MESSAGE
from streams.intake.mqtt_part import MqttPart
from tests.support.broker import BROKER_USER, mqtt_broker, published, publisher
from tests.support.service import ROOT, Inside, at, falling, ndjson, serving, started, until, until_answered, waited
from tests.support.snippets import Shell, snippets

READING = {"kind": "vitals", "at": at(0), "patient": "P-1", "spo2": 97, "seq": 1}


def subscribing(port: int, **more: Any) -> Settings:
    return Settings.model_validate(
        {"mqtt": {"broker": f"mqtt://127.0.0.1:{port}", **more}, "pages": {"destinations": []}}
    )


async def connected(clinic: Inside) -> None:
    await until(lambda: not clinic.service.mqtt.trouble, "the broker's answer")


async def test_messages_of_one_line_and_of_several_come_in_and_raise_what_they_show(tmp_path: Path) -> None:
    lines = falling()
    with mqtt_broker() as broker, publisher(broker.port) as monitor:
        async with serving(tmp_path, subscribing(broker.port)) as clinic:
            await connected(clinic)
            await asyncio.to_thread(published, monitor, lines[:20])
            await asyncio.to_thread(published, monitor, [ndjson(lines[20:])], "chairside/ward/2")

            async def raised() -> bool:
                return any(each["rule"] == "desaturation" for each in await clinic.transitions())

            await until_answered(raised, "the desaturation")
            health = (await clinic.get("/healthz"))["mqtt"]
            assert health == "connected"
            assert "chairside_mqtt_connected 1.0" in (await clinic.http.get("/metrics")).text


async def test_what_cannot_be_used_is_set_aside_with_its_reason_and_costs_nothing_beside_it(tmp_path: Path) -> None:
    bodies = [
        b"no json", b'{"kind": "site.configured", "at": "2026-11-23T14:00:00Z"}', b"\xff\xfe", b"", b"{" * LARGEST_MQTT_MESSAGE + b"{",
    ]  # fmt: skip
    with mqtt_broker() as broker, publisher(broker.port) as monitor:
        async with serving(tmp_path, subscribing(broker.port)) as clinic:
            await connected(clinic)
            await asyncio.to_thread(published, monitor, [*bodies, READING])
            await until_answered(lambda: _some(clinic, 1), "the reading")
            await clinic.settled()
            letters = (await clinic.get("/v1/dead-letters"))["dead_letters"]
    assert len(letters) == 4
    said = " ".join(str(each) for each in letters)
    assert "a message of more than 1 MiB" in said
    assert "site.configured" in said


async def _some(clinic: Inside, count: int) -> bool:
    """Whether the ward has seen so many samples."""
    return (await clinic.service.views.counts()).observations.get("samples", 0) >= count


async def test_what_was_not_durable_is_not_acknowledged_and_comes_again_to_the_next_start(tmp_path: Path) -> None:
    async def full(_: Any) -> None:
        tried.set()
        raise Overloaded("the disk is full")

    tried = asyncio.Event()
    with mqtt_broker() as broker, publisher(broker.port) as monitor:
        async with serving(tmp_path, subscribing(broker.port)) as clinic:
            await connected(clinic)
            clinic.service.mqtt._append = full
            await asyncio.to_thread(published, monitor, [READING])
            await tried.wait()
        async with serving(tmp_path, subscribing(broker.port)) as clinic:
            await until_answered(lambda: _some(clinic, 1), "what was not taken")


async def test_a_broker_that_goes_away_is_said_and_joined_again_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mqtt_broker() as first:
        port = first.port
        async with serving(tmp_path, subscribing(port)) as clinic:
            await connected(clinic)
            first.process.kill()
            await until(lambda: clinic.service.mqtt.trouble, "the loss to be noticed")
            assert f"mqtt://127.0.0.1:{port} is lost" in caplog.text
            assert (await clinic.get("/healthz"))["mqtt"] != "connected"
            with mqtt_broker(port):
                await connected(clinic)
                with publisher(port) as monitor:
                    await asyncio.to_thread(published, monitor, [READING])
                await until_answered(lambda: _some(clinic, 1), "the reading")


async def test_a_broker_that_refuses_the_password_or_a_topic_is_said(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    signed = {"user": BROKER_USER[0], "password_file": secret}
    with mqtt_broker(users=True) as broker:
        async with serving(tmp_path / "a", subscribing(broker.port, **signed)) as clinic:
            await until(lambda: "refuses the connection" in clinic.service.mqtt.trouble, "the refusal")
        secret.write_text(BROKER_USER[1] + "\n")
        async with serving(
            tmp_path / "b", subscribing(broker.port, topics=["clinic/#", "other/#"], **signed)
        ) as clinic:
            await until(lambda: "refuses the topics other/#" in clinic.service.mqtt.trouble, "the refusal of a topic")
            with publisher(broker.port, users=True) as monitor:
                await asyncio.to_thread(published, monitor, [READING], "clinic/m3")
            await until_answered(lambda: _some(clinic, 1), "what the other topic brings")


# paho leaves the socket of a handshake that failed to the collector, which closes it.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
async def test_over_tls_only_a_broker_whose_certificate_is_good_is_believed(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = authority.issue_cert("localhost")
    key, cert, ca = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "ca.pem"
    server.private_key_pem.write_to_path(key)
    server.cert_chain_pems[0].write_to_path(cert)
    authority.cert_pem.write_to_path(ca)
    trusting = ssl.create_default_context(cafile=ca)
    with mqtt_broker(key=key, cert=cert) as broker, publisher(broker.port, tls=trusting) as monitor:
        address = f"mqtts://localhost:{broker.port}"
        async with serving(tmp_path / "a", subscribing(broker.port, broker=address)) as clinic:
            await until(lambda: "certificate verify failed" in clinic.service.mqtt.trouble, "the refusal")
        async with serving(tmp_path / "b", subscribing(broker.port, broker=address, ca=ca)) as clinic:
            await connected(clinic)
            await asyncio.to_thread(published, monitor, [READING])
            await until_answered(lambda: _some(clinic, 1), "the reading")


def test_what_a_killed_service_had_not_acknowledged_comes_again(tmp_path: Path) -> None:
    readings = [READING | {"at": at(n), "seq": n} for n in range(1, 400)]
    with mqtt_broker() as broker, publisher(broker.port) as monitor:
        config = tmp_path / "site.toml"
        config.write_text(f'[pages]\ndestinations = []\n[mqtt]\nbroker = "mqtt://127.0.0.1:{broker.port}"\n')
        with started(tmp_path / "data", "--clock", "observed", "--config", config) as service:
            waited(lambda: _mqtt(service.address) == "connected", "the broker's answer")
            published(monitor, readings[:100])
            waited(lambda: _fresh(service.address) > 0, "the first of them")
            published(monitor, readings[100:300])
            service.kill()
        published(monitor, readings[300:])
        with started(tmp_path / "data", "--clock", "observed", "--config", config) as service:
            waited(lambda: _fresh(service.address) == len(readings), "every one of them, once")


async def test_the_guides_message_comes_in(tmp_path: Path) -> None:
    (snippet,) = [each.text for each in snippets(ROOT / "docs" / "mqtt.md") if each.kind == "python"]
    with mqtt_broker() as broker:
        async with serving(tmp_path / "data", subscribing(broker.port)) as clinic:
            await connected(clinic)
            shell = Shell(tmp_path, os.environ)
            done = await asyncio.to_thread(shell.run, "python", snippet.replace("port=1883", f"port={broker.port}"))
            assert done.returncode == 0, done.stderr
            await until_answered(lambda: _some(clinic, 1), "the guide's reading")


def _mqtt(address: str) -> str:
    return str(httpx.get(f"{address}/healthz").json()["mqtt"])


def _fresh(address: str) -> int:
    """Samples that the ward has seen, repeats left out."""
    count = {"samples": 0.0, "repeated or late": 0.0}
    for line in httpx.get(f"{address}/metrics").text.splitlines():
        for fate in count:
            if line.startswith(f'chairside_ward_observations{{fate="{fate}"}}'):
                count[fate] = float(line.split()[-1])
    return round(count["samples"] - count["repeated or late"])


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"broker": "broker.example"}, "write mqtt://HOST:PORT or mqtts://HOST:PORT"),
        ({"broker": "mqtt://ward:secret@broker.example"}, "user and password have their own places"),
        ({"broker": "mqtt://broker.example:99999"}, "broker"),
        ({"broker": "mqtts://b", "certificate": "/nowhere"}, "there is no such file"),
        ({"broker": "mqtts://b", "password_file": str(Path(__file__))}, "a password takes a user"),
        ({"broker": "mqtt://b", "ca": str(Path(__file__))}, "write mqtts://"),
        ({"broker": "mqtts://b", "key": str(Path(__file__))}, "takes certificate and key"),
        ({"broker": "mqtt://b", "topics": []}, "topics"),
    ],
)
def test_what_is_configured_wrongly_is_refused_with_what_to_write(part: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        MqttPart.model_validate(part)
    assert said in str(refused.value)
