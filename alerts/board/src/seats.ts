/** The places of this page: `places.ts` over the feed and the site's chairs, or where it names none those that this browser has seen in the last week. */

import { computed } from "@preact/signals";

import { chairs } from "./feed";
import { remember, remembered, site } from "./here";
import { board } from "./site";
import { type Place, placesOf, type Seen } from "./places";

const KEY = `chairside.places.${site}`;
const FORGET_AFTER_MS = 7 * 24 * 3_600_000;

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
  return placesOf(list, seen, board.value.chairs);
});
