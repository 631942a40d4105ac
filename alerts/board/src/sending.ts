/** The outbox at work: localStorage, timers and the network around `outbox.ts`.
 *
 * Each entry has its own key, so that two pages writing at once cannot lose each other's.
 */

import { signal } from "@preact/signals";

import { whenSignedIn } from "./access";
import { forget, me, newId, postJson, remember, signedBy, signedOut, site } from "./here";
import { answered, due, type Entry, followed, fresh, inOrder, type Observation, undone, understood } from "./outbox";
import { now } from "./times";

const PREFIX = "chairside.entry.";

export const entries = signal<readonly Entry[]>([]);
/** Counts entries the server has taken: a page that shows the record asks again. */
export const taken = signal(0);

let memory = new Map<string, Entry>();
const flying = new Set<string>();

function load(): void {
  try {
    const found = new Map<string, Entry>();
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (!key?.startsWith(PREFIX)) continue;
      const text = localStorage.getItem(key);
      if (text !== null) found.set(key.slice(PREFIX.length), JSON.parse(text) as Entry);
    }
    memory = found;
  } catch {
    // No storage, or a line of it unreadable: what is in memory stands.
  }
  entries.value = inOrder(memory.values());
}

function keep(entry: Entry): void {
  memory.set(entry.id, entry);
  remember(PREFIX + entry.id, JSON.stringify(entry));
  entries.value = inOrder(memory.values());
}

function drop(id: string): void {
  memory.delete(id);
  forget(PREFIX + id);
  entries.value = inOrder(memory.values());
}

export interface Draft extends Record<string, unknown> {
  kind: string;
}

/** Puts an observation into the queue. `minutesAgo`: when it happened; `correcting`: the refused entry that it replaces. */
export function enter(draft: Draft, says: string, chair: string, minutesAgo = 0, correcting: Entry | null = null): Entry {
  const common = {
    at: new Date(now() - minutesAgo * 60_000).toISOString(),
    id: correcting?.id ?? newId(),
    by: signedBy(),
    source: "chair-page",
    ...(site === "main" ? {} : { site }),
  };
  const body: Observation = { ...draft, ...common };
  const entry = fresh(body, says, chair, Date.now());
  // A correction keeps its place: what was entered after it still waits for it.
  keep(correcting ? { ...entry, enteredMs: correcting.enteredMs } : entry);
  if (correcting) for (const other of followed(correcting, entry, memory.values())) keep(other);
  return entry;
}

export function undo(entry: Entry): void {
  for (const gone of undone(entry, memory.values())) drop(gone.id);
}

export function sendNow(entry: Entry): void {
  keep({ ...entry, body: { ...entry.body, by: signedBy() }, sendAtMs: Date.now() });
  void flush();
}

/** Why an entry is not sent by itself now: nobody signs for another. Whoever presses "Sign for it" signs for it. */
export function heldBack(entry: Entry): string | null {
  const mine = me.value?.sign_in ? me.value.name : null;
  if (signedOut.value) return "not signed in";
  return mine === null || entry.body["by"] === mine ? null : `entered by ${String(entry.body["by"])}`;
}

async function send(entry: Entry): Promise<void> {
  flying.add(entry.id);
  try {
    const response = await postJson("/v1/observations", entry.body);
    const document: unknown = await response.json().catch(() => null);
    settle(entry, understood(response.status, document));
  } catch {
    settle(entry, { was: "lost", reason: "no connection" });
  } finally {
    flying.delete(entry.id);
  }
}

function settle(entry: Entry, answer: ReturnType<typeof understood>): void {
  const after = answered(entry, answer, Date.now());
  if (after) keep(after);
  else {
    drop(entry.id);
    taken.value += 1;
  }
}

async function flush(): Promise<void> {
  const ready = due(memory.values(), Date.now()).filter((e) => !flying.has(e.id) && heldBack(e) === null);
  await Promise.all(ready.map(send));
}

export function startSending(): void {
  load();
  window.addEventListener("storage", load);
  window.addEventListener("online", () => {
    for (const entry of memory.values()) if (entry.state === "unsent") keep({ ...entry, sendAtMs: Date.now() });
    void flush();
  });
  whenSignedIn(() => {
    for (const entry of memory.values()) if (entry.state === "unsent") keep({ ...entry, sendAtMs: Date.now() });
  });
  window.setInterval(() => void flush(), 500);
}
