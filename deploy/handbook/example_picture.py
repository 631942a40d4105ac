"""The picture of a rule's example: a course that the product has played, as SVG; the line, its limits, what the alert did when.

A limit is dashed and a step of the alert has its word and shape, so that it reads without colour. The same example gives the same
bytes. Never here: an example of our own making (streams/rule_book.py plays them).
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from models.tables.rules import PRIORITY_SHAPES, Priority
from models.wire.rules import ExampleOut

WIDTH, HEIGHT = 720, 260
LEFT_EDGE, RIGHT_EDGE, TOP_EDGE, BOTTOM_EDGE = 56, 16, 44, 34
SHAPES: Final = {priority.word: PRIORITY_SHAPES[priority] for priority in Priority}


def picture_of(example: ExampleOut, title: str) -> str:
    """The SVG text of an example."""
    points = example["points"]
    last_s = max(*(at_s for at_s, _ in points), *(step["at_s"] for step in example["steps"]))
    values = [*(value for _, value in points), example["enter"], example["leave"]]
    margin = (max(values) - min(values)) * 0.1 or 1.0
    low, high = min(values) - margin, max(values) + margin

    def x(at_s: float) -> float:
        return round(LEFT_EDGE + at_s / last_s * (WIDTH - LEFT_EDGE - RIGHT_EDGE), 1)

    def y(value: float) -> float:
        return round(TOP_EDGE + (high - value) / (high - low) * (HEIGHT - TOP_EDGE - BOTTOM_EDGE), 1)

    def drawn() -> Iterator[str]:
        says = f"{title}: {example['label']} in an invented course, and what the alert did"
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" font-family="sans-serif"'
            f' font-size="12" fill="#666"><title>{escape(says)}</title>'
        )
        # The plainest that reads on any ground: a panel of its own.
        yield f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#fff"/>'
        for word, value in (("limit", example["enter"]), ("back", example["leave"])):
            yield f'<line x1="{LEFT_EDGE}" x2="{WIDTH - RIGHT_EDGE}" y1="{y(value)}" y2="{y(value)}" stroke="#999" stroke-dasharray="{"6 4" if word == "limit" else "2 4"}"/>'
            yield f'<text x="{LEFT_EDGE - 6}" y="{y(value) + 4}" text-anchor="end">{value:g}</text>'
        yield f'<text x="{LEFT_EDGE}" y="18" fill="#222">{escape(example["label"])}, {escape(example["unit"])}</text>'
        line = " ".join(f"{x(at_s)},{y(value)}" for at_s, value in points)
        yield f'<polyline points="{line}" fill="none" stroke="#1b5e8c" stroke-width="1.6"/>'
        if len(points) <= 20:
            yield from (f'<circle cx="{x(at_s)}" cy="{y(value)}" r="3" fill="#1b5e8c"/>' for at_s, value in points)
        for number, step in enumerate(example["steps"]):
            at, at_y = x(step["at_s"]), TOP_EDGE - 12 + number % 2 * 14
            anchor = "end" if at > WIDTH * 0.8 else "start"
            said = f"{SHAPES[step['priority']]} {step['transition']}"
            yield f'<line x1="{at}" x2="{at}" y1="{TOP_EDGE - 8}" y2="{HEIGHT - BOTTOM_EDGE}" stroke="#b3261e" stroke-width="1"/>'
            yield f'<text x="{at + (4 if anchor == "start" else -4)}" y="{at_y}" text-anchor="{anchor}" fill="#b3261e">{escape(said)}</text>'
        for minute in range(0, int(last_s // 60) + 1, max(1, int(last_s // 60) // 6)):
            yield f'<text x="{x(minute * 60)}" y="{HEIGHT - 12}" text-anchor="middle">{minute} min</text>'
        yield "</svg>"

    return "\n".join(drawn()) + "\n"
