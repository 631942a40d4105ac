/** Who is on call, and how far an alert's ladder has been climbed, in words. Pure: the page's clock comes in. */

import { countdown, dayAndClock } from "../times";
import type { Hole, Ladder, Override, PageSent, Rota, Schedule, Turn } from "../wire";

export type NameOf = (person: string) => string;

/** What colleagues read of somebody; the configured name where nothing else is said. */
export function namesOf(rota: Rota | null): NameOf {
  const displays = new Map(rota?.people.map((each) => [each.name, each.display ?? each.name]));
  return (person) => displays.get(person) ?? person;
}

const MOST_NAMES = 3;

/** "A. L., B. M. and 4 more"; null is everybody. Nobody is left out without being counted. */
export function people(names: readonly string[] | null, nameOf: NameOf): string {
  if (names === null) return "everybody";
  const more = names.length - MOST_NAMES;
  const shown = (more > 1 ? names.slice(0, MOST_NAMES) : names).map(nameOf).join(", ");
  return more > 1 ? `${shown} and ${more} more` : shown;
}

function capital(text: string): string {
  return text.replace(/^./, (c) => c.toUpperCase());
}

export function scheduleName(name: string): string {
  return capital(name.replaceAll(/[-_]/g, " "));
}

const ms = (at: string | null): number => (at === null ? Infinity : Date.parse(at));

export function inside(hole: Hole, at: number): boolean {
  return ms(hole.since) <= at && at < ms(hole.until);
}

/** Who has the schedule at an instant soon after the answer, and who has it then: a hand-off may have come since. */
function standing(schedule: Schedule, at: number): { turn: Turn; next: Turn | null } {
  const { now: turn, next } = schedule;
  if (at < ms(turn.until)) return { turn, next };
  if (next !== null && ms(next.since) <= at) return { turn: next, next: null };
  return { turn: { people: [], since: turn.until, until: next?.since ?? null }, next };
}

/** "A. L. until 18:00, then B. M."; `loud` where nobody is on call and somebody should be. */
export function scheduleWords(schedule: Schedule, nameOf: NameOf, at: number): { words: string; loud: boolean } {
  const { turn, next } = standing(schedule, at);
  const then = next === null ? null : `${people(next.people, nameOf)} from ${dayAndClock(ms(next.since), at)}`;
  if (turn.people.length === 0) {
    const loud = schedule.holes.some((hole) => inside(hole, at));
    const nobody = loud ? "nobody is on call" : "nobody needed";
    return { words: `${nobody}${then === null ? loud ? ", and nobody in the next four weeks" : "" : `, ${then}`}`, loud };
  }
  const until = ms(turn.until);
  const who = people(turn.people, nameOf);
  if (until === Infinity) return { words: who, loud: false };
  const hole = schedule.holes.some((each) => inside(each, until));
  const after = next !== null && ms(next.since) <= until ? `, then ${people(next.people, nameOf)}`
    : `${hole ? ", then nobody" : ""}${then === null ? "" : `, ${then}`}`;
  return { words: `${who} until ${dayAndClock(until, at)}${after}`, loud: false };
}

/** A row of a schedule's week: who is on call, or why nobody is. `since` or `until` null: it began before, or goes on after. */
export interface WeekRow {
  since: number | null;
  until: number | null;
  people: readonly string[];
  /** Nobody is on call though somebody should be. */
  hole: boolean;
}

/** The turns as rows, each hand-off one; a time without anybody in rows of holes and of what nobody is needed in. */
export function weekRows(schedule: Schedule): WeekRow[] {
  const rows: { since: number; until: number; people: readonly string[]; hole: boolean }[] = [];
  const add = (since: number, until: number, names: readonly string[], hole: boolean): void => {
    const last = rows.at(-1);
    if (since >= until) return;
    if (last && last.hole === hole && last.people.join() === names.join()) last.until = until;
    else rows.push({ since, until, people: names, hole });
  };
  for (const turn of schedule.turns) {
    let from = ms(turn.since);
    const until = ms(turn.until);
    if (turn.people.length > 0) {
      add(from, until, turn.people, false);
      continue;
    }
    for (const hole of schedule.holes_shown) {
      const [start, end] = [Math.max(ms(hole.since), from), Math.min(ms(hole.until), until)];
      if (start >= end) continue;
      add(from, start, [], false);
      add(start, end, [], true);
      from = end;
    }
    add(from, until, [], false);
  }
  // What is shown is cut out of the rota: its two ends are no hand-offs.
  return rows.map((row, i) => ({ ...row, since: i === 0 ? null : row.since, until: i === rows.length - 1 ? null : row.until }));
}

/** "ben in place of A. L."; `who` null takes somebody off. */
export function overrideWords({ who, covers }: Override, nameOf: NameOf): string {
  return `${who === null ? "nobody" : nameOf(who)} in place of ${covers === null ? "everybody" : nameOf(covers)}`;
}

/** "2nd". */
export function ordinal(n: number): string {
  const teen = n % 100 > 10 && n % 100 < 14;
  return `${n}${teen ? "th" : ({ 1: "st", 2: "nd", 3: "rd" }[n % 10] ?? "th")}`;
}

/** What the next call does, and when: "everybody in 3:10"; null where none is due. */
export function nextCallWords(ladder: Ladder, nameOf: NameOf, at: number): string | null {
  const { next, called } = ladder;
  if (next === null) return null;
  const again = ladder.rung > 0 && (called === null || (next.people !== null && next.people.every((each) => called.includes(each))));
  const left = ms(next.at) - at;
  const when = left > 0 ? `in\u00a0${countdown(left)}` : left > -60_000 ? "now" : `was due ${countdown(-left)} ago`;
  if (ladder.rung > 0 && called === null && next.people === null) return `again ${when}`;
  return `${people(next.people, nameOf)}${again ? " again" : ""} ${when}`;
}

/** Which rung, whom it called: "2nd of 3: Dr. B called"; null before the first call. */
export function rungWords(ladder: Ladder, nameOf: NameOf): string | null {
  if (ladder.rung === 0) return null;
  const called = `${people(ladder.called, nameOf)} called`;
  const answered = ladder.answers > 1 && ladder.answered.length > 0 ? `, ${ladder.answered.length} of ${ladder.answers} answered` : "";
  return `${ladder.of > 1 ? `${ordinal(ladder.rung)} of ${ladder.of}: ${called}` : capital(called)}${answered}`;
}

/** "2nd of 3: Dr. B called, everybody in 3:10"; null where no call was made and none is due. `at` null: the page cannot know. */
export function ladderWords(ladder: Ladder, nameOf: NameOf, at: number | null): string | null {
  const rung = rungWords(ladder, nameOf);
  if (at === null) return rung === null ? null : `${rung}, next call not known`;
  const next = nextCallWords(ladder, nameOf, at);
  if (rung === null) return next === null ? null : `Calls ${next}`;
  return next === null ? rung : `${rung}, ${next}`;
}

/** "ada by ada-phone: refused" with the name that colleagues read. */
function way(text: string, nameOf: NameOf): string {
  const [person, ...rest] = text.split(" by ");
  return rest.length === 0 || person === undefined ? text : [nameOf(person), ...rest].join(" by ");
}

/** What became of one page: "reached A. L. by ada-phone; not Dr. B by call: busy". */
export function pageWords(page: PageSent, nameOf: NameOf): string {
  const reached = (page.reached ?? []).map((each) => way(each, nameOf)).join(", ");
  const failed = (page.failed ?? []).map((each) => way(each, nameOf)).join("; ");
  if (reached !== "") return `reached ${reached}${failed === "" ? "" : `; not ${failed}`}`;
  if (failed !== "") return `nobody reached; not ${failed}`;
  return page.state === "sent" ? "sent" : "not sent yet";
}
