import { expect, test } from "vitest";

import { clock, clockWithSeconds, dated, dayAndClock, foreignZone, instantOf, sessionName, setZone, wallTime } from "../src/times";

const AT = Date.parse("2026-11-23T23:04:05Z");

test("times are the site's, whatever the browser's zone is", () => {
  expect(setZone("Asia/Kolkata")).toBe(true);
  expect(clock(AT)).toBe("04:34");
  expect(clockWithSeconds(AT)).toBe("04:34:05");
  expect(sessionName("A-17", AT)).toBe("A-17-20261124-0434");
  expect(foreignZone(AT)).not.toBeNull();
});

test("midnight is 00, not 24", () => {
  setZone("UTC");
  expect(clock(Date.parse("2026-11-24T00:00:00Z"))).toBe("00:00");
});

test("a zone that nobody knows leaves the times as they were", () => {
  setZone("UTC");
  expect(setZone("Nowhere/Land")).toBe(false);
  expect(clock(AT)).toBe("23:04");
});

test("an instant on another day says which", () => {
  setZone("Europe/Berlin");
  expect(dayAndClock(AT, AT)).toBe("00:04");
  expect(dayAndClock(AT + 86_400_000, AT)).toBe("Wed 00:04");
  expect(dayAndClock(AT + 7 * 86_400_000, AT)).toBe("Tue 1 Dec 00:04");
  expect(dated(AT)).toBe("Tue 24 Nov 00:04");
});

test("a time on the site's wall is one instant, right through a change of the clock", () => {
  setZone("Europe/Berlin");
  const instant = (text: string): string => new Date(instantOf(text) ?? NaN).toISOString();
  expect(wallTime(AT)).toBe("2026-11-24T00:04");
  expect(instant("2026-11-24T00:04")).toBe("2026-11-23T23:04:00.000Z");
  expect(instant("2026-07-01T08:00")).toBe("2026-07-01T06:00:00.000Z");
  expect(instant("2026-10-25T02:30")).toBe("2026-10-25T00:30:00.000Z");
  expect(instant("2026-03-29T02:30")).toBe("2026-03-29T01:30:00.000Z");
  expect(instant("2026-03-29T01:30")).toBe("2026-03-29T00:30:00.000Z");
  expect(instant("2026-03-29T03:30")).toBe("2026-03-29T01:30:00.000Z");
  expect(instantOf("")).toBeNull();
});
