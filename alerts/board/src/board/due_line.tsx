/** What is due or overdue next, over all chairs, in one line at the foot of the alerts. */

import { chairs } from "../feed";
import { dueOf, dueWords } from "../due";
import { now, parse, second } from "../times";
import type { Chair, Due } from "../wire";

const SHOWN = 2;
const CHAIRS = 6;
/** What is due later than this is on its card. */
const SOON_MS = 15 * 60_000;

/** One entry for what is due at several chairs in the same words. */
function together(all: readonly { chair: Chair; due: Due }[]): [words: string, where: string[]][] {
  const found = new Map<string, string[]>();
  for (const { chair, due } of all) {
    const words = dueWords(due);
    found.set(words, [...(found.get(words) ?? []), chair.chair ?? chair.patient ?? "?"]);
  }
  return [...found];
}

export function DueLine() {
  second.value;
  const all = dueOf(chairs.value).filter(({ due }) => (parse(due.due_at) ?? 0) < now() + SOON_MS);
  if (all.length === 0) return null;
  const groups = together(all);
  const beyond = groups.slice(SHOWN).reduce((n, [, where]) => n + where.length, 0);
  const late = all.filter(({ due }) => (parse(due.due_at) ?? Infinity) <= now()).length;
  return (
    <p class="pages-line" data-testid="due-line">
      {groups.slice(0, SHOWN).map(([words, where]) => <span key={words}>{words}: {where.length === 1 ? "chair" : "chairs"} {where.slice(0, CHAIRS).join(", ")}{where.length > CHAIRS ? ` and ${where.length - CHAIRS} more` : ""}</span>)}
      {beyond > 0 && <span>{beyond} more within 15 min{late > 0 ? `, ${late} overdue in all` : ""}</span>}
    </p>
  );
}
