"""What boards need of the tables, as one file: `alerts/board/src/tables.json`, written by `make schema`; a test keeps it in step.

Order is the tables' own: it is the order of buttons and lines.
"""

from __future__ import annotations

import json
from typing import Any

from models.instants import MINUTE, SECOND
from models.tables.card import DUE_TITLES, QUALITY_NOTES
from models.tables.channels import CHANNELS, STALE_AFTER
from models.tables.conditions import CONTRAINDICATIONS, INTERACTIONS
from models.tables.dose_limits import DOSE_LIMITS, ONE_DOSE_WITHIN, ROUNDED, TOO_MANY_TIMES, WHOLE_DOSE
from models.tables.drugs import ROUTE_TITLES, TREATMENTS, WEIGHT_KG
from models.tables.instruments import INSTRUMENTS, MOAAS_LEVELS
from models.tables.limits import LABELS, LIMIT_COLUMNS, MEASURED_AS
from models.tables.questions import QUESTIONNAIRES
from models.tables.rules import INHIBITS, PRIORITY_SHAPES, RULES, Priority
from models.tables.symptoms import SYMPTOM_BUTTONS


def board_tables() -> dict[str, Any]:
    """Each table as name → row, JSON-able."""
    return {
        "channels": {
            channel.name: {
                "label": channel.label.replace("O2", "O₂"),
                "short": channel.card.short,
                "unit": channel.shown_unit,
                "decimals": channel.card.decimals,
                "row": channel.card.row,
                "place": channel.card.place,
                "usual_low": channel.card.usual[0],
                "usual_high": channel.card.usual[1],
                "lowest": channel.lowest,
                "highest": channel.highest,
                "continuous": channel.continuous,
            }
            for channel in CHANNELS
        },
        "drugs": {treatment.drug: treatment.drug.capitalize() for treatment in TREATMENTS.values() if treatment.usual},
        "treatments": {
            f"{treatment.drug}/{treatment.route}": {
                "title": treatment.protocol.title,
                "usual": treatment.usual,
                "per_kg": treatment.per_kg,
                "minutes": treatment.protocol.dose_min,
                "predose": treatment.protocol.predose_mmhg,
            }
            for treatment in TREATMENTS.values()
            if treatment.usual
        },
        "dose_limits": {
            f"{limit.drug}/{limit.route}": {"most": limit.most, "per_kg": limit.per_kg}
            for limit in DOSE_LIMITS.values()
        },
        "dose_check": {
            "rounded": ROUNDED,
            "too_many_times": TOO_MANY_TIMES,
            "whole_dose": WHOLE_DOSE,
            "one_dose_within_min": ONE_DOSE_WITHIN // MINUTE,
            "weight_kg": WEIGHT_KG,
        },
        "questionnaires": {
            asked.instrument: {
                "title": INSTRUMENTS[asked.instrument].title,
                "stem": asked.stem,
                "items": asked.items,
                "answers": asked.answers,
                "own": asked.own,
            }
            for asked in QUESTIONNAIRES.values()
        },
        "conditions": {row.name: row.name.replace("-", " ").capitalize() for row in CONTRAINDICATIONS},
        "medications": {row.name: row.name.replace("-", " ").capitalize() for row in INTERACTIONS},
        "due": dict(DUE_TITLES),
        "derived": {
            column: {"label": LABELS[column], "channel": MEASURED_AS.get(column) or column.removesuffix("-rise")}
            for column in LIMIT_COLUMNS
            if column in MEASURED_AS or column.endswith("-rise")
        },
        "instruments": {
            instrument.name: {
                "short": instrument.short or instrument.title,
                "row": instrument.row,
                "items": instrument.items,
                "highest": instrument.score_range[1],
                "cuts": [lowest for lowest, _ in instrument.cuts],
            }
            for instrument in INSTRUMENTS.values()
        },
        "moaas_levels": {
            f"level-{level.score}": {"score": level.score, "word": level.word, "means": level.means}
            for level in MOAAS_LEVELS
        },
        "priorities": {
            priority.word: {"rank": int(priority), "word": priority.name, "shape": PRIORITY_SHAPES[priority]}
            for priority in sorted(Priority, reverse=True)
        },
        "qualities": dict(QUALITY_NOTES),
        "routes": dict(ROUTE_TITLES),
        "rules": {
            rule.name: {
                "title": rule.title,
                "category": rule.category,
                "row": rule.row,
                "measured": rule.measured,
                "implies": sorted(INHIBITS.get(rule.name, ())),
            }
            for rule in RULES.values()
        },
        "symptoms": dict(SYMPTOM_BUTTONS),
        "times": {"stale_after_s": STALE_AFTER // SECOND},
    }


def rendered_board_tables() -> str:
    """The JSON text, a line for each row of each table, so that a difference shows which row changed."""
    tables = []
    for name, rows in board_tables().items():
        lines = [f"    {json.dumps(key)}: {json.dumps(row, ensure_ascii=False)}" for key, row in rows.items()]
        tables.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(tables) + "\n}\n"
