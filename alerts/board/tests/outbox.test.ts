import { expect, test } from "vitest";

import { answered, backoffMs, due, type Entry, followed, fresh, type Observation, removed, understood, unknownToServer, waitsFor } from "../src/outbox";

function entry(kind: string, id: string, nowMs: number, more: Partial<Entry> = {}): Entry {
  const body: Observation = { kind, at: "2026-11-23T14:00:00Z", id, session: "s1", patient: "A-17" };
  return { ...fresh(body, kind, "3", nowMs), ...more };
}

test("an entry is sent the moment it is entered", () => {
  const dose = entry("dose", "d", 5);
  expect(due([dose], 5)).toEqual([dose]);
});

test("a correction waits for what it corrects, unless that was refused", () => {
  const wrong = entry("checkin", "m", 0, { state: "unsent", sendAtMs: 90_000 });
  const right = { ...entry("checkin", "n", 1), body: { ...entry("checkin", "n", 1).body, replaces: "m" } };
  expect(waitsFor(right, [right, wrong])).toBe(wrong);
  expect(waitsFor(right, [right, { ...wrong, state: "refused" }])).toBeNull();
});

test("nobody is started in a chair before the end of who sat there has gone", () => {
  const end = entry("session.ended", "e", 0);
  const start: Entry = { ...entry("session.started", "s", 1), session: "s2" };
  expect(waitsFor(start, [end, start])).toBe(end);
  expect(waitsFor({ ...start, chair: "4" }, [end, { ...start, chair: "4" }])).toBeNull();
});

test("what is not taken within seconds is said loudly, and a refusal at once", () => {
  const dose = entry("dose", "d", 0);
  expect(unknownToServer([dose], 1_000)).toEqual([]);
  expect(unknownToServer([dose], 5_000)).toEqual([dose]);
  expect(unknownToServer([{ ...dose, state: "refused" }], 1)).toHaveLength(1);
  expect(unknownToServer([{ ...dose, state: "unsent" }], 1)).toHaveLength(1);
});

test("nothing is sent before its session has started", () => {
  const start = entry("session.started", "s", 0);
  const dose = entry("dose", "d", 1);
  expect(due([dose, start], 60_000)).toEqual([start]);
  expect(due([dose, { ...start, state: "refused" }], 60_000)).toEqual([]);
  expect(due([dose], 60_000)).toEqual([dose]);
});

test("an end waits for what was entered before it, but not for what the server refuses", () => {
  const cuff = entry("vitals", "c", 0, { state: "unsent", sendAtMs: 90_000 });
  const end = entry("session.ended", "e", 1);
  expect(waitsFor(end, [cuff, end])).toBe(cuff);
  expect(waitsFor(end, [{ ...cuff, state: "refused" }, end])).toBeNull();
});

test("a refused pressure does not hold back a sedation score", () => {
  const cuff = entry("vitals", "c", 0, { state: "refused" });
  const score = entry("checkin", "m", 1);
  expect(due([cuff, score], 60_000)).toEqual([score]);
});

test("a dead network keeps the entry, with the same id, and waits longer each time", () => {
  const first = answered(entry("dose", "d", 0), { was: "lost", reason: "no connection" }, 20_000)!;
  expect(first).toMatchObject({ id: "d", state: "unsent", attempts: 1, sendAtMs: 21_000, reason: "no connection" });
  expect(first.body.id).toBe("d");
  expect([1, 2, 3, 4, 5, 6, 7].map(backoffMs)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test("an entry that the server took is gone", () => {
  expect(answered(entry("dose", "d", 0), { was: "taken" }, 0)).toBeNull();
});

test("a refusal keeps the entry beside its field and reason, and is not tried again", () => {
  const answer = understood(422, { accepted: 0, set_aside: [{ line: 1, field: "amount_mg", reason: "not a number" }] });
  const kept = answered(entry("dose", "d", 0), answer, 0)!;
  expect(kept).toMatchObject({ state: "refused", field: "amount_mg", reason: "not a number" });
  expect(due([kept], 1e12)).toEqual([]);
});

test("only a refusal is final: overload, outage and sign-in are tried again", () => {
  for (const status of [401, 408, 429, 500, 502, 503]) expect(understood(status, null).was).toBe("lost");
  for (const status of [400, 413, 422]) expect(understood(status, null).was).toBe("refused");
  expect(understood(200, { accepted: 1, set_aside: [] }).was).toBe("taken");
  expect(understood(200, { accepted: 0, set_aside: [{ line: 1, field: "at", reason: "no offset" }] }).was).toBe("refused");
});

test("removing a refused start takes along what was entered for it", () => {
  const start = entry("session.started", "s", 0);
  const cuff = entry("vitals", "c", 1);
  const other = { ...entry("vitals", "o", 2), session: "s2" };
  expect(removed(start, [start, cuff, other]).map((e) => e.id)).toEqual(["s", "c"]);
  expect(removed(cuff, [start, cuff, other]).map((e) => e.id)).toEqual(["c"]);
});

test("correcting the alias of a start corrects what was entered for it", () => {
  const start = entry("session.started", "s", 0);
  const cuff = entry("vitals", "c", 1);
  const right = { ...start, session: "s9", body: { ...start.body, session: "s9", patient: "B-02" } };
  expect(followed(start, right, [right, cuff])).toEqual([{ ...cuff, session: "s9", body: { ...cuff.body, session: "s9", patient: "B-02" } }]);
});
