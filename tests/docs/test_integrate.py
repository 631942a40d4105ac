"""Every command and snippet of the integrator's page, run in order against a real service, prints what the page says."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.service import ROOT, started
from tests.support.snippets import PRINTED, RUN, Shell, as_written, snippets

PAGE = ROOT / "docs" / "integrate.md"


def test_every_snippet_for_integrators_runs_and_prints_what_the_page_says(tmp_path: Path) -> None:
    blocks = snippets(PAGE)
    assert [each.line for each in blocks if each.kind not in (*RUN, *PRINTED) or each.not_run] == []
    (tmp_path / "home").mkdir()
    shell = Shell(tmp_path / "home", os.environ | {"NO_PROXY": "*"})
    with started(tmp_path / "data") as service:
        printed = ""
        for each in blocks:
            where = f"{PAGE.name}:{each.line}"
            if each.kind in RUN:
                done = shell.run(each.kind, each.text.replace("http://localhost:8000", service.address))
                assert done.returncode == 0, f"{where}: {done.stderr}"
                printed = done.stdout
            else:
                assert as_written(printed, each.text, each.kind), f"{where}: printed {printed}"
        service.stop()
