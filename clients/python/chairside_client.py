"""Sends observations to Chairside: `put` is on disk when it returns, and goes from there to the server, once each, in order.

The buffer is an SQLite file. One thread takes the oldest lines, posts them, and deletes them once the server has answered that
they are on its disk. An answer that was lost makes the same lines come again; the server knows a reading by its device and
time, and any other entry by its `id` or by all its fields, so that a repeat changes nothing.
Bad at: two processes with one buffer, which is refused. Needs Python 3.9 and nothing else. Never here: what an observation means.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import json
import random
import sqlite3
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Union
from urllib.parse import urlsplit

BATCH_LINES = 500
"""Lines of one post at the most; a post of Chairside's may have some 60,000."""
BUFFER_LINES = 1_000_000
"""Lines that the buffer holds at the most: eleven days of one monitor, each second."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
TIMEOUT_S = 20.0

Observation = Union[Mapping[str, Any], str, bytes]  # noqa: UP007  # Python 3.9 runs this line
"""As an object, or as its line of JSON."""
SetAsideTold = Callable[[str, str, str], None]
"""Told a line that the server cannot use, the field and the reason."""
ProblemTold = Callable[[str], None]
"""Told why nothing goes out, whenever that is another reason than before; empty: it goes out again."""


class BufferFull(RuntimeError):
    """The buffer holds as much as it may: the server has been away for too long."""


class BufferInUse(RuntimeError):
    """Another process sends from this buffer."""


class Client:
    """Sends to one server. Use as a context manager, or `close` it: what has not gone is in the buffer for the next time.

    Args:
        url: the server's address, as https://chairside.example.org. buffer: the file of the buffer.
        token, token_file: of `chairside token add`; the file is read anew for each post. ca: of a certificate that is not public.
        on_set_aside: told what the server cannot use. on_problem: told why nothing goes out, and when it does again; both by the
        thread that sends. most_lines: that the buffer holds.
    """

    def __init__(
        self, url: str, buffer: str | Path, *, token: str | None = None, token_file: str | Path | None = None,
        ca: str | None = None, on_set_aside: SetAsideTold | None = None, on_problem: ProblemTold | None = None,
        most_lines: int = BUFFER_LINES, batch_lines: int = BATCH_LINES,
    ) -> None:  # fmt: skip
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url}: write http://HOST:PORT or https://HOST")
        self._parts = parts
        self._path = f"{parts.path.rstrip('/')}/v1/observations"
        self._tls = ssl.create_default_context(cafile=ca) if parts.scheme == "https" else None
        self._token, self._token_file = token, token_file
        self._told, self._problem_told = on_set_aside, on_problem
        self._most = most_lines
        self._batch = batch_lines
        self._lock_file = open(f"{buffer}.lock", "w")  # noqa: PTH123, SIM115  # held for as long as this lives
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            self._lock_file.close()
            raise BufferInUse(f"{buffer} is another process's: give each gateway a buffer of its own") from held
        self._store = sqlite3.connect(str(buffer), check_same_thread=False, isolation_level=None)
        self._store.execute("PRAGMA journal_mode=WAL")
        self._store.execute("PRAGMA synchronous=FULL")
        self._store.execute(
            "CREATE TABLE IF NOT EXISTS lines (n INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL)"
        )
        self._guard = threading.Lock()
        self._waiting: int = self._store.execute("SELECT count(*) FROM lines").fetchone()[0]
        self._connection: http.client.HTTPConnection | None = None
        self._news, self._stop, self._empty = threading.Event(), threading.Event(), threading.Event()
        self.accepted = 0
        self.set_aside = 0
        self.problem = ""
        """Why nothing goes out now; empty: it does."""
        if self._waiting:
            self._news.set()
        else:
            self._empty.set()
        self._thread = threading.Thread(target=self._run, name="chairside-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self.close()

    @property
    def waiting(self) -> int:
        """Lines in the buffer."""
        return self._waiting

    def put(self, *observations: Observation) -> None:
        """Put observations into the buffer; on this machine's disk when it returns.

        Raises:
            BufferFull: it holds as much as it may; none of these is in it. ValueError: one is no JSON object.
        """
        lines = [(_line_of(each),) for each in observations]
        with self._guard:
            if self._waiting + len(lines) > self._most:
                raise BufferFull(
                    f"{self._waiting} lines wait for {self._parts.hostname}: {self.problem or 'it is slow'}"
                )
            self._store.execute("BEGIN")
            self._store.executemany("INSERT INTO lines (line) VALUES (?)", lines)
            self._store.execute("COMMIT")
            self._waiting += len(lines)
            self._empty.clear()
        self._news.set()

    def flush(self, timeout_s: float = 60.0) -> bool:
        """Wait until the buffer is empty; whether it is."""
        return self._empty.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Give what waits some seconds to go, and stop. The rest stays in the buffer."""
        self.flush(timeout_s if not self.problem else 0.0)
        self._stop.set()
        self._news.set()
        self._thread.join(TIMEOUT_S + 5)
        with self._guard:
            self._store.close()
        self._lock_file.close()

    # ---- the thread that sends ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._send_on()
        finally:
            if self._connection is not None:
                self._connection.close()

    def _send_on(self) -> None:
        wait_s, batch = FIRST_WAIT_S, self._batch
        while not self._stop.is_set():
            with self._guard:
                rows = self._store.execute("SELECT n, line FROM lines ORDER BY n LIMIT ?", (batch,)).fetchall()
            if not rows:
                self._empty.set()
                self._news.wait()
                self._news.clear()
                continue
            status, answer, after_s = self._post([line for _, line in rows])
            if status == 413 and batch > 1:
                batch = max(1, batch // 2)
                continue
            if status == 200 or (status == 422 and "set_aside" in answer):
                self._done(rows, answer)
                wait_s, batch = FIRST_WAIT_S, self._batch
                self._now("")
                continue
            self._now(_why(status, answer))
            # Some chance, or all gateways of a ward come back in the same second.
            self._stop.wait(max(after_s, wait_s * random.uniform(0.5, 1.0)))
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _now(self, problem: str) -> None:
        before, self.problem = self.problem, problem
        if problem != before and self._problem_told is not None:
            self._problem_told(problem)

    def _done(self, rows: Sequence[tuple[int, str]], answer: Mapping[str, Any]) -> None:
        aside = answer.get("set_aside") or []
        with self._guard:
            self._store.execute("DELETE FROM lines WHERE n <= ?", (rows[-1][0],))
            self._waiting -= len(rows)
            if not self._waiting:
                self._empty.set()
        self.accepted += int(answer.get("accepted", 0))
        self.set_aside += int(answer.get("set_aside_in_all", len(aside)))
        for each in aside:
            if self._told is not None and 0 < int(each["line"]) <= len(rows):
                self._told(rows[int(each["line"]) - 1][1], str(each["field"]), str(each["reason"]))

    def _post(self, lines: Sequence[str]) -> tuple[int, Mapping[str, Any], float]:
        """The status, what was answered, and after how many seconds to come again; status 0: nobody answered."""
        headers = {"Content-Type": "application/x-ndjson"}
        try:
            if self._token_file is not None:
                headers["Authorization"] = f"Bearer {Path(self._token_file).read_text('utf-8').strip()}"
            elif self._token is not None:
                headers["Authorization"] = f"Bearer {self._token}"
            if self._connection is None:
                self._connection = self._connected()
            self._connection.request("POST", self._path, "\n".join(lines).encode(), headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as wrong:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return 0, {"detail": _wrong(wrong)}, 0.0
        try:
            said = json.loads(body)
        except ValueError:
            said = {}
        after = response.headers.get("Retry-After", "")
        return response.status, said if isinstance(said, dict) else {}, float(after) if after.isdigit() else 0.0

    def _connected(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


def _wrong(wrong: Exception) -> str:
    if isinstance(wrong, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({wrong.verify_message}): name its authority with `ca`, if that is the clinic's own"
    return str(wrong) or type(wrong).__name__


def _why(status: int, answer: Mapping[str, Any]) -> str:
    detail = str(answer.get("detail", ""))[:200]
    if status == 0:
        return f"no answer: {detail}"
    if status in (401, 403):
        return f"not allowed ({status}): {detail}: is the token right?"
    return f"answered {status}: {detail}"


def _line_of(observation: Observation) -> str:
    """An observation's line.

    Raises:
        ValueError: it is no JSON object.
    """
    found = json.loads(observation) if isinstance(observation, (str, bytes)) else dict(observation)
    if not isinstance(found, dict):
        raise ValueError("an observation is a JSON object")
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def send_lines(client: Client, lines: Iterable[str], told: Callable[[str], None]) -> int:
    """Put lines into a client's buffer; how many were none. A full buffer waits."""
    bad = 0
    for line in lines:
        if not line.strip():
            continue
        while True:
            try:
                client.put(line)
            except BufferFull as full:
                told(str(full))
                time.sleep(FIRST_WAIT_S)
                continue
            except ValueError as wrong:
                bad += 1
                told(f"not sent: {wrong}: {line.strip()[:200]}")
            break
    return bad


def main(arguments: Sequence[str] | None = None) -> int:
    """`chairside-client URL`: standard input, one observation a line, to a server."""
    parser = argparse.ArgumentParser(
        prog="chairside-client", description="Send observations, one a line on standard input, to Chairside."
    )
    parser.add_argument("url", help="the server, as https://chairside.example.org")
    parser.add_argument("--buffer", default="chairside-buffer.sqlite", help="the file that holds what has not gone yet")
    parser.add_argument("--token-file", help="of `chairside token add`")
    parser.add_argument("--ca", help="the certificate authority, if it is not a public one")
    parser.add_argument(
        "--wait", type=float, default=60.0, metavar="SECONDS", help="for the rest to go, at the end of input"
    )
    given = parser.parse_args(arguments)

    def told(words: str) -> None:
        print(words, file=sys.stderr, flush=True)  # noqa: T201  # a command's words are for who runs it

    try:
        opened = Client(
            given.url, given.buffer, token_file=given.token_file, ca=given.ca,
            on_set_aside=lambda line, field, reason: told(f"set aside: {field}: {reason}: {line[:200]}"),
            on_problem=lambda why: told(f"nothing goes out: {why}" if why else "it goes out again"),
        )  # fmt: skip
    except (BufferInUse, OSError, ValueError, sqlite3.Error) as wrong:
        told(f"chairside-client: {wrong}")
        return 2
    with opened as client:
        bad = send_lines(client, sys.stdin, told)
        all_gone = client.flush(given.wait)
        if not all_gone:
            told(f"{client.waiting} lines are in {given.buffer} still: {client.problem}")
    return 0 if all_gone and not bad else 1


if __name__ == "__main__":
    raise SystemExit(main())
