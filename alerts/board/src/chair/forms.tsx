/** One form per thing a nurse enters: large targets, sensible values already there, one tap to enter.
 *
 * A form makes a draft in the wire's own fields and hands it up; it sends nothing. `start` holds a refused entry's fields, for
 * correction. Numbers are JSON numbers or absent, never text.
 */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { Draft } from "../sending";
import { CADSS_6, CUFF, DRUGS, MOAAS, ROUTES, SYMPTOMS } from "../tables";
import { now, sessionName } from "../times";
import type { Chair } from "../wire";

/** Whom the entry is about. */
export interface Sitting {
  chair: string;
  patient: string;
  session: string;
  drug: string | null;
  route: string | null;
  plannedMg: number | null;
  plannedMinutes: number | null;
}

export interface FormProps {
  sitting: Sitting;
  start: Readonly<Record<string, unknown>> | null;
  /** Who sits where now, so that nobody is started twice. */
  seated: readonly Pick<Chair, "patient" | "chair" | "session" | "phase">[];
  enter: (draft: Draft) => void;
}

const str = (v: unknown): string => (typeof v === "string" || typeof v === "number" ? String(v) : "");

/** A number typed with a point or a comma; null when there is none. */
export function typed(text: string): number | null {
  const trimmed = text.trim().replace(",", ".");
  if (trimmed === "") return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : null;
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== null && v !== undefined && v !== ""));
}

interface FieldProps {
  label: string;
  name: string;
  value: string;
  set: (value: string) => void;
  unit?: string;
  numeric?: boolean;
  list?: readonly string[];
}

function Field({ label, name, value, set, unit, numeric, list }: FieldProps) {
  return (
    <label class="field">
      <span>{label}{unit && <small> {unit}</small>}</span>
      <input data-testid={`field-${name}`} name={name} value={value} onInput={(e) => set(e.currentTarget.value)} inputMode={numeric ? "decimal" : "text"}
        autocomplete="off" autocapitalize="off" spellcheck={false} list={list ? `list-${name}` : undefined} />
      {list && <datalist id={`list-${name}`}>{list.map((v) => <option key={v} value={v} />)}</datalist>}
    </label>
  );
}

interface ChoiceProps {
  label: string;
  name: string;
  options: readonly (readonly [value: string, words: string])[];
  value: string;
  set: (value: string) => void;
}

function Choice({ label, name, options, value, set }: ChoiceProps) {
  return (
    <div class="choice" role="group" aria-label={label}>
      <span class="choice-label">{label}</span>
      <div class="choice-options">
        {options.map(([v, words]) => (
          <button type="button" key={v} data-testid={`${name}-${v}`} aria-pressed={value === v} onClick={() => set(v)}>{words}</button>
        ))}
      </div>
    </div>
  );
}

function Form({ problem, submit, words, children }: { problem: string | null; submit: () => void; words: string; children: ComponentChildren }) {
  const [tried, setTried] = useState(false);
  return (
    <form class="form" novalidate onSubmit={(e) => {
      e.preventDefault();
      setTried(true);
      if (problem === null) submit();
    }}>
      {children}
      {tried && problem !== null && <p class="form-problem" role="alert" data-testid="form-problem">{problem}</p>}
      <button class="enter" type="submit" data-testid="enter">{words}</button>
    </form>
  );
}

/** What stands in the field beside the buttons: nothing while one of them is pressed. */
function unlisted(value: string, options: readonly (readonly [string, string])[]): string {
  return options.some(([v]) => v === value) ? "" : value;
}

function badNumber(text: string, name: string, least: number, most: number): string | null {
  if (text.trim() === "") return null;
  const value = typed(text);
  if (value === null) return `${name} is not a number.`;
  return value < least || value > most ? `${name} must be ${least} to ${most}.` : null;
}

export function StartForm({ sitting, start, seated, enter }: FormProps) {
  const [patient, setPatient] = useState(str(start?.["patient"]));
  const [drug, setDrug] = useState(str(start?.["drug"]) || "ketamine");
  const [route, setRoute] = useState(str(start?.["route"]) || "iv");
  const [mg, setMg] = useState(str(start?.["planned_mg"]));
  const [minutes, setMinutes] = useState(str(start?.["planned_minutes"]) || "40");
  const [device, setDevice] = useState(str(start?.["device"]) || `monitor-${sitting.chair}`);
  const elsewhere = seated.find((c) => c.patient === patient.trim() && c.session && c.phase !== "unscheduled" && c.session !== start?.["session"]);
  const problem =
    patient.trim() === "" ? "Patient alias is missing."
    : elsewhere ? `${patient.trim()} sits ${elsewhere.chair ? `in chair ${elsewhere.chair}` : "elsewhere"}: end that session first.`
    : drug.trim() === "" ? "Drug is missing."
    : badNumber(mg, "Planned dose", 0, 2000) ?? badNumber(minutes, "Planned minutes", 0, 600);
  return (
    <Form problem={problem} words="Start session" submit={() => enter({
      kind: "session.started", patient: patient.trim(), session: start?.["session"] && start["patient"] === patient.trim() ? str(start["session"]) : sessionName(patient.trim(), now()), chair: sitting.chair,
      ...present({ device: device.trim(), drug: drug.trim(), route, planned_mg: typed(mg), planned_minutes: typed(minutes) }),
    })}>
      <div class="fields">
        <Field label="Patient" unit="alias, no name" name="patient" value={patient} set={setPatient} />
        <Field label="Monitor" name="device" value={device} set={setDevice} />
      </div>
      <Choice label="Drug" name="drug" options={DRUGS} value={drug} set={setDrug} />
      <Choice label="Route" name="route" options={ROUTES} value={route} set={setRoute} />
      <div class="fields">
        <Field label="Planned dose" unit="mg" name="planned_mg" value={mg} set={setMg} numeric />
        <Field label="Planned time" unit="minutes" name="planned_minutes" value={minutes} set={setMinutes} numeric />
        <Field label="Or another drug" name="drug" value={unlisted(drug, DRUGS)} set={setDrug} />
      </div>
    </Form>
  );
}

const about = (sitting: Sitting): { patient: string; session: string } => ({ patient: sitting.patient, session: sitting.session });

export function DoseForm({ sitting, start, enter }: FormProps) {
  const [drug, setDrug] = useState(str(start?.["drug"]) || sitting.drug || "ketamine");
  const [route, setRoute] = useState(str(start?.["route"]) || sitting.route || "iv");
  const [mg, setMg] = useState(start ? str(start["amount_mg"]) : str(sitting.plannedMg ?? ""));
  const [minutes, setMinutes] = useState(start ? str(start["minutes"]) : str(sitting.plannedMinutes ?? ""));
  const problem = drug.trim() === "" ? "Drug is missing." : badNumber(mg, "Amount", 0, 2000) ?? badNumber(minutes, "Minutes", 0, 600);
  return (
    <Form problem={problem} words="Dose given" submit={() => enter({
      kind: "dose", ...about(sitting), drug: drug.trim(), ...present({ route, amount_mg: typed(mg), minutes: typed(minutes) }),
    })}>
      <div class="fields">
        <Field label="Amount" unit="mg" name="amount_mg" value={mg} set={setMg} numeric />
        <Field label="Over" unit="minutes" name="minutes" value={minutes} set={setMinutes} numeric />
        <Field label="Drug" name="drug" value={drug} set={setDrug} list={DRUGS.map(([v]) => v)} />
      </div>
      <Choice label="Route" name="route" options={ROUTES} value={route} set={setRoute} />
    </Form>
  );
}

export function StopForm({ sitting, start, enter }: FormProps) {
  const [mg, setMg] = useState(str(start?.["given_mg"]));
  return (
    <Form problem={badNumber(mg, "Amount", 0, 2000)} words="Dose stopped" submit={() => enter({ kind: "dose.stopped", ...about(sitting), ...present({ given_mg: typed(mg) }) })}>
      <div class="fields"><Field label="Given until now" unit="mg, if known" name="given_mg" value={mg} set={setMg} numeric /></div>
    </Form>
  );
}

export function CuffForm({ sitting, start, enter }: FormProps) {
  const [sbp, setSbp] = useState(str(start?.["sbp"]));
  const [dbp, setDbp] = useState(str(start?.["dbp"]));
  const high = typed(sbp);
  const low = typed(dbp);
  const problem =
    high === null || low === null ? "Enter both numbers."
    : badNumber(sbp, CUFF.sbp.short, CUFF.sbp.lowest, CUFF.sbp.highest) ?? badNumber(dbp, CUFF.dbp.short, CUFF.dbp.lowest, CUFF.dbp.highest) ?? (low >= high ? "Systolic must be above diastolic." : null);
  return (
    <Form problem={problem} words="Enter pressure" submit={() => enter({ kind: "vitals", ...about(sitting), sbp: high, dbp: low })}>
      <div class="fields">
        <Field label={CUFF.sbp.short} unit={CUFF.sbp.unit} name="sbp" value={sbp} set={setSbp} numeric />
        <Field label={CUFF.dbp.short} unit={CUFF.dbp.unit} name="dbp" value={dbp} set={setDbp} numeric />
      </div>
    </Form>
  );
}

export function SedationForm({ sitting, enter }: FormProps) {
  return (
    <div class="levels" role="group" aria-label="Sedation, MOAA/S">
      {MOAAS.map(({ score, word, means }) => (
        <button type="button" key={score} data-testid={`moaas-${score}`} onClick={() => enter({ kind: "checkin", ...about(sitting), instrument: "moaas", score })}>
          <span class="level-score">{score}</span>
          <span><strong>{word}</strong><span class="level-means">{means}</span></span>
        </button>
      ))}
    </div>
  );
}

/** Our own words for what each item is about: the instrument's questions are its author's, and are read from the clinic's licensed copy.
 * CADSS items 1, 2, 6, 7, 15 and 22. */
export const CADSS6_ABOUT = ["Sense of time", "Sense of reality", "Distance from own body", "Shape or size of own body", "Keeping track", "Memory"] as const;
const HOW_MUCH = ["Not at all", "Slightly", "Moderately", "A lot", "Extremely"] as const;

export function DissociationForm({ sitting, start, enter }: FormProps) {
  const before = Array.isArray(start?.["items"]) ? (start["items"] as number[]) : [];
  const [items, setItems] = useState<(number | null)[]>(CADSS6_ABOUT.map((_, i) => before[i] ?? null));
  const answered = items.filter((v) => v !== null);
  const problem = answered.length < items.length ? `${items.length - answered.length} of ${items.length} items not answered yet.` : null;
  return (
    <Form problem={problem} words={`Enter dissociation${problem === null ? ` · ${answered.reduce((a, b) => a + b, 0)} of ${CADSS_6.highest}` : ""}`}
      submit={() => enter({ kind: "checkin", ...about(sitting), instrument: "cadss-6", items: answered })}>
      <p class="form-hint">Read each question from the clinic's copy of the scale. 0 {HOW_MUCH[0].toLowerCase()} … 4 {HOW_MUCH[4].toLowerCase()}.</p>
      {CADSS6_ABOUT.map((words, i) => (
        <div class="item" key={words} role="group" aria-label={`Item ${i + 1} of ${items.length}: ${words}`}>
          <span class="item-label"><small>Item {i + 1} of {items.length}</small>{words}</span>
          <span class="item-scores">
            {HOW_MUCH.map((much, score) => (
              <button type="button" key={score} data-testid={`cadss6-${i + 1}-${score}`} aria-pressed={items[i] === score} aria-label={`${score}, ${much}`} title={much}
                onClick={() => setItems(items.map((v, k) => (k === i ? score : v)))}>{score}</button>
            ))}
          </span>
        </div>
      ))}
    </Form>
  );
}

export function DistressForm({ sitting, enter }: FormProps) {
  return (
    <div class="form">
      <p class="form-hint">0 none … 10 the worst imaginable</p>
      <div class="scores" role="group" aria-label="Distress, 0 to 10">
        {Array.from({ length: 11 }, (_, score) => (
          <button type="button" key={score} data-testid={`distress-${score}`} onClick={() => enter({ kind: "checkin", ...about(sitting), instrument: "distress", score })}>{score}</button>
        ))}
      </div>
    </div>
  );
}

export function SymptomsForm({ sitting, start, enter }: FormProps) {
  const before = (start?.["items"] ?? {}) as Readonly<Record<string, unknown>>;
  const [named, setNamed] = useState<readonly string[]>(SYMPTOMS.map(([name]) => name).filter((name) => Boolean(before[name])));
  const toggle = (name: string): void => setNamed(named.includes(name) ? named.filter((n) => n !== name) : [...named, name]);
  return (
    <Form problem={null} words={named.length === 0 ? "Enter: no symptoms" : "Enter symptoms"}
      submit={() => enter({ kind: "checkin", ...about(sitting), instrument: "symptoms", items: Object.fromEntries(SYMPTOMS.map(([name]) => [name, named.includes(name)])) })}>
      <div class="choice" role="group" aria-label="Symptoms now">
        <span class="choice-label">Symptoms now</span>
        <div class="choice-options">
          {SYMPTOMS.map(([name, words]) => (
            <button type="button" key={name} data-testid={`symptom-${name}`} aria-pressed={named.includes(name)} onClick={() => toggle(name)}>{words}</button>
          ))}
        </div>
      </div>
    </Form>
  );
}

const INTERVENTIONS = ["oxygen", "stimulation", "airway opened", "reassurance", "labetalol", "midazolam", "ondansetron", "physician called"] as const;

export function InterventionForm({ sitting, start, enter }: FormProps) {
  const [what, setWhat] = useState(str(start?.["what"]));
  const [detail, setDetail] = useState(str(start?.["detail"]));
  return (
    <Form problem={what.trim() === "" ? "Choose or write what was done." : null} words="Enter intervention"
      submit={() => enter({ kind: "intervention", ...about(sitting), what: what.trim(), ...present({ detail: detail.trim() }) })}>
      <Choice label="What was done" name="intervention" options={INTERVENTIONS.map((v) => [v.replaceAll(" ", "-"), v.replace(/^./, (c) => c.toUpperCase())] as const)} value={what.replaceAll(" ", "-")}
        set={(v) => setWhat(v.replaceAll("-", " "))} />
      <div class="fields">
        <Field label="Or in your words" name="what" value={(INTERVENTIONS as readonly string[]).includes(what) ? "" : what} set={setWhat} />
        <Field label="Detail" unit="dose, flow, effect" name="detail" value={detail} set={setDetail} />
      </div>
    </Form>
  );
}

const REASONS = [["completed", "Completed"], ["stopped early", "Stopped early"], ["left against advice", "Left against advice"], ["transferred", "Transferred"]] as const;

export function EndForm({ sitting, start, enter }: FormProps) {
  const [reason, setReason] = useState(str(start?.["reason"]) || "completed");
  const [discharged, setDischarged] = useState(start?.["discharged"] === true ? "yes" : start?.["discharged"] === false ? "no" : "");
  return (
    <Form problem={reason.trim() === "" ? "Reason is missing." : discharged === "" ? "Was the patient discharged?" : null} words="End session"
      submit={() => enter({ kind: "session.ended", ...about(sitting), reason: reason.trim(), discharged: discharged === "yes" })}>
      <Choice label="Reason" name="reason" options={REASONS.map(([v, w]) => [v.replaceAll(" ", "-"), w] as const)} value={reason.replaceAll(" ", "-")} set={(v) => setReason(v.replaceAll("-", " "))} />
      <Choice label="Discharged" name="discharged" options={[["yes", "Yes, went home"], ["no", "No"]]} value={discharged} set={setDischarged} />
      <div class="fields"><Field label="Or in your words" name="reason" value={unlisted(reason, REASONS)} set={setReason} /></div>
    </Form>
  );
}
