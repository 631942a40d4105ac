"""The ward's scalar code, compiled and as plain Python: the same bytes; and no code of another version is ever found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from streams.intake.json import read_lines
from streams.journal.frame import decode, frame_of, pack_frame
from streams.ward import compiled, loop, sample, samples
from streams.ward.state import Clock
from tests.support.day import DAYS, folded

ROOT = Path(__file__).resolve().parents[3]
PROVE = pytest.mark.prove
CONCERNS = (
    "holding", "association", *(pytest.param(concern, marks=PROVE) for concern in ("quality", "breathing", "absence")),
)  # fmt: skip
"""Tests of the ward that are run once more with the compiler off: each concern of the loop has some there. The long ones by
`make prove-plain`."""


def with_the_compiler_off(*arguments: str) -> bytes:
    plain = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=plain, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("day", "clock"), [
        ("noise", "received"), pytest.param("clinic", "received", marks=PROVE), pytest.param("noise", "observed", marks=PROVE),
    ],
)  # fmt: skip
def test_a_day_gives_the_same_bytes_compiled_and_as_plain_python(day: str, clock: Clock) -> None:
    assert folded(day, clock) == with_the_compiler_off("-m", "tests.support.day", day, clock)


def test_the_days_reach_what_is_compiled() -> None:
    """Each of the reasons for which the loop stops comes in one of them at least."""
    stopped: set[int] = set()
    fold_in = loop.fold_in

    def noting(*arguments: Any) -> int:
        why = fold_in(*arguments)
        stopped.add(why)
        return why

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "fold_in", noting)
        patched.setattr(samples, "fold_decoded", noting)
        patched.setattr(sample, "MINUTES_KEPT", 2)
        for day in DAYS:
            folded(day, "received")
    assert stopped == set(range(loop.MINUTES_FULL + 1))


@pytest.mark.slow
@pytest.mark.parametrize("concern", CONCERNS)
def test_what_holds_of_the_compiled_ward_holds_of_the_plain_one(concern: str) -> None:
    with_the_compiler_off("-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/streams/ward/test_{concern}.py")


def test_the_loop_is_compiled_once_whatever_frames_come() -> None:
    """A second signature would be a second compilation, in the middle of a watch."""
    folded("noise", "received")
    assert len(cast(Any, loop.fold_in).signatures) == 1


def test_what_decode_makes_has_the_types_for_which_the_loop_is_entered_without_asking() -> None:
    """It would be read as what it is not.

    Whatever a frame holds: nothing, one sample, keys, more samples than a builder should.
    """
    sent = {"kind": "vitals", "device": "d", "spo2": 97}
    one, keyed = (
        read_lines([json.dumps(sent | more | {"at": "2026-03-02T10:00:00Z"}).encode()]).records
        for more in ({}, {"id": "17", "hr": 60.1})
    )
    frames = [decode(pack_frame(frame_of(records))) for records in ([], one, keyed, [*one, *keyed] * 700)]
    for frame in frames:
        assert frame.decoded
        arrays: list[NDArray[Any]] = [frame.origin, frame.at_us, frame.values, frame.status]
        if frame.keys is not None:
            arrays.append(frame.keys)
        assert all(each.flags.c_contiguous and each.flags.aligned and each.flags.writeable for each in arrays)
        kinds = [each.dtype for each in arrays]
        assert kinds == [np.int64, np.int64, np.float64, np.uint8, np.uint64][: len(kinds)]
    assert not frame_of(one).decoded


# ---- what is kept of it


def reading(number: float) -> Callable[[float], float]:
    """A function that reads a number from its module, as scalar code reads its constants."""
    inner: dict[str, Any] = {"LIMIT": number}
    exec("def inner(x): return x > LIMIT", inner)
    called = compiled.compiled(inner["inner"])
    outer: dict[str, Any] = {"called": called}
    exec("def outer(x): return called(x)", outer)
    return cast(Callable[[float], float], outer["outer"])


def test_a_number_that_is_changed_in_a_module_is_another_code() -> None:
    one, same, other = (compiled.fingerprint(cast(FunctionType, reading(number))) for number in (30.0, 30.0, 20.0))
    assert one == same
    assert one != other


def test_a_table_must_be_an_argument() -> None:
    names: dict[str, Any] = {"TABLE": np.zeros(3)}
    exec("def reads(n): return TABLE[n]", names)
    with pytest.raises(TypeError, match="reads reads TABLE from its module: pass it as an argument"):
        compiled.fingerprint(names["reads"])
