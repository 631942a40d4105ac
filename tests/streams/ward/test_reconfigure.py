"""A configuration file that changes is put in force while the service runs; a bad one changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.settings import BadConfiguration, WatchedSettings

GOOD = "[limits.desaturation.medium.spo2]\nenter = 88\nleave = 91\n"


def _write(path: Path, text: str, stamp: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(stamp, stamp))


def test_a_file_is_new_once_a_change(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    _write(path, "", 1)
    watched = WatchedSettings(path)

    assert watched.changed() is None
    _write(path, GOOD, 2)
    settings = watched.changed()
    assert settings is not None
    assert settings.limits["desaturation"]["medium"]["spo2"].enter == 88
    assert watched.changed() is None


def test_a_bad_change_is_told_of_once_and_a_file_that_is_away_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    _write(path, GOOD, 1)
    watched = WatchedSettings(path)

    _write(path, "[limits.desaturation.medium.spo2]\nenter = 95\n", 2)
    with pytest.raises(BadConfiguration, match=r"limits\.desaturation\.medium\.spo2"):
        watched.changed()
    assert watched.changed() is None
    path.unlink()
    assert watched.changed() is None
    _write(path, GOOD, 3)
    assert watched.changed() is not None


def test_what_is_configured_has_a_hash_that_changes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    _write(path, GOOD, 1)
    watched = WatchedSettings(path)
    _write(path, GOOD.replace("88", "87"), 2)
    first = watched.changed()
    _write(path, GOOD.replace("88", "86"), 3)
    second = watched.changed()

    assert first is not None
    assert second is not None
    assert first.record().hash != second.record().hash
