/** Who is on call: each schedule's coming week as rows, the people, and the form that puts somebody in another's place. */

import { Frame } from "../frame";
import { mayAnswer, me } from "../here";
import { dated, dayAndClock, now, parse, second } from "../times";
import type { Colleague, Rota, Schedule } from "../wire";
import { Waiting } from "../asked";
import { nameOf, rota, rotaProblem } from "./heard";
import { OverrideForm } from "./override_form";
import { overrideWords, scheduleName, scheduleWords, weekRows, type WeekRow } from "./said";

export function OnCallPage() {
  const known = rota.value;
  return (
    <Frame here="oncall">
      <div class="desk">
        <section class="rota" aria-label="On call" data-testid="rota">
          <h1>On call</h1>
          {known === null ? <Waiting problem={rotaProblem.value} what="Who is on call" /> : <Week known={known} />}
        </section>
        {known !== null && (
          <div class="desk-side">
            {known.schedules.length > 0 && mayAnswer(me.value) && <OverrideForm known={known} />}
            <People known={known.people} />
          </div>
        )}
      </div>
    </Frame>
  );
}

function Week({ known }: { known: Rota }) {
  const asked = parse(known.at);
  return (
    <>
      {rotaProblem.value !== null && asked !== null && <p class="form-problem" role="alert">As it was at {dated(asked)}: {rotaProblem.value}.</p>}
      {known.schedules.length === 0 && <p class="empty">This site has no schedules: every page goes to everybody.</p>}
      {known.schedules.map((schedule) => <OneSchedule key={schedule.name} schedule={schedule} people={known.people} />)}
    </>
  );
}

function OneSchedule({ schedule, people }: { schedule: Schedule; people: readonly Colleague[] }) {
  second.value;
  const { words, loud } = scheduleWords(schedule, nameOf.value, now());
  return (
    <section class="schedule" data-testid={`schedule-${schedule.name}`}>
      <h2>{scheduleName(schedule.name)}</h2>
      <p class={loud ? "pages-line loud" : "soft"} role={loud ? "alert" : undefined}>{words.replace(/^./, (c) => c.toUpperCase())}.</p>
      <ol class="turns">
        {weekRows(schedule).map((row) => <Turn key={row.since ?? 0} row={row} people={people} />)}
      </ol>
      {schedule.overrides.length > 0 && (
        <ul class="plain-list" aria-label={`In another's place, ${scheduleName(schedule.name)}`}>
          {schedule.overrides.map((each, i) => <li key={i}><span>{overrideWords(each, nameOf.value)}</span><span class="soft">{dated(Date.parse(each.since))} to {dated(Date.parse(each.until))}</span></li>)}
        </ul>
      )}
    </section>
  );
}

function Turn({ row, people }: { row: WeekRow; people: readonly Colleague[] }) {
  return (
    <li class={row.hole ? "turn turn-hole" : "turn"}>
      <span class="turn-when">{row.since === null ? "Now" : dated(row.since)} {row.until === null ? "and on" : `to ${dayAndClock(row.until, row.since ?? now())}`}</span>
      {row.hole ? <strong>Nobody is on call</strong>
      : row.people.length === 0 ? <span class="soft">nobody needed</span>
      : <span class="turn-who">{row.people.map((name) => <Name key={name} one={people.find((each) => each.name === name)} name={name} />)}</span>}
    </li>
  );
}

function Name({ one, name }: { one: Colleague | undefined; name: string }) {
  return <span>{one?.display ?? name}{one?.role && <small> {one.role}</small>}</span>;
}

function People({ known }: { known: readonly Colleague[] }) {
  return (
    <section aria-label="People">
      <h2>People</h2>
      {known.length === 0 ? <p class="soft">Nobody is named in this site's file.</p>
      : <ul class="plain-list" data-testid="people">{known.map((one) => <li key={one.name}><Name one={one} name={one.name} /></li>)}</ul>}
    </section>
  );
}
