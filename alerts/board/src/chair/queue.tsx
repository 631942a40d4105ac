/** What was just entered, to be taken back while the finger is there; and what the server does not have, each line with its reason. */

import type { Entry } from "../outbox";
import { waitsFor } from "../outbox";
import { entries, heldBack, lately, remove, sendNow } from "../sending";
import { clock, second } from "../times";
import { correctable, takeBack } from "./corrections";

/** As long as a slip is noticed. After that it is in the record, with the same buttons. Chosen by us. */
const SHOWN_MS = 30_000;

interface Props {
  place: string;
  fix: (entry: Entry) => void;
  correct: (entry: Entry) => void;
  back: (entry: Entry) => void;
}

function stateWords(entry: Entry, all: readonly Entry[]): string {
  const left = Math.max(0, Math.ceil((entry.sendAtMs - Date.now()) / 1000));
  if (entry.state === "refused") return "Not taken";
  const first = waitsFor(entry, all);
  if (first) return `Waits for: ${first.says}`;
  const held = heldBack(entry);
  if (held !== null) return `Not sent yet: ${held}.`;
  if (entry.state === "unsent") return `Not sent yet: ${entry.reason ?? "no connection"}. ${left > 0 ? `Again in ${left} s` : "Trying…"}`;
  return "Sending…";
}

function Queued({ entry, all, fix }: { entry: Entry; all: readonly Entry[]; fix: (entry: Entry) => void }) {
  return (
    <li class={`queued queued-${entry.state}`} data-testid={`entry-${entry.id}`} data-kind={entry.body.kind} data-state={entry.state}>
      <div class="queued-what">
        <strong>{entry.says}</strong>
        <span>{clock(Date.parse(entry.body.at))} · {stateWords(entry, all)}</span>
        {entry.state === "refused" && <span class="queued-reason" role="alert" data-testid={`reason-${entry.id}`}>{entry.field ? <b>{entry.field}: </b> : null}{entry.reason}</span>}
      </div>
      <div class="queued-buttons">
        {entry.state === "refused" && <button data-testid={`fix-${entry.id}`} onClick={() => fix(entry)}>Correct</button>}
        {entry.state === "refused" && <button data-testid={`remove-${entry.id}`} onClick={() => remove(entry)}>Remove</button>}
        {entry.state === "unsent" && <button data-testid={`send-${entry.id}`} onClick={() => sendNow(entry)}>{heldBack(entry)?.startsWith("entered") ? "Sign for it" : "Try now"}</button>}
        {entry.state === "sending" && heldBack(entry) !== null && <button data-testid={`send-${entry.id}`} onClick={() => sendNow(entry)}>Sign for it</button>}
      </div>
    </li>
  );
}

export function Queue({ place, fix, correct, back }: Props) {
  second.value;
  const all = entries.value;
  const mine = all.filter((e) => e.chair === place);
  const elsewhere = all.length - mine.length;
  const last = lately.value.filter((e) => e.entry.chair === place && Date.now() - e.atMs < SHOWN_MS).at(-1)?.entry ?? null;
  return (
    <>
      {last !== null && mine.length === 0 && correctable(last.body.kind, last.body) && (
        <section class="entered" aria-label="Just entered" data-testid="just-entered" data-kind={last.body.kind}>
          <span class="queued-what"><strong>{last.says}</strong><span>Entered {clock(Date.parse(last.body.at))}</span></span>
          <span class="queued-buttons">
            {takeBack(last.body.kind, last.body) !== null && <button data-testid="take-back" onClick={() => back(last)}>Take back</button>}
            <button data-testid="correct" onClick={() => correct(last)}>Correct</button>
          </span>
        </section>
      )}
      {all.length > 0 && (
        <section class="queue" aria-label="Not sent yet" data-testid="queue">
          <ol>{mine.map((entry) => <Queued key={entry.id} entry={entry} all={all} fix={fix} />)}</ol>
          {elsewhere > 0 && <p class="form-hint">{elsewhere} more {elsewhere === 1 ? "entry" : "entries"} of other chairs not sent yet.</p>}
        </section>
      )}
    </>
  );
}
