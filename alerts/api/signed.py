"""Whose name a command carries: that of whoever is signed in, or where nobody need be, the one typed; and what they reach."""

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


def is_within_reach(request: Request, site: str) -> bool:
    """Whether what is of a site is there for whoever asks: of one site they see that one alone."""
    own: str | None = getattr(request.state, "site", None)
    return own is None or own == site


def sees_entries(request: Request) -> bool:
    """Whether what was entered of a patient is for whoever asks. Where nobody need sign in it is for everybody."""
    return getattr(request.state, "sees_entries", True)
