"""HL7 v2 over MLLP: connections of senders in, their messages to the journal, an answer to each when it is durable.

A frame of MLLP is a message between a vertical tab and a file separator with a carriage return; one is answered before the next
is read, so an answer is of the message before it. A sender that hears nothing sends again, and the ward drops the repeat.
A connection that is silent, or that does not end what it began, is ended; so is one that sends more than a message may have.
Beyond `MOST_CONNECTIONS` new ones are turned away, with a line in the log: half-open ones must not keep a monitor out.
Bad at: one sender's many messages a second, since each waits for the disk. Never here: what a message means (message.py).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from models.instants import EPOCH
from models.wire.hl7 import BEGIN, END
from models.wire.observations import SetAside
from streams.intake.admission import Admission
from streams.intake.append import Overloaded, Records
from streams.intake.hl7.answers import TAKEN, UNUSABLE, acknowledgement
from streams.intake.hl7.fields import BadMessage, Fields
from streams.intake.hl7.message import read_message
from streams.intake.hl7.times import HomeZone
from streams.intake.post import arranged
from streams.journal.frame import Packable

log = logging.getLogger(__name__)

LARGEST_MESSAGE: Final = 2**20
"""Bytes of a message: some five thousand values. Chosen by us."""
SILENT_S: Final = 600.0
"""A connection without a message for so long is ended; senders open it again. Gateways send each minute at the least. By us."""
WHOLE_S: Final = 30.0
"""How long a message that has begun may take to end. Chosen by us."""
MOST_CONNECTIONS: Final = 500
"""Connections at a time: a network of monitors behind one service, and a bound for what they may keep in memory. By us."""


class MllpIntake:
    """A listener. `run` takes connections until it is cancelled.

    Args:
        append: durable when it returns. counted: told how many were accepted and set aside.
        zone: of times that say none. senders: the networks that may connect. tls: with it, only senders that speak TLS come in.
    """

    def __init__(
        self, append: Callable[[Records], Awaitable[None]], counted: Callable[[int, int], None], admission: Admission, zone: HomeZone,
        now_us: Callable[[], int], senders: Sequence[IPv4Network | IPv6Network], tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._append = append
        self._counted = counted
        self._admission = admission
        self._zone = zone
        self._now_us = now_us
        self._senders = senders
        self._tls = tls
        self.port: int | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        return len(self._open)

    async def run(self, host: str, port: int) -> None:
        """Listen until cancelled; `port` is then where.

        Raises:
            OSError: the address is taken or not ours.
        """
        try:
            server = await asyncio.start_server(self._serve, host, port, limit=LARGEST_MESSAGE, ssl=self._tls)
        except OSError as wrong:
            raise OSError(wrong.errno, f"HL7 cannot listen on {host}:{port} ({wrong.strerror}): see [hl7]") from wrong
        self.port = int(server.sockets[0].getsockname()[1])
        log.info("HL7 v2 over MLLP on %s:%d", host, self.port)
        try:
            await server.serve_forever()
        finally:
            server.close()
            for connection in self._open:
                connection.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        if (turned_away := self._turned_away(peer)) is not None:
            log.error("HL7: %s is turned away: %s", peer, turned_away)
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while True:
                message = await next_message(reader)
                if message is None:
                    return
                said = await self.answer_to(message)
                if said:
                    writer.write(BEGIN + said + END)
                    await writer.drain()
        except (TimeoutError, asyncio.LimitOverrunError, asyncio.IncompleteReadError) as ended:
            log.warning("HL7: the connection of %s is ended: %s", peer, _why(ended))
        except (ConnectionError, ssl.SSLError) as gone:
            log.info("HL7: %s has gone: %s", peer, gone)
        finally:
            self._open.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)

    def _turned_away(self, peer: str) -> str | None:
        if not any(ip_address(peer.partition("%")[0]) in network for network in self._senders):
            return "it is none of the senders that the configuration names"
        return f"there are {MOST_CONNECTIONS} connections already" if len(self._open) >= MOST_CONNECTIONS else None

    async def answer_to(self, body: bytes) -> bytes:
        """Put a message into the journal; the answer to it, empty for one that wants none."""
        fields: Fields | None = None
        try:
            fields = Fields(body)
            if fields.text("MSH", 9) == "ACK":
                return b""  # an answer is never answered
            reading = read_message(fields, self._admission, self._zone)
        except BadMessage as bad:
            line = fields.line("MSH") if fields is not None else "MSH"
            aside = SetAside(
                at=EPOCH, site=self._admission.filed_under(None), field="MSH|1|9", reason=str(bad), line=line
            )
            return await self._durable(fields, [aside], 0, 1, bad.code, str(bad), "MSH|1|9")
        code, reason, where = TAKEN, "", ""
        if reading.bad:
            _, first = reading.bad[0]
            more = f", and {len(reading.bad) - 1} more" if len(reading.bad) > 1 else ""
            code, reason, where = (TAKEN if reading.accepted else UNUSABLE), f"{first.reason}{more}", first.field
        return await self._durable(
            fields, arranged(reading.records), reading.accepted, len(reading.bad), code, reason, where
        )

    async def _durable(
        self, fields: Fields | None, records: Sequence[Packable], accepted: int, bad: int, code: str, reason: str, where: str
    ) -> bytes:  # fmt: skip
        try:
            await self._append(records)
        except Overloaded as wait:
            # Not the message's fault: the sender keeps it and comes again.
            return acknowledgement(fields, UNUSABLE, f"not durable, send again: {wait}", "", self._now_us())
        self._counted(accepted, bad)
        return acknowledgement(fields, code, reason, where, self._now_us())


async def next_message(reader: asyncio.StreamReader) -> bytes | None:
    """The next message; None when the sender has hung up. What stands between two messages is passed over.

    Raises:
        TimeoutError: nothing came, or it did not end, in time.
        LimitOverrunError, IncompleteReadError: it is too long, or broke off.
    """
    async with asyncio.timeout(SILENT_S):
        while True:
            between = await reader.read(1)
            if not between:
                return None
            if between == BEGIN:
                break
    async with asyncio.timeout(WHOLE_S):
        return (await reader.readuntil(END))[: -len(END)]


def _why(ended: Exception) -> str:
    match ended:
        case asyncio.LimitOverrunError():
            return f"a message of more than {LARGEST_MESSAGE // 2**20} MiB"
        case asyncio.IncompleteReadError():
            return "it broke off within a message, which was not taken"
        case _:
            return "it was silent, or did not end what it began"
