/** A session's record, live and for ever: what was measured on one picture, everything that happened on one time line, who did it;
 * it prints to one page. From here the REMS form's data, CSV and FHIR.
 */

import { useEffect, useState } from "preact/hooks";

import { useAsked, Waiting } from "../asked";
import { perKg } from "../chair/checks";
import { chairs } from "../feed";
import { Frame } from "../frame";
import { getJson, href, site } from "../here";
import { SIGN } from "../tables";
import { clock, dayAndClock, now, parse, second } from "../times";
import type { History, Point } from "../wire";
import { type SessionRecord, timeLine } from "./drawn";
import { Picture } from "./picture";

/** While it goes on, the record is asked for again this often. */
const AGAIN_S = 10;
/** As many lines as fill the page under the picture at the usual size; more are set smaller, so that it stays one page. */
const LINES_ON_PAPER = 66;

export function SessionPage({ name }: { name: string }) {
  const news = Math.floor(second.value / AGAIN_S);
  const open = chairs.value.some((c) => c.session === name);
  const query = new URLSearchParams({ site });
  const path = `/v1/sessions/${encodeURIComponent(name)}`;
  const { answer, problem, unknown } = useAsked<SessionRecord>(`${path}/record?${query}`, open ? news : 0);
  const seconds = useSeconds(open ? name : null, news);
  return (
    <Frame here="chair">
      <div class="session" data-testid="session-page">
        {answer === null ? <Waiting problem={problem} what="The record" unknown={unknown ? `There is no session called ${name}.` : null} /> : <One record={answer} seconds={seconds} path={path} query={query} />}
      </div>
    </Frame>
  );
}

/** Each second of an open session, while the journal keeps it. */
function useSeconds(session: string | null, news: number): Readonly<Record<string, readonly Point[]>> {
  const [series, setSeries] = useState<Readonly<Record<string, readonly Point[]>>>({});
  useEffect(() => {
    if (session === null) return setSeries({});
    let current = true;
    void getJson<History>(`/v1/history?${new URLSearchParams({ session, minutes: "300", entries: "0", site })}`)
      .then((history) => current && setSeries(history.series ?? {}))
      .catch(() => undefined);
    return () => {
      current = false;
    };
  }, [session, news]);
  return series;
}

function One({ record, seconds, path, query }: { record: SessionRecord; seconds: Readonly<Record<string, readonly Point[]>>; path: string; query: URLSearchParams }) {
  const lines = timeLine(record);
  const start = parse(record.started_at) ?? parse(record.entries[0]?.at);
  const end = parse(record.ended_at);
  const mg = record.given_mg ?? record.planned_mg;
  const about = [record.sex, record.birth_year === null ? null : `born ${record.birth_year}`, record.weight_kg === null ? null : `${record.weight_kg} kg`].filter(Boolean).join(" · ");
  const drug = [record.drug, record.route, mg === null ? null : `${mg} mg`, mg !== null && record.weight_kg !== null ? perKg(mg, record.weight_kg) : null].filter(Boolean).join(" ");
  const people = [...new Set([...lines.map((l) => l.by)].filter((by): by is string => by !== null && by !== ""))];
  const dose = parse(record.first_dose_at);
  const minute = (ms: number): string => (dose === null ? "" : `${Math.round((ms - dose) / 60_000)}′`);
  return (
    <>
      <header class="session-head">
        <h1 data-testid="session-patient">{record.patient}</h1>
        <p>
          <strong>{start === null ? "" : dayAndClock(start)}{end === null ? " · goes on" : ` to ${clock(end)}`}</strong>
          {record.chair !== null && ` · chair ${record.chair}`}{about !== "" && ` · ${about}`}
        </p>
        <p><strong>{drug || "no drug entered"}</strong>{end !== null && ` · ${record.end_reason ?? "no reason"}${record.discharged === null ? "" : record.discharged ? " · went home" : " · not discharged"}`}</p>
        <nav class="session-links">
          <button onClick={() => window.print()} data-testid="print">Print</button>
          <a href={`${path}/rems.pdf?${query}`} data-testid="rems-pdf">REMS form’s data</a>
          <a href={`${path}/rems?${query}`} data-testid="rems-json">as JSON</a>
          <a href={`${path}/record.csv?${query}`} data-testid="record-csv">CSV</a>
          <a href={`${path}/record.fhir.json?${query}`} data-testid="record-fhir">FHIR</a>
          {record.chair !== null && end === null && <a href={href(`/chair/${encodeURIComponent(record.chair)}`)}>Chair {record.chair}</a>}
          <a href={href(`/patient/${encodeURIComponent(record.patient)}`)}>Weeks of {record.patient}</a>
        </nav>
      </header>
      <div class="session-picture-box" role="region" aria-label="Picture of the session" tabIndex={0}><Picture record={record} seconds={seconds} nowMs={end ?? now()} /></div>
      <section class="session-lines" aria-label="What happened" style={{ "--shrink": String(Math.min(1, LINES_ON_PAPER / Math.max(1, lines.length))) }}>
        <h2>What happened</h2>
        <ol data-testid="session-lines">
          {lines.map((line, i) => (
            <li key={`${line.at}-${i}`} data-struck={line.struck} class={line.priority === null ? undefined : "line-alert"}>
              <span class="line-when">{clock(line.ms)} <small>{minute(line.ms)}</small></span>
              <span class="line-what">
                {line.priority !== null && <strong>{SIGN[line.priority].word} {SIGN[line.priority].shape} </strong>}
                {line.struck ? <s aria-label={`Taken out: ${line.words}`}>{line.words}</s> : line.words}
              </span>
              <span class="line-by">{line.by ?? ""}</span>
            </li>
          ))}
        </ol>
      </section>
      <footer class="session-foot">
        <p>Entered by {people.join(", ") || "nobody"}. Minutes after the first dose behind each time. Bands: lowest to highest of each minute. Dashed: limits as they are now.</p>
        <p>Session {record.session}. Printed from Chairside, which is not a medical device.</p>
      </footer>
    </>
  );
}
