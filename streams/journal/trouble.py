"""What is wrong with the data files, in words that say what to do: full, read-only, somebody else's, locked, damaged.

Never here: whether it is tried again.
"""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

_FULL: Final = "Free space on its disk (df says how much is left). What was accepted is kept, and it goes on by itself"
_MINE: Final = "It must belong to the user that runs Chairside and be writable: chown and chmod it, and see that its disk is not mounted read-only"
_LOCKED: Final = "Another program holds it, a copy or a shell perhaps: end that one (fuser -v FILE says which), and it goes on by itself"
_DAMAGED: Final = (
    "Keep a copy of the files, have the disk looked at, and restore the last backup at another place "
    "(chairside restore BACKUP --data NEW)"
)
_FAILING: Final = f"The disk does not do what it is told; the system's log says more. {_DAMAGED}"

_BY_SQLITE: Final = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _MINE,
    sqlite3.SQLITE_CANTOPEN: _MINE,
    sqlite3.SQLITE_PERM: _MINE,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_IOERR: _FAILING,
}
_BY_SYSTEM: Final = {
    errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EFBIG: _FULL, errno.EROFS: _MINE, errno.EACCES: _MINE, errno.EPERM: _MINE,
    errno.EIO: _FAILING,
}  # fmt: skip


def what_to_do(failed: BaseException) -> str:
    """What to do about an error of a data file; empty where that is not known."""
    cause = getattr(failed, "orig", None) or failed
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        if code is not None:
            return _BY_SQLITE.get(code & 0xFF, "")
    if isinstance(cause, OSError) and cause.errno is not None:
        return _BY_SYSTEM.get(cause.errno, "")
    return ""


def trouble_in_words(failed: BaseException) -> str:
    """An error of a data file in a line: what is wrong, and what to do."""
    cause = getattr(failed, "orig", None) or failed
    said = str(cause)
    if isinstance(cause, OSError) and cause.strerror:
        said = f"{cause.strerror}: {cause.filename}" if cause.filename else cause.strerror
    do = what_to_do(failed)
    return f"{said}. {do}" if do else said
