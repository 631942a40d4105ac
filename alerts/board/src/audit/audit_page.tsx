/** The auditor's page: who did, saw and was told what, the last first; asked for a page at a time, narrowed by kind, person or patient. */

import { useEffect, useState } from "preact/hooks";

import { type Asked, useAsked, Waiting } from "../asked";
import { Frame } from "../frame";
import { getJson, site } from "../here";
import { dated } from "../times";
import { type AuditEntry, detail, KINDS, kindWords } from "./said";

interface Audit {
  head: { number: number; hash: string } | null;
  entries: readonly AuditEntry[];
  next: number | null;
}

interface Narrowed {
  kind: string;
  who: string;
  patient: string;
}

/** A phone lays rows out as blocks; the roles keep them a table for whoever hears it. */
const COLUMNS = ["No.", "When", "What", "Who", "Patient", "About"] as const;

const ALL: Narrowed = { kind: "", who: "", patient: "" };

function pathOf(wanted: Narrowed, before: number | null): string {
  const query = new URLSearchParams({ site, limit: "100" });
  for (const [name, value] of Object.entries(wanted)) if (value !== "") query.set(name, value);
  if (before !== null) query.set("before", String(before));
  return `/v1/audit?${query}`;
}

export function AuditPage() {
  const [wanted, setWanted] = useState<Narrowed>(ALL);
  const path = pathOf(wanted, null);
  const asked = useAsked<Audit>(path);
  return (
    <Frame here="audit">
      <div class="audit">
        <h1>Audit</h1>
        <Narrow onWanted={setWanted} />
        <Head asked={asked} />
        <Entries key={path} asked={asked} wanted={wanted} />
      </div>
    </Frame>
  );
}

function Narrow({ onWanted }: { onWanted: (wanted: Narrowed) => void }) {
  const submit = (event: Event): void => {
    event.preventDefault();
    const said = new FormData((event.currentTarget as HTMLElement).closest("form") ?? undefined);
    const text = (name: string): string => String(said.get(name) ?? "").trim();
    onWanted({ kind: text("kind"), who: text("who"), patient: text("patient") });
  };
  return (
    <form class="audit-narrow" onSubmit={submit} data-testid="audit-narrow">
      <label class="field"><span>What</span>
        <select name="kind" onChange={submit}>{KINDS.map(([kind, words]) => <option key={kind} value={kind}>{words}</option>)}</select></label>
      <label class="field"><span>Who</span><input name="who" maxLength={100} autocomplete="off" spellcheck={false} /></label>
      <label class="field"><span>Patient</span><input name="patient" maxLength={100} autocomplete="off" spellcheck={false} /></label>
      <button class="audit-go">Show</button>
    </form>
  );
}

function Head({ asked }: { asked: Asked<Audit> }) {
  const head = asked.answer?.head;
  if (!head) return null;
  return (
    <p class="soft" data-testid="audit-head">
      {head.number} entries. The last one's hash: <code>{head.hash.slice(0, 12)}</code>. Whether all is as it was written: <code>chairside audit verify</code>.
    </p>
  );
}

function Entries({ asked, wanted }: { asked: Asked<Audit>; wanted: Narrowed }) {
  const [older, setOlder] = useState<readonly AuditEntry[]>([]);
  const [next, setNext] = useState<number | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const first = asked.answer;
  // What was asked for beyond the first page goes on from where that page ended when it was asked for.
  useEffect(() => {
    if (first !== null && older.length === 0) setNext(first.next);
  }, [first, older.length]);
  if (first === null) return <Waiting problem={asked.problem} what="The audit" />;
  const more = async (): Promise<void> => {
    try {
      const answer = await getJson<Audit>(pathOf(wanted, next));
      setOlder((before) => [...(before.length === 0 ? first.entries : before), ...answer.entries]);
      setNext(answer.next);
      setProblem(null);
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : "no answer");
    }
  };
  const newest = older[0]?.number ?? 0;
  const shown = older.length === 0 ? first.entries : [...first.entries.filter((one) => one.number > newest), ...older];
  if (shown.length === 0) return <p class="empty">Nothing of this is audited.</p>;
  return (
    <>
      <div class="wide">
        <table role="table" data-testid="audit-entries">
          <thead role="rowgroup"><tr role="row">{COLUMNS.map((words) => <th key={words} role="columnheader" scope="col">{words}</th>)}</tr></thead>
          <tbody role="rowgroup">{shown.map((one) => <Row key={one.number} one={one} />)}</tbody>
        </table>
      </div>
      {problem !== null && <p class="form-problem" role="alert">Older entries cannot be fetched: {problem}.</p>}
      {next !== null ? <button class="audit-go" data-testid="audit-older" onClick={() => void more()}>Older entries</button> : <p class="soft">That is all.</p>}
    </>
  );
}

function Row({ one }: { one: AuditEntry }) {
  return (
    <tr role="row" data-testid={`audit-${one.number}`}>
      <td role="cell">{one.number}</td>
      <td role="cell" class="audit-when">{dated(Date.parse(one.at))}</td>
      <td role="cell">{kindWords(one.kind)}</td>
      <td role="cell">{one.who ?? "—"}</td>
      <td role="cell">{one.patient ?? "—"}</td>
      <td role="cell" class="audit-about">{detail(one)}</td>
    </tr>
  );
}
