/** Which cards a board has, and where: eyes learn places, so a chair keeps its own when it falls empty.
 *
 * A chair seen in the last week stays; the order is the natural one of its names. A session without a chair comes last.
 */

import { computed } from "@preact/signals";

import { chairs } from "./feed";
import { remember, remembered, site } from "./here";
import { byChair } from "./readings";
import type { Chair } from "./wire";

const KEY = `chairside.places.${site}`;
const FORGET_AFTER_MS = 7 * 24 * 3_600_000;

export interface Place {
  key: string;
  name: string;
  /** Null: nobody sits there now. */
  chair: Chair | null;
}

export type Seen = Record<string, number>;

/** The cards, given who sits where now and which chairs were seen before. Pure. */
export function placesOf(list: readonly Chair[], seen: Seen): Place[] {
  const byName = new Map<string, Chair[]>();
  const loose: Place[] = [];
  for (const chair of list) {
    if (chair.chair) byName.set(chair.chair, [...(byName.get(chair.chair) ?? []), chair]);
    else {
      const name = chair.device ?? chair.session ?? "unknown";
      loose.push({ key: `none-${name}`, name, chair });
    }
  }
  const names = [...new Set([...Object.keys(seen), ...byName.keys()])].sort(byChair);
  const seated = names.flatMap((name): Place[] => {
    const here = byName.get(name);
    if (!here) return [{ key: name, name, chair: null }];
    // Two open sessions in one chair: both are watched, so both are shown.
    return here.map((chair, i) => ({ key: i === 0 ? name : `${name}-${chair.session}`, name, chair }));
  });
  return [...seated, ...loose.sort((a, b) => byChair(a.name, b.name))];
}

let seen: Seen = load();

function load(): Seen {
  try {
    const kept = JSON.parse(remembered(KEY) ?? "{}") as Seen;
    return Object.fromEntries(Object.entries(kept).filter(([, at]) => Date.now() - at < FORGET_AFTER_MS));
  } catch {
    return {};
  }
}

export const places = computed<Place[]>(() => {
  const list = chairs.value;
  const today = Date.now();
  const names = list.map((c) => c.chair).filter((c) => c != null);
  // Written when a chair is new or its note an hour old: not each second.
  if (names.some((name) => today - (seen[name] ?? 0) > 3_600_000)) {
    seen = { ...seen, ...Object.fromEntries(names.map((name) => [name, today])) };
    remember(KEY, JSON.stringify(seen));
  }
  return placesOf(list, seen);
});
