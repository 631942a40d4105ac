"""How many examples a property test draws, where one of them takes a second."""

from __future__ import annotations

from typing import Final

from hypothesis import settings

FEWEST: Final = 6


def one_in(share: int) -> settings:
    """So many times fewer examples than usual, a handful at least; as many as the profile has where that is not the usual one
    (`prove`, `planted`: to look further is what those are for).
    """
    examples = settings().max_examples
    usual = settings.get_current_profile_name() == "ci"
    return settings(max_examples=max(FEWEST, examples // share) if usual else examples)
