"""TLS in front of a PostgreSQL whose build has none, as a pooler does: it answers who asks for TLS and passes on the inside."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme

REQUEST = bytes.fromhex("0000000804d2162f")
"""What a client says that wants TLS (PostgreSQL's protocol, SSLRequest)."""


@contextmanager
def tls_in_front_of(port: int, folder: Path) -> Iterator[tuple[int, Path]]:
    """Listen on a port of 127.0.0.1; that port, and the certificate to trust."""
    authority = trustme.CA()
    ca = folder / "database-ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    listening = socket.create_server(("127.0.0.1", 0))

    def pipe(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        with suppress(OSError), client:
            if client.recv(8) != REQUEST:
                return  # without TLS nobody gets any further
            client.sendall(b"S")
            with (
                context.wrap_socket(client, server_side=True) as inside,
                socket.create_connection(("127.0.0.1", port)) as server,
            ):
                answering = threading.Thread(target=pipe, args=(server, inside), daemon=True)
                answering.start()
                pipe(inside, server)
                answering.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1], ca
    finally:
        listening.close()
