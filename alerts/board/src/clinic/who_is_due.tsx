/** The scheduler's list: a line a patient, filtered, searched and sorted; several hundred of them.
 *
 * A column that a narrow screen has no room for is left out, and named below the list: nothing stands beyond the edge. A line is
 * drawn once for each answer of the server, so that a search moves lines and draws none.
 */

import type { VNode } from "preact";
import { useState } from "preact/hooks";

import { type Asked, Waiting } from "../asked";
import { dayWords, daysWords, type Enrolled, percent, responseWords } from "../forecasts";
import { OfAnotherSite } from "../glass/of_another_site";
import { href, mayEnter, me } from "../here";
import { instrumentWords, visibleName } from "../tables";
import { dayAndClock, now, parse } from "../times";
import { arranged, type Column, counted, FALLS, type Filter, FILTERS, windowShort } from "./schedule";

const COLUMNS: readonly (readonly [Column, string])[] = [
  ["patient", "Patient"], ["7d", "7 days"], ["14d", "14 days"], ["window", "Next dose due"], ["dose", "Last dose"], ["score", "Last score"], ["visit", "Visit"],
];

const drawn = new WeakMap<Enrolled, VNode>();

function lineOf(one: Enrolled): VNode {
  const line = drawn.get(one) ?? <Line key={one.patient} one={one} />;
  drawn.set(one, line);
  return line;
}

export function WhoIsDue({ asked }: { asked: Asked<{ patients: readonly Enrolled[]; next?: number | null }> }) {
  const [filter, setFilter] = useState<Filter>("all");
  const [search, setSearch] = useState("");
  const [by, setBy] = useState<Column>("14d");
  const [falls, setFalls] = useState(true);
  const list = asked.answer?.patients;
  const shown = list === undefined ? [] : arranged(list, filter, search, by, falls);
  const sortBy = (column: Column): void => {
    setFalls(column === by ? !falls : FALLS[column]);
    setBy(column);
  };
  return (
    <section class="due-list" aria-label="Who is due" data-testid="due-list">
      <h1>Who is due</h1>
      <p class="form-hint">Chance that the next maintenance dose is due if none is given: an estimate from scores and doses, not a decision.</p>
      {list === undefined ? <Waiting problem={asked.problem} what="Patients" />
      : list.length === 0 ? <p class="empty">Nobody is enrolled yet: a patient comes here with the first check-in or dose.</p>
      : (
        <>
          <div class="filters" role="group" aria-label="Show">
            {FILTERS.map(([name, words]) => (
              <button key={name} data-testid={`filter-${name}`} aria-pressed={filter === name} onClick={() => setFilter(name)}>{words} {counted(list, name)}</button>
            ))}
            <input type="search" data-testid="search" aria-label="Search a patient" placeholder="Search" value={search} maxLength={60} onInput={(e) => setSearch(e.currentTarget.value)} />
          </div>
          <div class="wide">
            <table class="schedule">
              <thead>
                <tr>
                  {COLUMNS.map(([column, words]) => (
                    <th key={column} class={`col-${column}`} scope="col" aria-sort={by !== column ? "none" : falls ? "descending" : "ascending"}>
                      <button data-testid={`sort-${column}`} onClick={() => sortBy(column)}>{words}{by === column ? (falls ? " ▾" : " ▴") : ""}</button>
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>{shown.map(lineOf)}</tbody>
            </table>
          </div>
          <p class="soft" data-testid="shown">
            {shown.length === list.length ? `${list.length} patients.` : `${shown.length} of ${list.length} patients.`}
            {asked.answer?.next != null && <strong> There are more than {list.length}: those that are least likely to be due are not listed.</strong>}
            {shown.length === 0 && search.trim() !== "" && <OfAnotherSite patient={search.trim()} />}
            <span class="left-out" data-testid="left-out"> On a wider screen also:{COLUMNS.map(([column, words]) => <span key={column} class={`without-${column}`}> {words.toLowerCase()}</span>)}.</span>
          </p>
        </>
      )}
    </section>
  );
}

function Line({ one }: { one: Enrolled }) {
  const chance = one.judged_from ? null : one.relapse_probability;
  const last = one.last_checkin;
  const booked = parse(one.booked_at);
  const late = one.overdue && one.checkin_due_at ? `Due ${daysWords(one.checkin_due_at, now())}` : undefined;
  return (
    <tr data-testid={`patient-${one.patient}`}>
      <th scope="row" class="col-patient"><a class="patient-alias" title={visibleName(one.patient)} href={href(`/patient/${encodeURIComponent(one.patient)}`)}>{visibleName(one.patient)}</a><span class="soft response">{one.doses === 0 ? " no dose yet" : known(one.response) ? ` ${responseWords(one).toLowerCase()}` : ""}</span></th>
      <td class="col-7d"><Chance share={chance?.["7d"]} /></td>
      <td class="col-14d"><Chance share={chance?.["14d"]} /></td>
      <td class="col-window" title={one.reasons?.[0]}>{one.judged_from ? `Too early to say, until ${dayWords(one.judged_from)}` : one.relapse_probability ? windowShort(one) : one.doses === 0 ? "Nothing before the first dose" : "Forecast to come"}</td>
      <td class="col-dose">{one.last_dose ? `${one.last_dose.drug} ${daysWords(one.last_dose.at, now())}` : "—"}</td>
      <td class="col-score" title={late}>{last ? `${instrumentWords(last.instrument)}${last.score == null ? "" : ` ${last.score}`}, ${daysWords(last.at, now())}` : "no score yet"}{one.overdue && <strong> · not answered</strong>}</td>
      <td class="col-visit">{mayEnter(me.value, "booking")
        ? <a class="plan" data-testid={`plan-${one.patient}`} href={href(`/enter/${encodeURIComponent(one.patient)}#visit`)}>{booked === null ? "Plan" : dayAndClock(booked)}</a>
        : booked === null ? "—" : dayAndClock(booked)}</td>
    </tr>
  );
}

/** Whether a response is worth a word on a line. */
function known(response: string | null | undefined): boolean {
  return response != null && response !== "unknown";
}

function Chance({ share }: { share: number | null | undefined }) {
  if (share == null) return <span class="soft">—</span>;
  return <span class="chance"><span class="chance-bar" aria-hidden="true"><span style={{ width: `${share * 100}%` }} /></span><span class="chance-number">{percent(share)}</span></span>;
}
