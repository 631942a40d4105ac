/** A session's record as it is drawn: lanes of channels over one time, and one list of everything that happened. Pure. */

import { said } from "../chair/said";
import { instrumentWords, usual } from "../tables";
import { parse } from "../times";
import type { Band, Priority } from "../wire";

export interface RecordEntry {
  at: string;
  kind: string;
  by: string | null;
  outcome: string;
  struck: boolean;
  score: number | null;
  means: string | null;
  doc: Readonly<Record<string, unknown>>;
}

export interface RecordAlert {
  alert: string;
  rule: string;
  title: string;
  priority: Priority;
  onset_at: string;
  raised_at: string;
  over_at: string | null;
  text: string;
  steps: readonly { at: string; transition: string; by: string | null }[];
}

export interface Minutes {
  minute: readonly number[];
  lowest: readonly number[];
  mean: readonly number[];
  highest: readonly number[];
}

export interface SessionRecord {
  session: string;
  patient: string;
  chair: string | null;
  device: string | null;
  drug: string | null;
  route: string | null;
  planned_mg: number | null;
  started_at: string | null;
  ended_at: string | null;
  end_reason: string | null;
  discharged: boolean | null;
  given_mg: number | null;
  first_dose_at: string | null;
  weight_kg: number | null;
  birth_year: number | null;
  sex: string | null;
  entries: readonly RecordEntry[];
  alerts: readonly RecordAlert[];
  channels: Readonly<Record<string, Minutes | undefined>>;
  limits: Readonly<Record<string, Band | undefined>>;
}

/** The lanes, from the top; those without a reading are not drawn. A pressure's two channels share one. */
export const LANES: readonly (readonly [channels: readonly string[], height: number])[] = [
  [["spo2"], 54], [["hr", "pulse"], 54], [["sbp", "dbp"], 72], [["rr"], 44], [["etco2"], 44], [["tcco2"], 36], [["temp"], 36],
];

/** From when to when is drawn: all that was measured or entered, at least half an hour. */
export function spanOf(record: SessionRecord): readonly [number, number] {
  const entered = record.entries.filter((e) => e.outcome.startsWith("accepted")).map((e) => parse(e.at)).filter((ms) => ms !== null);
  const measured = Object.values(record.channels).flatMap((m) => (m && m.minute.length > 0 ? [m.minute[0] ?? 0, (m.minute.at(-1) ?? 0) + 60_000] : []));
  const all = [...entered, ...measured];
  if (all.length === 0) return [0, 1_800_000];
  const from = Math.min(...all);
  return [from, Math.max(...all, from + 1_800_000)];
}

/** The vertical range of a lane: the channel's usual one, widened by what was measured, entered, or is a limit. */
export function rangeOf(channels: readonly string[], record: SessionRecord): readonly [number, number] {
  const values = channels.flatMap((name) => {
    const minutes = record.channels[name];
    const cuffs = standingCuffs(record).map((e) => e.doc[name]).filter((v): v is number => typeof v === "number");
    const band = record.limits[name === "pulse" || name === "hr" ? "rate" : name];
    return [...usual(name), ...(minutes?.lowest ?? []), ...(minutes?.highest ?? []), ...cuffs, ...[band?.low, band?.high].filter((v) => v != null)];
  });
  return [Math.min(...values), Math.max(...values)];
}

export function standingCuffs(record: SessionRecord): RecordEntry[] {
  return record.entries.filter((e) => (e.kind === "vitals" || e.kind === "cuff.corrected") && !e.struck && typeof e.doc["sbp"] === "number");
}

export interface Line {
  ms: number;
  at: string;
  words: string;
  by: string | null;
  struck: boolean;
  /** Of an alert, so that it stands out. */
  priority: Priority | null;
}

const STEPS: Readonly<Record<string, string>> = {
  raised: "", escalated: "is worse: ", worsened: "is deeper: ", eased: "is milder: ", latched: "is over", acknowledged: "acknowledged", snoozed: "snoozed", expired: "answer ran out", closed: "closed", renamed: "the patient goes by another alias",
};

function entryWords(entry: RecordEntry): string {
  const words = said(entry.kind, entry.doc);
  if (entry.kind !== "checkin" || entry.score === null) return words;
  const name = instrumentWords(String(entry.doc["instrument"]));
  return ["moaas", "cadss-6", "distress"].includes(String(entry.doc["instrument"])) ? words : `${name} ${entry.score}${entry.means ? `, ${entry.means}` : ""}`;
}

/** Everything in order of time. An answer is on its alert's line, and its command is not said again. */
export function timeLine(record: SessionRecord): Line[] {
  const entries = record.entries.filter((e) => !e.kind.startsWith("alert.")).map((e): Line => ({
    ms: parse(e.at) ?? 0, at: e.at, by: e.by, struck: e.struck, priority: null,
    words: e.outcome.startsWith("accepted") ? `${entryWords(e)}${typeof e.doc["replaces"] === "string" && !e.struck && !/taken back/.test(entryWords(e)) ? " (corrected)" : ""}` : `${entryWords(e)}: ${e.outcome}`,
  }));
  const told = record.alerts.flatMap((alert) => alert.steps.map((step): Line => ({
    ms: parse(step.at) ?? 0, at: step.at, by: step.by, struck: false, priority: alert.priority,
    words: step.transition === "raised" ? alert.title : `${alert.title} ${(STEPS[step.transition] ?? step.transition).replace(/: $/, "")}`,
  })));
  return [...entries, ...told].sort((a, b) => a.ms - b.ms);
}
