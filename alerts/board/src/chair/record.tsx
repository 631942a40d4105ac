/** What was last entered for this session, and by whom: as the server has it. */

import { useEffect, useState } from "preact/hooks";

import { getJson, site } from "../here";
import { taken } from "../sending";
import { parse, second, since } from "../times";
import type { AuditEntry, History } from "../wire";
import { said } from "./said";

/** Entries of other tablets show within this time; one's own at once. */
const REFRESH_MS = 15_000;
const SHOWN = 12;

export function Record({ session }: { session: string | null }) {
  second.value;
  const count = taken.value;
  const [list, setList] = useState<readonly AuditEntry[] | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    setList(null);
  }, [session]);
  useEffect(() => {
    if (session === null) return;
    let current = true;
    const ask = async (): Promise<void> => {
      try {
        const query = new URLSearchParams({ session, minutes: "20", site });
        const history = await getJson<History>(`/v1/history?${query}`);
        if (!current) return;
        setList([...(history.entries ?? [])].sort((a, b) => (parse(b.at) ?? 0) - (parse(a.at) ?? 0)));
        setFailed(false);
      } catch {
        if (current) setFailed(true);
      }
    };
    void ask();
    // The server files an entry a moment after it took it.
    const soon = window.setTimeout(() => void ask(), 1500);
    const timer = window.setInterval(() => void ask(), REFRESH_MS);
    return () => {
      current = false;
      window.clearTimeout(soon);
      window.clearInterval(timer);
    };
  }, [session, count]);

  if (session === null) return null;
  return (
    <section class="record" aria-label="Last entered" data-testid="record">
      <h2>Last entered</h2>
      {failed && <p class="form-hint">The record cannot be fetched just now.</p>}
      {list === null && !failed && <p class="form-hint">Fetching the record…</p>}
      {list?.length === 0 && <p class="form-hint">Nothing entered yet.</p>}
      <ol>
        {list?.slice(0, SHOWN).map((entry, i) => {
          const at = parse(entry.at);
          return (
            <li key={`${entry.at}-${entry.kind}-${i}`} data-kind={entry.kind}>
              <span class="record-when">{at === null ? "" : since(at)}</span>
              <span class="record-what">{said(entry.kind, entry.doc ?? {})}</span>
              <span class="record-by">{entry.by ?? ""}{entry.outcome && entry.outcome !== "accepted" && entry.outcome !== "ok" ? ` · ${entry.outcome}` : ""}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
