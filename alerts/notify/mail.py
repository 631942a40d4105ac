"""E-mail by SMTP, with the link that acknowledges.

``smtps://USER:PASSWORD@HOST/?from=…&to=…`` (TLS from the start), or ``smtp://…`` (STARTTLS where there is a password;
``?tls=no`` for a relay on this machine). `to` may name several, with commas. The Message-ID is made of the page's key, so that a
repeat is seen as one. Taken is what the server answered 250 to, for every recipient.
Bad at: knowing whether it is read, or thrown away on the way. It blocks, and is run in a thread.
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import blake2b
from typing import Final

from alerts.notify.address import Address
from alerts.notify.destination import Message, Outcome
from models.instants import from_iso, to_datetime

SMTP_ANSWER_S: Final = 8.0
"""How long one answer of the server may take. Chosen by us: under the time-out of the whole try."""


class MailNotifier:
    """Sends a page as a plain text.

    Raises:
        ValueError: an address that lacks something.
    """

    def __init__(self, url: str) -> None:
        self._address = address = Address(url)
        self._host = address.parts.hostname or ""
        if not self._host:
            raise ValueError(f"{address.scheme}: a host is needed")
        self._from = address.needed("from")
        self._to = [each.strip() for each in address.needed("to").split(",") if each.strip()]
        self._passwords = address.secrets("password") if address.get("password_file") else lambda: [address.password]
        self._starttls = (
            address.scheme == "smtp" and address.get("tls", "yes" if self._passwords()[0] else "no") != "no"
        )

    def mail(self, message: Message) -> EmailMessage:
        """The page as a mail."""
        page = message.page
        mail = EmailMessage()
        mail["Subject"] = " ".join(page.title.split())
        mail["From"], mail["To"] = self._from, ", ".join(self._to)
        mail["Date"] = format_datetime(to_datetime(from_iso(page.at)))
        who = blake2b(f"{page.key}\n{message.person}".encode(), digest_size=12).hexdigest()
        mail["Message-ID"] = f"<{who}@{self._from.rpartition('@')[2] or 'chairside'}>"
        mail["X-Chairside-Key"] = " ".join(page.key.split())
        if page.priority == "high":
            mail["Importance"], mail["X-Priority"] = "high", "1"
        answer = "" if message.answer is None else f"\n\nAcknowledge: {message.answer}"
        mail.set_content(f"{page.body}{answer}\n")
        return mail

    def send(self, message: Message) -> Outcome:
        try:
            with self._connected() as server:
                refused = server.send_message(self.mail(message))
        except smtplib.SMTPResponseException as said:
            return Outcome(False, f"answered {said.smtp_code}")
        except smtplib.SMTPRecipientsRefused:
            return Outcome(False, "refuses every recipient")
        except ssl.SSLError:
            return Outcome(False, "its certificate is not to be trusted")
        except (OSError, smtplib.SMTPException):
            return Outcome(False, "no connection, or no answer in time")
        return Outcome(False, f"refuses {len(refused)} of {len(self._to)} recipients") if refused else Outcome(True)

    def _connected(self) -> smtplib.SMTP:
        port, trust = self._address.parts.port, ssl.create_default_context()
        if self._address.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, port or 465, timeout=SMTP_ANSWER_S, context=trust)
        else:
            server = smtplib.SMTP(self._host, port or 587, timeout=SMTP_ANSWER_S)
        try:
            if self._starttls:
                server.starttls(context=trust)
            if self._address.user:
                server.login(self._address.user, self._passwords()[0])
        except BaseException:
            server.close()
            raise
        return server
