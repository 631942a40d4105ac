import { expect, test } from "vitest";

import { type Changes, withChanges } from "../src/changes";
import type { Chair } from "../src/wire";

const chair = (patient: string, spo2: number) =>
  ({ patient, session: patient, phase: "dosing", checkins: {}, values: { spo2: { value: spo2, age_s: 0 }, hr: { value: 70, age_s: 1 } }, next: [] }) as unknown as Chair;

const said = (changed: Changes["changed"], whole: Changes["whole"] = {}): Changes => ({ decided: 8, at: "2026-11-23T14:00:01.000Z", site: "main", changed, whole });

test("a field that is not there is as it was, down to a channel's", () => {
  const before = [chair("a", 97), chair("b", 95)];
  const after = withChanges(before, said({ 1: { phase: "observation", values: { spo2: { value: 91 } } } }));
  expect(after.chairs[0]).toBe(before[0]);
  expect(after.chairs[1]).toEqual({ ...before[1], phase: "observation", values: { spo2: { value: 91, age_s: 0 }, hr: { value: 70, age_s: 1 } } });
  expect([after.decided, after.at, after.site]).toEqual([8, "2026-11-23T14:00:01.000Z", "main"]);
});

test("a list and an empty value take the place of what was there, and a whole chair of all of it", () => {
  const before = [chair("a", 97), chair("b", 95)];
  const next = chair("b", 88);
  const after = withChanges(before, said({ 0: { next: [{ what: "cuff" }], values: { spo2: { value: null } } } }, { 1: next }));
  expect(after.chairs[0]).toMatchObject({ next: [{ what: "cuff" }], values: { spo2: { value: null, age_s: 0 } } });
  expect(after.chairs[1]).toBe(next);
});
