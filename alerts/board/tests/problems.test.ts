import { expect, test } from "vitest";

import { hasLeft, place } from "../src/alarms";
import { howBad, problemsOf, unanswered } from "../src/problems";
import { numbersOf, paceOf } from "../src/numbers";
import { placesOf } from "../src/places";
import { dueOf, dueWords } from "../src/due";
import { hearServerTime } from "../src/times";
import type { Alert, Chair } from "../src/wire";

function alert(id: string, rule: string, more: Partial<Alert> = {}): Alert {
  return { alert: id, rule, phase: "active", priority: "medium", patient: "A-1", session: "s1", chair: "1", onset_at: "2026-11-27T14:00:00Z", seq: 1, ...more };
}
const leads = (alerts: Alert[]): string[] => problemsOf(alerts).map((p) => p.lead.alert);

test("a pressure's rise, its height and its crisis are one problem, and sedation is one with being unresponsive", () => {
  const found = problemsOf([
    alert("rise", "pressure-rise"), alert("high", "hypertension", { priority: "low" }), alert("crisis", "hypertensive-crisis", { priority: "high" }),
    alert("sedated", "sedation"), alert("deep", "unresponsive", { priority: "high" }), alert("spo2", "desaturation"),
  ]);
  expect(found.map((p) => [p.lead.alert, p.members.length])).toEqual([["crisis", 3], ["deep", 2], ["spo2", 1]]);
  expect(unanswered(found[0]!).map((a) => a.alert).sort()).toEqual(["crisis", "high", "rise"]);
});

test("what two people have is two problems", () => {
  expect(leads([alert("a", "hypertension"), alert("b", "hypertensive-crisis", { session: "s2", patient: "A-2", priority: "high" })])).toEqual(["b", "a"]);
});

test("what stands comes before what is over, worst and then newest first", () => {
  expect(leads([
    alert("over", "apnoea", { phase: "latched", priority: "high" }),
    alert("old", "desaturation", { session: "s2" }),
    alert("new", "tachycardia", { session: "s3", onset_at: "2026-11-27T14:05:00Z" }),
    alert("worst", "unresponsive", { session: "s4", priority: "high", onset_at: "2026-11-27T13:00:00Z" }),
    alert("taken", "unresponsive", { session: "s5", priority: "high", phase: "acknowledged" }),
  ])).toEqual(["worst", "new", "old", "over", "taken"]);
});

test("a problem of which a part is over stands, and says the part that stands", () => {
  const [one] = problemsOf([alert("crisis", "hypertensive-crisis", { phase: "latched", priority: "high" }), alert("high", "hypertension")]);
  expect([one?.state, one?.lead.alert, one?.lead.priority]).toEqual(["standing", "high", "medium"]);
});

test("how bad the others are is counted by priority, the worst first", () => {
  expect(howBad(problemsOf([alert("a", "desaturation", { priority: "low" }), alert("b", "unresponsive", { session: "s2", priority: "high" }), alert("c", "apnoea", { session: "s3", priority: "high" })]))).toBe("2 HIGH ▲, 1 LOW ●");
});

const chair = (more: Partial<Chair> = {}): Chair => ({ chair: "4", patient: "B-2", session: "s9", ...more });
const at = (ms: number): string => new Date(ms).toISOString().slice(11, 16);

test("who has left is named, with when, and never by the chair that another sits in", () => {
  const gone = alert("a", "desaturation", { chair: "4", left_at: "2026-11-27T00:48:00Z" });
  expect(place(gone, [chair()], at)).toBe("A-1, left chair 4 at 00:48");
  expect(place({ ...gone, left_at: null }, [chair()], at)).toBe("A-1, left chair 4");
  expect(place({ ...gone, left_at: null }, [chair({ session: "s1" })], at)).toBe("Chair 4 · A-1");
  expect(hasLeft(alert("b", "suicidal-ideation", { chair: "4", session: null }), [chair()])).toBe(true);
  expect(hasLeft(alert("b", "no-data", { chair: "4", session: null, category: "technical" }), [chair()])).toBe(false);
});

const now = Date.parse("2026-11-27T14:10:00Z");
const low = alert("a", "desaturation", { evidence: { channel: "spo2", value: 84, limit: 85, past: "<=", unit: "%" } });
const situation = { points: [], elapsedS: 0, silent: false, nowMs: now };
const sat = (value: number, age = 1): Chair => chair({ values: { spo2: { value, at: new Date(now - age * 1000).toISOString(), age_s: age, quality: "good", stale_after_s: 30 } } });

test("the numbers of an alert are of now: now, the worst since it began, and how fast", () => {
  const points = Array.from({ length: 120 }, (_, i) => [now - (120 - i) * 1000, 80 - i / 20] as const);
  expect(numbersOf(low, { ...situation, chair: sat(78), points: [...points, [now - 200_000, 72]] as never })).toMatchObject({ now: "78", live: true, worst: "72", limit: "85", pace: "falling 3 a minute" });
  expect(numbersOf(low, { ...situation, chair: sat(95) })).toMatchObject({ now: "95", worst: "84" });
});

test("a value that is old, or that a silent feed left, is not of now", () => {
  expect(numbersOf(low, { ...situation, chair: sat(78, 40) })?.live).toBe(false);
  expect(numbersOf(low, { ...situation, chair: sat(78), silent: true })?.live).toBe(false);
  expect(numbersOf(low, { ...situation, chair: null })).toMatchObject({ now: null, worst: "84" });
});

test("which of two pressures it is stands beside the number", () => {
  const high = alert("a", "hypertensive-crisis", { evidence: { channel: "dbp", value: 121, limit: 120, past: ">=", unit: "mmHg" } });
  expect(numbersOf(high, { ...situation, chair: null })).toMatchObject({ label: "diastolic", worst: "121" });
});

test("a scale is shown as it was entered", () => {
  const far = alert("a", "severe-dissociation", { evidence: { channel: "cadss", value: 69, limit: 30, past: ">=", unit: "of 92", instrument: "cadss-6", score: 18 } });
  const six = chair({ checkins: { "cadss-6": { score: 18, at: "2026-11-27T14:00:00Z" } } });
  expect(numbersOf(far, { ...situation, chair: six })).toMatchObject({ label: "CADSS-6", now: "18", unit: "of 24", limit: null });
  expect(numbersOf(far, { ...situation, chair: null })).toMatchObject({ label: "CADSS-6", worst: "18" });
});

test("how fast a cuff changes is said between its last two readings", () => {
  expect(paceOf("sbp", [[now - 300_000, 150], [now, 168]], now)).toBe("18 more in 5 min");
  expect(paceOf("spo2", [[now - 1000, 90]], now)).toBeNull();
});

test("the site's chairs keep their places, empty ones too, and one that it does not name comes after", () => {
  const found = placesOf([chair({ chair: "2" }), chair({ chair: "x", session: "s2" })], {}, ["3", "2", "1"]);
  expect(found.map((p) => [p.name, p.chair !== null])).toEqual([["3", false], ["2", true], ["1", false], ["x", true]]);
});

test("a cuff that is to be taken again is wanted now, and an overdue one counts up", () => {
  hearServerTime("2026-11-27T14:10:00Z");
  expect(dueWords({ what: "recheck", due_at: "2026-11-27T14:02:00Z" })).toBe("Recheck the cuff now");
  expect(dueWords({ what: "cuff", due_at: "2026-11-27T14:02:30Z" })).toMatch(/^Cuff 7 min late, /);
  const list = [chair({ next: [{ what: "observation", due_at: "2026-11-27T14:00:00Z" }, { what: "cuff", due_at: "2026-11-27T14:20:00Z" }] }), chair({ chair: "5", next: [{ what: "recheck", due_at: "2026-11-27T14:09:00Z" }] })];
  expect(dueOf(list).map(({ chair: c, due }) => [c.chair, due.what])).toEqual([["5", "recheck"], ["4", "cuff"]]);
});
