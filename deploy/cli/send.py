"""`chairside send`: HL7 messages of a file to a service, one after the other, and what it answers to each."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.cli.terminal import fail
from models.wire.hl7 import BEGIN, END, ack_of
from streams.intake.hl7.answers import TAKEN

PATIENCE_S: Final = 30.0


def send_command(
    hl7: Annotated[
        Path, typer.Option(metavar="FILE", help="HL7 v2 messages, each beginning with MSH.", show_default=False)
    ],
    to: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the service listens for MLLP.")
    ] = "127.0.0.1:2575",
) -> None:
    """Send the HL7 messages of a file over MLLP and print the answers. The exit status is 1 unless all are taken (AA).

    [dim]chairside send --hl7 monitor.hl7 --to 127.0.0.1:2575[/dim]
    """
    host, _, port = to.rpartition(":")
    try:
        body = hl7.read_bytes().strip(b"\x0b\x1c\r\n ")
    except OSError as wrong:
        raise fail(f"{hl7}: {wrong.strerror}") from wrong
    messages = [each for each in re.split(rb"[\x0b\x1c\r\n]+(?=MSH)", body) if each]
    if not messages or not messages[0].startswith(b"MSH"):
        raise fail(f"{hl7}: no HL7 message: one begins with MSH")
    taken = 0
    try:
        with (
            socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), PATIENCE_S) as connection,
            connection.makefile("rb") as answers,
        ):
            connection.settimeout(PATIENCE_S)
            for number, message in enumerate(messages, 1):
                connection.sendall(BEGIN + message.replace(b"\r\n", b"\r").replace(b"\n", b"\r") + END)
                answer = b""
                while not answer.endswith(END):
                    byte = answers.read(1)
                    if not byte:
                        raise fail(f"{to} hung up after message {number}: is this address among its hl7.senders?")
                    answer += byte
                said = [
                    line
                    for line in answer.strip(BEGIN + END).decode("utf-8", "replace").split("\r")
                    if line[:3] in {"MSA", "ERR"}
                ]
                ack = ack_of(answer.strip(BEGIN + END))
                other = "" if ack is None else ack.about
                if other != (mine := _control_id(message)):
                    # A late answer to an earlier message would pass for this one's, and so on to the end.
                    raise fail(
                        f"{to} answered message {number}, {mine!r}, by an answer to {other!r}: it may not be taken"
                    )
                taken += ack is not None and ack.code == TAKEN
                typer.echo(f"{number}: {'  '.join(said)}")
    except ValueError:
        raise fail(f"--to {to}: write HOST:PORT") from None
    except OSError as wrong:
        raise fail(
            f"{to}: {wrong.strerror or wrong}: does the service have [hl7] port in its configuration?"
        ) from wrong
    if taken < len(messages):
        raise typer.Exit(1)


def _control_id(message: bytes) -> str:
    """A message's own id, MSH-10; empty where it has none."""
    head = re.split(rb"[\r\n]", message, maxsplit=1)[0].decode("utf-8", "replace")
    fields = head[4:].split(head[3:4] or "|")
    return fields[8].partition("^")[0].strip() if len(fields) > 8 else ""
