/** Who is using this page, which site it shows, and its one way of asking the server. */

import { signal } from "@preact/signals";

export const DEFAULT_PERSON = "board";

/** localStorage throws where a browser forbids it; the page must live on without. */
export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows may refuse: the page then forgets on reload, which is all that is lost.
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // As above.
  }
}

export const site: string = new URLSearchParams(location.search).get("site") ?? "main";
/** Of a page of a patient of another site of the network: whose they are; empty: not known yet. Null on every other page. */
export const of: string | null = new URLSearchParams(location.search).get("of");

/** A link inside the pages keeps the site it was opened with. */
export function href(path: string): string {
  return site === "main" ? path : `${path}?site=${encodeURIComponent(site)}`;
}

export const person = signal(remembered("chairside.person") ?? DEFAULT_PERSON);

export function setPerson(name: string): void {
  person.value = name;
  remember("chairside.person", name);
}

export interface Me {
  /** Whether people must sign in here at all. */
  sign_in: boolean;
  name: string | null;
  role: string | null;
  /** Whether they may answer alerts and put somebody in another's place: the server's table says so (`deploy/access/roles.py`). */
  answers: boolean;
  /** The kinds of observations that they may enter, and `limits` where they may set a person's own. */
  enters: readonly string[];
  /** Whether they may read the audit. */
  audits: boolean;
  /** Whether who is behind an alias is kept here, and they may read and enter it. */
  names?: boolean;
  /** In a network: their site, and whether they may read a patient of another one, with a reason. */
  site?: string | null;
  breaks_glass?: boolean;
  /** Where people sign in: whether the session is locked now, after how many seconds without input it locks, and whether they have a PIN. */
  locked?: boolean;
  locks_after_s?: number | null;
  has_pin?: boolean | null;
}

/** Who is signed in; null until the server has said so. */
export const me = signal<Me | null>(null);
/** True from the first answer that says that nobody is signed in, until somebody is. */
export const signedOut = signal(false);

/** Whether to offer what only they may. Offered while it is not known: a button that fails is seen, one that is missing is not. */
export function mayAnswer(who: Me | null): boolean {
  return who === null || (who.answers && who.locked !== true);
}

/** Whether to offer a form of this kind of observation. A viewer's screen on a wall has none. */
export function mayEnter(who: Me | null, kind = "dose"): boolean {
  return who === null || who.enters.includes(kind);
}

/** As sent in `by`: never empty. Where people sign in the server puts their name there itself. */
export function signedBy(): string {
  return me.value?.name ?? (person.value.trim() || DEFAULT_PERSON);
}

/** crypto.randomUUID exists only in secure contexts; a clinic's plain http:// address is not one. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const PATIENCE_MS = 10_000;

/** What the server would not give, with its status. */
export class Refused extends Error {
  constructor(readonly status: number) {
    super(`the server answered ${status}`);
  }
}

export async function getJson<T>(path: string): Promise<T> {
  const answer = await fetch(path, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.status === 401) signedOut.value = true;
  if (!answer.ok) throw new Refused(answer.status);
  return (await answer.json()) as T;
}

/** `outlives`: it goes on when the page is closed. */
export async function postJson(path: string, body: unknown, outlives = false): Promise<Response> {
  return sendJson("POST", path, body, outlives);
}

export async function sendJson(method: "POST" | "PUT" | "DELETE", path: string, body: unknown, outlives = false): Promise<Response> {
  const answer = await fetch(path, {
    method,
    keepalive: outlives,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (answer.status === 401) signedOut.value = true;
  return answer;
}

/** GET /v1/alerts answers a list, or an object that holds one. */
export function listOf<T>(answer: unknown, name: string): T[] {
  if (Array.isArray(answer)) return answer as T[];
  const inside = (answer as Record<string, unknown> | null)?.[name];
  return Array.isArray(inside) ? (inside as T[]) : [];
}
