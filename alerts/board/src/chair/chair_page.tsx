/** The tablet beside the patient: what is wrong here, who sits here and how they are, then one thing to enter at a time; what is
 * to be expected after it, so that alerts and buttons need no scrolling at any size. */

import { alertsOf } from "../board/board";
import { AlertColumn } from "../board/alert_column";
import { drugWords, Next } from "../board/card";
import { Timeline } from "../board/timeline";
import { Vitals, Words } from "../board/vitals";
import { alerts, chairs, heardAnything } from "../feed";
import { Frame } from "../frame";
import { href } from "../here";
import { perKg } from "./checks";
import { EntryPanel, underway } from "./entry_panel";
import { Outlook } from "./outlook";
import { useRegistration } from "./registration";
import { type Sitting, sittingAt } from "./sitting";
import { TabletLink } from "./tablet_link";
import { IN_SESSION } from "./tasks";
import { fromKg } from "./weight";
import { useWeightUnit } from "./weight_unit";

/** Who sits here, as far as it is known: nothing is denied before the server has spoken. */
function whoWords(sitting: Sitting | null, patient: string | null | undefined, session: string | null | undefined): string {
  if (sitting !== null) return sitting.patient;
  if (patient) return patient;
  if (session) return "Unknown patient";
  return heardAnything.value ? "Nobody in this chair" : "Not known yet";
}

export function ChairPage({ name }: { name: string }) {
  const chair = chairs.value.find((c) => c.chair === name) ?? null;
  const { queue, taken } = underway();
  const sitting = sittingAt(name, chairs.value, queue, taken);
  const mine = alertsOf(chair, [...alerts.value.values()]);
  const nobody: Sitting = { chair: name, patient: "", session: "", drug: null, route: null, plannedMg: null, plannedMinutes: null };
  // Vitals without a session are watched and shown all the same; starting one is then the first thing to do.
  const unscheduled = chair?.phase === "unscheduled" && sitting?.session === chair.session;
  const registration = useRegistration(sitting !== null && !unscheduled ? sitting.patient : null);
  const [unit] = useWeightUnit();
  const shownChair = chair && (sitting === null || chair.session === sitting.session) ? chair : null;
  const known = chair?.device ? { device: chair.device, patient: unscheduled && chair.patient !== chair.device ? chair.patient : null } : null;
  const mg = chair?.given_mg ?? sitting?.plannedMg ?? null;
  const cuff = shownChair?.values?.["sbp"];
  const kg = registration?.weight_kg ?? null;

  return (
    <Frame here="chair">
      <div class="chairside">
        <div class="chair-left">
          <section class="chair-now" aria-label={`Chair ${name} now`}>
            <header class="card-head">
              <span class="card-chair">{name}</span>
              <span class="card-who">
                <span class="card-patient" data-testid="patient">{whoWords(sitting, chair?.patient, chair?.session)}</span>
                <span class="card-drug">{shownChair ? drugWords(shownChair) : [sitting?.drug, sitting?.route].filter(Boolean).join(" ")}</span>
              </span>
            </header>
            {sitting !== null && !unscheduled && (
              <p class="weight" data-testid="weight">
                {kg === null ? "No weight registered" : <><strong>{fromKg(kg, unit)} {unit}</strong>{mg !== null && <> · {perKg(mg, kg)}</>}</>}
                {" · "}<a href={href(`/session/${encodeURIComponent(sitting.session)}`)} data-testid="open-record">Record</a>
              </p>
            )}
            {shownChair && (
              <>
                <Timeline chair={shownChair} />
                <Vitals chair={shownChair} alerts={mine} />
                <Words chair={shownChair} alerts={mine} suffix={name} />
                <Next chair={shownChair} />
              </>
            )}
          </section>
          <AlertColumn placed={false} only={mine} none="No alert at this chair" beyond={{ words: "elsewhere", path: "/" }} />
          {shownChair && (
            <section class="chair-later" aria-label={`Chair ${name}, what comes`}>
              <Outlook chair={shownChair} />
              {shownChair.session && !unscheduled && <TabletLink key={shownChair.session} session={shownChair.session} />}
            </section>
          )}
        </div>
        <EntryPanel place={name} sitting={sitting} nobody={nobody} registration={registration}
          {...(sitting === null ? {} : { pressure: typeof cuff?.value === "number" ? { sbp: cuff.value, dbp: shownChair?.values?.["dbp"]?.value ?? null } : null })}
          offered={sitting === null ? ["start", "register"] : unscheduled ? ["start", ...IN_SESSION] : IN_SESSION}
          begins={(task) => (task === "start" ? known : null)} />
      </div>
    </Frame>
  );
}
