"""Certificates are read once a run: a client of httpx reads some hundred when it is made, 30 ms of processor time.

The tests make thousands of clients, and hardly one speaks TLS.
"""

from __future__ import annotations

import os
import ssl
from typing import Any

from httpx._transports import default


def read_once() -> None:
    """Have every client that trusts whom the machine trusts share one context. One that brings its own keeps that."""
    # httpx has no public place for it. Should this one move, the look-up fails at once.
    make, kept = vars(default)["create_ssl_context"], dict[tuple[str | None, ...], ssl.SSLContext]()

    def create(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is not True or cert is not None:
            own: ssl.SSLContext = make(verify=verify, cert=cert, trust_env=trust_env)
            return own
        where = tuple(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")) if trust_env else ()
        if where not in kept:
            kept[where] = make(verify=verify, trust_env=trust_env)
        return kept[where]

    vars(default)["create_ssl_context"] = create
