/** What a nurse entered and the server does not have yet.
 *
 * An entry is sent the moment it is tapped, in order within its session, and is kept in localStorage until the server has
 * taken it: a page that is closed at once, a reload or a dead network loses nothing. What was wrong is taken back or corrected
 * afterwards, by an entry of its own. The `id` inside makes a retry no second observation; so two open pages that send the same
 * entry do no harm either. Bad at: a browser that forgets its storage. Never here: drawing.
 */

export interface Observation extends Record<string, unknown> {
  kind: string;
  at: string;
  id: string;
}

type State = "sending" | "unsent" | "refused";

export interface Entry {
  id: string;
  chair: string;
  session: string | null;
  says: string;
  body: Observation;
  enteredMs: number;
  /** When it is sent, or tried again. */
  sendAtMs: number;
  state: State;
  attempts: number;
  /** Why it is not sent, or what the server would not take. */
  field: string | null;
  reason: string | null;
}

/** An entry that is not taken by then is said aloud: on a good network it takes a tenth of it. */
const LOUD_AFTER_MS = 3_000;
const LONGEST_WAIT_MS = 30_000;

type Answer =
  | { was: "taken" }
  | { was: "refused"; field: string | null; reason: string }
  | { was: "lost"; reason: string };

export function fresh(body: Observation, says: string, chair: string, nowMs: number): Entry {
  const session = typeof body["session"] === "string" ? body["session"] : null;
  return {
    id: body.id, chair, session, says, body, enteredMs: nowMs, sendAtMs: nowMs,
    state: "sending", attempts: 0, field: null, reason: null,
  };
}

/** 1, 2, 4 … 30 s. */
export function backoffMs(attempts: number): number {
  return Math.min(LONGEST_WAIT_MS, 1000 * 2 ** Math.max(0, attempts - 1));
}

/** The entry after the server's answer, or null when it is done. */
export function answered(entry: Entry, answer: Answer, nowMs: number): Entry | null {
  if (answer.was === "taken") return null;
  if (answer.was === "refused") return { ...entry, state: "refused", field: answer.field, reason: answer.reason };
  const attempts = entry.attempts + 1;
  return { ...entry, state: "unsent", attempts, sendAtMs: nowMs + backoffMs(attempts), field: null, reason: answer.reason };
}

/** In the order of entering. */
export function inOrder(entries: Iterable<Entry>): Entry[] {
  return [...entries].sort((a, b) => a.enteredMs - b.enteredMs || (a.id < b.id ? -1 : 1));
}

/** The earlier entry of the same session that must be sent first, if there is one.
 *
 * Everything waits for its session's start, an end waits for what was entered before it, a start for the chair's last end, and a
 * correction for what it corrects.
 * Nothing else waits: a pressure with a typing error must not hold back "unresponsive".
 */
export function waitsFor(entry: Entry, entries: Iterable<Entry>): Entry | null {
  const before = inOrder(entries).filter((e) => e.id !== entry.id && e.enteredMs <= entry.enteredMs);
  const wrong = before.find((e) => e.id === entry.body["replaces"] && e.state !== "refused");
  if (wrong || entry.session === null) return wrong ?? null;
  // One person a chair: who sat here before leaves first.
  const leaves = before.find((e) => e.chair === entry.chair && e.body.kind === "session.ended" && e.state !== "refused");
  if (entry.body.kind === "session.started" && leaves) return leaves;
  const earlier = before.filter((e) => e.session === entry.session && e.enteredMs < entry.enteredMs);
  const start = earlier.find((e) => e.body.kind === "session.started");
  if (start) return start;
  return entry.body.kind === "session.ended" ? (earlier.find((e) => e.state !== "refused") ?? null) : null;
}

/** The entries after a start was corrected: what was entered for the wrong alias belongs to the right one. */
export function followed(before: Entry, after: Entry, entries: Iterable<Entry>): Entry[] {
  if (before.body.kind !== "session.started" || before.session === null || after.session === null) return [];
  return inOrder(entries)
    .filter((e) => e.id !== after.id && e.session === before.session)
    .map((e) => ({ ...e, session: after.session, body: { ...e.body, session: after.session, patient: after.body["patient"] } }));
}

/** What may be sent now. */
export function due(entries: Iterable<Entry>, nowMs: number): Entry[] {
  const all = inOrder(entries);
  return all.filter((e) => e.state !== "refused" && e.sendAtMs <= nowMs && waitsFor(e, all) === null);
}

/** What removing a refused entry takes along: a session that never starts has nothing that was entered for it. */
export function removed(entry: Entry, entries: Iterable<Entry>): Entry[] {
  if (entry.body.kind !== "session.started") return [entry];
  return inOrder(entries).filter((e) => e.id === entry.id || e.session === entry.session);
}

/** What the server does not know of although it should by now: this is said loudly, wherever on the tablet one is. */
export function unknownToServer(entries: Iterable<Entry>, nowMs: number): Entry[] {
  return inOrder(entries).filter((e) => e.state !== "sending" || nowMs - e.enteredMs > LOUD_AFTER_MS);
}

/** The server's answer to a POST of one observation. A refusal is final until corrected; anything else is tried again. */
export function understood(status: number, document: unknown): Answer {
  const doc = (document ?? {}) as { set_aside?: unknown; detail?: unknown };
  const aside = Array.isArray(doc.set_aside) ? (doc.set_aside[0] as { field?: unknown; reason?: unknown } | undefined) : undefined;
  if (status >= 200 && status < 300 && aside === undefined) return { was: "taken" };
  // 403: signed in, but not somebody who may enter this. 401: nobody is signed in, and the entry waits until somebody is.
  if (aside !== undefined || status === 400 || status === 403 || status === 413 || status === 422) {
    const reason = typeof aside?.reason === "string" ? aside.reason : typeof doc.detail === "string" ? doc.detail : `the server refused it (${status})`;
    return { was: "refused", field: typeof aside?.field === "string" ? aside.field : null, reason };
  }
  return { was: "lost", reason: status === 401 ? "not signed in" : `the server answered ${status}` };
}
