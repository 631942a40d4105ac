"""Types of the arrays and documents that cross modules, each named once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
"""Particles and draws: half the memory, and their noise is larger than the rounding."""
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

Document = dict[str, Any]
"""A JSON object on its way in or out; `models/wire/` says which fields it has."""
