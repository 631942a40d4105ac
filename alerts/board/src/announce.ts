/** New alerts, said: to a screen reader always, aloud only after someone turned sound on.
 *
 * The tones follow IEC 60601-1-8's bursts (high: ten pulses; medium: three; low: one). A burst is repeated while an alert of
 * its priority waits. Bad at: browsers that block sound until someone touched the page; turning sound on is that touch.
 */

import { signal } from "@preact/signals";

import { spoken } from "./alarms";
import type { Alert, Priority } from "./wire";

export interface Said {
  number: number;
  words: string;
}

/** What was last said. Each is a line of its own, so that a second one does not overwrite a first that was not read out yet. */
export const assertive = signal<readonly Said[]>([]);
export const polite = signal<readonly Said[]>([]);
const KEPT = 8;
let count = 0;

export function say(words: string, urgent = false): void {
  const voice = urgent ? assertive : polite;
  voice.value = [...voice.value, { number: ++count, words }].slice(-KEPT);
}

export const soundOn = signal(false);

export function announce(alert: Alert): void {
  say(spoken(alert), alert.priority === "high");
  burst(alert.priority);
}

export function announceSummary(waiting: number): void {
  say(waiting === 0 ? "No alerts need anyone." : waiting === 1 ? "1 alert needs someone." : `${waiting} alerts need someone.`);
}

let audio: AudioContext | null = null;

/** Not remembered over a reload: a browser would block it silently, and a page must not claim a sound it cannot make. */
export function toggleSound(): void {
  soundOn.value = !soundOn.value;
  if (!soundOn.value) return;
  audio ??= new AudioContext();
  void audio.resume();
  burst("low");
}

/** Starts of the pulses in seconds, and pitch. */
const BURSTS: Record<Priority, { starts: readonly number[]; hz: number }> = {
  high: { starts: [0, 0.2, 0.4, 0.75, 0.95, 1.6, 1.8, 2.0, 2.35, 2.55], hz: 880 },
  medium: { starts: [0, 0.35, 0.7], hz: 660 },
  low: { starts: [0], hz: 520 },
  info: { starts: [], hz: 520 },
};

/** IEC 60601-1-8's longest pauses between bursts are 15 s (high) and 30 s (medium); ours are shorter; low sounds once. */
const REPEAT_MS: Record<Priority, number> = { high: 10_000, medium: 25_000, low: Infinity, info: Infinity };
let lastBurst = 0;

function burst(priority: Priority): void {
  if (!soundOn.value || audio === null) return;
  lastBurst = performance.now();
  const { starts, hz } = BURSTS[priority];
  for (const start of starts) {
    const at = audio.currentTime + 0.05 + start;
    const tone = new OscillatorNode(audio, { type: "triangle", frequency: hz });
    const loudness = new GainNode(audio, { gain: 0 });
    loudness.gain.setValueAtTime(0, at);
    loudness.gain.linearRampToValueAtTime(0.4, at + 0.03);
    loudness.gain.setValueAtTime(0.4, at + 0.12);
    loudness.gain.linearRampToValueAtTime(0, at + 0.16);
    tone.connect(loudness).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.2);
  }
}

let unsentBefore = 0;

/** Called each second with how many entries the server does not have: said when there are more, and a tone as of a medium alarm
 * again and again while there are any.
 */
export function sayUnsent(count: number): void {
  if (count > unsentBefore) say(`${count === 1 ? "1 entry is" : `${count} entries are`} on this tablet only.`, true);
  unsentBefore = count;
  if (count > 0 && performance.now() - lastBurst > REPEAT_MS.medium) burst("medium");
}

/** Called each second with the worst priority that waits. */
export function remind(worst: Priority | null): void {
  if (worst !== null && performance.now() - lastBurst > REPEAT_MS[worst]) burst(worst);
}
