"""An address's parts, for the channels that are ours; a secret is named by the file that holds it, or stands in the address.

``scheme://HOST/path?name=value``; ``?key_file=/run/secrets/hook`` for what is a secret. A file may hold several keys, a line
each, the newest first. Never here: what a part means.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit


class Address:
    """One address.

    Raises:
        ValueError: a part that is needed is missing, or a file cannot be read. The message holds no secret.
    """

    def __init__(self, url: str) -> None:
        self.parts: SplitResult = urlsplit(url)
        self.scheme = self.parts.scheme.lower()
        self._query = {name: values[-1] for name, values in parse_qs(self.parts.query).items()}

    @property
    def user(self) -> str:
        return unquote(self.parts.username or "")

    @property
    def password(self) -> str:
        return unquote(self.parts.password or "")

    def get(self, name: str, default: str = "") -> str:
        """A setting of the address."""
        return self._query.get(name, default)

    def needed(self, name: str) -> str:
        """A setting that the address must have."""
        if not self.get(name):
            raise ValueError(f"{self.scheme}: {name}= is missing")
        return self.get(name)

    def secrets(self, name: str) -> list[str]:
        """The keys under a name: those in the file ``name_file``, or the one in the address."""
        file = self.get(f"{name}_file")
        if not file:
            return [self.needed(name)]
        try:
            lines = Path(file).read_text("utf-8").split()
        except OSError as wrong:
            raise ValueError(f"{self.scheme}: {name}_file cannot be read: {wrong.strerror}") from wrong
        if not lines:
            raise ValueError(f"{self.scheme}: {name}_file is empty")
        return lines

    def http_origin(self, *, secure: bool) -> str:
        """The HTTP address of the host, without a path."""
        host, at = self.parts.hostname, f":{self.parts.port}" if self.parts.port else ""
        if not host:
            raise ValueError(f"{self.scheme}: a host is needed")
        return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}{at}"

    def http_url(self, *, secure: bool) -> str:
        """The HTTP address of host and path."""
        return self.http_origin(secure=secure) + self.parts.path
