import { expect, test } from "vitest";

import laddersSchema from "../../../docs/schema/ladders.json";
import rotaSchema from "../../../docs/schema/rota.json";
import { refusal } from "../src/oncall/override";
import { ladderWords, namesOf, ordinal, overrideWords, pageWords, people, scheduleWords, weekRows } from "../src/oncall/said";
import { setZone } from "../src/times";
import type { Ladder, Ladders, Rota, Schedule } from "../src/wire";

setZone("Europe/Berlin");
const NOW = Date.parse("2026-11-27T09:00:00Z");
const at = (minutes: number): string => new Date(NOW + minutes * 60_000).toISOString();
const DAY = 24 * 60;

const NURSES: Schedule = {
  name: "nurses", timezone: "Europe/Berlin", now: { people: ["ada"], since: at(-60), until: at(480) }, next: { people: ["ben"], since: at(480), until: at(DAY) },
  turns: [{ people: ["ada"], since: at(0), until: at(480) }], overrides: [{ who: "ada", covers: null, since: at(0), until: at(480) }], holes: [], holes_shown: [{ since: at(DAY), until: at(2 * DAY) }],
};
const ROTA: Rota = {
  site: "main", at: at(0), timezone: "Europe/Berlin", schedules: [NURSES],
  people: [{ name: "ada", display: "A. L.", role: "nurse", timezone: null }, { name: "ben", display: null, role: null, timezone: null }],
};
const LADDER: Ladder = { alert: "a", policy: "chairs", rung: 2, of: 3, called: ["ada", "ben"], answered: [], answers: 1, next: { rung: 3, people: null, at: new Date(NOW + 190_000).toISOString() } };
const LADDERS: Ladders = { at: at(0), ladders: [LADDER] };
const nameOf = namesOf(ROTA);

interface Published {
  properties: object;
  $defs: Record<string, { properties: object }>;
}
const fields = (one: { properties: object } | undefined): string[] => Object.keys(one?.properties ?? {}).sort();
const own = (one: object | null | undefined): string[] => Object.keys(one ?? {}).sort();

test("the types of the rota and of ladders are those of the published schemas", () => {
  const rota: Published = rotaSchema;
  const ladders: Published = laddersSchema;
  expect(own(ROTA)).toEqual(fields(rota));
  expect(own(ROTA.people[0])).toEqual(fields(rota.$defs["ColleagueOut"]));
  expect(own(NURSES)).toEqual(fields(rota.$defs["ScheduleOut"]));
  expect(own(NURSES.now)).toEqual(fields(rota.$defs["TurnOut"]));
  expect(own(NURSES.holes_shown[0])).toEqual(fields(rota.$defs["HoleOut"]));
  expect(own(NURSES.overrides[0])).toEqual(fields(rota.$defs["OverrideOut"]));
  expect(own(LADDERS)).toEqual(fields(ladders));
  expect(own(LADDER)).toEqual(fields(ladders.$defs["LadderOut"]));
  expect(own(LADDER.next)).toEqual(fields(ladders.$defs["NextCallOut"]));
});

test("the line says who is on call until when, and who after", () => {
  expect(scheduleWords(NURSES, nameOf, NOW)).toEqual({ words: "A. L. until 18:00, then ben", loud: false });
  expect(scheduleWords({ ...NURSES, now: { people: ["ada"], since: null, until: null }, next: null }, nameOf, NOW).words).toBe("A. L.");
});

test("a hand-off since the answer counts at once", () => {
  expect(scheduleWords(NURSES, nameOf, NOW + 480 * 60_000).words).toMatch(/^ben until/);
});

test("nobody where somebody should be is loud; nobody where nobody need be is not", () => {
  const empty: Schedule = { ...NURSES, now: { people: [], since: null, until: at(480) } };
  expect(scheduleWords({ ...empty, holes: [{ since: at(-60), until: at(480) }] }, nameOf, NOW)).toEqual({ words: "nobody is on call, ben from 18:00", loud: true });
  expect(scheduleWords({ ...empty, holes: [{ since: at(-60), until: at(480) }], next: null }, nameOf, NOW).words).toBe("nobody is on call, and nobody in the next four weeks");
  expect(scheduleWords(empty, nameOf, NOW)).toEqual({ words: "nobody needed, ben from 18:00", loud: false });
});

test("a turn that ends in a hole says so before it begins, and is loud from its first instant", () => {
  const ending: Schedule = { ...NURSES, holes: [{ since: at(480), until: at(3 * DAY) }], next: { people: ["ben"], since: at(3 * DAY), until: null } };
  expect(scheduleWords(ending, nameOf, NOW)).toEqual({ words: "A. L. until 18:00, then nobody, ben from Mon 10:00", loud: false });
  expect(scheduleWords(ending, nameOf, NOW + 480 * 60_000).loud).toBe(true);
});

test("of many names the rest are counted", () => {
  expect(people(["a", "b", "c", "d"], nameOf)).toBe("a, b, c, d");
  expect(people(["a", "b", "c", "d", "e"], nameOf)).toBe("a, b, c and 2 more");
  expect(people(null, nameOf)).toBe("everybody");
});

test("a ladder says its rung, whom it called, and counts down to whom it calls next", () => {
  expect(ladderWords(LADDER, nameOf, NOW)).toBe("2nd of 3: A. L., ben called, everybody in\u00a03:10");
  expect(ladderWords(LADDER, nameOf, NOW + 185_000)).toMatch(/everybody in\u00a00:05$/);
  expect(ladderWords(LADDER, nameOf, NOW + 200_000)).toMatch(/everybody now$/);
  expect(ladderWords(LADDER, nameOf, NOW + 290_000)).toMatch(/everybody was due 1:40 ago$/);
  expect(ladderWords({ ...LADDER, rung: 0, called: [], next: { rung: 1, people: ["ada"], at: at(1) } }, nameOf, NOW)).toBe("Calls A. L. in\u00a01:00");
  expect(ladderWords({ ...LADDER, rung: 1, of: 1, called: null }, nameOf, NOW)).toBe("Everybody called, again in\u00a03:10");
});

test("a ladder that calls nobody more only says whom it called, and one that was not heard of counts nothing down", () => {
  expect(ladderWords({ ...LADDER, next: null }, nameOf, NOW)).toBe("2nd of 3: A. L., ben called");
  expect(ladderWords({ ...LADDER, rung: 0, next: null }, nameOf, NOW)).toBeNull();
  expect(ladderWords(LADDER, nameOf, null)).toBe("2nd of 3: A. L., ben called, next call not known");
});

test("where two must answer the line says how many have", () => {
  expect(ladderWords({ ...LADDER, answers: 2, answered: ["ada"] }, nameOf, NOW)).toBe("2nd of 3: A. L., ben called, 1 of 2 answered, everybody in\u00a03:10");
});

test("rungs are counted as people count", () => {
  expect([1, 2, 3, 4, 11, 12, 13, 21].map(ordinal)).toEqual(["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st"]);
});

test("a page says whom it reached by what, and by what nobody was, by the names that colleagues read", () => {
  expect(pageWords({ state: "sent", reached: ["ada by ada-phone"], failed: ["ben by ben-call: busy"] }, nameOf)).toBe("reached A. L. by ada-phone; not ben by ben-call: busy");
  expect(pageWords({ state: "failed", reached: [], failed: ["ada by ada-phone: 500"] }, nameOf)).toBe("nobody reached; not A. L. by ada-phone: 500");
  expect(pageWords({ state: "pending", reached: [], failed: [] }, nameOf)).toBe("not sent yet");
});

test("a week's rows are its hand-offs, with holes apart from where nobody is needed", () => {
  const week: Schedule = {
    ...NURSES,
    turns: [
      { people: ["ada"], since: at(0), until: at(60) }, { people: ["ada"], since: at(60), until: at(120) },
      { people: [], since: at(120), until: at(400) }, { people: ["ben"], since: at(400), until: at(7 * DAY) },
    ],
    holes_shown: [{ since: at(200), until: at(300) }],
  };
  const minutes = (row: number | null): number | null => (row === null ? null : (row - NOW) / 60_000);
  expect(weekRows(week).map((row) => [minutes(row.since), minutes(row.until), row.people.join(), row.hole])).toEqual([
    [null, 120, "ada", false], [120, 200, "", false], [200, 300, "", true], [300, 400, "", false], [400, null, "ben", false],
  ]);
});

test("an override says who takes whose place", () => {
  expect(overrideWords({ who: "ben", covers: "ada", since: "", until: "" }, nameOf)).toBe("ben in place of A. L.");
  expect(overrideWords({ who: null, covers: null, since: "", until: "" }, nameOf)).toBe("nobody in place of everybody");
});

test("a refused override says the field and the reason", () => {
  expect(refusal(422, { detail: "until: it is not after since" })).toEqual({ field: "until", words: "Until: it is not after since" });
  expect(refusal(422, { detail: [{ loc: ["body", "since"], msg: "Input should have timezone info" }] })).toEqual({ field: "since", words: "From: Input should have timezone info" });
  expect(refusal(403, { detail: "a viewer may not" })).toEqual({ field: null, words: "a viewer may not" });
  expect(refusal(500, null)).toEqual({ field: null, words: "the server answered 500" });
});
