"""The log: one object a line for a collector, with what joins an edge's, a worker's and a pager's lines; nothing of a patient."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from deploy.logs import STYLE, log_decisions
from streams.shard import Shard
from tests.support.scenes import Scene

SAYS = """
import logging
from deploy.logs import set_up_log
set_up_log()
logging.getLogger("streams").error("shard %d: set aside", 3, extra={"facts": {"cause": "3:17"}})
logging.getLogger("aiokafka").info("chatter")
"""


def said(style: str) -> list[str]:
    """What a process with this style writes."""
    done = subprocess.run(
        [sys.executable, "-c", SAYS], env=os.environ | {STYLE: style}, capture_output=True, text=True, check=True
    )
    return done.stderr.splitlines()


def test_a_line_is_an_object_with_its_facts_where_the_environment_asks_for_it() -> None:
    (line,) = said("json")
    found = json.loads(line)
    assert found.pop("at")
    assert found == {"level": "ERROR", "logger": "streams", "message": "shard 3: set aside", "cause": "3:17"}


def test_a_line_is_text_otherwise() -> None:
    (line,) = said("text")
    assert line.endswith("ERROR streams shard 3: set aside")


def test_each_step_of_an_alert_and_each_page_is_a_line_that_names_its_cause_and_no_patient(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.scores("moaas", 1)
    with caplog.at_level("INFO", "deploy.logs"):
        shard = Shard()
        for offset, stamped in enumerate(clinic.journal):
            log_decisions(shard.step(offset, *stamped))
    facts: list[dict[str, Any]] = [vars(record)["facts"] for record in caplog.records]
    assert {each["transition"] for each in facts if "alert" in each} >= {"raised"}
    pages = [each for each in facts if "page" in each]
    assert pages
    assert all(each["cause"].startswith("0:") for each in facts)
    assert "P-3" not in " ".join(record.getMessage() for record in caplog.records)
