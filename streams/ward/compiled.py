"""Where scalar code is compiled: `compiled` for a function that others call, `entry` for one that Python calls.

Compiled code gives the numbers that the same functions give as plain Python: no fast mathematics, no threads, the operations
in the order in which they are written. With NUMBA_DISABLE_JIT=1 it is plain Python, some hundred times slower; tests run both.

A compiled entry is kept on disk for the next start. Its name there holds a fingerprint of everything that was compiled into
it: the code of all functions that it calls, and every number that they read from their modules. So no start finds the code of
another version, and a number that is changed in a module is changed in the ward. A table is refused: it must be an argument.
Cost: importing numba takes half a second and 100 MB, so nothing imports this but what is compiled.
Never here: what is compiled; which folder it is kept in (numba's rules: NUMBA_CACHE_DIR, else beside the code, else at home).
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from dis import get_instructions
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar, cast

import numpy as np
from numba import config, njit, typeof
from numba.core.caching import FunctionCache

from streams.ward.records import RecordView

COMPILES: Final[bool] = not cast(Any, config).DISABLE_JIT
"""Whether scalar code is compiled, or runs as the Python that it is."""

_OPTIONS: Final[dict[str, Any]] = {"_nrt": False, "forceinline": True}
"""No reference is counted, and every function is compiled into its caller: one sample calls some forty that take arrays, and
counting these up and down, across the processor's cores, cost as much as all that is reckoned. What would need an allocation is
refused when it is compiled. Neither changes an operation or its order.
"""

Takes = ParamSpec("Takes")
Gives = TypeVar("Gives")


class Entry(NamedTuple):
    """A compiled function that Python calls. folder: where its machine code is kept; None: nowhere, no folder can be written."""

    name: str
    folder: str | None


ENTRIES: Final[list[Entry]] = []
_written: Final[dict[object, FunctionType]] = {}
"""What was compiled → the function as it is written."""


def compiled(function: Callable[Takes, Gives]) -> Callable[Takes, Gives]:
    """A function that compiled functions call; compiled into each of them."""
    return _compiled(function, njit(**_OPTIONS))


def entry(function: Callable[Takes, Gives]) -> Callable[Takes, Gives]:
    """A function that Python calls: compiled at its first call, or read from where an earlier start kept it."""
    if not COMPILES:
        return _with_views(function)
    written = cast(FunctionType, function)
    written.__qualname__ = f"{written.__qualname__}-{fingerprint(written)}"
    found, folder = _compiled(function, njit(**_OPTIONS)), None
    try:
        kept = _KeptCode(written)
    except RuntimeError:
        pass  # no folder that numba knows can be written: it is compiled anew at each start
    else:
        cast(Any, found)._cache = kept
        folder = str(kept.cache_path)
    ENTRIES.append(Entry(written.__qualname__, folder))
    return found


def typed(function: Callable[Takes, Gives], *arguments: Any) -> Callable[Takes, Gives]:
    """The entry for arguments of the very types that these have, with which it was called before.

    It does not look at types again, which takes four times as long as handing the arguments over. So whoever calls it answers
    for them: an array that is not as these are would be read as what it is not.
    """
    if not COMPILES:
        return function
    signature = tuple(map(typeof, arguments))
    return cast(Callable[Takes, Gives], cast(Any, function).overloads[signature].entry_point)


class _KeptCode(cast(Any, FunctionCache)):  # type: ignore[misc]  # numba has no types
    """Machine code on disk, read before numba learns what it could compile: that alone takes four tenths of a second, and who
    has code needs none of it. Who has none learns it when it compiles.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code kept for a signature; None if there is none."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


def _compiled(function: Callable[Takes, Gives], compiler: Any) -> Callable[Takes, Gives]:
    found = compiler(function)
    _written[found] = cast(FunctionType, function)
    return cast(Callable[Takes, Gives], found)


def fingerprint(function: FunctionType) -> str:
    """Of the code of a function, of all that it calls, and of every number that they read from their modules.

    Raises:
        TypeError: one of them reads something from its module that is no plain number: pass it as an argument.
    """
    digest = blake2b(repr(_OPTIONS).encode() + b"\0", digest_size=10)
    for part in _parts(function, set()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def _parts(function: FunctionType, seen: set[FunctionType]) -> Iterator[str]:
    if function in seen:
        return
    seen.add(function)
    code = function.__code__
    yield f"{function.__module__}.{function.__name__} {code.co_code.hex()} {code.co_consts!r} {code.co_names} {code.co_varnames}"
    for name in sorted({one.argval for one in get_instructions(code) if one.opname == "LOAD_GLOBAL"}):
        value = function.__globals__.get(name, getattr(builtins, name, None))
        if isinstance(value, bool | int | float | tuple):
            yield f"{name} {value!r}"
        elif callable(value) and value in _written:
            yield from _parts(_written[value], seen)
        elif not isinstance(value, BuiltinFunctionType | type):
            raise TypeError(f"{function.__name__} reads {name} from its module: pass it as an argument")


def _with_views(function: Callable[Takes, Gives]) -> Callable[Takes, Gives]:
    """An entry in plain Python: it reads structured arrays as compiled code does, those in tuples too."""

    def called(*arguments: Any) -> Gives:
        return cast(Gives, cast(Any, function)(*map(_view, arguments)))

    return cast(Callable[Takes, Gives], called)


def _view(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return tuple(map(_view, argument))
    return RecordView(argument) if isinstance(argument, np.ndarray) and argument.dtype.names else argument
