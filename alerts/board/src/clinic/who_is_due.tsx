/** The scheduler's list: a line a patient, filtered, searched and sorted; several hundred of them. */

import { useState } from "preact/hooks";

import { type Asked, Waiting } from "../asked";
import { dayWords, daysWords, type Enrolled, percent, responseWords } from "../forecasts";
import { href, mayEnter, me } from "../here";
import { instrumentWords, visibleName } from "../tables";
import { dayAndClock, now, parse } from "../times";
import { arranged, type Column, counted, FALLS, type Filter, FILTERS, windowShort } from "./schedule";

const COLUMNS: readonly (readonly [Column, string])[] = [
  ["patient", "Patient"], ["7d", "7 days"], ["14d", "14 days"], ["window", "Next dose due"], ["dose", "Last dose"], ["score", "Last score"], ["visit", "Visit"],
];

export function WhoIsDue({ asked }: { asked: Asked<{ patients: readonly Enrolled[] }> }) {
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
                    <th key={column} scope="col" aria-sort={by !== column ? "none" : falls ? "descending" : "ascending"}>
                      <button data-testid={`sort-${column}`} onClick={() => sortBy(column)}>{words}{by === column ? (falls ? " ▾" : " ▴") : ""}</button>
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>{shown.map((one) => <Line key={one.patient} one={one} />)}</tbody>
            </table>
          </div>
          <p class="soft" data-testid="shown">{shown.length === list.length ? `${list.length} patients.` : `${shown.length} of ${list.length} patients.`}</p>
        </>
      )}
    </section>
  );
}

function Line({ one }: { one: Enrolled }) {
  const chance = one.judged_from ? null : one.relapse_probability;
  const last = one.last_checkin;
  const booked = parse(one.booked_at);
  return (
    <tr data-testid={`patient-${one.patient}`}>
      <th scope="row"><a class="patient-alias" href={href(`/patient/${encodeURIComponent(one.patient)}`)}>{visibleName(one.patient)}</a><span class="soft"> {one.doses === 0 ? "no dose yet" : responseWords(one).toLowerCase()}</span></th>
      <td><Chance share={chance?.["7d"]} /></td>
      <td><Chance share={chance?.["14d"]} /></td>
      <td title={one.reasons?.[0]}>{one.judged_from ? `too early to say, until ${dayWords(one.judged_from)}` : one.relapse_probability ? windowShort(one) : one.doses === 0 ? "Nothing to forecast before the first dose" : "Forecast to come"}</td>
      <td>{one.last_dose ? `${one.last_dose.drug} ${daysWords(one.last_dose.at, now())}` : "—"}</td>
      <td>{last ? `${instrumentWords(last.instrument)}${last.score == null ? "" : ` ${last.score}`} ${daysWords(last.at, now())}` : "no score yet"}{one.overdue && <strong> not answered{one.checkin_due_at ? `, due ${daysWords(one.checkin_due_at, now())}` : ""}</strong>}</td>
      <td>{mayEnter(me.value, "booking")
        ? <a class="plan" data-testid={`plan-${one.patient}`} href={href(`/enter/${encodeURIComponent(one.patient)}#visit`)}>{booked === null ? "Plan" : dayAndClock(booked)}</a>
        : booked === null ? "—" : dayAndClock(booked)}</td>
    </tr>
  );
}

function Chance({ share }: { share: number | null | undefined }) {
  if (share == null) return <span class="soft">—</span>;
  return <span class="chance"><span class="chance-bar" aria-hidden="true"><span style={{ width: `${share * 100}%` }} /></span><span class="chance-number">{percent(share)}</span></span>;
}
