"""The log of every process: lines for people, or one JSON object a line for a collector (`CHAIRSIDE_LOG=json`).

What was decided and what became of a page is a line too, with its facts: the alert or the page, the rule, and the cause, that is
the shard and the frame which led to it. With them a collector joins what an edge, a worker and a pager say of one alert.
Never here: a name, an alias or a value of a patient; the store has those.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Final

from pythonjsonlogger.json import JsonFormatter

from alerts.effects import FrameEffects, Page, Transition

log = logging.getLogger(__name__)

STYLE: Final = "CHAIRSIDE_LOG"
"""The environment's variable: `json`, or anything else for lines of text."""
_TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_CHATTY: Final = ("alembic", "faust", "mode", "aiokafka", "httpx")


def set_up_log() -> None:
    """Log to stderr in the style that the environment asks for, without the libraries' chatter."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if os.environ.get(STYLE) == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for library in _CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)


def log_decisions(effects: FrameEffects) -> None:
    """Write a line for each step of an alert and each page owed that a frame has led to."""
    cause = f"{effects.shard}:{effects.offset}"
    for effect in effects.effects:
        if isinstance(effect, Transition):
            facts = {"alert": effect.alert, "rule": effect.rule, "priority": effect.priority, "site": effect.site}
            _say(effect.transition, facts | {"transition": effect.transition, "seq": effect.seq, "cause": cause})
        elif isinstance(effect, Page):
            facts = {"page": effect.key, "priority": effect.priority, "site": effect.site}
            _say("page owed", facts | {"alerts": list(effect.alerts), "cause": cause})


def _say(what: str, facts: dict[str, Any]) -> None:
    words = " ".join(f"{name}={value!r}" for name, value in facts.items())
    log.info("%s %s", what, words, extra={"facts": facts})


class _Json(JsonFormatter):
    """Time, level, logger and message; a record's facts beside them."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S",
            rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
        )  # fmt: skip

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """A record's fields, its facts no longer apart."""
        return super().process_log_record(log_data | log_data.pop("facts", {}))
