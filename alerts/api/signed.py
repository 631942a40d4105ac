"""Whose name a command carries: that of whoever is signed in, and only where nobody need be, the one that was typed."""

from __future__ import annotations

from fastapi import HTTPException, Request


def signed_by(request: Request, typed: str | None) -> str:
    """The person of a request. `typed`: what its body says, which is no proof.

    Raises:
        HTTPException: nobody is named at all (422).
    """
    person: str | None = getattr(request.state, "person", None)
    name = person or typed
    if name is None:
        raise HTTPException(422, "by: say who answers")
    return name
