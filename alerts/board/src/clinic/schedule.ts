/** The scheduler's list: which patients stand on it, and in what order. Pure. */

import { type Enrolled, windowWords } from "../forecasts";

export const FILTERS = [
  ["all", "Everybody"], ["due", "Due, not booked"], ["booked", "Booked"], ["unbooked", "Not booked"], ["silent", "Not answered"], ["worse", "With an alert"],
] as const;
export type Filter = (typeof FILTERS)[number][0];

export type Column = "patient" | "7d" | "14d" | "window" | "dose" | "score" | "visit";

/** By the site's own rule, or more likely than not within two weeks. */
export function isDue(one: Enrolled): boolean {
  if (one.judged_from) return false;
  return (one.alerts ?? []).some((rule) => rule === "maintenance-due" || rule === "relapse-risk") || (one.relapse_probability?.["14d"] ?? 0) >= 0.5;
}

const PASSES: Record<Filter, (one: Enrolled) => boolean> = {
  all: () => true,
  due: (one) => isDue(one) && !one.booked_at,
  booked: (one) => !!one.booked_at,
  unbooked: (one) => !one.booked_at,
  silent: (one) => !!one.overdue,
  worse: (one) => (one.alerts ?? []).length > 0,
};

export function counted(list: readonly Enrolled[], filter: Filter): number {
  return list.filter(PASSES[filter]).length;
}

const edge = (day: string | undefined): string => (day === undefined || day === "beyond_horizon" ? "9999" : day);

/** What a column is sorted by; null goes last, whichever way. */
const KEYS: Record<Column, (one: Enrolled) => string | number | null> = {
  patient: (one) => one.patient.toLowerCase(),
  "7d": (one) => (one.judged_from ? null : (one.relapse_probability?.["7d"] ?? null)),
  "14d": (one) => (one.judged_from ? null : (one.relapse_probability?.["14d"] ?? null)),
  window: (one) => (one.due && !one.judged_from ? edge(one.due.p50) + edge(one.due.p90) : null),
  dose: (one) => one.last_dose?.at ?? null,
  score: (one) => one.last_checkin?.at ?? null,
  visit: (one) => one.booked_at ?? null,
};

/** The first click on a column sorts it this way: likelihoods fall, days rise. */
export const FALLS: Record<Column, boolean> = { patient: false, "7d": true, "14d": true, window: false, dose: true, score: false, visit: false };

export function arranged(list: readonly Enrolled[], filter: Filter, search: string, by: Column, falls: boolean): Enrolled[] {
  const wanted = search.trim().toLowerCase();
  const collator = new Intl.Collator("en", { numeric: true });
  return list
    .filter((one) => PASSES[filter](one) && (wanted === "" || one.patient.toLowerCase().includes(wanted)))
    .map((one, place) => ({ one, place, key: KEYS[by](one) }))
    .sort((a, b) => {
      if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null) || a.place - b.place;
      const order = typeof a.key === "number" && typeof b.key === "number" ? a.key - b.key : collator.compare(String(a.key), String(b.key));
      return (falls ? -order : order) || a.place - b.place;
    })
    .map(({ one }) => one);
}

/** The window, short enough for a line: its words without those that every line would say. */
export function windowShort(one: Enrolled): string {
  return windowWords(one)
    .replace("Between ", "").replace(" and ", " to ").replace("More likely than not due now", "Likely now")
    .replace(", even odds by ", " · even ").replace(", maybe beyond 12 weeks", " · maybe later").replace(", probably beyond 12 weeks", " · probably later")
    .replace(/^./, (c) => c.toUpperCase());
}
