"""The table of planted faults fits the tree, and the harness says what a near test notices. Never how many: that takes long."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.planted.__main__ import plant, summary, table
from bench.planted.fault import Fault, FaultGone, Suite
from bench.planted.table import SUITES

ROOT = Path(__file__).resolve().parents[2]
FAULTS = [fault for suite in SUITES for fault in suite.faults]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_each_fault_can_still_be_planted_and_is_a_program_then(fault: Fault) -> None:
    planted = fault.planted((ROOT / fault.file).read_text())
    if fault.file.endswith(".py"):
        compile(planted, fault.file, "exec")


def test_faults_have_names_of_their_own_and_tests_that_are_there() -> None:
    assert Counter(fault.name for fault in FAULTS).most_common(1)[0][1] == 1
    named = {name.partition("::") for suite in SUITES for name in suite.all_near}
    files = {file: (ROOT / file).read_text() for file, _, _ in named}
    assert [(file, test) for file, _, test in named if test.partition("[")[0] not in files[file]] == []
    assert [suite.title for suite in SUITES if not suite.near and not all(fault.near for fault in suite.faults)] == []


def test_what_is_most_dangerous_has_most_faults() -> None:
    of = Counter(Path(fault.file).stem for fault in FAULTS)
    assert of["lifecycle"] >= 12
    assert of["holding"] >= 12
    assert of["cuffs"] >= 22
    assert of["desk"] + of["paging"] + of["open_alerts"] >= 10


def test_a_fault_whose_text_is_gone_or_stands_twice_is_an_error() -> None:
    fault = Fault("X1", "rule.py", "<", "<=", "")
    for source in ("a > b", "a < b < c"):
        with pytest.raises(FaultGone, match=f"X1: rule.py has '<' {source.count('<')} times"):
            fault.planted(source)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A product of one line and a test of it."""
    (tmp_path / "rule.py").write_text("def is_low(x):\n    return x < 90 and x > -1\n")
    (tmp_path / "test_rule.py").write_text(
        "import rule\n\n\ndef test_ninety_is_not_low():\n    assert rule.is_low(89) and not rule.is_low(90)\n"
    )
    (tmp_path / "conftest.py").write_text("from hypothesis import settings\n\nsettings.register_profile('planted')\n")
    return tmp_path


def test_a_fault_is_caught_or_survives_and_is_taken_out_again(tree: Path) -> None:
    caught = Fault("X1", "rule.py", "x < 90", "x <= 90", "90 is low")
    survives = Fault("X2", "rule.py", "x > -1", "x > -2", "-1 is low")
    nothing = Fault("X3", "rule.py", " and x > -1", "", "a number below nothing is low", equivalent="there is none")
    suite = Suite("A rule", ("test_rule.py",), (caught, survives, nothing))
    sound = (tree / "rule.py").read_text()
    results = [plant(tree, fault, suite) for fault in suite.faults]

    assert [(result.outcome, result.by) for result in results] == [
        ("caught", "test_rule.py::test_ninety_is_not_low"), ("survived", ""), ("equivalent", ""),
    ]  # fmt: skip
    assert (tree / "rule.py").read_text() == sound
    assert summary(results) == "3 faults planted: 1 of the 2 that change behaviour were caught (50%), 1 change nothing."
    assert table(suite, results).splitlines()[4:] == [
        "| X1 | rule.py | 90 is low | caught | `test_rule.py` ninety is not low |",
        "| X2 | rule.py | -1 is low | survived |  |",
        "| X3 | rule.py | a number below nothing is low | equivalent | there is none |",
    ]
