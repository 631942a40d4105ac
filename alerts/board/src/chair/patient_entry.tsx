/** Entering for somebody who sits nowhere now: an answer given by telephone, a treatment elsewhere, weight and history, the next visit. */

import { Frame } from "../frame";
import { href } from "../here";
import { EntryPanel } from "./entry_panel";
import { Objections } from "./start_form";
import { useRegistration } from "./registration";
import { WITHOUT_SESSION } from "./tasks";
import { fromKg } from "./weight";
import { useWeightUnit } from "./weight_unit";

export function PatientEntryPage({ alias }: { alias: string }) {
  const registration = useRegistration(alias);
  const [unit] = useWeightUnit();
  const sitting = { chair: alias, patient: alias, session: "", drug: null, route: null, plannedMg: null, plannedMinutes: null };
  const objections = Object.entries(registration?.objections ?? {}).flatMap(([drug, list]) => list.map((one) => ({ ...one, name: `${one.name} (${drug})` })));
  return (
    <Frame here="chair">
      <div class="chairside">
        <section class="chair-now" aria-label={`${alias} now`}>
          <h1 data-testid="patient">{alias}</h1>
          <p class="weight" data-testid="weight">
            {registration === null ? "Not known yet" : registration.weight_kg === null ? "No weight registered" : <strong>{fromKg(registration.weight_kg, unit)} {unit}</strong>}
            {registration?.birth_year && ` · born ${registration.birth_year}`}
          </p>
          <Objections list={objections} />
          <p><a class="record-more" href={href(`/patient/${encodeURIComponent(alias)}`)}>Weeks of {alias}</a></p>
        </section>
        <EntryPanel place={alias} sitting={sitting} nobody={sitting} registration={registration} offered={WITHOUT_SESSION} begins={() => null} asked={location.hash === "#visit" ? "visit" : null} />
      </div>
    </Frame>
  );
}
