/** Times as a nurse reads them: relative and clock together, in the site's zone.
 *
 * "Now" is the server's: the time in its last message, carried on by this page's own timer. So a tablet whose clock is
 * wrong shows right ages and stamps entries rightly. Bad at: a server that is itself wrong; its clock-skew alert says so.
 */

import { signal } from "@preact/signals";

/** Counts seconds of this page; reading it in a component redraws the component each second. */
export const second = signal(0);

let serverMs: number | null = null;
let heardMono = 0;

export function hearServerTime(at: string): void {
  const ms = Date.parse(at);
  if (Number.isFinite(ms)) {
    serverMs = ms;
    heardMono = performance.now();
  }
}

/** The server's time now, or this machine's before the server has spoken. */
export function now(): number {
  return serverMs === null ? Date.now() : serverMs + (performance.now() - heardMono);
}

export function parse(at: string | null | undefined): number | null {
  if (!at) return null;
  const ms = Date.parse(at);
  return Number.isFinite(ms) ? ms : null;
}

const two = (n: number): string => String(n).padStart(2, "0");

/** The site's zone; null is the browser's. A signal, so that everything drawn follows when it is learnt. */
const zone = signal<string | null>(null);

const PARTS: Intl.DateTimeFormatOptions = {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", calendar: "gregory",
};
let format = new Intl.DateTimeFormat("en-GB", PARTS);

/** False when this browser does not know the zone. */
export function setZone(name: string): boolean {
  try {
    format = new Intl.DateTimeFormat("en-GB", { ...PARTS, timeZone: name });
    zone.value = name;
    return true;
  } catch {
    return false;
  }
}

function local(ms: number): Record<string, string> {
  zone.value;
  return Object.fromEntries(format.formatToParts(ms).map((part) => [part.type, part.value]));
}

/** "CET" where the browser's own clock reads otherwise, else null: a time that is not one's own must say whose it is. */
export function foreignZone(ms: number): string | null {
  const name = zone.value;
  const here = new Date(ms);
  if (name === null || clock(ms) === `${two(here.getHours())}:${two(here.getMinutes())}`) return null;
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: name, timeZoneName: "short" }).formatToParts(ms);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? name;
}

export function clock(ms: number): string {
  const { hour, minute } = local(ms);
  return `${hour}:${minute}`;
}

function day(ms: number, words: Intl.DateTimeFormatOptions): string {
  const { year, month, day: date } = local(ms);
  const noon = new Date(Date.UTC(Number(year), Number(month) - 1, Number(date), 12));
  return new Intl.DateTimeFormat("en-GB", { ...words, timeZone: "UTC" }).format(noon).replace(",", "");
}

/** "Fri 4 Dec 14:03". */
export function dated(ms: number): string {
  return `${day(ms, { weekday: "short", day: "numeric", month: "short" })} ${clock(ms)}`;
}

/** "14:03" today, "Fri 14:03" within the six days before or after, else "Fri 4 Dec 14:03": an instant that may be on another day. */
export function dayAndClock(ms: number, at = now()): string {
  const full: Intl.DateTimeFormatOptions = { year: "numeric", month: "short", day: "numeric" };
  if (day(ms, full) === day(at, full)) return clock(ms);
  return Math.abs(ms - at) < 6 * 86_400_000 ? `${day(ms, { weekday: "short" })} ${clock(ms)}` : dated(ms);
}

/** "2026-11-27T08:00", as a form's field of date and time holds it, in the site's zone. */
export function wallTime(ms: number): string {
  const { year, month, day: date, hour, minute } = local(ms);
  return `${year}-${month}-${date}T${hour}:${minute}`;
}

/** The instant of such a field; null where it holds none. An hour that the clock has twice is the first, one that it skips comes after. */
export function instantOf(text: string): number | null {
  const asUtc = Date.parse(`${text}Z`);
  if (!Number.isFinite(asUtc)) return null;
  const offset = (ms: number): number => Date.parse(`${wallTime(ms)}Z`) - Math.floor(ms / 60_000) * 60_000;
  const [before, after] = [asUtc - offset(asUtc - 86_400_000), asUtc - offset(asUtc + 86_400_000)];
  return wallTime(before) !== text && wallTime(after) === text ? after : before;
}

/** "3:10": how long until a call; "2 h 05" where minutes do not matter. Never negative. */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : span(ms);
}

export function clockWithSeconds(ms: number): string {
  const { hour, minute, second: seconds } = local(ms);
  return `${hour}:${minute}:${seconds}`;
}

/** "12 s", "4 min", "1 h 05", "3 d". Never negative. */
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 90) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 48) return `${h} h ${two(min % 60)}`;
  return `${Math.floor(h / 24)} d`;
}

/** "4 min, 14:03": how long ago and when. */
export function since(ms: number, at = now()): string {
  return `${span(at - ms)}, ${clock(ms)}`;
}

/** "in 3 min, 14:06", "now, 14:06" or "2 min late, 14:01". */
export function until(ms: number, at = now()): string {
  const left = ms - at;
  if (left < -60_000) return `${span(-left)} late, ${clock(ms)}`;
  if (left < 0) return `due now, ${clock(ms)}`;
  return `in ${left < 60_000 ? span(left) : `${Math.ceil(left / 60_000)} min`}, ${clock(ms)}`;
}

/** `A-17-20261123-1403`: an alias and a local minute, readable in a list. */
export function sessionName(patient: string, ms: number): string {
  const { year, month, day, hour, minute } = local(ms);
  return `${patient}-${year}${month}${day}-${hour}${minute}`;
}
