/** What the server says of patients at home and of when their next dose is due; and that in words. Pure. */

import { wallTime } from "./times";

type Quantile = string;

/** `beyond_horizon`, or a date. */
export interface Due {
  p10: Quantile;
  p50: Quantile;
  p90: Quantile;
}

interface Probability {
  "7d": number;
  "14d": number;
  "28d": number;
}

export interface Known {
  patient: string;
  as_of?: string | null;
  due?: Due | null;
  relapse_probability?: Probability | null;
  response?: string | null;
  severity_now?: { mean: number; sd: number } | null;
  reasons?: readonly string[] | null;
  spacing?: string | { words?: string | null } | null;
  /** What would make the forecast sharper. */
  sharpen?: string | null;
}

export interface Enrolled extends Known {
  last_dose?: { at: string; drug: string; route?: string | null; amount_mg?: number | null } | null;
  doses: number;
  last_checkin?: { at: string; instrument: string; score?: number | null } | null;
  checkin_due_at?: string | null;
  overdue?: boolean;
  booked_at?: string | null;
  alerts?: readonly string[];
  /** The day before which it is too early after a dose to say when the next is due. */
  judged_from?: string | null;
}

export interface Burden {
  days: number;
  hours_watched?: number | null;
  monitor_alarms?: readonly { label: string; alarms: number }[];
  rules: readonly { rule: string; title: string; high: number; medium: number; low: number; info: number }[];
  chairs: readonly { chair: string | null; alerts: number }[];
  pages: { sent: number; answered: number; median_answer_s?: number | null; unanswered: number };
  by_hour: readonly number[];
  answers: readonly { by: string; key: string; pages: number; answered: number; median_answer_s: number | null }[];
}

export interface Course {
  patient: string;
  timezone?: string | null;
  tau?: number | null;
  severity: readonly { day: string; mean: number; low: number; high: number }[];
  scores: readonly { at: string; day: string; instrument: string; score: number; severity?: number | null }[];
  doses: readonly { at: string; day: string; drug: string; route?: string | null; amount_mg?: number | null; session?: string | null }[];
  silent: readonly string[];
  events: readonly { at: string; day?: string; what: string }[];
  fan: readonly Fan[];
  /** Why there is no curve. */
  why_not?: string | null;
  forecast?: (Known & { model?: string | null; cdf?: readonly number[] | null }) | null;
  booked_at?: string | null;
  /** The day before which it is too early after a dose to say when the next is due. */
  judged_from?: string | null;
  history: readonly { as_of: string; due?: Due | null; relapse_probability?: Probability | null; then?: string | null }[];
  sessions: readonly SessionRow[];
}

interface Fan {
  day: string;
  p10: number;
  p25: number;
  p50: number;
  p75: number;
  p90: number;
}

export interface SessionRow {
  session: string;
  at: string;
  drug?: string | null;
  route?: string | null;
  given_mg?: number | null;
  peak_sbp?: number | null;
  peak_dbp?: number | null;
  lowest_spo2?: number | null;
  peak_cadss?: number | null;
  left_min?: number | null;
  alerts?: number | null;
}

const BEYOND = "beyond_horizon";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/** A calendar day of the patient's own: "23 Nov". No zone is applied, because it has none. */
export function dayWords(day: string): string {
  const [, month, date] = day.split("-");
  return `${Number(date)} ${MONTHS[Number(month) - 1] ?? month}`;
}

/** "between 25 Nov and 14 Dec, even odds by 2 Dec"; never one date alone. */
export function windowWords(known: Known): string {
  const { due, as_of: asOf } = known;
  if (!due) return "No forecast yet";
  if (due.p10 === BEYOND) return "Not within 12 weeks";
  if (due.p90 === asOf) return "Due now";
  if (due.p50 === asOf) return due.p90 === BEYOND ? "More likely than not due now, maybe much later" : `More likely than not due now, else by ${dayWords(due.p90)}`;
  const from = due.p10 === asOf ? "now" : dayWords(due.p10);
  if (due.p90 === BEYOND) return due.p50 === BEYOND ? `From ${from} at the earliest, probably beyond 12 weeks` : `From ${from}, even odds by ${dayWords(due.p50)}, maybe beyond 12 weeks`;
  return `Between ${from} and ${dayWords(due.p90)}, even odds by ${dayWords(due.p50)}`;
}

/** A share as a whole percentage; the ends are never called certain. */
export function percent(share: number): string {
  if (share < 0.01) return "<1 %";
  if (share > 0.99) return ">99 %";
  return `${Math.round(share * 100)} %`;
}

export function spacingWords(known: Known): string | null {
  return typeof known.spacing === "string" ? known.spacing : (known.spacing?.words ?? null);
}

const RESPONSE: Record<string, string> = { responder: "Responder", partial: "Partial response", "non-responder": "No response", unknown: "Response not known yet" };

export function responseWords(known: Known): string {
  return RESPONSE[known.response ?? "unknown"] ?? "Response not known yet";
}

/** Whole days between a day and an instant's day, as a person counts them. */
export function daysWords(at: string, nowMs: number): string {
  // By the calendar, not by the hour: a dose of yesterday noon was given yesterday this morning too.
  const calendarDay = (ms: number): number => Date.parse(`${wallTime(ms).slice(0, 10)}T00:00:00Z`) / 86_400_000;
  const days = Math.round(calendarDay(nowMs) - calendarDay(Date.parse(at)));
  return days < 1 ? "today" : days === 1 ? "yesterday" : `${days} days ago`;
}

const DAY_MS = 86_400_000;
const dayNumber = (day: string): number => Math.round(Date.parse(`${day}T00:00:00Z`) / DAY_MS);
const dayOf = (number: number): string => new Date(number * DAY_MS).toISOString().slice(0, 10);

/** The chance that the next dose falls due before a visit on that day, and before one a week later; null where it is not known. */
export function visitChances(course: Course, visit: string): { day: string; later: string; asPlanned: number; aWeekLater: number } | null {
  const cdf = course.forecast?.cdf;
  const asOf = course.forecast?.as_of;
  if (!cdf || !asOf || !/^\d{4}-\d\d-\d\d$/.test(visit)) return null;
  const wait = dayNumber(visit) - dayNumber(asOf);
  const [asPlanned, aWeekLater] = [cdf[wait], cdf[wait + 7]];
  if (wait < 0 || asPlanned === undefined || aWeekLater === undefined) return null;
  return { day: visit, later: dayOf(dayNumber(visit) + 7), asPlanned, aWeekLater };
}

/** What became of the past forecasts, in one or two sentences. `then`: the first dose, or the first score past the threshold, after it. */
export function pastWords(course: Course): string | null {
  const made = course.history.filter((one) => one.due && one.then);
  const open = course.history.filter((one) => one.due && !one.then).length;
  if (made.length === 0) return open === 0 ? null : "Of the past forecasts none can be judged yet: no dose and no high score has come since.";
  const fates = made.map((one) => {
    const then = (one.then ?? "").slice(0, 10);
    const { p10, p90 } = one.due ?? { p10: "", p90: "" };
    return then < (p10 === BEYOND ? "9999" : p10) ? "before" : p90 !== BEYOND && then > p90 ? "after" : "within";
  });
  const count = (fate: string): number => fates.filter((each) => each === fate).length;
  const parts = [`${count("within")} within the window that was forecast`, `${count("before")} before it`, `${count("after")} after it`].filter((words) => !words.startsWith("0 "));
  const given = "A dose that was given early says nothing against a forecast: what would have come without it stays unknown.";
  return `Of ${made.length} past forecasts the next dose, or the first high score, came ${parts.join(", ")}.${open > 0 ? ` ${open} cannot be judged yet.` : ""} ${count("before") > 0 ? given : ""}`.trim();
}

/** Where on its day a score stands to the dose of that day; null where none was given. The line is each day's end. */
export function besideDose(course: Course, score: { at: string; day: string }): "before the dose" | "after the dose" | null {
  const dose = course.doses.find((one) => one.day === score.day);
  return dose === undefined ? null : score.at <= dose.at ? "before the dose" : "after the dose";
}

/** Why scores lie beside the line, in words; null where none does so for a reason that can be named. */
export function besideWords(course: Course): string | null {
  const beside = course.scores.filter((score) => score.severity != null).map((score) => besideDose(course, score));
  const [before, after] = [beside.filter((each) => each === "before the dose").length, beside.filter((each) => each === "after the dose").length];
  if (before + after === 0) return null;
  const parts = [
    before > 0 ? `${before} ${before === 1 ? "was" : "were"} taken on the day of a dose before it, and the line is where the day ended, after the dose` : null,
    after > 0 ? `${after} ${after === 1 ? "was" : "were"} taken after a dose of the same day, whose full effect the line expects later` : null,
  ].filter(Boolean);
  return `Why scores lie beside the line: ${parts.join("; ")}. The line also weighs each score by how sure its instrument is, so one score alone does not move it all the way.`;
}
