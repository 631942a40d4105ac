/** The numbers of an alert as they are now: now, worst since it began, how fast. What was read at its onset is history. Pure.
 *
 * Bad at: an alert that began before the lines do (twenty minutes): its worst may then miss a reading that was worse by less than
 * the step by which the server tells a deeper one.
 */

import { digits, shown } from "./readings";
import type { Series } from "./lines";
import { derivedFrom, instrumentWords, highestOf, readNowAndThen, unitOf } from "./tables";
import { span } from "./times";
import type { Alert, Chair } from "./wire";

export interface Numbers {
  /** "systolic", "diastolic", "CADSS-6"; null where the title says it. */
  label: string | null;
  /** Null: it is not known now. */
  now: string | null;
  /** False: struck through. */
  live: boolean;
  worst: string | null;
  unit: string;
  limit: string | null;
  /** "falling 3 a minute", "18 more in 5 min"; null where nothing can be said. */
  pace: string | null;
}

const LABELS: Record<string, string> = { sbp: "systolic", dbp: "diastolic", map: "mean", "sbp-rise": "systolic risen by", "dbp-rise": "diastolic risen by" };

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** The measured channel behind a limit's: `rate` is the heart's where its leads show one, else the pulse. */
export function measuredChannel(channel: string, chair: Chair | null): string {
  if (channel === "rate") return chair?.values?.["hr"]?.value == null && chair?.values?.["pulse"]?.value != null ? "pulse" : "hr";
  return derivedFrom(channel) ?? channel;
}

interface Situation {
  /** Where its session is open now, else null. */
  chair: Chair | null;
  /** The line of its measured channel, the newest last. */
  points: Series;
  /** Seconds since the message that held the values. */
  elapsedS: number;
  /** The feed is silent, or the watch stands still. */
  silent: boolean;
  nowMs: number;
}

/** Null where the alert is about no number. */
export function numbersOf(alert: Alert, situation: Situation): Numbers | null {
  const e = alert.evidence ?? {};
  const channel = textOf(e["channel"]) ?? "";
  const value = numberOf(e["value"]);
  const instrument = textOf(e["instrument"]);
  if (instrument !== null && value !== null) return scoreOf(instrument, alert, situation);
  if (value === null || channel === "") return null;
  const measured = measuredChannel(channel, situation.chair);
  const low = (textOf(e["past"]) ?? ">").startsWith("<");
  const baseline = channel.endsWith("-rise") ? numberOf(situation.chair?.baseline?.[measured as "sbp" | "dbp"]) ?? numberOf(e["baseline"]) : null;
  const relative = (v: number): number => v - (baseline ?? 0);
  const neat = (v: number): string => (channel.endsWith("-rise") ? `${Math.round(v)}` : digits(measured, v));
  // Two witnesses of breath are no channel of their own.
  const reading = channel === "breaths" ? null : situation.chair?.values?.[measured];
  const seen = shown(measured, reading, situation.elapsedS);
  const nowValue = reading?.value == null || (channel.endsWith("-rise") && baseline === null) ? null : relative(reading.value);
  const began = Date.parse(alert.onset_at ?? "") || Infinity;
  const since = situation.points.filter(([ms, v]) => ms >= began && v !== null).map(([, v]) => relative(v ?? 0));
  // A reading of before the onset that still stands there is not of this alert.
  const current = nowValue !== null && seen.live && (Date.parse(reading?.at ?? "") || 0) >= began ? [nowValue] : [];
  const all = channel === "breaths" ? [value] : [value, ...since, ...current];
  const worst = low ? Math.min(...all) : Math.max(...all);
  const limit = numberOf(e["limit"]);
  const unit = textOf(e["unit"]) ?? unitOf(measured);
  return {
    label: LABELS[channel] ?? null,
    now: nowValue === null ? null : neat(nowValue),
    live: seen.live && (!situation.silent || readNowAndThen(measured)),
    worst: neat(worst),
    unit: unit.replace("mm[Hg]", "mmHg"),
    limit: limit === null ? null : neat(limit),
    pace: channel === "breaths" || situation.silent || !seen.live ? null : paceOf(measured, situation.points, situation.nowMs),
  };
}

/** A scale as it was entered: another scale's total that it is like decides, and is not what somebody said. */
function scoreOf(instrument: string, alert: Alert, { chair }: Situation): Numbers | null {
  const e = alert.evidence ?? {};
  const column = instrument === "cadss-6" ? "cadss" : instrument;
  const entered = (column === "cadss" ? ["cadss", "cadss-6"] : [column])
    .map((name) => ({ name, entry: chair?.checkins?.[name] }))
    .filter(({ entry }) => entry?.score != null)
    .sort((a, b) => ((a.entry?.at ?? "") < (b.entry?.at ?? "") ? 1 : -1));
  const newest = entered[0];
  const name = newest?.name ?? instrument;
  const then = numberOf(e["score"]) ?? (instrument === column ? numberOf(e["value"]) : null);
  const score = newest?.entry?.score ?? null;
  if (score === null && then === null) return null;
  const limit = name === column ? numberOf(e["limit"]) : null;
  const worst = name === instrument && then !== null && score !== null ? (column === "moaas" ? Math.min(then, score) : Math.max(then, score)) : then;
  return {
    label: instrumentWords(name),
    now: score === null ? null : String(score),
    live: score !== null,
    worst: worst === null ? null : String(worst),
    unit: name === instrument || score !== null ? `of ${highestOf(name)}` : "",
    limit: limit === null ? null : String(limit),
    pace: null,
  };
}

const PACE_MS = 120_000;
const STEADY = 0.5;

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** From the last two minutes of what comes each second, or the last two readings of what is read now and then. */
export function paceOf(channel: string, points: Series, nowMs: number): string | null {
  const read = points.filter((p): p is readonly [number, number] => p[1] !== null);
  if (readNowAndThen(channel)) {
    const [before, last] = read.slice(-2);
    if (!before || !last) return null;
    const change = Math.round(last[1] - before[1]);
    const over = span(last[0] - before[0]);
    return change === 0 ? `as ${over} before` : `${Math.abs(change)} ${change > 0 ? "more" : "less"} in ${over}`;
  }
  const recent = read.filter(([ms]) => ms > nowMs - PACE_MS && ms <= nowMs + 1000);
  const [first, last] = [recent[0], recent.at(-1)];
  if (!first || !last || last[0] - first[0] < PACE_MS / 4) return null;
  const quarter = (last[0] - first[0]) / 4;
  const start = middle(recent.filter(([ms]) => ms <= first[0] + quarter).map(([, v]) => v));
  const end = middle(recent.filter(([ms]) => ms >= last[0] - quarter).map(([, v]) => v));
  const perMinute = ((end - start) * 60_000) / (last[0] - first[0] - quarter);
  if (Math.abs(perMinute) < STEADY) return "steady";
  return `${perMinute > 0 ? "rising" : "falling"} ${Math.round(Math.abs(perMinute)) || 1} a minute`;
}
