/** Who is on call, and the ladders of the open alerts: asked for again when something has happened, and by the clock.
 *
 * Never here: counting down (the page's clock does, `said.ts`).
 */

import { computed, effect, signal } from "@preact/signals";

import { whenSignedIn } from "../access";
import { alerts, heardAnything, silentSince } from "../feed";
import { getJson, signedOut, site } from "../here";
import { now, parse, second } from "../times";
import type { Ladder, Ladders, Rota } from "../wire";
import { namesOf, type NameOf } from "./said";

/** An override made on another screen is seen after this long; a hand-off at once. */
const ROTA_MS = 30_000;
/** The last rung's repeats are no transition, so the feed does not tell of them. */
const LADDERS_MS = 15_000;
/** After a transition, so that one event's transitions are asked about once. */
const SOON_MS = 300;
/** The next call's instant has passed and its transition has not come: so often it is asked what became of it. */
const LATE_MS = 3_000;
/** What was not heard anew for this long counts down to nothing that can be promised. */
const OLD_MS = 3 * LADDERS_MS;

export const rota = signal<Rota | null>(null);
/** Why there is no newer answer about who is on call, in words. */
export const rotaProblem = signal<string | null>(null);
const ladders = signal<ReadonlyMap<string, Ladder>>(new Map());
let laddersMono = -Infinity;

export const nameOf = computed<NameOf>(() => namesOf(rota.value));

/** How far the alert's ladder was climbed, null where there is none; `at`: the time now, null where a countdown would be a guess. */
export function ladderOf(alert: string): { ladder: Ladder | null; at: number | null } {
  second.value;
  const believed = silentSince.value === null && performance.now() - laddersMono < OLD_MS;
  return { ladder: ladders.value.get(alert) ?? null, at: believed ? now() : null };
}

const query = new URLSearchParams({ site });

export async function askRota(): Promise<void> {
  try {
    rota.value = await getJson<Rota>(`/v1/rota?${query}&days=7`);
    rotaProblem.value = null;
  } catch (failure) {
    rotaProblem.value = failure instanceof Error ? failure.message : "no answer";
  }
}

async function askLadders(): Promise<void> {
  try {
    const { ladders: found } = await getJson<Ladders>(`/v1/ladders?${query}`);
    laddersMono = performance.now();
    ladders.value = new Map(found.map((each) => [each.alert, each]));
  } catch {
    // What was heard last stands until it is too old to count down by.
  }
}

/** Calls `ask` once, so long after the first of several wishes. */
function once(ask: () => Promise<void>): (afterMs: number) => void {
  let timer: number | undefined;
  return (afterMs) => {
    timer ??= window.setTimeout(() => {
      timer = undefined;
      if (!signedOut.value) void ask();
    }, afterMs);
  };
}

export function watchOnCall(): void {
  const rotaSoon = once(askRota);
  const laddersSoon = once(askLadders);
  rotaSoon(0);
  effect(() => {
    if (heardAnything.value && alerts.value.size > 0) laddersSoon(SOON_MS);
  });
  effect(() => {
    second.value;
    if (rota.peek()?.schedules.some((each) => (parse(each.now.until) ?? Infinity) <= now())) rotaSoon(LATE_MS);
    if ([...ladders.peek().values()].some(({ next }) => next !== null && (parse(next.at) ?? Infinity) <= now())) laddersSoon(LATE_MS);
  });
  window.setInterval(() => rotaSoon(0), ROTA_MS);
  window.setInterval(() => alerts.value.size > 0 && laddersSoon(0), LADDERS_MS);
  whenSignedIn(() => {
    rotaSoon(0);
    laddersSoon(0);
  });
}
