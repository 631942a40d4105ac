"""The console: one line on stderr a page; in colour on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from alerts.notify.destination import Message, Outcome

STYLES: Final[Mapping[str, str]] = {"high": "bold red", "medium": "bold yellow", "low": "cyan", "info": "white"}


class ConsoleNotifier:
    """Blocks while a terminal does: to be run in a thread."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, message: Message) -> Outcome:
        page, stream = message.page, self._stream or sys.stderr
        # A sender's text must not drive somebody's terminal, or look like a second page.
        title, body = (" ".join(_printable(text).split()) for text in (page.title, page.body))
        line = Text(f"PAGE {f'for {message.person}: ' if message.person else ''}{title}", STYLES.get(page.priority, ""))
        line.append(f"  {body}", "not bold default")
        if stream.isatty():
            Console(file=stream, soft_wrap=True).print(line)
        else:
            stream.write(f"{line.plain}\n")
            stream.flush()
        return Outcome(True)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
