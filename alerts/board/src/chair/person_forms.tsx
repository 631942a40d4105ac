/** What is entered of a patient beside a session: registration, the next visit, treatments elsewhere, a note, the escort. */

import { mayEnter, me } from "../here";
import { CONDITIONS, DRUGS, MEDICATIONS, ROUTES } from "../tables";
import { instantOf, now, wallTime } from "../times";
import { useField } from "./begun";
import { about, badNumber, Choice, Field, Form, type FormProps, present, str, typed } from "./parts";
import { fromKg, toKg, type WeightUnit } from "./weight";
import { useWeightUnit } from "./weight_unit";

/** A weight in the unit that this tablet uses; what is sent is always kilograms. */
export function WeightField({ value, set, unit, setUnit }: { value: string; set: (text: string) => void; unit: WeightUnit; setUnit: (unit: WeightUnit) => void }) {
  const kg = toKg(typed(value), unit);
  const change = (to: WeightUnit): void => {
    if (to !== unit && kg !== null) set(fromKg(kg, to));
    setUnit(to);
  };
  return (
    <div class="weigh">
      <Field label="Weight" unit={unit === "lb" && kg !== null ? `lb = ${fromKg(kg, "kg")} kg` : unit} name="weight" value={value} set={set} numeric />
      <Choice label="Unit" name="unit" options={[["kg", "kg"], ["lb", "lb"]]} value={unit} set={(to) => change(to as WeightUnit)} />
    </div>
  );
}

const lines = (text: string): string[] => text.split(/[,;\n]/).map((each) => each.trim()).filter((each) => each !== "");

function Several({ label, name, options, chosen, set }: { label: string; name: string; options: readonly (readonly [string, string])[]; chosen: readonly string[]; set: (names: string[]) => void }) {
  return (
    <details class="several" open={chosen.length > 0}>
      <summary>{label}{chosen.length > 0 && `: ${chosen.join(", ").replaceAll("-", " ")}`}</summary>
      <div class="choice-options">
        {options.map(([value, words]) => (
          <button type="button" key={value} data-testid={`${name}-${value}`} aria-pressed={chosen.includes(value)} onClick={() => set(chosen.includes(value) ? chosen.filter((v) => v !== value) : [...chosen, value])}>{words}</button>
        ))}
      </div>
    </details>
  );
}

/** A person's own limits that people set most: (rule, priority, channel, side) as `models/tables/limits.py` names them. */
const OWN_LIMITS = [
  ["hypertension", "medium", "sbp", "Systolic that asks"], ["desaturation", "medium", "spo2", "SpO₂ that asks"],
] as const;

export function RegisterForm({ sitting, start, registration, enter }: FormProps) {
  const known = start ?? registration ?? {};
  const given = known as Readonly<Record<string, unknown>>;
  const names = (v: unknown): string[] => (Array.isArray(v) ? v.map(String) : []);
  const [unit, setUnit] = useWeightUnit();
  const [patient, setPatient] = useField("patient", sitting.patient || str(given["patient"]));
  const [weight, setWeight] = useField("weight", typeof given["weight_kg"] === "number" ? fromKg(given["weight_kg"], unit) : "");
  const [born, setBorn] = useField("born", str(given["birth_year"]));
  const [sex, setSex] = useField("sex", str(given["sex"]));
  const listed = (options: readonly (readonly [string, string])[], all: string[]): [string[], string[]] => [all.filter((n) => options.some(([v]) => v === n)), all.filter((n) => !options.some(([v]) => v === n))];
  const [conditions, moreConditions] = listed(CONDITIONS, names(given["conditions"]));
  const [medications, moreMedications] = listed(MEDICATIONS, names(given["medications"]));
  const [has, setHas] = useField("has", conditions);
  const [otherHas, setOtherHas] = useField("otherHas", moreConditions.join(", "));
  const [takes, setTakes] = useField("takes", medications);
  const [otherTakes, setOtherTakes] = useField("otherTakes", moreMedications.join(", "));
  const [limits, setLimits] = useField<Record<string, string>>("limits", {});
  const problem =
    patient.trim() === "" ? "Patient alias is missing."
    : (badNumber(weight, "Weight", unit === "kg" ? 20 : 44, unit === "kg" ? 400 : 880) ?? badNumber(born, "Birth year", 1900, new Date(now()).getUTCFullYear()))
    ?? OWN_LIMITS.map(([, , channel, words]) => badNumber(limits[channel] ?? "", words, 40, 300)).find((each) => each !== null) ?? null;
  const own = OWN_LIMITS.filter(([, , channel]) => typed(limits[channel] ?? "") !== null);
  return (
    <Form problem={problem} words="Register" submit={() => enter({
      kind: "patient.registered", patient: patient.trim(),
      ...present({ weight_kg: toKg(typed(weight), unit), birth_year: typed(born), sex }),
      conditions: [...has, ...lines(otherHas)], medications: [...takes, ...lines(otherTakes)],
      ...(own.length === 0 ? {} : { limits: Object.fromEntries(own.map(([rule, priority, channel]) => [rule, { [priority]: { [channel]: { enter: typed(limits[channel] ?? ""), reason: "this patient's own" } } }])) }),
    })}>
      <div class="fields">
        {sitting.patient === "" && <Field label="Patient" unit="alias, no name" name="patient" value={patient} set={setPatient} />}
        <WeightField value={weight} set={setWeight} unit={unit} setUnit={setUnit} />
        <Field label="Born in" unit="year" name="birth_year" value={born} set={setBorn} numeric />
      </div>
      <Choice label="Sex" name="sex" options={[["female", "Female"], ["male", "Male"], ["other", "Other"]]} value={sex} set={setSex} />
      <Several label="Conditions" name="condition" options={CONDITIONS} chosen={has} set={setHas} />
      <Several label="Medication" name="medication" options={MEDICATIONS} chosen={takes} set={setTakes} />
      <div class="fields">
        <Field label="Other conditions" unit="with commas" name="conditions" value={otherHas} set={setOtherHas} />
        <Field label="Other medication" unit="with commas" name="medications" value={otherTakes} set={setOtherTakes} />
      </div>
      {mayEnter(me.value, "limits") && <details class="several">
        <summary>Own limits</summary>
        <div class="fields">
          {OWN_LIMITS.map(([, , channel, words]) => <Field key={channel} label={words} name={`limit-${channel}`} value={limits[channel] ?? ""} set={(v) => setLimits({ ...limits, [channel]: v })} numeric />)}
        </div>
      </details>}
    </Form>
  );
}

/** The next visit: a booking, moved by the next one, called off by an empty one. */
export function VisitForm({ sitting, enter }: FormProps) {
  const [when, setWhen] = useField("when", wallTime(now() + 7 * 86_400_000).slice(0, 16));
  const ms = instantOf(when);
  return (
    <Form problem={ms === null ? "Day and time are missing." : ms < now() ? "That is over." : null} words="Plan the visit" submit={() => enter({ kind: "intervention", patient: sitting.patient, what: "booking", detail: new Date(ms ?? 0).toISOString() })}>
      <label class="field"><span>Next visit</span><input type="datetime-local" data-testid="field-visit" name="visit" value={when} onInput={(e) => setWhen(e.currentTarget.value)} /></label>
      <button type="button" class="record-more" data-testid="visit-off" onClick={() => enter({ kind: "intervention", patient: sitting.patient, what: "booking", detail: "cancelled" })}>No visit is planned</button>
    </Form>
  );
}

const ELSEWHERE = [["ect", "ECT"], ["tms", "TMS"], ...DRUGS] as const;

/** A treatment given somewhere else, or one without a drug: it counts for the course, not for the session. */
export function ElsewhereForm({ sitting, start, enter }: FormProps) {
  const [drug, setDrug] = useField("drug", str(start?.["drug"]) || "ect");
  const [route, setRoute] = useField("route", str(start?.["route"]));
  const [mg, setMg] = useField("mg", str(start?.["amount_mg"]));
  const [when, setWhen] = useField("when", wallTime(now()).slice(0, 16));
  const amount = drug !== "ect" && drug !== "tms";
  const ms = instantOf(when);
  const problem = ms === null ? "Day and time are missing." : ms > now() + 60_000 ? "That is still to come." : amount ? badNumber(mg, "Amount", 0, 2000) : null;
  return (
    <Form problem={problem} words="Enter treatment" submit={() => enter({ kind: "dose", patient: sitting.patient, drug, ...(amount ? present({ route, amount_mg: typed(mg) }) : {}) }, { at: new Date(Math.min(ms ?? 0, now())).toISOString() })}>
      <Choice label="Treatment" name="elsewhere" options={ELSEWHERE} value={drug} set={setDrug} />
      {amount && <Choice label="Route" name="route" options={ROUTES} value={route} set={setRoute} />}
      <div class="fields">
        {amount && <Field label="Amount" unit="mg" name="amount_mg" value={mg} set={setMg} numeric />}
        <label class="field"><span>When</span><input type="datetime-local" data-testid="field-when" name="when" value={when} onInput={(e) => setWhen(e.currentTarget.value)} /></label>
      </div>
    </Form>
  );
}

export function NoteForm({ sitting, start, enter }: FormProps) {
  const [text, setText] = useField("text", str(start?.["detail"]));
  return (
    <Form problem={text.trim() === "" ? "The note is empty." : text.length > 3000 ? "A note is 3,000 characters at most." : null} words="Enter note" submit={() => enter({ kind: "intervention", ...about(sitting), what: "note", detail: text.trim() })}>
      <label class="field"><span>Note <small>no names</small></span><textarea data-testid="field-note" name="note" rows={4} value={text} onInput={(e) => setText(e.currentTarget.value)} /></label>
    </Form>
  );
}

const ESCORTS = [["family", "Family"], ["friend", "Friend"], ["staff", "Staff"], ["taxi with a companion", "Taxi with a companion"], ["nobody", "Nobody"]] as const;

/** Who takes the patient home: a relation, never a name. */
export function EscortForm({ sitting, enter }: FormProps) {
  return (
    <div class="tasks" role="group" aria-label="Who takes the patient home">
      {ESCORTS.map(([value, words]) => (
        <button type="button" key={value} data-testid={`escort-${value.split(" ")[0]}`} onClick={() => enter({ kind: "intervention", ...about(sitting), what: "escort", detail: value })}>{words}</button>
      ))}
    </div>
  );
}
