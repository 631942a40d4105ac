import { expect, test } from "vitest";

import { byChair, dissociation, rateChannel, sedation, shown } from "../src/readings";

const good = { value: 97, age_s: 0.4, quality: "good", stale_after_s: 30 } as const;

test("a fresh good value is live and says no age", () => {
  expect(shown("spo2", good, 1)).toEqual({ digits: "97", live: true, absent: false, note: null });
});

test("a value grows old by the page's own time when the feed is silent", () => {
  expect(shown("spo2", good, 31)).toMatchObject({ digits: "97", live: false, note: "31 s old" });
});

test("a cuff's age is told while it is still good", () => {
  expect(shown("sbp", { value: 132, age_s: 240, quality: "good", stale_after_s: 1500 }, 0)).toMatchObject({ live: true, note: "4 min" });
});

test("a missing value is a dash with its reason, never a zero", () => {
  expect(shown("spo2", { value: null, quality: "probe-off" }, 0)).toEqual({ digits: "—", live: false, absent: true, note: "probe off" });
  expect(shown("spo2", undefined, 0)).toMatchObject({ digits: "—", note: "no reading" });
  expect(shown("rr", { ...good, value: 0 }, 0)).toMatchObject({ digits: "0", live: true });
});

test("a reading that is not believed is struck through with its reason", () => {
  for (const [quality, note] of [["implausible", "not believable"], ["frozen", "frozen"], ["step", "jumped"], ["artefact", "artefact"], ["outlier", "doubted"], ["disagrees", "probes disagree"]] as const) {
    expect(shown("hr", { ...good, quality }, 0)).toMatchObject({ live: false, absent: false, note });
  }
});

test("the pulse stands in when the heart rate is gone", () => {
  expect(rateChannel({ values: { hr: good, pulse: good } }, 0)).toBe("hr");
  expect(rateChannel({ values: { hr: { ...good, quality: "stale" }, pulse: good } }, 0)).toBe("pulse");
  expect(rateChannel({ values: { pulse: { ...good, quality: "stale" } } }, 0)).toBe("pulse");
  expect(rateChannel({}, 0)).toBe("hr");
});

test("scores are said in words", () => {
  expect(sedation({ score: 0 })).toMatchObject({ word: "Unresponsive", score: "0" });
  expect(sedation(null)).toMatchObject({ word: "—", score: null });
  expect(dissociation({ "cadss-6": { score: 0 } }).word).toBe("None");
  expect([0, 1, 2, 3, 4, 7, 8, 24].map((score) => dissociation({ "cadss-6": { score } }).word)).toEqual(["None", "Slight", "Mild", "Mild", "Marked", "Marked", "Strong", "Strong"]);
  expect([0, 4, 5, 14, 15, 29, 30, 92].map((score) => dissociation({ cadss: { score } }).word)).toEqual(["None", "Slight", "Mild", "Mild", "Marked", "Marked", "Strong", "Strong"]);
  expect(dissociation({ "cadss-6": { score: 1, at: "2026-11-23T14:00:00Z" }, cadss: { score: 30, at: "2026-11-23T14:05:00Z" } }).word).toBe("Strong");
});

test("chairs stand in natural order", () => {
  expect(["10", "2", "1", "B1", "A2"].sort(byChair)).toEqual(["1", "2", "10", "A2", "B1"]);
});
