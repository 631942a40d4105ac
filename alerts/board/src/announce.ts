/** New alerts, said: to a screen reader always, aloud once someone turned sound on, or where the site wants it so.
 *
 * A feed that is dead sounds as well, differently: two falling tones. The tones follow IEC 60601-1-8's bursts (high: ten pulses; medium: three; low: one). A burst is repeated while an alert of
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

/** `blocked`: it is wanted, and the browser does not let this page sound before somebody has touched it. */
export const sound = signal<"off" | "on" | "blocked">("off");

export function announce(alert: Alert): void {
  say(spoken(alert), alert.priority === "high");
  burst(alert.priority);
}

export function announceSummary(waiting: number): void {
  say(waiting === 0 ? "No alerts need anyone." : waiting === 1 ? "1 alert needs someone." : `${waiting} alerts need someone.`);
}

let audio: AudioContext | null = null;

/** Only what the browser really lets sound is called on: a page must not claim a sound that it cannot make. */
function turnOn(): void {
  audio ??= new AudioContext();
  const context = audio;
  sound.value = context.state === "running" ? "on" : "blocked";
  void context.resume().catch(() => null);
  context.onstatechange = () => {
    if (sound.value === "off") return;
    sound.value = context.state === "running" ? "on" : "blocked";
  };
}

export function toggleSound(): void {
  chosen = true;
  if (sound.value === "on") {
    sound.value = "off";
    void audio?.suspend();
    return;
  }
  turnOn();
  audio?.resume().then(() => burst("low")).catch(() => null);
}

let chosen = false;

/** By the site's choice, also after a reload; what somebody has chosen on this screen since is left alone. */
export function soundBySite(wanted: boolean): void {
  if (!wanted || chosen || sound.value !== "off") return;
  turnOn();
  const touched = (): void => {
    if (sound.value === "blocked") void audio?.resume().catch(() => null);
    else for (const kind of ["pointerdown", "keydown"]) window.removeEventListener(kind, touched);
  };
  for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, touched, { passive: true });
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
  const { starts, hz } = BURSTS[priority];
  lastBurst = performance.now();
  for (const start of starts) pulse(start, hz);
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

function pulse(start: number, hz: number, lasts = 0.12): void {
  if (sound.value !== "on" || audio === null) return;
  const at = audio.currentTime + 0.05 + start;
  const tone = new OscillatorNode(audio, { type: "triangle", frequency: hz });
  const loudness = new GainNode(audio, { gain: 0 });
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(0.4, at + 0.03);
  loudness.gain.setValueAtTime(0.4, at + lasts);
  loudness.gain.linearRampToValueAtTime(0, at + lasts + 0.04);
  tone.connect(loudness).connect(audio.destination);
  tone.start(at);
  tone.stop(at + lasts + 0.08);
}

/** Nobody is being watched by this page: as urgent as a medium alert, and like none of them. */
const SILENT_REPEAT_MS = 15_000;
let lastSilent = -Infinity;
/** A reconnecting feed is silent for a moment; one message late is none. */
function sayFeedIsDead(): void {
  if (performance.now() - lastSilent < SILENT_REPEAT_MS) return;
  lastSilent = performance.now();
  pulse(0, 620, 0.45);
  pulse(0.6, 410, 0.6);
}

/** Called each second with the worst priority that waits, and whether the feed is dead. */
export function remind(worst: Priority | null, silent: boolean): void {
  if (silent && sound.value === "on") sayFeedIsDead();
  if (!silent) lastSilent = -Infinity;
  if (worst !== null && performance.now() - lastBurst > REPEAT_MS[worst]) burst(worst);
}
