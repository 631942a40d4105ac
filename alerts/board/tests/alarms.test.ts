import { expect, test } from "vitest";

import { fold, handled, measure, merge, needsSomeone, rowOf, sayingOf, spoken, title, waiting, type Alerts } from "../src/alarms";
import type { Alert, Transition } from "../src/wire";

const nowhere = (): null => null;

function step(transition: Transition["transition"], seq: number, more: Partial<Transition> = {}): Transition {
  return {
    alert: "a1", at: `2026-11-23T14:0${seq}:00Z`, transition, site: "main", patient: "A-17", session: "s1", rule: "desaturation", category: "respiratory",
    priority: "medium", onset_at: "2026-11-23T14:00:00Z", evidence: { value: 88.04, limit: 90, unit: "%" }, text: "SpO2 88 % below 90 %", source: "site", seq, ...more,
  };
}

function after(...steps: Transition[]): Alert {
  let alerts: Alerts = new Map();
  for (const t of steps) alerts = fold(alerts, t, (session) => (session === "s1" ? "3" : null));
  return [...alerts.values()][0]!;
}

function alert(id: string, priority: Alert["priority"], onset: string, phase: Alert["phase"] = "active"): [string, Alert] {
  return [id, { alert: id, phase, priority, rule: "desaturation", onset_at: onset, seq: 1 }];
}

test("a raised alert needs someone, at the chair of its session", () => {
  expect(after(step("raised", 1))).toMatchObject({ phase: "active", chair: "3", raised_at: "2026-11-23T14:01:00Z" });
});

test("an acknowledgement names who gave it, where the event says so", () => {
  expect(after(step("raised", 1), step("acknowledged", 2, { evidence: { by: "rn-1" } }))).toMatchObject({ phase: "acknowledged", by: "rn-1" });
});

test("a worse severity breaks through an acknowledgement and is said again", () => {
  const acknowledged = after(step("raised", 1), step("acknowledged", 2));
  const worse = after(step("raised", 1), step("acknowledged", 2), step("worsened", 3, { priority: "high" }));
  expect(needsSomeone(acknowledged)).toBe(false);
  expect(needsSomeone(worse)).toBe(true);
  expect(sayingOf(worse)).not.toBe(sayingOf(acknowledged));
});

test("an expired acknowledgement needs someone again", () => {
  expect(needsSomeone(after(step("raised", 1), step("acknowledged", 2), step("expired", 3)))).toBe(true);
});

test("easing keeps the answer that was given", () => {
  expect(after(step("raised", 1), step("acknowledged", 2), step("eased", 3, { priority: "low" }))).toMatchObject({ phase: "acknowledged", priority: "low" });
});

test("a closed alert leaves the board", () => {
  const alerts = fold(fold(new Map(), step("raised", 1), nowhere), step("closed", 2), nowhere);
  expect([...waiting(alerts), ...handled(alerts)]).toEqual([]);
});

test("a transition heard twice or late changes nothing", () => {
  const alerts = fold(fold(new Map(), step("raised", 1), nowhere), step("acknowledged", 2), nowhere);
  expect(fold(alerts, step("raised", 1), nowhere)).toBe(alerts);
  expect(fold(alerts, step("acknowledged", 2), nowhere)).toBe(alerts);
});

test("details fetched before the newest transition do not undo it", () => {
  const alerts = fold(fold(new Map(), step("raised", 1), nowhere), step("acknowledged", 2), nowhere);
  const [, old] = alert("a1", "medium", "2026-11-23T14:00:00Z");
  expect(merge(alerts, [old]).get("a1")?.phase).toBe("acknowledged");
});

test("worst stands first, then oldest", () => {
  const alerts: Alerts = new Map([
    alert("low-old", "low", "2026-11-23T13:00:00Z"), alert("high-new", "high", "2026-11-23T14:02:00Z"), alert("medium", "medium", "2026-11-23T12:00:00Z"),
    alert("high-old", "high", "2026-11-23T14:01:00Z", "latched"), alert("answered", "high", "2026-11-23T11:00:00Z", "acknowledged"),
  ]);
  expect(waiting(alerts).map((a) => a.alert)).toEqual(["high-old", "high-new", "medium", "low-old"]);
  expect(handled(alerts).map((a) => a.alert)).toEqual(["answered"]);
});

test("an alert is told by priority, place and what it is", () => {
  const one = after(step("raised", 1, { priority: "high" }));
  expect(spoken(one)).toBe("high alert. Chair 3, A-17. Low oxygen. SpO2 88 % below 90 %");
  expect(measure(one)).toEqual({ value: "88 %", limit: "90" });
  expect(rowOf(one)).toBe("spo2");
  expect(title({ rule: "some-new-rule" })).toBe("Some new rule");
});
