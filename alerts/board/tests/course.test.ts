import { expect, test } from "vitest";

import { course } from "../src/board/timeline";
import { typed } from "../src/chair/parts";
import { said } from "../src/chair/said";
import { joined, withGaps } from "../src/lines";
import { placesOf } from "../src/places";
import { span } from "../src/times";

const at = (minute: number): string => new Date(minute * 60_000).toISOString();
const ms = (minute: number): number => minute * 60_000;
const session = { route: "iv", phase: "dosing", started_at: at(0), dose_at: at(5), dose_minutes: 40, observe_until: at(165) } as const;

test("the course of a session is told by phase and minute", () => {
  expect(course({ ...session, phase: "before", dose_at: null }, ms(4)).words).toBe("Before dose · 4 min");
  expect(course(session, ms(28))).toMatchObject({ words: "Infusion · minute 23 of 40", infusion: 0.25, readyMs: ms(165), ready: false });
  expect(course({ ...session, phase: "observation" }, ms(85))).toMatchObject({ words: "Observe 80 min more", at: 0.5 });
  expect(course({ ...session, phase: "observation" }, ms(170)).ready).toBe(true);
  expect(course({ phase: "unscheduled", started_at: at(0) }, ms(3)).words).toBe("Not scheduled · 3 min");
});

test("an empty chair keeps its place", () => {
  const seat = (chair: string) => ({ chair, session: `s${chair}` });
  expect(placesOf([seat("10"), seat("1")], { "2": 1 }).map((p) => [p.name, p.chair !== null])).toEqual([["1", true], ["2", false], ["10", true]]);
});

test("two sessions in one chair are both shown, and one without a chair comes last", () => {
  const list = [{ device: "m-9", session: "x" }, { chair: "1", session: "a" }, { chair: "1", session: "b" }];
  expect(placesOf(list, {}).map((p) => p.key)).toEqual(["1", "1-b", "none-m-9"]);
});

test("a line breaks where a continuous channel was silent, and not between cuffs", () => {
  expect(withGaps([[0, 97], [60_000, 96]], "spo2").value).toEqual([97, null, 96]);
  expect(withGaps([[0, 130], [600_000, 135]], "sbp").value).toEqual([130, 135]);
});

test("history and the live line join without a repeat", () => {
  expect(joined([[1, 97], [2, 96]], [[2, 96], [3, 95]])).toEqual([[1, 97], [2, 96], [3, 95]]);
});

test("spans are short", () => {
  expect([12_000, 240_000, 3_900_000 + 1_500_000, -5].map(span)).toEqual(["12 s", "4 min", "1 h 30", "0 s"]);
});

test("an amount may be typed with a comma and is a number, or nothing", () => {
  expect([typed("20,5"), typed(" 35 "), typed(""), typed("3x")]).toEqual([20.5, 35, null, null]);
});

test("entries are said in a nurse's words", () => {
  expect(said("vitals", { sbp: 132, dbp: 84 })).toBe("Cuff 132/84");
  expect(said("checkin", { instrument: "moaas", score: 4 })).toBe("Sedation 4 · drowsy");
  expect(said("checkin", { instrument: "cadss-6", items: [1, 2, 0, 1, 0, 0] })).toBe("Dissociation 4 of 24");
  expect(said("dose", { drug: "ketamine", route: "iv", amount_mg: 35, minutes: 40 })).toBe("Dose ketamine iv 35 mg over 40 min");
  expect(said("session.ended", { reason: "completed", discharged: true })).toBe("Session ended: completed · discharged");
});
