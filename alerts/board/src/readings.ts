/** What one value looks like: its digits, whether it is live, and the reason when it is not.
 *
 * A value is live only if the server called it good and it is younger than its channel allows, counting the seconds
 * since the server last spoke: a frozen feed must not leave a number looking alive.
 */

import { span } from "./times";
import type { Band, Chair, CheckIn, Quality, Reading } from "./wire";

export interface Shown {
  digits: string;
  /** False: struck through and grey. */
  live: boolean;
  /** True: there is no number at all. */
  absent: boolean;
  /** Why it is not live, or how old it is; null when there is nothing to say. */
  note: string | null;
}

const REASON: Record<Quality, string> = {
  good: "no reading",
  stale: "no reading",
  implausible: "not believable",
  step: "jumped",
  frozen: "frozen",
  artefact: "artefact",
  "probe-off": "probe off",
  "cuff-failed": "cuff failed",
  off: "switched off",
};

/** Continuous channels come each second; up to this age their age is not worth a nurse's glance. */
const QUIET_AGE_S = 5;

export function digits(channel: string, value: number): string {
  return channel === "temp" ? value.toFixed(1) : String(Math.round(value));
}

/** `elapsedS`: seconds since the message that held this reading. */
export function shown(channel: string, reading: Reading | null | undefined, elapsedS: number): Shown {
  const quality = reading?.quality ?? "good";
  if (reading?.value === null || reading?.value === undefined) {
    return { digits: "—", live: false, absent: true, note: REASON[quality] };
  }
  const text = digits(channel, reading.value);
  const ageS = reading.age_s === null || reading.age_s === undefined ? null : reading.age_s + elapsedS;
  const age = ageS === null ? null : span(ageS * 1000);
  const tooOld = ageS !== null && reading.stale_after_s != null && ageS > reading.stale_after_s;
  if (quality === "stale" || tooOld) {
    return { digits: text, live: false, absent: false, note: age === null ? "old" : `${age} old` };
  }
  if (quality !== "good") return { digits: text, live: false, absent: false, note: REASON[quality] };
  const quiet = ageS !== null && ageS <= QUIET_AGE_S;
  return { digits: text, live: true, absent: false, note: quiet ? null : age };
}

/** Heart rate where there is one, else the pulse: the one that is live wins, so that a loose lead shows the pulse. */
export function rateChannel(chair: Chair, elapsedS: number): "hr" | "pulse" {
  const hr = shown("hr", chair.values?.["hr"], elapsedS);
  if (hr.live) return "hr";
  const pulse = shown("pulse", chair.values?.["pulse"], elapsedS);
  if (pulse.live) return "pulse";
  return hr.absent && !pulse.absent ? "pulse" : "hr";
}

export function band(chair: Chair, channel: string): Band {
  return chair.limits?.[channel] ?? {};
}

export interface Spoken {
  word: string;
  score: string | null;
  at: string | null;
}

/** MOAA/S levels, as on a board and as on a button. The scale is free to use. */
export const MOAAS: readonly { score: number; word: string; means: string }[] = [
  { score: 5, word: "Awake", means: "Answers readily to name" },
  { score: 4, word: "Drowsy", means: "Answers slowly to name" },
  { score: 3, word: "Sedated", means: "Only to a loud or repeated name" },
  { score: 2, word: "Deeply sedated", means: "Only to gentle shaking" },
  { score: 1, word: "Only to pain", means: "Only to a trapezius squeeze" },
  { score: 0, word: "Unresponsive", means: "No answer at all" },
];

export function sedation(checkin: CheckIn | null | undefined): Spoken {
  const score = checkin?.score;
  if (score === null || score === undefined) return { word: "—", score: null, at: null };
  const level = MOAAS.find((l) => l.score === Math.round(score));
  return { word: level?.word ?? "—", score: `${score}`, at: checkin?.at ?? null };
}

/** No cut-point of the six items is validated: the bands are CADSS 0-4, 5-14, 15-29, 30+ of 92 carried over to 24, chosen by us. */
const CADSS6_WORDS = [[0, "None"], [1, "Slight"], [3, "Mild"], [7, "Marked"], [24, "Strong"]] as const;
const CADSS_WORDS = [[0, "None"], [4, "Slight"], [14, "Mild"], [29, "Marked"], [92, "Strong"]] as const;

export function dissociation(checkins: Chair["checkins"]): Spoken {
  const six = checkins?.["cadss-6"];
  const full = checkins?.["cadss"];
  const useFull = full?.score != null && (six?.score == null || (full.at ?? "") > (six.at ?? ""));
  const checkin = useFull ? full : six;
  const score = checkin?.score;
  if (score === null || score === undefined) return { word: "—", score: null, at: null };
  const words = useFull ? CADSS_WORDS : CADSS6_WORDS;
  const word = words.find(([most]) => score <= most)?.[1] ?? "Strong";
  return { word, score: `${score}`, at: checkin?.at ?? null };
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** "2" before "10", "A2" before "B1". */
export function byChair(a: string, b: string): number {
  return collator.compare(a, b);
}
