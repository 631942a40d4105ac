"""Patients' names: an alias in, the person's name out. One file of its own, encrypted, and nothing else of Chairside knows it.

The journal, the store, logs, pages and exports know people by aliases. Where a site wants names on its screens, they are here:
each row is encrypted (Fernet: AES-128-CBC with HMAC-SHA256) with a key from a file that lies elsewhere and is in no backup, and
its alias is inside, so that no row can stand for another's. `rotate` puts a new key in the place of all earlier ones: what was
copied before, in a backup too, can then be read by nobody, which is how a name that was erased is gone from old copies.
The file is without a write-ahead log and overwrites what it deletes.
Cost: a file's reading and a decryption a look-up. Bad at: whoever has both files has the names. Never here: who may ask
(`access/roles.py`), what is written down of it (`audit/reads.py`, `routes.py`).
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

NAMES_FILE: Final = "names.sqlite"
_TABLE: Final = "create table if not exists names (patient text primary key, sealed blob not null)"


class NamesRefused(RuntimeError):
    """Names cannot be kept or read; the text says why and what to do, and holds no name."""


def make_key(path: Path) -> None:
    """A new file with a key, for its owner's eyes alone.

    Raises:
        FileExistsError: there is a file, which may be the only key to what it sealed.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{Fernet.generate_key().decode()}\n")


class Names:
    """The names in a data directory. `key`: the file with the keys, the one that seals first; read anew each time."""

    def __init__(self, data: Path, key: Path) -> None:
        self._path, self._key = data / NAMES_FILE, key

    def trouble(self) -> str:
        """Why names cannot be read or written; empty: they can."""
        try:
            self._sealing()
        except NamesRefused as why:
            return str(why)
        return ""

    def name(self, patient: str) -> str | None:
        """A patient's name, if one was entered."""
        for last in (False, True):
            with self._opened() as database:
                row = database.execute("select sealed from names where patient = ?", (patient,)).fetchone()
            sealing = self._sealing()
            try:
                return None if row is None else _unsealed(sealing, patient, row[0])
            except NamesRefused:
                # Perhaps the key was changed between the row's reading and its own.
                if last:
                    raise
        return None

    def names(self, patients: Iterable[str]) -> dict[str, str]:
        """The names of those of these patients who have one."""
        found = ((patient, self.name(patient)) for patient in sorted(set(patients)))
        return {patient: name for patient, name in found if name is not None}

    def write(self, patient: str, name: str) -> None:
        """Enter a name, over an earlier one."""
        with self._opened() as database, _writing(database):
            # The keys are read while nobody can change them: none seals a row after its end.
            sealed = self._sealing().encrypt(json.dumps([patient, name]).encode())
            database.execute("insert or replace into names values (?, ?)", (patient, sealed))

    def delete(self, patient: str) -> bool:
        """Delete a name; whether there was one. Copies that were made before still hold it until `rotate`."""
        with self._opened() as database, _writing(database):
            return database.execute("delete from names where patient = ?", (patient,)).rowcount > 0

    def rotate(self) -> int:
        """Seal every name with a new key, and destroy the earlier keys; how many names there are.

        Whenever it is cut short, the key file opens every row, and doing it again ends it.
        """
        new = Fernet.generate_key().decode()
        with self._opened() as database, _writing(database):
            self._sealing()
            _replace(self._key, [new, *self._key.read_text("ascii").split()])
            sealing = self._sealing()
            rows = database.execute("select patient, sealed from names").fetchall()
            for patient, sealed in rows:
                _unsealed(sealing, patient, sealed)
                database.execute("update names set sealed = ? where patient = ?", (sealing.rotate(sealed), patient))
        _replace(self._key, [new])
        return len(rows)

    def _opened(self) -> closing[sqlite3.Connection]:
        made = not self._path.exists()
        database = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        database.execute("pragma secure_delete = on")
        if made:
            self._path.chmod(0o600)
        database.execute(_TABLE)
        return closing(database)

    def _sealing(self) -> MultiFernet:
        """The keys as they are now.

        Raises:
            NamesRefused: they cannot be read, or others can read them.
        """
        if self._path.parent.resolve() in self._key.resolve().parents:
            raise NamesRefused(
                f"the key {self._key} lies in the data directory, and in each backup then: put it elsewhere"
            )
        try:
            if self._key.stat().st_mode & 0o077:
                raise NamesRefused(f"the key {self._key} can be read by others: chmod 600 {self._key}")
            keys = self._key.read_text("ascii").split()
            if not keys:
                raise ValueError("it is empty")
            return MultiFernet([Fernet(key) for key in keys])
        except (OSError, ValueError) as wrong:
            why = wrong.strerror if isinstance(wrong, OSError) else str(wrong)
            raise NamesRefused(
                f"the key of the names, {self._key}, cannot be used ({why}): put the right one back, or make one with "
                f"`chairside names new-key {self._key}`"
            ) from wrong


@contextmanager
def _writing(database: sqlite3.Connection) -> Iterator[None]:
    """One transaction that nobody else's writing is in."""
    database.execute("begin immediate")
    try:
        yield
    except BaseException:
        database.execute("rollback")
        raise
    database.execute("commit")


def _unsealed(sealing: MultiFernet, patient: str, sealed: bytes) -> str:
    try:
        of, name = json.loads(sealing.decrypt(sealed))
    except (InvalidToken, ValueError) as wrong:
        raise NamesRefused("a name was sealed with a key that is gone: enter it again") from wrong
    if of != patient:
        raise NamesRefused("a name stands in another's row: enter it again")
    return str(name)


def _replace(path: Path, keys: list[str]) -> None:
    """Write keys over a file in one step, durable before it is in force."""
    made = path.with_name(f"{path.name}.new")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    status = path.stat()
    os.chown(made, status.st_uid, status.st_gid)
    made.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
