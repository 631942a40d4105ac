/** What comes next for a person, in words. */

import { expect, test } from "vitest";

import { facts } from "../src/alarms";
import { course } from "../src/board/timeline";
import { chanceWords, dissociationWords } from "../src/chair/outlook";
import { said } from "../src/chair/said";
import type { Alert } from "../src/wire";

const NOON = Date.parse("2026-11-23T12:00:00Z");
const at = (minutes: number): string => new Date(NOON + minutes * 60_000).toISOString();

test("an estimate of dissociation says its range and when it should be over", () => {
  expect(dissociationWords({ level: 12.4, low: 5, high: 24.6, resolves_at: at(30) }, NOON)).toMatch(/^about 12 \(5 to 25\) of 92, over about \d\d:\d\d$/);
  expect(dissociationWords({ level: 1, low: 0, high: 3, resolves_at: at(0) }, NOON)).toBe("about 1 (0 to 3) of 92, should be over");
});

test("a small chance is not given a false precision", () => {
  expect(chanceWords(0.004)).toBe("under 1 %");
  expect(chanceWords(0.126)).toBe("13 %");
});

test("two hours are over, yet who is not ready is not called ready", () => {
  const chair = { phase: "observation", dose_at: at(-125), dose_minutes: 40, observe_until: at(-5) } as const;
  expect(course({ ...chair, readiness: { ready: false, reasons: ["MOAA/S 4 at 11:58"] } }, NOON)).toMatchObject({ words: "Not ready · MOAA/S 4 at 11:58", ready: false });
  expect(course({ ...chair, readiness: { ready: true, reasons: [] } }, NOON).words).toMatch(/^Ready · since 5 min/);
  expect(course(chair, NOON).words).toMatch(/^Ready\? · since 5 min/);
});

test("the board's time of leaving is the later of the observation and the patient", () => {
  const chair = { phase: "observation", dose_at: at(-60), dose_minutes: 40, observe_until: at(60), readiness: { ready: false, reasons: [], expected_at: at(80) } } as const;
  expect(course(chair, NOON).readyMs).toBe(NOON + 80 * 60_000);
});

test("an alert says where its value came from and what the drug does at that minute", () => {
  const alert = { evidence: { value: 86, unit: "%", trend: { from: 96, over_s: 60 }, baseline: 97, expected: "peak effect about minute 40" } } as unknown as Alert;
  expect(facts(alert)).toEqual([["Before", "96 %, 60 s earlier"], ["Own baseline", "97 %"], ["Expected now", "peak effect about minute 40"]]);
  expect(facts({ evidence: null } as unknown as Alert)).toEqual([]);
});

test("symptoms entered are told back by name, and none as none", () => {
  expect(said("checkin", { instrument: "symptoms", items: { "chest-pain": true, nausea: false } })).toBe("Symptoms: chest pain");
  expect(said("checkin", { instrument: "symptoms", items: { nausea: false } })).toBe("No symptoms");
});
