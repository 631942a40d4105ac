/** The last twenty minutes of every channel: asked for once per session, then carried on from the feed.
 *
 * Holds good readings only, so that a line never shows what the ward does not believe; a pause longer than a channel may be
 * stale breaks the line. Costs: about 1,200 points a continuous channel and session.
 */

import { signal } from "@preact/signals";

import { getJson, site } from "./here";
import { joined, type Series } from "./lines";
import type { Chair, History, Point } from "./wire";

export const WINDOW_MINUTES = 20;
const WINDOW_MS = WINDOW_MINUTES * 60_000;

const sessions = new Map<string, Map<string, Point[]>>();
const asked = new Map<string, number>();
const RETRY_MS = 15_000;

/** Moves when any line has a new point. */
export const trendsMoved = signal(0);

export function trend(session: string | null | undefined, channel: string): Series {
  return (session ? sessions.get(session)?.get(channel) : undefined) ?? [];
}

function seed(session: string): void {
  const last = asked.get(session);
  if (last !== undefined && performance.now() - last < RETRY_MS) return;
  asked.set(session, performance.now());
  const before = jumps;
  const query = new URLSearchParams({ session, minutes: String(WINDOW_MINUTES), site });
  getJson<History>(`/v1/history?${query}`)
    .then((history) => {
      asked.set(session, before === jumps ? Infinity : soon());
      const lines = linesOf(session);
      for (const [channel, points] of Object.entries(history.series ?? {})) {
        lines.set(channel, joined(points, lines.get(channel) ?? []));
      }
      trendsMoved.value += 1;
    })
    .catch(() => {
      // Stays unasked: the next chairs message after the pause tries again.
    });
}

function linesOf(session: string): Map<string, Point[]> {
  let lines = sessions.get(session);
  if (!lines) sessions.set(session, (lines = new Map()));
  return lines;
}

/** Longer than a busy clinic's feed pauses, and than a demonstration's clock moves in a second. */
const JUMP_MS = 90_000;
const SETTLE_MS = 2_000;
let heardMs: number | null = null;
let jumps = 0;

function soon(): number {
  return performance.now() - RETRY_MS + SETTLE_MS;
}

/** After a silence, or while a service catches up, the lines have a hole that the server can fill: ask again once that is over. */
function askAgainAfterJump(at: string): void {
  const ms = Date.parse(at);
  if (heardMs !== null && ms - heardMs > JUMP_MS) {
    jumps += 1;
    for (const session of asked.keys()) asked.set(session, soon());
  }
  heardMs = ms;
}

export function extendTrends(list: readonly Chair[], at: string): void {
  askAgainAfterJump(at);
  const open = new Set<string>();
  for (const chair of list) {
    if (!chair.session) continue;
    open.add(chair.session);
    const lines = linesOf(chair.session);
    seed(chair.session);
    for (const [channel, reading] of Object.entries(chair.values ?? {})) {
      if (reading?.value == null || !reading.at || (reading.quality ?? "good") !== "good") continue;
      const ms = Date.parse(reading.at);
      const line = lines.get(channel) ?? [];
      if (!(ms > (line.at(-1)?.[0] ?? -Infinity))) continue;
      line.push([ms, reading.value]);
      while (line.length > 0 && (line[0]?.[0] ?? ms) < ms - WINDOW_MS - 60_000) line.shift();
      lines.set(channel, line);
    }
  }
  for (const session of sessions.keys()) {
    if (!open.has(session)) {
      sessions.delete(session);
      asked.delete(session);
    }
  }
  trendsMoved.value += 1;
}
