"""An address's parts, for the channels that are ours; a secret is named by the file that holds it, or stands in the address.

``scheme://HOST/path?name=value``; ``?key_file=/run/secrets/hook`` for what is a secret. A file may hold several keys, a line
each, the newest first; it is read anew each time, so that a key is replaced without a restart. Never here: what a part means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
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

    def secrets(self, name: str) -> Callable[[], Sequence[str]]:
        """What gives the keys under a name as they are now: those in the file ``name_file``, or the one in the address."""
        file = self.get(f"{name}_file")
        if file:
            return keys_in(Path(file), f"{self.scheme}: {name}_file")
        only = self.needed(name)
        return lambda: [only]

    def http_origin(self, *, secure: bool) -> str:
        """The HTTP address of the host, without a path."""
        host, at = self.parts.hostname, f":{self.parts.port}" if self.parts.port else ""
        if not host:
            raise ValueError(f"{self.scheme}: a host is needed")
        return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}{at}"

    def http_url(self, *, secure: bool) -> str:
        """The HTTP address of host and path."""
        return self.http_origin(secure=secure) + self.parts.path


def keys_in(file: Path, name: str) -> Callable[[], Sequence[str]]:
    """What gives the keys in a file as they are now, a line each. A file that cannot be read later, or is empty, as while
    somebody replaces it, changes nothing.

    Raises:
        ValueError: there are none to begin with. The message calls the file `name`.
    """
    last = _keys(file, name)

    def now() -> Sequence[str]:
        nonlocal last
        with suppress(ValueError):
            last = _keys(file, name)
        return last

    return now


def _keys(file: Path, name: str) -> Sequence[str]:
    try:
        lines = file.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "no text"
        raise ValueError(f"{name} cannot be read: {why}") from wrong
    if not lines:
        raise ValueError(f"{name} is empty")
    return lines
