/** The clinic's desk: who is due, in order; who has not answered; how much the alarms ask of people, and how pages were answered. */

import { type Asked, useAsked, Waiting } from "../asked";
import { AlertColumn } from "../board/alert_column";
import { alerts, everybody, forecastsOf } from "../feed";
import { type Burden, dayWords, daysWords, type Enrolled, percent, responseWords, spacingWords, windowWords } from "../forecasts";
import { Frame } from "../frame";
import { href, site } from "../here";
import { instrumentWords } from "../tables";
import { now, span } from "../times";

interface Patients {
  patients: readonly Enrolled[];
}

export function ClinicPage() {
  const patients = useAsked<Patients>(`/v1/patients?${new URLSearchParams({ site })}`, forecastsOf.value.get(everybody));
  const burden = useAsked<Burden>(`/v1/burden?${new URLSearchParams({ site, days: "7" })}`);
  const atHome = [...alerts.value.values()].filter((alert) => !alert.session && !alert.chair);
  return (
    <Frame here="clinic">
      <div class="desk">
        <WhoIsDue asked={patients} />
        <div class="desk-side">
          <AlertColumn only={atHome} none="No alerts at home" beyond={{ words: "in the clinic", path: "/" }} />
          <HowMuch asked={burden} />
        </div>
      </div>
    </Frame>
  );
}

function WhoIsDue({ asked }: { asked: Asked<Patients> }) {
  const list = asked.answer?.patients;
  const silent = list?.filter((one) => one.overdue) ?? [];
  return (
    <section class="due-list" aria-label="Who is due" data-testid="due-list">
      <h1>Who is due</h1>
      <p class="form-hint">Chance that the next maintenance dose is due if none is given: an estimate from scores and doses, not a decision.</p>
      {list === undefined ? <Waiting problem={asked.problem} what="Patients" />
      : list.length === 0 ? <p class="empty">Nobody is enrolled yet: a patient comes here with the first check-in or dose.</p>
      : <ol class="patients">{list.map((one) => <Patient key={one.patient} one={one} />)}</ol>}
      {silent.length > 0 && (
        <>
          <h2>Not answered</h2>
          <ul class="plain-list" data-testid="silent-list">
            {silent.map((one) => (
              <li key={one.patient}>
                <a href={href(`/patient/${encodeURIComponent(one.patient)}`)}>{one.patient}</a>
                <span>{one.checkin_due_at ? `check-in was due ${daysWords(one.checkin_due_at, now())}` : "check-in overdue"}{one.last_checkin ? `, last ${daysWords(one.last_checkin.at, now())}` : ""}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Patient({ one }: { one: Enrolled }) {
  const chance = one.relapse_probability;
  const last = one.last_checkin;
  return (
    <li class="patient" data-testid={`patient-${one.patient}`}>
      <div class="patient-who">
        <a class="patient-alias" href={href(`/patient/${encodeURIComponent(one.patient)}`)}>{one.patient}</a>
        <span class="soft">{one.doses === 0 ? "no dose yet" : responseWords(one)}</span>
      </div>
      {one.judged_from ? <div class="patient-chance soft">Too early after a dose to say, until {dayWords(one.judged_from)}</div>
      : chance ? (
        <div class="patient-chance">
          <Chance share={chance["7d"]} words="7 days" />
          <Chance share={chance["14d"]} words="14 days" />
        </div>
      ) : <div class="patient-chance soft">{one.doses === 0 ? "Nothing to forecast before the first dose" : "Forecast to come"}</div>}
      <div class="patient-when">
        {chance && !one.judged_from && <strong>{windowWords(one)}</strong>}
        <span class="soft">
          {[
            one.last_dose ? `${one.last_dose.drug} ${daysWords(one.last_dose.at, now())}` : null,
            last ? `${instrumentWords(last.instrument)}${last.score == null ? "" : ` ${last.score}`} ${daysWords(last.at, now())}` : "no score yet",
            one.booked_at ? `booked ${dayWords(one.booked_at.slice(0, 10))}` : null,
            one.overdue ? "check-in not answered" : null,
          ].filter(Boolean).join(" · ")}
        </span>
        {one.reasons?.[0] && <span>{one.reasons[0]}</span>}
        {spacingWords(one) && <span class="soft">Usual spacing: {spacingWords(one)}</span>}
      </div>
    </li>
  );
}

function Chance({ share, words }: { share: number; words: string }) {
  return (
    <div class="chance">
      <span class="chance-words">{words}</span>
      <span class="chance-bar" aria-hidden="true"><span style={{ width: `${share * 100}%` }} /></span>
      <span class="chance-number">{percent(share)}</span>
    </div>
  );
}

function HowMuch({ asked }: { asked: Asked<Burden> }) {
  const burden = asked.answer;
  if (burden === null) return <section class="burden"><h2>Alarms</h2><Waiting problem={asked.problem} what="Alarms" /></section>;
  const { pages, hours_watched: hours } = burden;
  const all = burden.rules.reduce((sum, row) => sum + row.high + row.medium + row.low, 0);
  const answer = pages.median_answer_s;
  return (
    <section class="burden" aria-label="Alarms" data-testid="burden">
      <h2>Alarms, last {burden.days} days</h2>
      <p>
        {all} alerts{hours ? `, ${(all / hours).toFixed(1)} an hour watched` : ""}. {pages.sent} pages sent, {pages.answered} answered
        {answer == null ? "" : `, half of them within ${span(answer * 1000)}`}{pages.unanswered > 0 ? `; ${pages.unanswered} nobody answered` : ""}.
      </p>
      {burden.rules.length > 0 && (
        <table>
          <thead><tr><th scope="col">Rule</th><th scope="col">High ▲</th><th scope="col">Medium ◆</th><th scope="col">Low ●</th></tr></thead>
          <tbody>
            {burden.rules.map((row) => (
              <tr key={row.rule}><th scope="row">{row.title}</th><td>{row.high || "—"}</td><td>{row.medium || "—"}</td><td>{row.low || "—"}</td></tr>
            ))}
          </tbody>
        </table>
      )}
      {burden.chairs.length > 0 && (
        <p class="soft">By chair: {burden.chairs.map((row) => `${row.chair === null ? "no chair" : `chair ${row.chair}`}: ${row.alerts}`).join(", ")}.</p>
      )}
    </section>
  );
}

