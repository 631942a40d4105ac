/** Lines of readings over time: joining, cutting, and breaking them where a channel was silent. Pure. */

import { readNowAndThen, STALE_AFTER_MS } from "./tables";
import type { Point } from "./wire";

export type Series = readonly Point[];

/** `older` then `newer`, where they overlap the older's; both in order of time. */
export function joined(older: Series, newer: Series): Point[] {
  const last = older.at(-1)?.[0] ?? -Infinity;
  return [...older, ...newer.filter(([at]) => at > last)];
}

export function recent(points: Series, fromMs: number): Point[] {
  const start = points.findIndex(([at]) => at >= fromMs);
  return start === -1 ? [] : points.slice(start);
}

/** Columns for the plot, with a gap where the channel said nothing for longer than it may. */
export function withGaps(points: Series, channel: string): { at: number[]; value: (number | null)[] } {
  const at: number[] = [];
  const value: (number | null)[] = [];
  let before: number | null = null;
  for (const [ms, v] of points) {
    if (before !== null && ms - before > STALE_AFTER_MS && !readNowAndThen(channel)) {
      at.push((before + 1000) / 1000);
      value.push(null);
    }
    at.push(ms / 1000);
    value.push(v);
    before = ms;
  }
  return { at, value };
}
