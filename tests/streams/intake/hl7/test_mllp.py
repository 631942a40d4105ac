"""Monitors' gateways over MLLP: answered when it is durable, whatever comes between, and one that hangs keeps nobody out."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hl7
import pytest
import trustme
from hl7.client import MLLPClient

from deploy.settings import BadConfiguration, Settings, load
from models.wire.hl7 import BEGIN, END
from streams.intake.append import Overloaded
from streams.intake.hl7 import mllp
from tests.streams.intake.hl7.test_message import PERCENT, SPO2, message, obx
from tests.support.service import Inside, invoked, said_once, serving, until


def settings(**hl7_part: Any) -> Settings:
    return Settings.model_validate({"pages": {"destinations": []}, "hl7": {"port": 0, **hl7_part}})


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path, settings()) as inside:
        await until(lambda: inside.service.hl7.port is not None, "the port")
        yield inside


def falls(second: int) -> bytes:
    return message(obx(SPO2, str(max(97 - second, 86 + second % 2)), PERCENT, at=f"202611231400{second:02d}"))


async def told(clinic: Inside, *bodies: bytes, **tls: Any) -> list[hl7.Message]:
    """The answers to messages, by python-hl7's own client."""
    port = clinic.service.hl7.port

    def talk() -> list[hl7.Message]:
        with MLLPClient("127.0.0.1", port) as client:
            return [hl7.parse(client.send_message(body).strip(b"\x0b\x1c\r").decode()) for body in bodies]

    return await asyncio.to_thread(talk)


async def test_a_gateway_of_another_make_is_answered_and_its_alert_is_raised(clinic: Inside) -> None:
    answers = await told(clinic, *(falls(second) for second in range(60)))
    assert {(str(each["MSA"][0][1]), str(each["MSA"][0][2])) for each in answers} == {("AA", "m-1")}
    await clinic.settled()
    (alert,) = (await clinic.get("/v1/alerts"))["alerts"]
    assert alert["rule"] == "desaturation"


async def test_a_message_that_is_sent_again_is_no_second_observation(clinic: Inside) -> None:
    assert len(await told(clinic, falls(1), falls(1), falls(1))) == 3
    await clinic.settled()
    counts = await clinic.service.views.counts()
    assert counts.observations["repeated or late"] == 2


async def test_what_cannot_be_used_is_answered_with_its_place_and_can_be_looked_up(clinic: Inside) -> None:
    answers = await told(clinic, message(obx(SPO2, "97", "furlong")), message(kind="RGV^O15"), b"nonsense")
    assert [str(each["MSA"][0][1]) for each in answers] == ["AE", "AR", "AR"]
    assert str(answers[0]["ERR"][0][2]) == "OBX^1^6"
    await clinic.settled()
    letters = (await clinic.get("/v1/dead-letters"))["dead_letters"]
    assert sorted(letter["field"] for letter in letters) == ["MSH|1|9", "MSH|1|9", "OBX|1|6"]


async def test_nothing_is_answered_as_taken_that_is_not_durable(
    clinic: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(records: Any) -> None:
        raise Overloaded("the journal cannot be written: disk full")

    monkeypatch.setattr(clinic.service.hl7, "_append", full)
    (said,) = await told(clinic, falls(1))
    assert str(said["MSA"][0][1]) == "AE"
    assert "send again" in str(said["ERR"])
    monkeypatch.undo()
    (said,) = await told(clinic, falls(1))
    assert str(said["MSA"][0][1]) == "AA"


def numbered(second: int) -> bytes:
    return falls(second).replace(b"|m-1|", f"|m-{second}|".encode(), 1)


async def test_each_answer_names_its_own_message_and_is_sent_when_that_one_is_durable_though_more_are_waiting(
    clinic: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that gave up waiting and went on must not take the late answer for the next message's."""
    reader, writer = await opened(clinic)
    append, durable = clinic.service.hl7._append, asyncio.Event()

    async def slow(records: Any) -> None:
        await durable.wait()
        await append(records)

    monkeypatch.setattr(clinic.service.hl7, "_append", slow)
    for second in (1, 2, 3):
        writer.write(BEGIN + numbered(second) + END)
    await writer.drain()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.1)
    durable.set()
    answers = [await asyncio.wait_for(reader.readuntil(END), 20) for _ in range(3)]
    assert [answer.split(b"MSA|")[1].split(b"\r")[0] for answer in answers] == [b"AA|m-1", b"AA|m-2", b"AA|m-3"]
    writer.close()


@contextmanager
def answering(*ids: bytes) -> Iterator[str]:
    """A receiver that takes one connection, and answers each message with the next of these ids."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as came:
                for id_ in ids:
                    while (byte := came.read(1)) != END[:1]:
                        if not byte:
                            return
                    connection.sendall(BEGIN + b"MSH|^~\\&|\rMSA|AA|" + id_ + b"\r" + END)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(20)


@pytest.mark.parametrize(("ids", "status"), [((b"m-1", b"m-2"), 0), ((b"m-1", b"m-1"), 1), ((b"", b"m-2"), 1)])
def test_an_answer_to_another_message_is_never_taken_for_this_one_s(
    tmp_path: Path, ids: tuple[bytes, ...], status: int
) -> None:
    file = tmp_path / "monitor.hl7"
    file.write_bytes(numbered(1) + b"\r" + numbered(2))
    with answering(*ids) as to:
        done = invoked("send", "--hl7", file, "--to", to)
    assert done.status == status
    assert ("by an answer to" in done.stderr) == (status == 1)


async def opened(clinic: Inside) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", clinic.service.hl7.port)


async def test_noise_between_messages_and_messages_in_pieces_are_no_trouble(clinic: Inside) -> None:
    reader, writer = await opened(clinic)
    framed = b"\r\n noise" + BEGIN + falls(1) + END + b"\x00" + BEGIN + falls(2) + END
    for start in range(0, len(framed), 7):
        writer.write(framed[start : start + 7])
        await writer.drain()
    for _ in range(2):
        assert b"MSA|AA|m-1" in await asyncio.wait_for(reader.readuntil(END), 20)
    writer.close()


@pytest.mark.parametrize(("bound", "began"), [("WHOLE_S", True), ("SILENT_S", False)])
async def test_a_connection_that_hangs_is_ended_and_others_are_served(
    clinic: Inside, monkeypatch: pytest.MonkeyPatch, bound: str, began: bool
) -> None:
    monkeypatch.setattr(mllp, bound, 0.2)
    reader, writer = await opened(clinic)
    writer.write(BEGIN + b"MSH|" if began else b"")
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
    assert len(await told(clinic, falls(1))) == 1


async def test_a_message_that_is_too_long_ends_its_connection(clinic: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = await opened(clinic)
    writer.write(BEGIN + b"x" * (3 * mllp.LARGEST_MESSAGE))
    with pytest.MonkeyPatch.context():
        assert await asyncio.wait_for(_to_the_end(reader), 20) == b""
    writer.close()


async def _to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_more_connections_than_may_be_are_turned_away_with_a_line_in_the_log(
    clinic: Inside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mllp, "MOST_CONNECTIONS", 1)
    first = await opened(clinic)
    await until(lambda: clinic.service.hl7.connections == 1, "the first one")
    second = await opened(clinic)
    assert await asyncio.wait_for(_to_the_end(second[0]), 20) == b""
    assert any("turned away" in record.message for record in caplog.records if record.levelno == logging.ERROR)
    for _, writer in (first, second):
        writer.close()


async def test_only_senders_that_the_configuration_names_come_in(tmp_path: Path) -> None:
    async with serving(tmp_path, settings(senders=["10.1.0.0/16"])) as clinic:
        await until(lambda: clinic.service.hl7.port is not None, "the port")
        reader, writer = await opened(clinic)
        assert await asyncio.wait_for(_to_the_end(reader), 20) == b""
        writer.close()


async def test_with_a_certificate_only_tls_comes_in_and_with_senders_ca_only_their_own(tmp_path: Path) -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    ours.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "service.pem"))
    theirs.cert_pem.write_to_path(str(tmp_path / "senders.pem"))
    theirs.issue_cert("gateway").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "gateway.pem"))
    part = {
        "certificate": str(tmp_path / "service.pem"),
        "key": str(tmp_path / "service.pem"),
        "senders_ca": str(tmp_path / "senders.pem"),
    }
    async with serving(tmp_path / "data", settings(**part)) as clinic:
        await until(lambda: clinic.service.hl7.port is not None, "the port")
        port = clinic.service.hl7.port
        for known in (True, False):
            context = ssl.create_default_context()
            ours.configure_trust(context)
            if known:
                context.load_cert_chain(tmp_path / "gateway.pem")
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(BEGIN + falls(1) + END)
            try:
                said = await asyncio.wait_for(reader.readuntil(END), 20)
            except (asyncio.IncompleteReadError, ssl.SSLError, ConnectionError):
                said = b""
            assert (b"MSA|AA" in said) == known
            writer.close()


async def test_a_file_of_messages_is_sent_by_the_command_line_and_each_is_answered(
    clinic: Inside, tmp_path: Path
) -> None:
    file = tmp_path / "monitor.hl7"
    file.write_bytes(falls(1) + b"\r\n" + falls(2) + b"\n" + message(kind="RGV^O15"))
    to = f"127.0.0.1:{clinic.service.hl7.port}"
    done = await asyncio.to_thread(invoked, "send", "--hl7", file, "--to", to)
    assert (done.status, [line[:15] for line in done.stdout.splitlines()]) == (
        1,
        ["1: MSA|AA|m-1", "2: MSA|AA|m-1", "3: MSA|AR|m-1  "],
    )
    assert "does the service have [hl7] port" in said_once(invoked("send", "--hl7", file, "--to", "127.0.0.1:1"))
    assert "no HL7 message" in said_once(invoked("send", "--hl7", Path(__file__), "--to", to))


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("senders = ['the ward']", "does not appear to be an IPv4 or IPv6 network"),
        ("certificate = 'nowhere.pem'", "nowhere.pem: there is no such file"),
        ("port = 99999", "less than or equal to 65535"),
    ],
)
def test_a_part_that_cannot_be_used_is_refused_with_its_field(tmp_path: Path, part: str, said: str) -> None:
    config = tmp_path / "site.toml"
    config.write_text(f"[hl7]\n{part}\n")
    with pytest.raises(BadConfiguration, match=said) as refused:
        load(config)
    assert "hl7" in refused.value.problems[0]
