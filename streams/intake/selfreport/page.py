"""A patient's page: a document in, one HTML file out that holds all of it, words, style and script.

One request, so that it comes up on a bad network and goes on without any; its policy allows this very script and nothing else.
Nothing of the staff's board is in it. Cost: some 15 kB, 6 kB as it travels. Never here: what is asked, what an answer does.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, Final, Literal

from fastapi.responses import HTMLResponse

PageOf = Literal["checkin", "tablet"]
_PARTS: Final = Path(__file__).parent / "page"

_TEMPLATE: Final = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head><body class="{kind}">
<main id="page" aria-live="off"></main>{beside}<script type="application/json" id="doc">{document}</script><script>{script}</script></body></html>
"""
_CALL: Final = """<aside class="help" id="call"><div><p id="help-status" role="status"></p><button type="button" id="help">{help}</button></div></aside>"""
_SHORT: Final = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head><body><main><h1>{said}</h1></main></body></html>
"""
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src '{script}'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@lru_cache(maxsize=2)
def _script(kind: PageOf) -> tuple[str, str]:
    """A page's script, and the policy that allows it alone."""
    text = "\n".join((_PARTS / name).read_text("utf-8") for name in ("shared.js", f"{kind}.js"))
    digest = b64encode(sha256(text.encode()).digest()).decode()
    return text, _POLICY.format(script=f"sha256-{digest}")


@lru_cache(maxsize=1)
def _style() -> str:
    return (_PARTS / "page.css").read_text("utf-8")


def headers_with(policy: str) -> dict[str, str]:
    """The headers of a patient's page: kept nowhere, told to nobody."""
    return {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Content-Security-Policy": policy}


def page_of_patient(
    kind: PageOf, language: str, title: str, document: Mapping[str, Any], help_words: str = ""
) -> HTMLResponse:
    """The page of a document."""
    script, policy = _script(kind)
    # Within a script element nothing but its end has a meaning.
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    beside = _CALL.format(help=escape(help_words)) if help_words else ""
    page = _TEMPLATE.format(
        language=escape(language), title=escape(title), style=_style(), kind=kind, beside=beside, document=text, script=script,
    )  # fmt: skip
    return HTMLResponse(page, 200, headers_with(policy))


def short_page(language: str, title: str, said: str, status: int) -> HTMLResponse:
    """A page that only says something."""
    page = _SHORT.format(language=escape(language), title=escape(title), style=_style(), said=escape(said))
    return HTMLResponse(page, status, headers_with(_POLICY.replace("script-src '{script}'; ", "")))
