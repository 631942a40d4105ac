/** A forecast in words: always a window, never a date alone. */

import { expect, test } from "vitest";

import { dayWords, daysWords, type Due, percent, responseWords, windowWords } from "../src/forecasts";

const made = (due: Due | null): string => windowWords({ patient: "willow", as_of: "2026-11-23", due });

test("a window is said with both ends and its middle", () => {
  expect(made({ p10: "2026-11-26", p50: "2026-12-02", p90: "2026-12-19" })).toBe("Between 26 Nov and 19 Dec, even odds by 2 Dec");
});

test("what may lie beyond the horizon is said to", () => {
  expect(made({ p10: "2026-12-06", p50: "2026-12-26", p90: "beyond_horizon" })).toBe("From 6 Dec, even odds by 26 Dec, maybe beyond 12 weeks");
  expect(made({ p10: "2026-12-06", p50: "beyond_horizon", p90: "beyond_horizon" })).toBe("From 6 Dec at the earliest, probably beyond 12 weeks");
  expect(made({ p10: "beyond_horizon", p50: "beyond_horizon", p90: "beyond_horizon" })).toBe("Not within 12 weeks");
});

test("who is due is said to be due, and a window that begins today begins now", () => {
  expect(made({ p10: "2026-11-23", p50: "2026-11-23", p90: "2026-11-23" })).toBe("Due now");
  expect(made({ p10: "2026-11-23", p50: "2026-11-23", p90: "2026-12-01" })).toBe("More likely than not due now, else by 1 Dec");
  expect(made({ p10: "2026-11-23", p50: "2026-11-30", p90: "2026-12-10" })).toBe("Between now and 10 Dec, even odds by 30 Nov");
});

test("no forecast is said, not guessed", () => {
  expect(made(null)).toBe("No forecast yet");
  expect(responseWords({ patient: "willow", response: null })).toBe("Response not known yet");
});

test("no chance is called certain", () => {
  expect([percent(0), percent(0.004), percent(0.5), percent(0.996), percent(1)]).toEqual(["<1 %", "<1 %", "50 %", ">99 %", ">99 %"]);
});

test("a calendar day belongs to no zone, and days are counted as people do", () => {
  expect(dayWords("2026-03-01")).toBe("1 Mar");
  const now = Date.parse("2026-11-23T12:00:00Z");
  expect([daysWords("2026-11-23T08:00:00Z", now), daysWords("2026-11-22T08:00:00Z", now), daysWords("2026-11-07T08:00:00Z", now)]).toEqual(["today", "yesterday", "16 days ago"]);
});
