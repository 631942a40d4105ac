import { expect, test } from "vitest";

import { rangeOf, type RecordEntry, type SessionRecord, spanOf, timeLine } from "../src/session/drawn";

const entry = (at: string, kind: string, doc: object, more: Partial<RecordEntry> = {}): RecordEntry => ({ at, kind, by: "rn-1", outcome: "accepted", struck: false, score: null, means: null, doc: { ...doc }, ...more });

const record: SessionRecord = {
  session: "s", patient: "A", chair: "3", device: "m", drug: "ketamine", route: "iv", planned_mg: 35, started_at: "2026-11-23T14:00:00Z", ended_at: null, end_reason: null,
  discharged: null, given_mg: 35, first_dose_at: null, weight_kg: 70, birth_year: null, sex: null,
  entries: [
    entry("2026-11-23T14:00:00Z", "session.started", { drug: "ketamine" }),
    entry("2026-11-23T14:10:00Z", "vitals", { id: "1", sbp: 320, dbp: 80 }, { struck: true }),
    entry("2026-11-23T14:10:00Z", "cuff.corrected", { id: "2", replaces: "1", sbp: 200, dbp: 80 }),
    entry("2026-11-23T14:20:00Z", "checkin", { instrument: "phq-9" }, { score: 11, means: "moderate" }),
    entry("2026-11-23T14:21:00Z", "alert.acknowledged", { alert: "a" }),
    entry("2026-11-23T14:22:00Z", "dose", { drug: "ketamine", amount_mg: 35 }, { outcome: "refused: no such session" }),
  ],
  alerts: [{ alert: "a", rule: "hypertension", title: "High blood pressure", priority: "medium", onset_at: "2026-11-23T14:10:00Z", raised_at: "2026-11-23T14:10:00Z", over_at: null, text: "",
    steps: [{ at: "2026-11-23T14:10:00Z", transition: "raised", by: null }, { at: "2026-11-23T14:21:00Z", transition: "acknowledged", by: "rn-2" }] }],
  channels: { spo2: { minute: [1763906400000], lowest: [80], mean: [92], highest: [97] } },
  limits: { spo2: { low: 92, high: null } },
};

test("everything that happened stands once, in order, with who did it", () => {
  expect(timeLine(record).map((line) => [line.words, line.by, line.struck])).toEqual([
    ["Session started ketamine", "rn-1", false],
    ["Cuff 320/80", "rn-1", true],
    ["Cuff 200/80 (corrected)", "rn-1", false],
    ["High blood pressure", null, false],
    ["PHQ-9 11, moderate", "rn-1", false],
    ["High blood pressure acknowledged", "rn-2", false],
    ["Dose ketamine 35 mg: refused: no such session", "rn-1", false],
  ]);
});

test("a lane is as high as what was measured, and a struck cuff stretches none", () => {
  expect(rangeOf(["spo2"], record)).toEqual([80, 100]);
  expect(rangeOf(["sbp", "dbp"], record)[1]).toBe(200);
});

test("what is drawn is at least half an hour", () => {
  const [from, to] = spanOf({ ...record, entries: [], channels: {} });
  expect(to - from).toBe(1_800_000);
});
