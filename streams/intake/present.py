"""Paths that a site's file names: each must be there when the file is read, so that a slip is told at once and with its name.

Bad at: what is taken away afterwards. Never here: what is in the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator


def _file(path: object) -> object:
    if isinstance(path, str) and not Path(path).is_file():
        raise ValueError(f"{path}: there is no such file")
    return path


def _file_or_folder(path: object) -> object:
    if isinstance(path, str) and not Path(path).exists():
        raise ValueError(f"{path}: there is no such file or folder")
    return path


PresentFile = Annotated[Path, BeforeValidator(_file)]
"""A file that is there."""
PresentPath = Annotated[Path, BeforeValidator(_file_or_folder)]
"""A file or a folder that is there."""
