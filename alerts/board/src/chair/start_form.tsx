/** Starting is choosing: who is expected today, which monitor sends, and the last treatment again; what speaks against it stands first.
 *
 * A weight that is entered here is registered with the start. Never here: whether to treat.
 */

import { useAsked } from "../asked";
import type { Enrolled } from "../forecasts";
import { mayEnter, me, remembered, site } from "../here";
import { DRUGS, ROUTES, routesOf, treatmentOf, unitOf } from "../tables";
import { clock, now, parse, sessionName, span, wallTime } from "../times";
import type { Chair } from "../wire";
import { useField } from "./begun";
import { perKg } from "./checks";
import { badNumber, Choice, Field, Form, type FormProps, present, str, typed, unlisted } from "./parts";
import { WeightField } from "./person_forms";
import { type Objection, useRegistration } from "./registration";
import { fromKg, toKg } from "./weight";
import { useWeightUnit } from "./weight_unit";

/** A monitor that sends and has no session: "m5: SpO₂ 97 %, pulse 71". */
export interface Sending {
  device: string;
  chair: string | null;
  words: string;
}

const TOLD = ["spo2", "pulse", "hr", "sbp"] as const;
const NAMES: Readonly<Record<string, string>> = { spo2: "SpO₂", pulse: "pulse", hr: "heart", sbp: "systolic" };

/** The monitors that send now for nobody, this chair's first. Pure. */
export function sendingNow(list: readonly Chair[], name: string): Sending[] {
  return list
    .filter((c) => c.phase === "unscheduled" && typeof c.device === "string" && c.device !== "")
    .map((c) => {
      const values = TOLD.flatMap((channel) => {
        const value = c.values?.[channel]?.value;
        return typeof value === "number" ? [`${NAMES[channel]} ${Math.round(value)}${channel === "spo2" ? ` ${unitOf("spo2")}` : ""}`] : [];
      });
      return { device: c.device ?? "", chair: c.chair ?? null, words: [values.slice(0, 2).join(", ") || "no reading yet", c.chair ? `chair ${c.chair}` : "no chair"].join(", ") };
    })
    .sort((a, b) => Number(b.chair === name) - Number(a.chair === name) || a.device.localeCompare(b.device));
}

/** Who is expected today and does not sit here yet, by the hour. Pure. */
export function expectedToday(rows: readonly Enrolled[], seated: readonly Chair[], nowMs: number): { patient: string; atMs: number }[] {
  const today = wallTime(nowMs).slice(0, 10);
  const sits = new Set(seated.filter((c) => c.phase !== "unscheduled").map((c) => c.patient));
  return rows
    .map((row) => ({ patient: row.patient, atMs: parse(row.booked_at) }))
    .filter((each): each is { patient: string; atMs: number } => each.atMs !== null && wallTime(each.atMs).slice(0, 10) === today && !sits.has(each.patient))
    .sort((a, b) => a.atMs - b.atMs);
}

const WEIGHS: Readonly<Record<Objection["weight"], string>> = { contraindicated: "The label forbids it", defer: "Ask a physician before the dose", caution: "Watch more closely", unknown: "Not judged" };

export function Objections({ list }: { list: readonly Objection[] }) {
  if (list.length === 0) return null;
  return (
    <ul class="objections" data-testid="objections">
      {list.map((one) => <li key={one.name} data-weight={one.weight}><strong>{WEIGHS[one.weight]}: {one.name}</strong>. {one.words.replace(/^./, (c) => c.toUpperCase())}.</li>)}
    </ul>
  );
}

/** What this tablet remembers of a chair: the monitor that was at it last. */
export const monitorKey = (chair: string): string => `chairside.monitor.${site}.${chair}`;

const NONE = "";

export function StartForm({ sitting, start, seated, enter }: FormProps) {
  const sending = sendingNow(seated, sitting.chair);
  const here = sending.find((each) => each.chair === sitting.chair)?.device;
  const last = remembered(monitorKey(sitting.chair));
  const [patient, setPatient] = useField("patient", str(start?.["patient"]));
  const alias = patient.trim();
  const [typedAlias, setTypedAlias] = useField("typedAlias", false);
  const asked = useAsked<{ patients: Enrolled[] }>(`/v1/patients?${new URLSearchParams({ site })}`);
  const rows = mayEnter(me.value, "session.started") ? (asked.answer?.patients ?? []) : [];
  const row = rows.find((r) => r.patient === alias) ?? null;
  const registration = useRegistration(alias === "" ? null : alias);
  const [unit, setUnit] = useWeightUnit();
  const [weight, setWeight] = useField<string | null>("weight", null);
  const known = registration?.weight_kg ?? null;
  const weightText = weight ?? (known === null ? "" : fromKg(known, unit));
  const weightKg = toKg(typed(weightText), unit);

  // Proposed: what was given last, else what is usual; whatever was touched stays as it is.
  const proposed = row?.last_dose && treatmentOf(row.last_dose.drug, row.last_dose.route ?? null) ? row.last_dose : null;
  const [touched, setTouched] = useField<{ drug?: string; route?: string; mg?: string; minutes?: string; device?: string }>("touched", {});
  const touch = (change: typeof touched): void => setTouched({ ...touched, ...change });
  const drug = touched.drug ?? (str(start?.["drug"]) || proposed?.drug || "ketamine");
  const route = touched.route ?? (touched.drug === undefined ? str(start?.["route"]) || proposed?.route || "" : "") ?? "";
  const by = route || routesOf(drug)[0] || "iv";
  const treatment = treatmentOf(drug, by);
  const again = proposed !== null && proposed.drug === drug && (proposed.route ?? by) === by ? proposed.amount_mg ?? null : null;
  const usual = treatment === null ? null : treatment.per_kg ? (weightKg === null ? null : Math.round(treatment.usual * weightKg * 10) / 10) : treatment.usual;
  const mg = touched.mg ?? (str(start?.["planned_mg"]) || str(again ?? usual ?? ""));
  const minutes = touched.minutes ?? (str(start?.["planned_minutes"]) || str(treatment?.minutes ?? 40));
  const device = touched.device ?? (str(start?.["device"]) || here || null);

  const objections = registration?.objections[drug] ?? [];
  const elsewhere = seated.find((c) => c.patient === alias && c.session && c.phase !== "unscheduled" && c.session !== start?.["session"]);
  const problem =
    alias === "" ? "Choose a patient, or write the alias."
    : elsewhere ? `${alias} sits ${elsewhere.chair ? `in chair ${elsewhere.chair}` : "elsewhere"}: end that session first.`
    : device === null ? "Choose the monitor, or say that there is none yet."
    : drug.trim() === "" ? "Drug is missing."
    : badNumber(mg, "Planned dose", 0, 2000) ?? badNumber(minutes, "Planned minutes", 0, 600) ?? badNumber(weightText, "Weight", unit === "kg" ? 20 : 44, unit === "kg" ? 400 : 880);
  const expected = expectedToday(rows, seated, now());
  const again_words = row?.last_dose ? `Last: ${row.last_dose.drug}${row.last_dose.amount_mg ? ` ${row.last_dose.amount_mg} mg` : ""}, ${span(now() - (parse(row.last_dose.at) ?? now()))} ago` : null;
  const monitors: readonly (readonly [string, string])[] = [
    ...sending.map((each) => [each.device, `${each.device}: ${each.words}`] as const),
    ...(last && !sending.some((each) => each.device === last) ? [[last, `${last}: here last, sends nothing now`] as const] : []),
    [NONE, "No monitor yet"],
  ];
  return (
    <Form problem={problem} words={`Start session${alias === "" ? "" : ` · ${alias}`}`} submit={() => enter({
      kind: "session.started", patient: alias, session: start?.["session"] && start["patient"] === alias ? str(start["session"]) : sessionName(alias, now()), chair: sitting.chair,
      ...present({ device: device?.trim(), drug: drug.trim(), route: by, planned_mg: typed(mg), planned_minutes: typed(minutes) }),
    }, {
      known: { weightKg, objections, monitor: device === null || device === NONE || sending.some((each) => each.device === device) ? null : device },
      before: weight !== null && weightKg !== null && weightKg !== known ? [{ kind: "patient.registered", patient: alias, weight_kg: weightKg }] : [],
    })}>
      {expected.length > 0 && (
        <Choice label="Expected today" name="today" options={expected.map((each) => [each.patient, `${clock(each.atMs)} ${each.patient}`] as const)} value={typedAlias ? "" : alias} set={(name) => {
          setTypedAlias(false);
          setPatient(name);
        }} />
      )}
      <div class="fields">
        <Field label={expected.length > 0 ? "Or somebody else" : "Patient"} unit="alias, no name" name="patient" value={expected.some((each) => each.patient === patient) && !typedAlias ? "" : patient} set={(name) => {
          setTypedAlias(true);
          setPatient(name);
        }} list={rows.map((r) => r.patient).slice(0, 300)} />
        <WeightField value={weightText} set={setWeight} unit={unit} setUnit={setUnit} />
      </div>
      {again_words !== null && <p class="form-hint" data-testid="last-dose">{again_words}</p>}
      <Objections list={objections} />
      {alias !== "" && registration !== null && !registration.registered_at && <p class="form-hint" data-testid="unregistered">Nothing is registered of {alias}: what speaks against the drug is not known.</p>}
      <Choice label="Monitor" name="monitor" options={monitors.map(([v, words]) => [v === NONE ? "none" : v, words] as const)} value={device === null ? "" : device === NONE ? "none" : device} set={(v) => touch({ device: v === "none" ? NONE : v })} />
      <Choice label="Drug" name="drug" options={DRUGS} value={drug} set={(v) => touch({ drug: v })} />
      <Choice label="Route" name="route" options={ROUTES} value={by} set={(v) => touch({ route: v })} />
      <div class="fields">
        <Field label="Planned dose" unit={typed(mg) !== null && weightKg !== null ? `mg = ${perKg(typed(mg) ?? 0, weightKg)}` : "mg"} name="planned_mg" value={mg} set={(v) => touch({ mg: v })} numeric />
        <Field label="Over" unit="minutes" name="planned_minutes" value={minutes} set={(v) => touch({ minutes: v })} numeric />
        <Field label="Another monitor" unit="its name" name="device" value={monitors.some(([v]) => v === device) ? "" : device ?? ""} set={(v) => touch({ device: v })} />
        <Field label="Another drug" name="drug" value={unlisted(drug, DRUGS)} set={(v) => touch({ drug: v })} />
      </div>
    </Form>
  );
}
