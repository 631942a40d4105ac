/** What was entered for this session, and by whom, as the server has it; each entry can be corrected or taken back, for the whole
 * session. The wrong one stays, struck through.
 */

import { useEffect, useState } from "preact/hooks";

import { Refused, getJson, mayEnter, me, site } from "../here";
import { taken } from "../sending";
import { clock, parse, second, since } from "../times";
import type { AuditEntry, History } from "../wire";
import { correctable, replacedIn, takeBack, takesBack } from "./corrections";
import { said } from "./said";

/** Entries of other tablets show within this time; one's own at once. */
const REFRESH_MS = 15_000;
const SHOWN = 8;
const MOST = 500;

export interface Entered {
  list: readonly AuditEntry[] | null;
  /** Why there is no newer one, in words; empty: there is. */
  missing: string;
}

const FORBIDDEN = 403;
const LOCKED = 423;
const WHY: Readonly<Record<number, string>> = {
  [FORBIDDEN]: "What is entered is shown to whoever may open a patient's page.",
  [LOCKED]: "Locked: a PIN shows what was entered.",
};

/** What was entered of a session, or without one of a patient: the newest first. */
export function useEntered(session: string | null, patient: string | null): Entered {
  const count = taken.value;
  const [list, setList] = useState<readonly AuditEntry[] | null>(null);
  const [missing, setMissing] = useState("");
  useEffect(() => {
    setList(null);
  }, [session, patient]);
  useEffect(() => {
    if (session === null && patient === null) return;
    let current = true;
    let forbidden = false;
    const ask = async (): Promise<void> => {
      // Each refusal is audited; this one stays as it is for as long as the page is open.
      if (forbidden) return;
      try {
        const query = new URLSearchParams({ ...(session === null ? { patient: patient ?? "" } : { session }), minutes: "1", entries: String(MOST), site });
        const history = await getJson<History>(`/v1/history?${query}`);
        if (!current) return;
        setList([...(history.entries ?? [])].reverse().sort((a, b) => (parse(b.at) ?? 0) - (parse(a.at) ?? 0)));
        setMissing("");
      } catch (error) {
        if (!current) return;
        const status = error instanceof Refused ? error.status : 0;
        setMissing(WHY[status] ?? "The record cannot be fetched just now.");
        forbidden = status === FORBIDDEN;
        if (status in WHY) setList(null);
      }
    };
    void ask();
    // The server files an entry a moment after it took it.
    const soon = [400, 1500].map((ms) => window.setTimeout(() => void ask(), ms));
    const timer = window.setInterval(() => void ask(), REFRESH_MS);
    return () => {
      current = false;
      soon.forEach((each) => window.clearTimeout(each));
      window.clearInterval(timer);
    };
  }, [session, patient, count]);
  return { list, missing };
}

interface Props {
  entered: Entered;
  correct: (entry: AuditEntry) => void;
  back: (entry: AuditEntry) => void;
}

export function Record({ entered: { list, missing }, correct, back }: Props) {
  second.value;
  const [all, setAll] = useState(false);
  const replaced = replacedIn(list ?? []);
  const shown = (list ?? []).filter((entry) => !entry.kind.startsWith("alert."));
  const writes = mayEnter(me.value);
  return (
    <section class="record" aria-label="Last entered" data-testid="record">
      <h2>Last entered</h2>
      {missing !== "" && <p class="form-hint">{missing}</p>}
      {list === null && missing === "" && <p class="form-hint">Fetching the record…</p>}
      {list !== null && shown.length === 0 && <p class="form-hint">Nothing entered yet.</p>}
      <ol>
        {shown.slice(0, all ? undefined : SHOWN).map((entry, i) => {
          const at = parse(entry.at);
          const doc = entry.doc ?? {};
          const id = typeof doc["id"] === "string" ? doc["id"] : "";
          const wrong = replaced.has(id);
          const words = said(entry.kind, doc);
          const right = typeof doc["replaces"] === "string" && !takesBack(entry.kind, doc) ? " (corrected)" : "";
          return (
            <li key={`${entry.at}-${entry.kind}-${id}-${i}`} data-kind={entry.kind} data-struck={wrong} data-testid={`entered-${id}`}>
              <span class="record-when">{at === null ? "" : since(at)}</span>
              <span class="record-what">{wrong ? <s aria-label={`Taken out: ${words}`}>{words}</s> : `${words}${right}`}</span>
              <span class="record-by">{entry.by ?? ""}{entry.outcome && entry.outcome !== "accepted" && entry.outcome !== "ok" ? ` · ${entry.outcome}` : ""}</span>
              <span class="record-buttons">
                {writes && !wrong && correctable(entry.kind, doc) && (
                  <>
                    <button onClick={() => correct(entry)} aria-label={`Correct ${words}, ${at === null ? "" : clock(at)}`}>Correct</button>
                    {takeBack(entry.kind, doc) !== null && <button onClick={() => back(entry)} aria-label={`Take back ${words}, ${at === null ? "" : clock(at)}`}>Take back</button>}
                  </>
                )}
              </span>
            </li>
          );
        })}
      </ol>
      {shown.length > SHOWN && <button class="record-more" onClick={() => setAll(!all)}>{all ? "Show the last only" : `Show all ${shown.length}`}</button>}
    </section>
  );
}
