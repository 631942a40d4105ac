"""A long list as pages: the list, how much of it was read and how much is wanted in; a page and what to ask for next out.

For lists that are sorted anew with each question (who is due first), where a place is all that a cursor can be: what moves
meanwhile may be read twice or be passed over, and a reader who needs all of it asks again. Alerts have a better one.
Never here: what is in a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, TypeVar

from fastapi import Query

MOST_LISTED: Final = 1000
"""Rows of an answer at the most: of patients some 1 MB. Chosen by us."""

After = Annotated[int, Query(ge=0, lt=2**31, description="The `next` of the answer before.")]
Listed = Annotated[int, Query(ge=1, le=MOST_LISTED)]
_Row = TypeVar("_Row")


def page_of_list(found: Sequence[_Row], after: int, limit: int) -> tuple[list[_Row], int | None]:
    """The rows behind the first `after`, and where to read on; None: that was all."""
    return list(found[after : after + limit]), after + limit if len(found) > after + limit else None
