/** Which entries ask "is this meant?" before they are sent, and why, in a sentence each. Pure.
 *
 * The ward asks the same of a dose that comes by wire (`dose-check`), by the same table; this is only earlier. Nothing is forbidden
 * here: whoever means it enters it.
 */

import type { Draft } from "../sending";
import { DOSE_CHECK, doseLimit, treatmentOf } from "../tables";
import { now, parse } from "../times";
import type { Objection } from "./registration";

/** A dose of this session that stands: as given, not as corrected away. */
export interface GivenDose {
  id: string;
  atMs: number;
  mg: number | null;
}
export type Doses = readonly GivenDose[];

export interface Known {
  weightKg: number | null;
  plannedMg: number | null;
  doses: Doses;
  /** The last cuff of the session; null: none yet. Absent: it does not matter. */
  pressure?: { sbp: number | null; dbp: number | null } | null;
  /** What is registered and speaks against the drug. */
  objections?: readonly Objection[];
  /** A monitor that was chosen and sends nothing. */
  monitor?: string | null;
  /** The id of the entry that this one corrects. */
  correcting: string | null;
}

/** Beyond these a slip of the finger is likelier than the pressure: it is asked about, and can be entered. mmHg, chosen by us. */
const SYSTOLIC = [70, 240] as const;
const DIASTOLIC = [35, 140] as const;
const PULSE_PRESSURE = [20, 120] as const;

const round = (value: number, digits = 1): string => String(Math.round(value * 10 ** digits) / 10 ** digits);

/** "0.61 mg/kg"; null while there is no weight. */
export function perKg(mg: number, weightKg: number | null): string | null {
  return weightKg === null || weightKg <= 0 ? null : `${round(mg / weightKg, 2)} mg/kg`;
}

export function oddities(draft: Draft, known: Known): string[] {
  if (draft.kind === "dose") return oddDose(draft, known);
  if (draft.kind === "session.started") return oddPlan(draft, known);
  if (draft.kind === "vitals" && typeof draft["sbp"] === "number" && typeof draft["dbp"] === "number") return oddPressure(draft["sbp"], draft["dbp"]);
  return [];
}

function tooMuch(drug: unknown, route: unknown, mg: number, weightKg: number | null): string[] {
  const limit = doseLimit(String(drug), typeof route === "string" ? route : null);
  if (limit === null) return [];
  const kg = weightKg ?? DOSE_CHECK.weight_kg;
  if (mg <= limit.most * (limit.per_kg ? kg : 1) * DOSE_CHECK.rounded) return [];
  if (!limit.per_kg) return [`${round(mg)} mg: usual is ${limit.most} mg at most.`];
  const reckoned = weightKg === null ? ` at ${kg} kg, as no weight is registered` : ` at ${round(kg)} kg`;
  return [`${perKg(mg, kg)}${reckoned}: usual is ${limit.most} mg/kg at most.`];
}

function oddPlan(draft: Draft, known: Known): string[] {
  const mg = draft["planned_mg"];
  const odd = typeof mg === "number" ? tooMuch(draft["drug"], draft["route"], mg, known.weightKg) : [];
  for (const one of known.objections ?? []) {
    if (one.weight === "contraindicated") odd.push(`${one.name}: the label forbids ${String(draft["drug"])}.`);
    if (one.weight === "defer") odd.push(`${one.name}: ask a physician before the dose.`);
  }
  if (known.monitor) odd.push(`${known.monitor} sends nothing now.`);
  return odd;
}

function oddDose(draft: Draft, known: Known): string[] {
  const mg = draft["amount_mg"];
  // A treatment elsewhere is over: nothing is left to ask before it but whether anybody can have meant the amount.
  const here = typeof draft["session"] === "string";
  if (typeof mg !== "number") return here ? beforeDose(draft, known) : [];
  if (!here) return tooMuch(draft["drug"], draft["route"], mg, known.weightKg);
  // As the ward counts: what was given within half an hour is one course.
  const before = known.doses.filter((dose) => dose.id !== known.correcting && now() - dose.atMs < DOSE_CHECK.one_dose_within_min * 60_000);
  const had = before.reduce((sum, dose) => sum + (dose.mg ?? 0), 0);
  const total = had + mg;
  const odd = tooMuch(draft["drug"], draft["route"], total, known.weightKg);
  const planned = known.plannedMg;
  if (planned !== null && planned > 0 && total > DOSE_CHECK.too_many_times * planned) odd.push(`${round(total / planned)} times the ${round(planned)} mg that were planned.`);
  const last = before.at(-1);
  if (last && planned !== null && had >= DOSE_CHECK.whole_dose * planned) {
    odd.push(`A second dose: ${round(had)} mg were entered ${Math.max(0, Math.round((now() - last.atMs) / 60_000))} min ago.`);
  }
  if (mg === 0) odd.push("0 mg: nothing was given.");
  return known.doses.length === 0 && known.correcting === null ? [...beforeDose(draft, known), ...odd] : odd;
}

/** Before the first dose of a session: was the pressure measured, and is it one to begin with. */
function beforeDose(draft: Draft, known: Known): string[] {
  const ask = treatmentOf(String(draft["drug"]), typeof draft["route"] === "string" ? draft["route"] : null)?.predose ?? null;
  if (ask === null || known.pressure === undefined) return [];
  if (known.pressure === null) return ["No pressure was measured before the dose."];
  const { sbp, dbp } = known.pressure;
  const [high = Infinity, low = Infinity] = ask;
  return (sbp ?? 0) > high || (dbp ?? 0) > low ? [`Pressure before the dose ${sbp ?? "—"}/${dbp ?? "—"}: above ${high}/${low} a physician decides.`] : [];
}

function oddPressure(sbp: number, dbp: number): string[] {
  const odd: string[] = [];
  const beyond = (value: number, [low, high]: readonly [number, number]): boolean => value < low || value > high;
  if (beyond(sbp, SYSTOLIC)) odd.push(`Systolic ${sbp} is rare: ${SYSTOLIC[0]} to ${SYSTOLIC[1]} is usual.`);
  if (beyond(dbp, DIASTOLIC)) odd.push(`Diastolic ${dbp} is rare: ${DIASTOLIC[0]} to ${DIASTOLIC[1]} is usual.`);
  if (beyond(sbp - dbp, PULSE_PRESSURE)) odd.push(`${sbp} and ${dbp} lie ${sbp - dbp} apart: ${PULSE_PRESSURE[0]} to ${PULSE_PRESSURE[1]} is usual.`);
  return odd;
}

/** The doses of a session that stand, by start, of its entries and of what is on its way. */
export function standingDoses(entries: readonly { kind: string; doc?: Readonly<Record<string, unknown>> | null }[]): GivenDose[] {
  const docs = entries.filter((e) => e.kind === "dose").map((e) => e.doc ?? {});
  const replaced = new Set(entries.map((e) => e.doc?.["replaces"]).filter((id) => typeof id === "string").map(String));
  const seen = new Set<unknown>();
  return docs
    .filter((doc) => !replaced.has(String(doc["id"])) && !(typeof doc["replaces"] === "string" && doc["amount_mg"] === 0))
    .filter((doc) => !seen.has(doc["id"]) && seen.add(doc["id"]))
    .map((doc) => ({ id: String(doc["id"] ?? ""), atMs: parse(String(doc["at"])) ?? 0, mg: typeof doc["amount_mg"] === "number" ? doc["amount_mg"] : null }))
    .sort((a, b) => a.atMs - b.atMs);
}
