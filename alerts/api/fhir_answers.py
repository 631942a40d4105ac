"""Answers as FHIR has them: a resource, or an OperationOutcome of what is wrong. To whoever reads, and to whoever sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.responses import JSONResponse

FHIR_JSON: Final = "application/fhir+json"
Issue = tuple[str, str, str, str]
"""Severity, code, element or parameter (empty: none), words (FHIR R4, OperationOutcome)."""
_NAMED: Final = 100
"""Issues that an outcome names."""


class FhirAnswer(JSONResponse):
    """JSON as FHIR has it, which nobody keeps on the way."""

    media_type = FHIR_JSON

    def __init__(self, content: Any, status_code: int = 200) -> None:
        super().__init__(content, status_code, {"Cache-Control": "no-store"})


def outcome(status: int, issues: Sequence[Issue]) -> FhirAnswer:
    """An OperationOutcome of these issues, the first `_NAMED` by name."""
    named = [
        {"severity": severity, "code": code, "diagnostics": words, **({"expression": [where]} if where else {})}
        for severity, code, where, words in issues[:_NAMED]
    ]
    if (more := len(issues) - _NAMED) > 0:
        named.append({"severity": "information", "code": "informational", "diagnostics": f"and {more} more"})
    return FhirAnswer({"resourceType": "OperationOutcome", "issue": named}, status)
