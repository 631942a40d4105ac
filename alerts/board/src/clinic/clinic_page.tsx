/** The clinic's desk: who is due, in order; who has not answered; how much the alarms ask of people, and how pages were answered. */

import { type Asked, useAsked, Waiting } from "../asked";
import { AlertColumn } from "../board/alert_column";
import { alerts, everybody, forecastsOf } from "../feed";
import type { Burden, Enrolled } from "../forecasts";
import { Frame } from "../frame";
import { site } from "../here";
import { span } from "../times";
import { BurdenPlots } from "./burden_plots";
import { WhoIsDue } from "./who_is_due";

interface Patients {
  patients: readonly Enrolled[];
  /** Where to read on; null: these are all. */
  next?: number | null;
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
        {all} alerts{hours && hours >= 1 ? `, ${(all / hours).toFixed(1)} an hour watched` : ""}. {pages.sent} pages sent, {pages.answered} answered
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
      {(burden.monitor_alarms ?? []).length > 0 && (
        <p class="soft" data-testid="monitor-alarms">The monitors' own alarms: {(burden.monitor_alarms ?? []).map((row) => `${row.label} ${row.alarms}`).join(", ")}.</p>
      )}
      <BurdenPlots burden={burden} />
      {burden.chairs.length > 0 && (
        <p class="soft">By chair: {burden.chairs.map((row) => `${row.chair === null ? "no chair" : `chair ${row.chair}`}: ${row.alerts}`).join(", ")}.</p>
      )}
    </section>
  );
}

