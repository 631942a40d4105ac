"""Where compiled code is that was made with an image: beside the code, read-only.

numba's own locators want to write what they only read, so in a read-only image they would find nothing. The image names this
one in NUMBA_CACHE_LOCATOR_CLASSES, before numba's own. It is imported while the ward is, so it imports nothing of ours.
"""

from __future__ import annotations

from pathlib import Path
from types import FunctionType

from numba.core.caching import InTreeCacheLocator


class ShippedLocator(InTreeCacheLocator):
    """A function's compiled code in the `__pycache__` beside it."""

    @classmethod
    def from_function(cls, py_func: FunctionType, py_file: str) -> ShippedLocator | None:
        """The locator of a function whose code was shipped; None, so that numba asks the next one, of any other."""
        shipped = (Path(py_file).parent / "__pycache__").glob(f"*{py_func.__qualname__}-*.nbi")
        return cls(py_func, py_file) if any(shipped) else None
