/** What one value looks like: its digits, whether it is live, and the reason when it is not.
 *
 * A value is live only if the server called it good and it is younger than its channel allows, counting the seconds
 * since the server last spoke: a frozen feed must not leave a number looking alive.
 */

import { bandsBelow, channelsOf, decimalsOf, MOAAS, QUALITY_NOTES, type Row, shortName } from "./tables";
import { span } from "./times";
import type { Band, Chair, CheckIn, Reading } from "./wire";

export interface Shown {
  digits: string;
  /** False: struck through and grey. */
  live: boolean;
  /** True: there is no number at all. */
  absent: boolean;
  /** Why it is not live, or how old it is; null when there is nothing to say. */
  note: string | null;
}

/** Continuous channels come each second; up to this age their age is not worth a nurse's glance. */
const QUIET_AGE_S = 5;

export function digits(channel: string, value: number): string {
  const decimals = decimalsOf(channel);
  return decimals === 0 ? String(Math.round(value)) : value.toFixed(decimals);
}

/** `elapsedS`: seconds since the message that held this reading. */
export function shown(channel: string, reading: Reading | null | undefined, elapsedS: number): Shown {
  const quality = reading?.quality ?? "good";
  if (reading?.value === null || reading?.value === undefined) {
    return { digits: "—", live: false, absent: true, note: QUALITY_NOTES[quality] };
  }
  const text = digits(channel, reading.value);
  const ageS = reading.age_s === null || reading.age_s === undefined ? null : reading.age_s + elapsedS;
  const age = ageS === null ? null : span(ageS * 1000);
  const tooOld = ageS !== null && reading.stale_after_s != null && ageS > reading.stale_after_s;
  if (quality === "stale" || tooOld) {
    return { digits: text, live: false, absent: false, note: age === null ? "old" : `${age} old` };
  }
  if (quality !== "good") return { digits: text, live: false, absent: false, note: QUALITY_NOTES[quality] };
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

/** What stands beside a line's own number: of channels with one name the first that the device sends. */
export function beside(chair: Chair, row: Row): readonly { channel: string; name: string }[] {
  const sent = channelsOf(row, "beside").filter((channel) => chair.values?.[channel]).map((channel) => ({ channel, name: shortName(channel) }));
  return sent.filter((one, i) => sent.findIndex((other) => other.name === one.name) === i);
}

export function band(chair: Chair, channel: string): Band {
  return chair.limits?.[channel] ?? {};
}

export interface Spoken {
  word: string;
  score: string | null;
  at: string | null;
}

export function sedation(checkin: CheckIn | null | undefined): Spoken {
  const score = checkin?.score;
  if (score === null || score === undefined) return { word: "—", score: null, at: null };
  const level = MOAAS.find((l) => l.score === Math.round(score));
  return { word: level?.word ?? "—", score: `${score}`, at: checkin?.at ?? null };
}

/** By the bands of CADSS, and of its six items: below the first there is something, if anything at all. */
const STRENGTHS = ["None", "Slight", "Mild", "Marked", "Strong"] as const;

export function dissociation(checkins: Chair["checkins"]): Spoken {
  const six = checkins?.["cadss-6"];
  const full = checkins?.["cadss"];
  const useFull = full?.score != null && (six?.score == null || (full.at ?? "") > (six.at ?? ""));
  const checkin = useFull ? full : six;
  const score = checkin?.score;
  if (score === null || score === undefined) return { word: "—", score: null, at: null };
  const bands = score <= 0 ? 0 : bandsBelow(useFull ? "cadss" : "cadss-6", score);
  const word = STRENGTHS[bands] ?? "Strong";
  return { word, score: `${score}`, at: checkin?.at ?? null };
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** "2" before "10", "A2" before "B1". */
export function byChair(a: string, b: string): number {
  return collator.compare(a, b);
}
