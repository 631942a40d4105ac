/** The outbox at work: localStorage, timers and the network around `outbox.ts`.
 *
 * Each entry has its own key, so that two pages writing at once cannot lose each other's.
 */

import { signal } from "@preact/signals";

import { whenSignedIn } from "./access";
import { forget, me, newId, postJson, remember, signedBy, signedOut, site } from "./here";
import { answered, due, type Entry, followed, fresh, inOrder, type Observation, removed, understood, unknownToServer } from "./outbox";
import { now } from "./times";

const PREFIX = "chairside.entry.";
/** Who sends: ids count within it. */
export const SOURCE = "chair-page";

export const entries = signal<readonly Entry[]>([]);
/** Counts entries the server has taken: a page that shows the record asks again. */
export const taken = signal(0);
/** The last entries that the server has taken from this page, oldest first, and when by this machine's clock. */
export const lately = signal<readonly { entry: Entry; atMs: number }[]>([]);
const LATELY = 20;

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

/** Whose place an entry takes. A refused one keeps its id and its place in the queue; one that was taken is corrected by an entry
 * of its own, at the same instant unless another is said.
 */
export interface Correcting {
  refused?: Entry;
  replaces?: { id: string; at: string };
  at?: string;
}

/** Sends an observation, and keeps it until the server has it. `minutesAgo`: when it happened; null: when what it corrects did. */
export function enter(draft: Draft, says: string, chair: string, minutesAgo: number | null = 0, { refused, replaces, at }: Correcting = {}): Entry {
  const original = replaces?.at ?? refused?.body.at;
  const common = {
    at: at ? at : minutesAgo === null && original ? original : new Date(now() - (minutesAgo ?? 0) * 60_000).toISOString(),
    id: refused?.id ?? newId(),
    by: signedBy(),
    source: SOURCE,
    ...(site === "main" ? {} : { site }),
    ...(replaces ? { replaces: replaces.id } : refused?.body["replaces"] ? { replaces: refused.body["replaces"] } : {}),
  };
  const body: Observation = { ...draft, ...common };
  const entry = fresh(body, says, chair, Date.now());
  // A correction keeps its place: what was entered after it still waits for it.
  keep(refused ? { ...entry, enteredMs: refused.enteredMs } : entry);
  if (refused) for (const other of followed(refused, entry, memory.values())) keep(other);
  void flush();
  return entry;
}

export function remove(entry: Entry): void {
  for (const gone of removed(entry, memory.values())) drop(gone.id);
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
    const response = await postJson("/v1/observations", entry.body, true);
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
    lately.value = [...lately.value, { entry, atMs: Date.now() }].slice(-LATELY);
    taken.value += 1;
  }
}

/** Who closes the page is asked to stay, while there is something that only this page knows. */
function askToStay(event: BeforeUnloadEvent): void {
  if (unknownToServer(memory.values(), Date.now()).length > 0) event.preventDefault();
}

async function flush(): Promise<void> {
  const ready = due(memory.values(), Date.now()).filter((e) => !flying.has(e.id) && heldBack(e) === null);
  await Promise.all(ready.map(send));
}

export function startSending(): void {
  load();
  window.addEventListener("storage", load);
  window.addEventListener("beforeunload", askToStay);
  window.addEventListener("online", () => {
    for (const entry of memory.values()) if (entry.state === "unsent") keep({ ...entry, sendAtMs: Date.now() });
    void flush();
  });
  whenSignedIn(() => {
    for (const entry of memory.values()) if (entry.state === "unsent") keep({ ...entry, sendAtMs: Date.now() });
  });
  void flush();
  window.setInterval(() => void flush(), 500);
}
