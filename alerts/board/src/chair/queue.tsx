/** What was entered and is not with the server yet: each line can be undone for ten seconds, and says so when it is not sent. */

import type { Entry } from "../outbox";
import { waitsFor } from "../outbox";
import { entries, heldBack, sendNow, undo } from "../sending";
import { clock, second } from "../times";

interface Props {
  chair: string;
  correct: (entry: Entry) => void;
}

function stateWords(entry: Entry, all: readonly Entry[]): string {
  const left = Math.max(0, Math.ceil((entry.sendAtMs - Date.now()) / 1000));
  if (entry.state === "refused") return "Not taken";
  const first = left === 0 ? waitsFor(entry, all) : null;
  if (first) return `Waits for: ${first.says}`;
  const held = left === 0 ? heldBack(entry) : null;
  if (held !== null) return `Not sent yet: ${held}.`;
  if (entry.state === "unsent") return `Not sent yet: ${entry.reason ?? "no connection"}. ${left > 0 ? `Again in ${left} s` : "Trying…"}`;
  return left > 0 ? `Sends in ${left} s` : "Sending…";
}

function Queued({ entry, all, correct }: { entry: Entry; all: readonly Entry[]; correct: (entry: Entry) => void }) {
  const undoable = entry.state !== "unsent";
  return (
    <li class={`queued queued-${entry.state}`} data-testid={`entry-${entry.id}`} data-kind={entry.body.kind} data-state={entry.state}>
      <div class="queued-what">
        <strong>{entry.says}</strong>
        <span>{clock(Date.parse(entry.body.at))} · {stateWords(entry, all)}</span>
        {entry.state === "refused" && <span class="queued-reason" role="alert" data-testid={`reason-${entry.id}`}>{entry.field ? <b>{entry.field}: </b> : null}{entry.reason}</span>}
      </div>
      <div class="queued-buttons">
        {entry.state === "refused" && <button data-testid={`correct-${entry.id}`} onClick={() => correct(entry)}>Correct</button>}
        {undoable && <button data-testid={`undo-${entry.id}`} onClick={() => undo(entry)}>{entry.state === "refused" ? "Remove" : "Undo"}</button>}
        {entry.state !== "refused" && <button data-testid={`send-${entry.id}`} onClick={() => sendNow(entry)}>{heldBack(entry)?.startsWith("entered") ? "Sign for it" : entry.state === "unsent" ? "Try now" : "Send now"}</button>}
      </div>
    </li>
  );
}

export function Queue({ chair, correct }: Props) {
  second.value;
  const all = entries.value;
  const mine = all.filter((e) => e.chair === chair);
  const elsewhere = all.length - mine.length;
  if (all.length === 0) return null;
  return (
    <section class="queue" aria-label="Not sent yet" data-testid="queue">
      <ol>{mine.map((entry) => <Queued key={entry.id} entry={entry} all={all} correct={correct} />)}</ol>
      {elsewhere > 0 && <p class="form-hint">{elsewhere} more {elsewhere === 1 ? "entry" : "entries"} of other chairs not sent yet.</p>}
    </section>
  );
}
