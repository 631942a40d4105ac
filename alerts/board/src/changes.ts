/** The chairs after a `changes` event of the live feed: what the server's `with_changes` does (alerts/api/changes.py). */

import type { Chair, Chairs } from "./wire";

export interface Changes {
  readonly decided: number;
  readonly at: string;
  readonly site: string;
  /** A chair's place → its fields that are others now; of a field that is an object, those of its own. */
  readonly changed: Readonly<Record<string, Fields>>;
  /** A chair's place → all of it. */
  readonly whole: Readonly<Record<string, Chair>>;
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function merged(was: Fields, part: Fields): Fields {
  const found: Record<string, unknown> = { ...was };
  for (const [name, value] of Object.entries(part)) {
    const before = found[name];
    found[name] = isFields(value) && isFields(before) ? merged(before, value) : value;
  }
  return found;
}

export function withChanges(before: readonly Chair[], changes: Changes): Chairs {
  const chairs = before.map((chair, place) => {
    const part = changes.changed[place];
    return changes.whole[place] ?? (part === undefined ? chair : (merged(chair as unknown as Fields, part) as unknown as Chair));
  });
  return { decided: changes.decided, at: changes.at, site: changes.site, chairs };
}
