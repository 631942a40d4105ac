"""The trained pool that is shipped with this version, read from its file once a process.

The only place that reads it: whoever makes forecasts (the forecaster's process, the commands) asks here and passes the model
on, so that nothing in `models/` reads a file. Cost: 30 ms the first time.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from models.relapse.pool import FILE, PoolModel, model_of


@cache
def shipped_pool() -> PoolModel | None:
    """The model in `models/relapse/data/`; None where the file was taken out: then the filter forecasts alone.

    Raises:
        UnreadableTrees: the file is not of this version.
    """
    try:
        text = files("models.relapse").joinpath(FILE).read_bytes()
    except FileNotFoundError:
        return None
    return model_of(text)
