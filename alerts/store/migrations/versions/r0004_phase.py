"""A transition says where its alert stands: put into the transitions that were written before it did.

Their digests are made anew too, or a frame that is read again after a crash would disagree with what it wrote.
"""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LEADS_TO = {
    "raised": "active", "worsened": "active", "expired": "active", "latched": "latched", "acknowledged": "acknowledged",
    "snoozed": "snoozed", "closed": "closed",
}  # fmt: skip
"""Where a step led; `eased` leaves the phase as it was, `escalated` makes it active unless it was latched."""

_KEY = ("shard", "offset_", "n")
_TRANSITIONS = sa.table("transitions", *map(sa.column, (*_KEY, "alert", "seq", "doc")))
_EFFECTS = sa.table("effects", *map(sa.column, (*_KEY, "digest")))


def upgrade() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.select(_TRANSITIONS).order_by(_TRANSITIONS.c.alert, _TRANSITIONS.c.seq)).all()
    alert, phase = None, "active"
    for row in rows:
        if row.alert != alert:
            alert, phase = row.alert, "active"
        document = json.loads(row.doc)
        step = document["transition"]
        if step == "acknowledged" and phase == "latched":
            phase = "closed"
        elif not (step == "escalated" and phase == "latched"):
            phase = LEADS_TO.get(step, "active" if step == "escalated" else phase)
        fields = {}
        for name, value in document.items():
            fields[name] = value
            if name == "transition":
                fields["phase"] = phase
        doc = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        digest = hashlib.sha256(f"transition\n{doc}".encode()).hexdigest()
        for table, changed in ((_TRANSITIONS, {"doc": doc}), (_EFFECTS, {"digest": digest})):
            mine = (table.c.shard == row.shard, table.c.offset_ == row.offset_, table.c.n == row.n)
            connection.execute(sa.update(table).where(*mine).values(changed))
