import { expect, test } from "vitest";

import { type Known, oddities, perKg, standingDoses } from "../src/chair/checks";
import { correctable, replacedIn, takeBack, takesBack } from "../src/chair/corrections";
import { fromKg, toKg } from "../src/chair/weight";
import { now } from "../src/times";

const known: Known = { weightKg: 70, plannedMg: 35, doses: [], pressure: { sbp: 120, dbp: 80 }, correcting: null };
const dose = (amount_mg: number, more: object = {}) => ({ kind: "dose", patient: "A", session: "s", drug: "ketamine", route: "iv", amount_mg, ...more });

test("a usual dose after a usual pressure asks nothing", () => {
  expect(oddities(dose(35), known)).toEqual([]);
  expect(oddities(dose(56, { drug: "esketamine", route: "intranasal" }), { ...known, plannedMg: 56 })).toEqual([]);
});

test("a dose past the protocol's most, past twice the plan, or again within minutes asks, each in its words", () => {
  expect(oddities(dose(1500), known)).toEqual(["21.43 mg/kg at 70 kg: usual is 1 mg/kg at most.", "42.9 times the 35 mg that were planned."]);
  expect(oddities(dose(75), { ...known, weightKg: null, plannedMg: null })).toEqual(["1.07 mg/kg at 70 kg, as no weight is registered: usual is 1 mg/kg at most."]);
  const given = { id: "d", atMs: now() - 3 * 60_000, mg: 35 };
  expect(oddities(dose(35), { ...known, doses: [given] })).toEqual(["A second dose: 35 mg were entered 3 min ago."]);
  expect(oddities(dose(35), { ...known, doses: [given], correcting: "d" }), "a correction is no second dose").toEqual([]);
  expect(oddities(dose(28, { drug: "esketamine", route: "intranasal" }), { ...known, plannedMg: 56, doses: [{ ...given, mg: 28 }] }), "the second device").toEqual([]);
});

test("a first dose asks for the pressure before it, and a high one for a physician", () => {
  expect(oddities(dose(35), { ...known, pressure: null })).toEqual(["No pressure was measured before the dose."]);
  expect(oddities(dose(35), { ...known, pressure: { sbp: 152, dbp: 84 } })).toEqual(["Pressure before the dose 152/84: above 140/90 a physician decides."]);
});

test("a start asks about what the label forbids, a plan that is too much, and a monitor that sends nothing", () => {
  const start = { kind: "session.started", patient: "A", session: "s", drug: "esketamine", route: "intranasal", planned_mg: 840 };
  const aneurysm = { name: "aneurysmal vascular disease", weight: "contraindicated", words: "", source: "" } as const;
  expect(oddities(start, { ...known, objections: [aneurysm], monitor: "m9" })).toEqual([
    "840 mg: usual is 84 mg at most.", "aneurysmal vascular disease: the label forbids esketamine.", "m9 sends nothing now.",
  ]);
});

test("a pressure that cannot be asks", () => {
  const cuff = (sbp: number, dbp: number) => oddities({ kind: "vitals", sbp, dbp }, known);
  expect(cuff(128, 82)).toEqual([]);
  expect(cuff(205, 124)).toEqual([]);
  expect(cuff(284, 82)).toHaveLength(2);
  expect(cuff(128, 120)).toEqual(["128 and 120 lie 8 apart: 20 to 120 is usual."]);
});

test("only the doses that stand are counted, and each once", () => {
  const at = "2026-11-23T14:00:00Z";
  const entries = [
    { kind: "dose", doc: { ...dose(350), id: "a", at } },
    { kind: "dose", doc: { ...dose(35), id: "b", at, replaces: "a" } },
    { kind: "dose", doc: { ...dose(35), id: "b", at, replaces: "a" } },
    { kind: "dose", doc: { ...dose(20), id: "c", at } },
    { kind: "dose", doc: { ...dose(0), id: "d", at, replaces: "c" } },
  ];
  expect(standingDoses(entries).map((each) => [each.id, each.mg])).toEqual([["b", 35]]);
});

test("every kind that is entered by a tap can be taken back, and what takes back is no entry to correct", () => {
  const docs: [string, Record<string, unknown>][] = [
    ["vitals", { id: "1", patient: "A", session: "s", sbp: 120, dbp: 80 }], ["dose", { ...dose(35), id: "1" }],
    ["checkin", { id: "1", patient: "A", session: "s", instrument: "moaas", score: 0 }], ["intervention", { id: "1", patient: "A", session: "s", what: "oxygen" }],
  ];
  for (const [kind, doc] of docs) {
    const draft = takeBack(kind, doc);
    expect(correctable(kind, doc), kind).toBe(true);
    expect(draft, kind).toMatchObject({ kind, patient: "A", session: "s" });
    expect(takesBack(kind, { ...draft, replaces: "1" }), kind).toBe(true);
    expect(correctable(kind, { ...draft, id: "2", replaces: "1" }), kind).toBe(false);
  }
  expect(correctable("session.started", { id: "1" })).toBe(false);
  const entry = (doc: Record<string, unknown>, outcome = "accepted") => ({ at: "", kind: "dose", doc, outcome });
  expect([...replacedIn([entry({ id: "2", replaces: "1" }), entry({ id: "3", replaces: "9" }, "refused")])]).toEqual(["1"]);
});

test("a weight is sent in kilograms, whatever the tablet shows", () => {
  expect(toKg(154, "lb")).toBe(69.85);
  expect(fromKg(69.85, "lb")).toBe("154");
  expect(perKg(42.5, 70)).toBe("0.61 mg/kg");
  expect(perKg(42.5, null)).toBeNull();
});
