/** The live feed: one EventSource, folded into the signals that every page draws.
 *
 * EventSource reconnects and resumes by itself; it does not notice a connection that is open and silent, so a watchdog
 * opens a new one after 10 s. `silentSince` is the page's own timer, not the feed's: it speaks when the feed cannot, and when
 * the feed comes and says that nothing is decided any more; ages then run on by this page's clock.
 * Never here: deciding that an alert is answered. Only the server's event says so, on every board at once.
 */

import { computed, effect, signal } from "@preact/signals";

import { askMe, whenSignedIn } from "./access";
import { type Alerts, fold, merge, needsSomeone, pageOutstanding, sayingOf, waiting } from "./alarms";
import { announce, announceSummary } from "./announce";
import { getJson, listOf, signedOut, site } from "./here";
import { forgetState, keepState, stateKept } from "./last_state";
import { type Changes, withChanges } from "./changes";
import { clockWithSeconds, hearServerTime, now, parse, second } from "./times";
import { extendTrends } from "./trends";
import type { Alert, Chair, Chairs, Snapshot, Transition } from "./wire";

export const chairs = signal<readonly Chair[]>([]);
export const alerts = signal<Alerts>(new Map());
/** Who was forecast anew since this page was opened: alias → how many times. `everybody` counts all of them. */
export const forecastsOf = signal<ReadonlyMap<string, number>>(new Map());
export const everybody = "";
export const heardAnything = signal(false);

/** A feed older than this is not live: the server sends each second, so this is five missed messages. */
const SILENT_AFTER_MS = 5_000;
const RECONNECT_AFTER_MS = 10_000;

interface Moment {
  mono: number;
  wall: number;
  shown: number;
}

function moment(): Moment {
  return { mono: performance.now(), wall: Date.now(), shown: now() };
}

let heard: Moment = moment();
let tried: Moment = heard;

/** The monotonic clock stops while a laptop sleeps and the wall clock may be set back: the larger of both is silence. */
function passed(from: Moment): number {
  return Math.max(performance.now() - from.mono, Date.now() - from.wall);
}

/** What the watch had decided when it last went on, and when that was heard; before the first message, nothing. */
let decided = -1;
let wentOn: Moment = heard;

/** Whether the feed comes and the watch behind it stands still. */
export const unwatched = computed<boolean>(() => {
  second.value;
  return passed(heard) <= SILENT_AFTER_MS && decided >= 0 && passed(wentOn) > SILENT_AFTER_MS;
});

/** "14:03:21" once the feed has said nothing for five seconds, or nothing new was decided for as long, else null. */
export const silentSince = computed<string | null>(() => {
  second.value;
  if (restored.value && restoredAt !== null) return clockWithSeconds(restoredAt);
  if (unwatched.value) return clockWithSeconds(wentOn.shown);
  return passed(heard) > SILENT_AFTER_MS ? clockWithSeconds(heard.shown) : null;
});

/** Seconds since the last chairs message, by which every age on the page grows. */
export const elapsedS = computed<number>(() => {
  second.value;
  return chairs.value.length === 0 ? 0 : (performance.now() - chairsMono) / 1000;
});
let chairsMono = 0;

/** What is shown is from before a reload, and nothing has been heard since. */
export const restored = signal(false);
/** Whether anything is known at all: heard now, or kept from before. */
export const known = computed<boolean>(() => heardAnything.value || restored.value);
let restoredAt: number | null = null;

function mark(): void {
  heard = moment();
  tried = heard;
  heardAnything.value = true;
  restored.value = false;
  second.value += 1;
}

function chairOf(session: string | null): string | null {
  return chairs.value.find((c) => c.session === session)?.chair ?? null;
}

const said = new Set<string>();

function takeChairs(message: Chairs): void {
  if (message.decided !== decided) {
    decided = message.decided;
    hearServerTime(message.at);
    wentOn = moment();
    chairsMono = performance.now();
  }
  chairs.value = message.chairs;
  keepState(() => ({ at: parse(message.at) ?? Date.now(), chairs: message.chairs, alerts: [...alerts.value.values()] }));
  extendTrends(message.chairs, message.at);
}

function takeChanges(message: Changes): void {
  takeChairs(withChanges(chairs.value, message));
}

function takeSnapshot(message: Snapshot): void {
  const first = !heardAnything.value;
  takeChairs(message.chairs);
  alerts.value = new Map(message.alerts.map((a) => [a.alert, a]));
  if (waiting(alerts.value).some(pageOutstanding)) fetchDetailsSoon();
  const unsaid = waiting(alerts.value).filter((a) => !said.has(sayingOf(a)));
  for (const alert of unsaid) said.add(sayingOf(alert));
  // Reading out everything that stood before the page was opened would bury what is new.
  if (first) announceSummary(unsaid.length);
  else for (const alert of unsaid) announce(alert);
}

function takeTransition(t: Transition): void {
  const next = fold(alerts.value, t, chairOf);
  if (next === alerts.value) return;
  alerts.value = next;
  const alert = next.get(t.alert);
  if (alert && needsSomeone(alert) && !said.has(sayingOf(alert))) {
    said.add(sayingOf(alert));
    announce(alert);
  }
  fetchDetailsSoon();
}

function takeForecasts(message: { forecasts: readonly { patient: string }[] }): void {
  const next = new Map(forecastsOf.value);
  for (const patient of [everybody, ...message.forecasts.map((made) => made.patient)]) {
    next.set(patient, (next.get(patient) ?? 0) + 1);
  }
  forecastsOf.value = next;
}

let fetching: number | undefined;
const PAGES_MS = 3_000;

/** The alerts' own record says what a transition cannot: whether the pages that it owed went out. */
function fetchDetailsSoon(afterMs = 300): void {
  if (fetching !== undefined) return;
  fetching = window.setTimeout(async () => {
    fetching = undefined;
    try {
      const answer = await getJson<unknown>(`/v1/alerts?open=true&site=${encodeURIComponent(site)}`);
      alerts.value = merge(alerts.value, listOf<Alert>(answer, "alerts"));
      if (waiting(alerts.value).some(pageOutstanding)) fetchDetailsSoon(PAGES_MS);
    } catch {
      // The transition has already been drawn; the next one asks again.
    }
  }, afterMs);
}

let source: EventSource | null = null;

function take<T>(apply: (message: T) => void): (event: MessageEvent<string>) => void {
  return (event) => {
    try {
      apply(JSON.parse(event.data) as T);
    } catch (error) {
      // One unreadable message must not stop the page; if all are, the silence shows.
      console.error("unreadable message on the feed", error);
      return;
    }
    mark();
  };
}

function open(): void {
  source?.close();
  tried = moment();
  const next = new EventSource(`/v1/live?changes=true&site=${encodeURIComponent(site)}`);
  next.addEventListener("snapshot", take(takeSnapshot));
  next.addEventListener("chairs", take(takeChairs));
  next.addEventListener("changes", take(takeChanges));
  next.addEventListener("alert", take(takeTransition));
  next.addEventListener("forecast", take(takeForecasts));
  // An EventSource does not say what it was answered; who is signed in does.
  next.addEventListener("error", () => next.readyState === EventSource.CLOSED && void askMe());
  source = next;
}

/** What was known before a reload stands at once, as old as it is; the first message replaces it. */
function restore(): void {
  const last = stateKept();
  if (last === null) return;
  restoredAt = last.at;
  chairs.value = last.chairs;
  alerts.value = new Map(last.alerts.map((a) => [a.alert, a]));
  restored.value = true;
}

export function listen(): void {
  heard = moment();
  restore();
  open();
  // Who is not signed in sees nothing, old or new.
  effect(() => {
    if (!signedOut.value) return;
    forgetState();
    if (restored.peek()) {
      restored.value = false;
      chairs.value = [];
      alerts.value = new Map();
    }
  });
  window.setInterval(() => {
    second.value += 1;
    if (passed(tried) > RECONNECT_AFTER_MS) open();
  }, 1000);
  const again = (): void => {
    if (passed(heard) > SILENT_AFTER_MS) open();
  };
  window.addEventListener("online", again);
  whenSignedIn(open);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && again());
}
