import { expect, test } from "vitest";

import { CADSS6_ABOUT } from "../src/chair/cadss6";
import { beside, digits } from "../src/readings";
import { bandsBelow, CADSS_6, channelsOf, DRUGS, dueName, goesOn, instrumentWords, longName, MOAAS, readNowAndThen, ROUTES, rowOfChannel, rowOfRule, ROWS, ruleTitle, shortName, SIGN, SYMPTOMS, usual } from "../src/tables";
import tables from "../src/tables.json";

test("every line that a table names is on a card", () => {
  const named = [...Object.values(tables.channels), ...Object.values(tables.instruments), ...Object.values(tables.rules)].map((one) => one.row).filter((row) => row !== null);
  expect([...new Set(named)].sort()).toEqual([...ROWS].sort());
});

test("every channel is a line's own, beside one, or not on a card", () => {
  for (const [name, channel] of Object.entries(tables.channels)) {
    expect(["own", "beside", "unseen"], name).toContain(channel.place);
    if (channel.place !== "unseen") expect(rowOfChannel(name), name).not.toBeNull();
    expect(usual(name)[0]).toBeLessThan(usual(name)[1]);
  }
});

test("the lines draw the channels that the card's own words are about", () => {
  expect(channelsOf("spo2", "own")).toEqual(["spo2"]);
  expect(channelsOf("rate", "own")).toEqual(["hr", "pulse"]);
  expect(channelsOf("pressure", "own")).toEqual(["sbp", "dbp"]);
  expect(channelsOf("breathing", "own")).toEqual(["rr"]);
});

test("of two channels with one name the first that is sent stands beside the line", () => {
  const value = { value: 38 };
  expect(beside({ values: { etco2: value, tcco2: value } }, "breathing")).toEqual([{ channel: "etco2", name: "CO₂" }]);
  expect(beside({ values: { tcco2: value } }, "breathing")).toEqual([{ channel: "tcco2", name: "CO₂" }]);
  expect(beside({ values: { rr: value } }, "breathing")).toEqual([]);
});

test("a rule has its title and its line, and one that is newer than the page has neither", () => {
  expect([ruleTitle("desaturation"), rowOfRule("desaturation")]).toEqual(["Low oxygen", "spo2"]);
  expect([ruleTitle("hyperthermia"), rowOfRule("hyperthermia")]).toEqual(["High temperature", null]);
  expect([ruleTitle("some-new-rule"), rowOfRule("some-new-rule")]).toEqual([null, null]);
  expect([shortName("of-no-monitor"), longName("of-no-monitor"), instrumentWords("new-scale"), dueName("new-thing")]).toEqual(["of-no-monitor", "of-no-monitor", "new-scale", null]);
});

test("names, digits and kinds of reading are the table's", () => {
  expect([longName("hr"), longName("spo2"), longName("rr")]).toEqual(["Heart rate, /min", "SpO₂, %", "Breathing, /min"]);
  expect([digits("temp", 36.94), digits("hr", 71.6), digits("of-no-monitor", 1.4)]).toEqual(["36.9", "72", "1"]);
  expect(["sbp", "temp", "spo2", "rr", "of-no-monitor"].filter(readNowAndThen)).toEqual(["sbp", "temp"]);
});

test("buttons stand in the tables' order", () => {
  expect(DRUGS.slice(0, 2)).toEqual([["ketamine", "Ketamine"], ["esketamine", "Esketamine"]]);
  expect(ROUTES.map(([, words]) => words)).toEqual(["IV", "IM", "SC", "Nasal", "Oral", "Sublingual"]);
  expect(SYMPTOMS.slice(-2)).toEqual([["nausea", "Nausea"], ["dizziness", "Dizzy"]]);
  expect(MOAAS.map((level) => level.score)).toEqual([5, 4, 3, 2, 1, 0]);
  expect(Object.values(SIGN).map(({ word, shape }) => `${word} ${shape}`)).toEqual(["HIGH ▲", "MEDIUM ◆", "LOW ●", "INFO ○"]);
});

test("the six items that are asked are as many as the instrument has, and there are words for each of its bands", () => {
  expect(CADSS6_ABOUT.length).toBe(CADSS_6.items);
  expect([bandsBelow("cadss-6", CADSS_6.highest), bandsBelow("cadss", 92), bandsBelow("new-scale", 3)]).toEqual([4, 4, 0]);
});

test("what is measured and goes on is not offered to be closed; what is over, or no measurement, is", () => {
  expect(goesOn({ rule: "desaturation", phase: "acknowledged", session: "s1" })).toBe(true);
  expect(goesOn({ rule: "desaturation", phase: "latched", session: "s1" })).toBe(false);
  expect(goesOn({ rule: "unresponsive", phase: "active", session: "s1" })).toBe(true);
  expect(goesOn({ rule: "unresponsive", phase: "active", session: null })).toBe(false);
  expect(goesOn({ rule: "no-data", phase: "active", session: "s1" })).toBe(false);
});
