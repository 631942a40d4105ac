"""An alarm manager, by IHE PCD-04: each alert of a page as a message ORU^R40 over MLLP, taken when it is answered AA (or CA).

``pcd04s://HOST:PORT`` speaks TLS, ``pcd04://HOST:PORT`` does not. ``?ca_file=FILE`` is who vouches for the receiver, where the
system's list does not; ``certificate=FILE&key=FILE`` is ours, where it asks for one; ``application=NAME&facility=NAME`` what it
calls itself.
A connection is for one page: what is not answered in time is tried again by the pager, with the same control id.
Bad at: many alerts a second. Never here: what a message says (pcd04_message.py).
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

from alerts.notify.address import Address
from alerts.notify.destination import Message, Outcome
from alerts.notify.lookup import addresses
from alerts.notify.pcd04_message import Built, Receiver, alert_message, trial_message
from models.wire.hl7 import BEGIN, END, ack_of

PORT: Final = 2575
"""MLLP's own (IANA), where the address has none."""
LONGEST_ANSWER: Final = 2**16
"""Bytes of an answer: an ACK has some hundreds. Chosen by us."""
_TAKEN: Final = frozenset(("AA", "CA"))
_MEANS: Final = {
    "AE": "AE: it could not use the message", "AR": "AR: it refuses the message",
    "CE": "CE: it could not keep the message", "CR": "CR: it refuses to keep the message",
}  # fmt: skip


class Pcd04Notifier:
    """Sends a page's alerts to an alarm manager.

    Raises:
        ValueError: an address without a host, or a file that cannot be used.
    """

    def __init__(self, url: str) -> None:
        address = Address(url)
        address.http_origin(secure=False)  # a host that cannot be read is refused here
        self._host, self._port = address.parts.hostname or "", address.parts.port or PORT
        self._receiver = Receiver(address.get("application"), address.get("facility"))
        self._tls = _tls(address) if address.scheme == "pcd04s" else None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the first of its addresses that takes one.

        Raises:
            OSError: none does.
        """
        *others, last = [address for _, _, address in await addresses(self._host, self._port)]
        for address in others:
            with suppress(OSError):
                return await self._connect_to(address)
        return await self._connect_to(last)

    async def _connect_to(self, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = None if self._tls is None else self._host
        return await asyncio.open_connection(
            address, self._port, ssl=self._tls, server_hostname=name, limit=LONGEST_ANSWER
        )

    async def send(self, message: Message) -> Outcome:
        page = message.page
        built = [alert_message(page, each, self._receiver) for each in message.about]
        if not built:
            built = [trial_message(page, "start", self._receiver), trial_message(page, "end", self._receiver)]
        try:
            reader, writer = await self._connect()
        except ssl.SSLCertVerificationError:
            return Outcome(False, "its certificate is not vouched for")
        except (OSError, ssl.SSLError):
            return Outcome(False, "no connection")
        try:
            for each in built:
                writer.write(BEGIN + each.body + END)
                await writer.drain()
                if (refused := _why_not_taken(await _answer(reader), each)) is not None:
                    return Outcome(False, refused)
            return Outcome(True)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return Outcome(False, "the connection ended before the answer")
        except asyncio.LimitOverrunError:
            return Outcome(False, "its answer does not end")
        finally:
            writer.close()
            with suppress(OSError, ssl.SSLError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """The next frame; what stands before it is passed over."""
    await reader.readuntil(BEGIN)
    return (await reader.readuntil(END))[: -len(END)]


def _why_not_taken(answer: bytes, sent: Built) -> str | None:
    """Why an answer does not say that the message was taken; None: it does."""
    said = ack_of(answer)
    if said is None:
        return "answered, but not as HL7 does"
    if said.about != sent.control_id:
        return "answered another message"
    return None if said.code in _TAKEN else f"answered {_MEANS.get(said.code, 'with a code that is none of HL7')}"


def _tls(address: Address) -> ssl.SSLContext:
    ca_file, certificate, key = (address.get(name) or None for name in ("ca_file", "certificate", "key"))
    for name, path in (("ca_file", ca_file), ("certificate", certificate), ("key", key)):
        if path is not None and not Path(path).is_file():
            raise ValueError(f"{address.scheme}: {name} is no file")
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as wrong:
        raise ValueError(f"{address.scheme}: the certificates cannot be used") from wrong
    return context
