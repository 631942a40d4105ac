/** What the server says of patients at home and of when their next dose is due; and that in words. Pure. */

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
  rules: readonly { rule: string; title: string; high: number; medium: number; low: number; info: number }[];
  chairs: readonly { chair: string | null; alerts: number }[];
  pages: { sent: number; answered: number; median_answer_s?: number | null; unanswered: number };
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
  forecast?: (Known & { model?: string | null }) | null;
  booked_at?: string | null;
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
  const days = Math.floor((nowMs - Date.parse(at)) / 86_400_000);
  return days < 1 ? "today" : days === 1 ? "yesterday" : `${days} days ago`;
}
