import { expect, test } from "vitest";

import { wordsOf } from "../src/destinations";
import { detail, fold, forTheDesk, handled, known, measure, merge, needsSomeone, rowsOf, sayingOf, paged, spoken, title, waiting, type Alerts } from "../src/alarms";
import type { Alert, Transition } from "../src/wire";

const nowhere = (): null => null;

/** A transition; where its alert stands is said in `more` where it is not what such a step usually leads to. */
function step(transition: Transition["transition"], seq: number, more: Partial<Transition> = {}): Transition {
  const answered = transition === "acknowledged" || transition === "snoozed" || transition === "latched" || transition === "closed";
  return {
    alert: "a1", at: `2026-11-23T14:0${seq}:00Z`, transition, phase: answered ? transition : "active", site: "main", patient: "A-17", session: "s1", rule: "desaturation", category: "respiratory",
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

test("a deeper reading at the same severity is said again, and its acknowledgement is not", () => {
  const told = step("worsened", 3, { priority: "high", evidence: { value: 50, was: 76 } });
  const before = after(step("raised", 1, { priority: "high", evidence: { value: 76 } }), step("acknowledged", 2, { priority: "high" }));
  const deeper = after(step("raised", 1), told);
  expect(needsSomeone(deeper)).toBe(true);
  expect(sayingOf(deeper)).not.toBe(sayingOf(before));
  const expired = step("expired", 5, { priority: "high", evidence: { value: 50, was: 76 } });
  expect(sayingOf(after(step("raised", 1), told, expired))).toBe(sayingOf(deeper));
});

test("an expired acknowledgement needs someone again", () => {
  expect(needsSomeone(after(step("raised", 1), step("acknowledged", 2), step("expired", 3)))).toBe(true);
});

test("easing keeps the answer that was given", () => {
  expect(after(step("raised", 1), step("acknowledged", 2), step("eased", 3, { phase: "acknowledged", priority: "low" }))).toMatchObject({ phase: "acknowledged", priority: "low" });
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

test("worst stands first, then newest", () => {
  const alerts: Alerts = new Map([
    alert("low-old", "low", "2026-11-23T13:00:00Z"), alert("high-new", "high", "2026-11-23T14:02:00Z"), alert("medium", "medium", "2026-11-23T12:00:00Z"),
    alert("high-old", "high", "2026-11-23T14:01:00Z", "latched"), alert("answered", "high", "2026-11-23T11:00:00Z", "acknowledged"),
  ]);
  expect(waiting(alerts).map((a) => a.alert)).toEqual(["high-new", "high-old", "medium", "low-old"]);
  expect(handled(alerts).map((a) => a.alert)).toEqual(["answered"]);
});

test("an alert is told by priority, place and what it is", () => {
  const one = after(step("raised", 1, { priority: "high" }));
  expect(spoken(one)).toBe("high alert. Chair 3, A-17. Low oxygen. SpO2 88 % below 90 %");
  expect(measure(one)).toEqual({ value: "88 %", limit: "90" });
  expect(rowsOf(one)).toEqual(["spo2"]);
  expect(title({ rule: "some-new-rule" })).toBe("Some new rule");
});

test("what is only to be known asks nobody, and stays to be seen", () => {
  const alerts: Alerts = new Map([alert("info", "info", "2026-11-23T13:00:00Z"), alert("low", "low", "2026-11-23T14:00:00Z")]);
  expect(waiting(alerts).map((a) => a.alert)).toEqual(["low"]);
  expect(known(alerts).map((a) => a.alert)).toEqual(["info"]);
});

test("an escalation takes back an acknowledgement, and an alert that is over stays so", () => {
  expect(after(step("raised", 1), step("acknowledged", 2, { evidence: { by: "rn-1" } }), step("escalated", 3))).toMatchObject({ phase: "active", by: null });
  expect(after(step("raised", 1), step("latched", 2), step("escalated", 3, { phase: "latched" })).phase).toBe("latched");
});

test("a technical alert lights every line whose channel it names, once", () => {
  expect(rowsOf(after(step("raised", 1, { rule: "probe-off", evidence: { channels: ["hr", "pulse", "spo2"] } })))).toEqual(["rate", "spo2"]);
});

test("a rise is written as one, and the full scale without tenths", () => {
  const rise = step("raised", 1, { rule: "pressure-rise", evidence: { channel: "dbp-rise", value: 31, limit: 25, unit: "mmHg" } });
  expect(measure(after(rise))).toEqual({ value: "+31 mmHg", limit: "+25" });
  expect(measure(after(step("raised", 1, { evidence: { channel: "cadss", value: 15.3, limit: 15, unit: "of 92" } })))).toEqual({ value: "15 of 92", limit: "15" });
});

test("an alert's sentence does not repeat the place and title beside it", () => {
  expect(detail(after(step("raised", 1, { text: "Chair 3 (A-17): Low oxygen. SpO2 88 %, below 90 % for 15 s." })))).toBe("SpO2 88 %, below 90 % for 15 s.");
  expect(detail(after(step("raised", 1, { text: "Something else." })))).toBe("Something else.");
});

test("whether someone was paged is said, and why not", () => {
  const said = (page: string | undefined, pages: Alert["pages"] = null, times = true): string | null =>
    paged({ ...after(step("raised", 1, { evidence: page === undefined ? {} : { page } })), pages }, () => "14:02", times);
  expect(said("now", [{ state: "sent", at: "2026-11-23T14:02:00Z" }])).toBe("Paged 14:02");
  expect(said("now", [{ state: "sent", at: "2026-11-23T14:02:00Z" }], false)).toBe("Paged");
  const both = [{ state: "sent", at: "2026-11-23T14:02:00Z", reached: ["Ada by ntfy"], failed: ["Ben by sms: answered 500"] }];
  expect(said("now", both)).toBe("Paged 14:02: Ada by ntfy. Not by Ben by sms: answered 500.");
  expect(said("now", [{ state: "failed", failed: ["mail: no connection"] }])).toBe("Nobody reached. Not by mail: no connection.");
  expect(said("now", [{ state: "owed" }])).toBe("Page not sent yet");
  expect(said("now")).toBe("Page not sent yet");
  expect(said("none: board only")).toBe("Not paged: board only");
  expect(said("none: apnoea says it")).toBe("Not paged: “Not breathing” says it");
  expect(said("later: it was paged within 5 min")).toBe("Page waits: it was paged within 5 min");
  expect(said("with the patient's next")).toBe("Pages with the patient's next");
  expect(said(undefined)).toBeNull();
});

test("where pages go is one calm line, and a loud one where they do not arrive", () => {
  const at = (): string => "14:03";
  const well = { name: "ntfy", state: "well" } as const;
  const dead = { name: "sms", state: "failing", last_error: "answered 500" } as const;
  expect(wordsOf(null, at)).toBeNull();
  expect(wordsOf([well], at)).toEqual({ words: "Pages go to ntfy.", loud: false });
  expect(wordsOf([well, dead], at)).toEqual({ words: "Pages do not arrive at sms since 14:03 (answered 500).", loud: true });
  expect(wordsOf([dead], at)?.words).toBe("No page arrives anywhere: sms since 14:03 (answered 500). Watch the board.");
  expect(wordsOf([], at)?.words).toBe("Nobody can be paged: no destination is configured. Watch the board.");
});

test("the wall is for who sits in a chair: what is low and at home goes to the desk, what pages stays", () => {
  const home = { session: null, category: "mood", priority: "low" } as const;
  expect(forTheDesk(home)).toBe(true);
  expect(forTheDesk({ ...home, priority: "medium" })).toBe(false);
  expect(forTheDesk({ ...home, session: "willow-today" })).toBe(false);
  expect(forTheDesk({ ...home, category: "technical" })).toBe(false);
});

test("of two alike, who sits in a chair comes before who is at home, however long the other has waited", () => {
  const alerts = fold(fold(new Map(), step("raised", 1, { alert: "home", session: null, category: "mood", onset_at: "2026-11-01T09:00:00Z" }), nowhere), step("raised", 2, { alert: "chair" }), nowhere);
  expect(waiting(alerts).map((a) => a.alert)).toEqual(["chair", "home"]);
});
