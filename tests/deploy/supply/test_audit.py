"""Known vulnerabilities: what nobody has judged fails, what could not be asked about never passes for none."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.supply.audit import judged

CLEAN: dict[str, Any] = {"dependencies": [{"name": "a", "version": "1", "vulns": []}]}
NPM_CLEAN: dict[str, Any] = {"vulnerabilities": {}, "metadata": {"dependencies": {"prod": 40}}}
HOLE = {"id": "PYSEC-1", "aliases": ["CVE-1", "GHSA-1"], "fix_versions": ["2"]}
VULNERABLE: dict[str, Any] = {"dependencies": [{"name": "a", "version": "1", "vulns": [HOLE]}]}
NPM_VULNERABLE: dict[str, Any] = NPM_CLEAN | {
    "vulnerabilities": {"b": {"via": [{"url": "https://github.com/advisories/GHSA-2"}, "c"]}}
}
SKIPPED: dict[str, Any] = {"dependencies": [{"name": "a", "skip_reason": "Dependency not found on PyPI"}]}


@pytest.mark.parametrize(
    ("python", "npm", "accepted", "failed", "said"),
    [
        (CLEAN, NPM_CLEAN, {}, False, "PyPI: 1 packages audited|npm: 40 packages audited"),
        (VULNERABLE, NPM_CLEAN, {}, True, "a 1: CVE-1, GHSA-1, PYSEC-1: judge it"),
        (VULNERABLE, NPM_CLEAN, {"CVE-1": "not called"}, False, "accepted: not called"),
        (CLEAN, NPM_VULNERABLE, {}, True, "b: GHSA-2, c: judge it"),
        (CLEAN, NPM_VULNERABLE, {"GHSA-2": "a tool"}, False, "accepted: a tool"),
        (SKIPPED, {"message": "405 Method Not Allowed"}, {}, False, "PyPI: NOT AUDITED|npm: NOT AUDITED"),
        (None, None, {}, False, "PyPI: NOT AUDITED|npm: NOT AUDITED"),
        ({"dependencies": [*CLEAN["dependencies"], *SKIPPED["dependencies"]]}, None, {}, False, "1 packages audited; 1 could not"),
    ],
)  # fmt: skip
def test_a_vulnerability_that_nobody_has_judged_fails_and_one_that_cannot_be_asked_about_is_said(
    python: dict[str, Any] | None, npm: dict[str, Any] | None, accepted: dict[str, str], failed: bool, said: str
) -> None:
    outcome = judged(python, npm, accepted)
    assert outcome.failed is failed
    assert [words for words in said.split("|") if words not in "\n".join(outcome.lines)] == []
