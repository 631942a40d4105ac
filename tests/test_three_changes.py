"""Ordinary changes, each made in a copy of the tree as README's table says: a channel, two rules, a kind of observation.

Made whole, each works; with one of its files forgotten, something says so, and which. What took more than these files once went
silently wrong. `docs/three-changes.md` counts the files. Never here: what is generated, which a test each keeps in step.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

TREE: Final = Path(__file__).resolve().parents[1]
OBSERVATIONS: Final = "models/wire/observations.py"
CHANNELS: Final = "models/tables/channels.py"
RULES: Final = "models/tables/rules.py"
LIMITS: Final = "models/tables/limits.py"
ENTRIES: Final = "streams/ward/entries.py"
REGISTRY: Final = "streams/ward/rules/registry.py"
MODULE: Final = "streams/ward/rules/shock_index.py"

Edits = dict[str, tuple[tuple[str, str], ...]]
"""File → (text that stands there once, text in its place); of a new file, (nothing, its text)."""

_SPO2: Final = '    Channel("sbp", '
A_CHANNEL: Final[Edits] = {
    CHANNELS: (
        ('"spo2", "sbp",', '"spo2", "perfusion", "sbp",'),
        (
            _SPO2,
            '    Channel("perfusion", "Perfusion index", "%", "%", "61006-3", "MDC_BLD_PERF_INDEX", 0.02, 20, 5, 1, True, 1,\n'
            '            OnCard("spo2", "unseen", "Perfusion", (0, 10), decimals=2), "oximeters show 0.02 to 20 %"),\n'
            + _SPO2,
        ),
    ),
    OBSERVATIONS: (("    sbp: Number", "    perfusion: Number | None = None\n    sbp: Number"),),
}
_SEDATION: Final = '    Rule("sedation", '
_FEVER: Final = '    Limit("hyperthermia", '
A_RULE: Final[Edits] = {
    RULES: (
        (_SEDATION, '    Rule("overbreathing", "respiratory", True, "Breathing too much", "breathing"),\n' + _SEDATION),
    ),
    LIMITS: (
        (
            _FEVER,
            '    Limit("overbreathing", LOW, "etco2", "<", 25, 28, 5, 5, 0, 0, "< by us", "chosen by us"),\n' + _FEVER,
        ),
    ),
}
_FORESEEN: Final = '    _asked("pressure-forecast", '
A_RULE_OF_ITS_OWN: Final[Edits] = {
    MODULE: (
        (
            "",
            """\"\"\"`shock-index`: after a cuff, the heart's rate over the systolic pressure.\"\"\"

from models.tables.rules import Priority
from streams.ward.conclusions import Conclusion, over
from streams.ward.sentences import rule_sentence
from streams.ward.signal.rate import rate_now
from streams.ward.state import Here, WardState


def judge_shock_index(state: WardState, row: int, at_us: int, here: Here) -> Conclusion:
    session = state.association.sessions[row]
    index = (rate_now(state, row, at_us) or 0) / session.cuffs[-1].sbp
    if not index > 1:
        return over("shock-index", at_us, f"{session.where}: Shock index is over.")
    text = rule_sentence(session.where, "Shock index", f"{index:.1f}.")
    return Conclusion("shock-index", Priority.LOW, at_us, at_us, text, {"value": index}, "Allgoewer 1967")
""",
        ),
    ),
    REGISTRY: (
        ("import look_ahead\n", "import look_ahead\nfrom streams.ward.rules.shock_index import judge_shock_index\n"),
        (_FORESEEN, '    _asked("shock-index", judge_shock_index, "cuff"),\n' + _FORESEEN),
    ),
    RULES: ((_SEDATION, '    Rule("shock-index", "cardiovascular", True, "Shock index", "pressure"),\n' + _SEDATION),),
}
A_KIND: Final[Edits] = {
    OBSERVATIONS: (
        (
            "class SetAside(Record):",
            'class WalkTried(Record):\n    kind: Literal["walk.tried"] = "walk.tried"\n    steady: bool\n\n\nclass SetAside(Record):',
        ),
        ("| SiteConfigured | ForecastMade\n", "| SiteConfigured | ForecastMade | WalkTried\n"),
    ),
    ENTRIES: (
        ("    UnreadField,\n)", "    UnreadField,\n    WalkTried,\n)"),
        ("        case Command():", "        case WalkTried():\n            audit(state, record, record.session, here)\n        case Command():"),
    ),
}  # fmt: skip

LINES: Final = (
    {"kind": "session.started", "at": "2026-03-02T09:00:00Z", "patient": "P-1", "session": "S-1", "chair": "1", "device": "m-1"},
    *(
        {"kind": "vitals", "at": f"2026-03-02T09:00:{second:02}Z", "device": "m-1", "spo2": 97, "perfusion": 6.02, "etco2": 20 + second % 2}
        for second in range(1, 20)
    ),
    {"kind": "vitals", "at": "2026-03-02T09:00:20Z", "device": "m-1", "hr": 112, "sbp": 100, "dbp": 70},
    {"kind": "walk.tried", "at": "2026-03-02T09:00:30Z", "patient": "P-1", "session": "S-1", "steady": True},
)  # fmt: skip

WHAT_IS_SAID: Final = """
import json, sys
from alerts.effects import AuditEntry, DeadLetter, Transition
from streams.intake.json import read
from streams.journal.frame import frame_of
from streams.shard import Shard

reading = read(sys.stdin.buffer.read(), "application/x-ndjson")
shard = Shard(0, "observed")
effects = shard.fold(frame_of(reading.records), 0).effects
((card,),) = [shard.chairs("main")["chairs"]]
print(json.dumps({
    "refused": [one.reason for one in effects if isinstance(one, DeadLetter)],
    "shown": {name: found["value"] for name, found in card["values"].items()},
    "raised": [one.rule for one in effects if isinstance(one, Transition)],
    "entered": [one.kind for one in effects if isinstance(one, AuditEntry)],
}))
"""


def changed(folder: Path, edits: Edits) -> subprocess.CompletedProcess[str]:
    """What a copy of the tree with these edits makes of the lines."""
    for package in ("models", "streams", "alerts"):
        shutil.copytree(
            TREE / package,
            folder / package,
            ignore=shutil.ignore_patterns("__pycache__", "node_modules", "dist", "board"),
        )
    for file, pairs in edits.items():
        for old, new in pairs:
            if not old:
                (folder / file).write_text(new)
                continue
            text = (folder / file).read_text()
            assert text.count(old) == 1, (file, old)
            (folder / file).write_text(text.replace(old, new))
    # Nothing is compiled: that would take longer than all else here.
    surroundings = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    lines = "".join(json.dumps(line) + "\n" for line in LINES)
    return subprocess.run(
        [sys.executable, "-c", WHAT_IS_SAID], cwd=folder, env=surroundings, input=lines, capture_output=True, text=True, check=False
    )  # fmt: skip


def made(folder: Path, edits: Edits) -> dict[str, Any]:
    run = changed(folder, edits)
    assert run.returncode == 0, run.stderr
    said: dict[str, Any] = json.loads(run.stdout)
    return said


def test_a_channel_is_two_files_and_its_readings_are_shown(tmp_path: Path) -> None:
    assert made(tmp_path, A_CHANNEL)["shown"]["perfusion"] == 6.02


def test_a_rule_on_a_signal_is_two_files_and_it_is_raised(tmp_path: Path) -> None:
    assert "overbreathing" in made(tmp_path, A_RULE)["raised"]


def test_a_rule_of_its_own_is_a_module_and_a_row_in_two_tables_and_it_is_raised(tmp_path: Path) -> None:
    assert "shock-index" in made(tmp_path, A_RULE_OF_ITS_OWN)["raised"]


def test_a_kind_of_observation_is_two_files_and_it_is_entered(tmp_path: Path) -> None:
    said = made(tmp_path, A_KIND)
    assert "walk.tried" in said["entered"]
    assert said["refused"] == []


def test_without_any_of_them_the_tree_knows_none(tmp_path: Path) -> None:
    said = made(tmp_path, {})
    assert "perfusion" not in said["shown"]
    assert "overbreathing" not in said["raised"]
    assert "shock-index" not in said["raised"]
    assert said["entered"] == ["session.started"]
    assert said["refused"] == ["unknown kind"]


@pytest.mark.parametrize(
    ("edits", "forgotten", "says"),
    [
        (A_CHANNEL, OBSERVATIONS, "`Vitals` of models/wire/observations.py lacks ['perfusion']"),
        (A_CHANNEL, CHANNELS, "has ['perfusion'] besides: a channel is a row and a name there and a field here"),
        (A_RULE, RULES, "has limits of ['overbreathing'], which models/tables/rules.py does not name"),
        (A_RULE_OF_ITS_OWN, REGISTRY, "streams/ward/rules/registry.py lacks ['shock-index'] and has [] besides"),
        (A_RULE_OF_ITS_OWN, RULES, "streams/ward/rules/registry.py lacks [] and has ['shock-index'] besides"),
        (A_RULE_OF_ITS_OWN, MODULE, "No module named 'streams.ward.rules.shock_index'"),
    ],
    ids=[
        "channel without its field",
        "field without its channel",
        "limit without its rule",
        "rule without its row in the registry",
        "row in the registry without its rule",
        "row in the registry without its module",
    ],
)
def test_one_file_forgotten_stops_the_start_and_says_which(
    tmp_path: Path, edits: Edits, forgotten: str, says: str
) -> None:
    run = changed(tmp_path, {file: pairs for file, pairs in edits.items() if file != forgotten})
    assert run.returncode == 1
    assert says in run.stderr.splitlines()[-1]


def test_a_kind_without_its_case_is_set_aside_and_raises_an_alert(tmp_path: Path) -> None:
    """The type checker has refused it before; should it run all the same, nobody loses the entry in silence."""
    said = made(tmp_path, {OBSERVATIONS: A_KIND[OBSERVATIONS]})
    assert said["refused"] == ["UnhandledKind in streams.ward.entries.fold_event: no case for 'walk.tried'"]
    assert "integrity" in said["raised"]
