/** A patient of another site of the network: the form that asks why, and then their page, to read, under a banner that says until when it
 * is open and why. When the time is over nothing of it stays on the screen.
 */

import { useMemo, useRef } from "preact/hooks";

import { useAsked, Waiting } from "../asked";
import { type Registration } from "../chair/registration";
import { Objections } from "../chair/start_form";
import { fromKg } from "../chair/weight";
import { useWeightUnit } from "../chair/weight_unit";
import type { Course } from "../forecasts";
import { Frame } from "../frame";
import { href, me } from "../here";
import { CourseOf } from "../patient/patient_page";
import { visibleName } from "../tables";
import { clock, foreignZone, second } from "../times";
import { type Open, type Opened, openedOf } from "./elsewhere";
import { GlassForm } from "./glass_form";

/** `alias`: null where a session's record was asked for, which does not say whose it is. */
export function ElsewherePage({ alias, of }: { alias: string | null; of: string }) {
  return (
    <Frame here="clinic">
      <div class="desk patient-desk" data-testid="elsewhere-page">
        {me.value === null ? <p class="empty">Fetching who is signed in…</p>
        : alias === null || of === "" || !me.value.breaks_glass ? <GlassForm patient={alias} of={of} />
        // Whoever signs in next has opened nothing.
        : <AsOpened key={me.value.name} alias={alias} of={of} />}
      </div>
    </Frame>
  );
}

function AsOpened({ alias, of }: { alias: string; of: string }) {
  second.value;
  const { answer, problem } = useAsked<Open>("/v1/break-glass");
  const received = useMemo(() => ({ mono: performance.now(), wall: Date.now() }), [answer]);
  // One stops while a laptop sleeps, the other may be set back.
  const opened = openedOf(answer, of, alias, Math.max(performance.now() - received.mono, Date.now() - received.wall));
  const was = useRef(false);
  if (opened !== null) was.current = true;
  if (answer === null) return <Waiting problem={problem} what="What is open" />;
  return opened === null ? <GlassForm patient={alias} of={of} isOver={was.current} /> : <Read opened={opened} />;
}

function Read({ opened }: { opened: Opened }) {
  const { patient, site: of, reason, until } = opened;
  const path = `/v1/patients/${encodeURIComponent(patient)}`;
  const query = new URLSearchParams({ site: of });
  const course = useAsked<Course>(`${path}?${query}`);
  const registration = useAsked<Registration>(`${path}/registration?${query}`);
  const at = Date.parse(until);
  return (
    <>
      <p class="glass-banner" role="status" data-testid="glass-banner">
        <strong>Opened by break-glass until {clock(at)}{foreignZone(at) !== null && ` ${foreignZone(at)}`}</strong>
        <span>Patient of {visibleName(of)}, who were told. To read only. Reason: {reason === "" ? "in the audit" : reason}</span>
      </p>
      <p><a href={href("/clinic")}>← Clinic</a> · <a href={`${path}/record.fhir.json?${query}`} data-testid="record-fhir">Whole record as FHIR</a></p>
      <h1>{visibleName(patient)}</h1>
      {registration.answer === null ? <Waiting problem={registration.problem} what="What is registered" /> : <Registered known={registration.answer} />}
      {course.answer === null ? <Waiting problem={course.problem} what="The course" /> : <CourseOf course={course.answer} isElsewhere />}
    </>
  );
}

/** What whoever treats somebody else's patient asks first. */
function Registered({ known }: { known: Registration }) {
  const [unit] = useWeightUnit();
  const objections = Object.entries(known.objections).flatMap(([drug, list]) => list.map((one) => ({ ...one, name: `${one.name} (${drug})` })));
  const list = (names: readonly string[] | null): string => (names === null ? "nobody has said" : names.length === 0 ? "none" : names.join(", "));
  return (
    <section aria-label="Registered" data-testid="glass-registered">
      <h2>Registered</h2>
      {known.registered_at === null ? <p>Nothing is registered of {visibleName(known.patient)}.</p> : (
        <dl class="glass-facts">
          <div><dt>Weight</dt><dd>{known.weight_kg === null ? "nobody has said" : `${fromKg(known.weight_kg, unit)} ${unit}`}</dd></div>
          <div><dt>Born</dt><dd>{known.birth_year ?? "nobody has said"}</dd></div>
          <div><dt>Conditions</dt><dd>{list(known.conditions)}</dd></div>
          <div><dt>Medications</dt><dd>{list(known.medications)}</dd></div>
        </dl>
      )}
      <Objections list={objections} />
    </section>
  );
}
