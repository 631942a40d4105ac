"""The roles that people of a clinic can have. Never here: what a role may do (deploy/access/roles.py)."""

from __future__ import annotations

from typing import Final, Literal, get_args

StaffRole = Literal["viewer", "nurse", "clinician", "scheduler", "operator", "auditor"]
ROLES: Final[tuple[StaffRole, ...]] = get_args(StaffRole)
