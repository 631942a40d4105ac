import { expect, test } from "vitest";

import { arranged, counted, isDue } from "../src/clinic/schedule";
import { besideDose, besideWords, type Course, type Enrolled, pastWords, visitChances } from "../src/forecasts";

const one = (patient: string, p14: number | null, more: Partial<Enrolled> = {}): Enrolled => ({
  patient, doses: 3, relapse_probability: p14 === null ? null : { "7d": p14 / 2, "14d": p14, "28d": p14 }, ...more,
});
const clinic = [one("willow", 0.7), one("rowan", 0.2, { overdue: true }), one("ash", null), one("oak", 0.9, { booked_at: "2026-12-01T09:00:00Z" }), one("elm", 0.95, { judged_from: "2026-12-20" })];
const names = (list: Enrolled[]): string[] => list.map((each) => each.patient);

test("who is likeliest comes first, and who cannot be judged last, whichever way it is sorted", () => {
  expect(names(arranged(clinic, "all", "", "14d", true))).toEqual(["oak", "willow", "rowan", "ash", "elm"]);
  expect(names(arranged(clinic, "all", "", "14d", false))).toEqual(["rowan", "willow", "oak", "ash", "elm"]);
  expect(names(arranged(clinic, "all", "", "patient", false))).toEqual(["ash", "elm", "oak", "rowan", "willow"]);
});

test("filters and the search leave what they name", () => {
  expect(names(arranged(clinic, "due", "", "14d", true))).toEqual(["willow"]);
  expect(names(arranged(clinic, "silent", "", "14d", true))).toEqual(["rowan"]);
  expect(names(arranged(clinic, "booked", "", "14d", true))).toEqual(["oak"]);
  expect(names(arranged(clinic, "all", "OW", "patient", false))).toEqual(["rowan", "willow"]);
  expect(counted(clinic, "unbooked")).toBe(4);
  expect(isDue(one("x", 0.1, { alerts: ["maintenance-due"] }))).toBe(true);
  expect(isDue(clinic[4]!)).toBe(false);
});

const course = (more: Partial<Course>): Course => ({ patient: "p", severity: [], scores: [], doses: [], silent: [], events: [], fan: [], history: [], sessions: [], ...more });

test("a visit as planned stands beside one a week later", () => {
  const cdf = Array.from({ length: 85 }, (_, i) => i / 100);
  const known = course({ forecast: { patient: "p", as_of: "2026-11-27", cdf } });
  expect(visitChances(known, "2026-12-07")).toEqual({ day: "2026-12-07", later: "2026-12-14", asPlanned: 0.1, aWeekLater: 0.17 });
  expect(visitChances(known, "2026-11-20")).toBeNull();
  expect(visitChances(known, "2027-05-01")).toBeNull();
});

test("past forecasts are said in words", () => {
  const due = { p10: "2026-10-10", p50: "2026-10-15", p90: "2026-10-20" };
  const past = course({ history: [{ as_of: "2026-10-01", due, then: "2026-10-12T09:00:00Z" }, { as_of: "2026-10-02", due, then: "2026-10-03" }, { as_of: "2026-10-03", due, then: null }] });
  expect(pastWords(past)).toBe("Of 2 past forecasts the next dose, or the first high score, came 1 within the window that was forecast, 1 before it. 1 cannot be judged yet. A dose that was given early says nothing against a forecast: what would have come without it stays unknown.");
  expect(pastWords(course({}))).toBeNull();
});

test("a score of a dose's day says on which side of the dose it was taken", () => {
  const doses = [{ at: "2026-11-20T10:00:00Z", day: "2026-11-20", drug: "ketamine" }];
  const score = (at: string) => ({ at, day: at.slice(0, 10), instrument: "phq-9", score: 14, severity: 14 });
  const known = course({ doses, scores: [score("2026-11-20T08:00:00Z"), score("2026-11-18T08:00:00Z")] });
  expect(known.scores.map((each) => besideDose(known, each))).toEqual(["before the dose", null]);
  expect(besideWords(known)).toContain("1 was taken on the day of a dose before it");
  expect(besideWords(course({}))).toBeNull();
});
