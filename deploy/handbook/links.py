"""A hook of mkdocs: links that leave docs/ lead to code, which the handbook does not hold; they become the path itself.

Never here: what a page says.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any, Final

LINK: Final = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The page with its links to the tree around docs/ turned into words; mkdocs calls this."""
    return inside_only(markdown, PurePosixPath(page.file.src_uri).parent)


def inside_only(markdown: str, folder: PurePosixPath) -> str:
    """Markdown in which every link of a page in `folder`, below docs/, stays below it and names a page or a picture."""

    def turned(link: re.Match[str]) -> str:
        words, target, anchor = link[1], link[2], link[3] or ""
        depth = len(folder.parts)
        up = sum(part == ".." for part in PurePosixPath(target).parts)
        if up > depth or target.endswith((".toml", "README.md", "/")):
            if "/tests/" in target:
                return words  # the sentence is what a reader wants of it
            plain = words.strip("`")
            path = target.lstrip("./")
            return f"`{path}`" if plain in path else f"{words} (`{path}`)"
        return f"[{words}]({target}{anchor})"

    return LINK.sub(turned, markdown)
