/** What is due next at the chairs, in words and in order. Pure. */

import { dueName } from "./tables";
import { now, parse, until } from "./times";
import type { Chair, Due } from "./wire";

export function dueWords(due: Due): string {
  const name = dueName(due.what) ?? due.what.replaceAll("-", " ").replace(/^./, (c) => c.toUpperCase());
  const at = parse(due.due_at);
  if (at === null) return name;
  // Wanted at once from the reading on: how late it is says less than that it is wanted now.
  if (due.what === "recheck" && at <= now()) return `${name} now`;
  return `${name} ${until(at)}`;
}

/** The soonest first; the end of an observation asks nobody for anything. */
export function dueOf(list: readonly Chair[]): { chair: Chair; due: Due }[] {
  return list.flatMap((chair) => (chair.next ?? []).filter((due) => due.what !== "observation").map((due) => ({ chair, due })))
    .sort((a, b) => (parse(a.due.due_at) ?? 0) - (parse(b.due.due_at) ?? 0));
}
