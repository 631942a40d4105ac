/** Who is on call now and next, a line a schedule: calm, and loud where nobody is and somebody should be. */

import { href } from "../here";
import { dayAndClock, now, parse, second } from "../times";
import { nameOf, rota, rotaProblem } from "./heard";
import { scheduleName, scheduleWords } from "./said";

export function OnCallLine() {
  second.value;
  const known = rota.value;
  if (known === null) {
    return rotaProblem.value === null ? null : <p class="pages-line" data-testid="on-call-line">Who is on call is not known: {rotaProblem.value}.</p>;
  }
  const lines = known.schedules.map((schedule) => ({ name: schedule.name, title: scheduleName(schedule.name), ...scheduleWords(schedule, nameOf.value, now()) }));
  if (lines.length === 0) return null;
  const asked = parse(known.at);
  return (
    <div class="on-call-line" data-testid="on-call-line">
      {lines.filter((line) => line.loud).map((line) => <p key={line.name} class="pages-line loud" role="alert"><a href={href("/oncall")}>{line.title}: {line.words}.</a></p>)}
      {lines.some((line) => !line.loud) && (
        <p class="pages-line">
          <a href={href("/oncall")}>On call</a>
          {lines.filter((line) => !line.loud).map((line) => <span key={line.name}>{line.title}: {line.words}</span>)}
          {rotaProblem.value !== null && asked !== null && <span>As it was at {dayAndClock(asked)}</span>}
        </p>
      )}
    </div>
  );
}
