"""What hatchling calls when a wheel is built: it has the board in it and a bill of materials, or it is not built.

Bad at: building the board itself, which takes Node (`make wheel` does both).
Never here: anything that a running service needs; nothing imports this.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelHook(BuildHookInterface[Any]):
    """Refuses a wheel without the board, and puts the bill of materials of the lock files into it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files are gathered. An editable install is a developer's, who builds the board when it is needed."""
        if version == "editable":
            return
        root = Path(self.root)
        if not (root / "alerts/board/dist/index.html").is_file():
            raise FileNotFoundError(
                "the board is not built, and a wheel without it shows nobody anything: run `make wheel`"
            )
        # The hook is loaded by its path, so the tree that it stands in is not importable by itself.
        sys.path.insert(0, str(root))
        try:
            from deploy.supply.sbom import BOM_NAME, rendered_sbom
        finally:
            sys.path.remove(str(root))
        out = Path(self.directory) / BOM_NAME
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(rendered_sbom(root), "utf-8")
        build_data["sbom_files"].append(str(out))
