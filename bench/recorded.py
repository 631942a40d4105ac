"""Where recordings are: not part of the project, read from the folder that `CHAIRSIDE_DATA` names or from beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = Path(os.environ.get("CHAIRSIDE_DATA", ROOT.parent / "shared" / "data"))
