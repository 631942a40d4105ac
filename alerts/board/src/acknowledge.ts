/** Telling the server that someone answers. The page says "acknowledged" only when the feed does: an alarm that looks answered
 * and is not would be a lie that nobody notices. */

import { signal } from "@preact/signals";

import { postJson, signedBy } from "./here";

type Asking = "sending" | "sent" | "failed";

/** What this page asked for, by alert. */
export const asking = signal<ReadonlyMap<string, Asking>>(new Map());

function note(alert: string, state: Asking | null): void {
  const next = new Map(asking.value);
  if (state === null) next.delete(alert);
  else next.set(alert, state);
  asking.value = next;
}

/** A command that was taken shows up on the feed within a second or so; if it has not by then, say so and offer it again. */
const CONFIRM_MS = 5_000;

export async function command(alert: string, what: "acknowledge" | "snooze" | "unsnooze" | "close", more: Record<string, unknown> = {}): Promise<void> {
  note(alert, "sending");
  try {
    const answer = await postJson(`/v1/alerts/${encodeURIComponent(alert)}/${what}`, { by: signedBy(), ...more });
    note(alert, answer.ok ? "sent" : "failed");
    if (answer.ok) window.setTimeout(() => note(alert, null), CONFIRM_MS);
  } catch {
    note(alert, "failed");
  }
}
