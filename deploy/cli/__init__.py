"""The command line. Importing this costs nothing: the commands are loaded when `main` runs."""

from __future__ import annotations


def main() -> None:
    """Run the `chairside` command."""
    from deploy.cli.app import main as run

    run()
