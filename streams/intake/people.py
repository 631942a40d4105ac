"""Whose rows a table holds that names nobody: its file's name is theirs, and two files are two people.

Bad at: one person's recording in two files: name them in a column. Never here: what is in a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ENDINGS: Final = (".csv", ".tsv", ".txt", ".dat")
"""Endings of tables, which have no case, and are no part of a name."""


def ends_as_a_table(path: Path) -> bool:
    return _without_gz(path.name).lower().endswith(ENDINGS[:2])


def people_of(paths: Sequence[Path]) -> list[str]:
    """The person of each table: its file's name without endings, where that is another file's too with its folders before it,
    or, of files in one folder, with its endings, or with a number.
    """
    bare = [_without_endings(path.name) for path in paths]
    names = [_apart(path, name, paths, bare) for path, name in zip(paths, bare, strict=True)]
    count = Counter(names)
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        seen[name] += 1
        if count[name] > 1:
            names[place] = f"{name}#{seen[name]}"
    return names


def _apart(path: Path, name: str, paths: Sequence[Path], bare: Sequence[str]) -> str:
    """The shortest name of a file that no other of its name has; its whole name if its folder has another."""
    mine = path.resolve().parts[:-1]
    others = [
        each.resolve().parts[:-1] for each, one in zip(paths, bare, strict=True) if one == name and each is not path
    ]
    for depth in range(len(mine)):
        if all(parts[len(parts) - depth :] != mine[len(mine) - depth :] for parts in others):
            return "/".join([*mine[len(mine) - depth :], name])
    return path.name if others else name


def _without_gz(name: str) -> str:
    return name[: -len(".gz")] if name.lower().endswith(".gz") else name


def _without_endings(name: str) -> str:
    plain = _without_gz(name)
    return plain[: -len(ENDINGS[0])] if plain.lower().endswith(ENDINGS) else plain
