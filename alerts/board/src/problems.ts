/** What stands in the alerts' column: one row a problem, however many limits it crosses. Pure.
 *
 * Alerts of one session whose rules imply one another (the server's table: a crisis implies a high pressure, that a rise) are one
 * problem. Bad at: alerts that belong together by medicine and not by that table; they stay rows of their own.
 */

import { worstNewestFirst } from "./alarms";
import { impliedBy, SIGN } from "./tables";
import type { Alert, Priority } from "./wire";

export interface Problem {
  /** What goes on now, unanswered; what is over and was not seen; what somebody has. */
  state: "standing" | "over" | "answered";
  /** What its row says: the worst of those that give it its state. */
  lead: Alert;
  /** All of it, the lead first. */
  members: readonly Alert[];
}

const STATES = ["standing", "over", "answered"] as const;

function stateOf(alert: Alert): Problem["state"] {
  return alert.phase === "active" ? "standing" : alert.phase === "latched" ? "over" : "answered";
}

function together(a: Alert, b: Alert): boolean {
  if (a.session ? a.session !== b.session : b.session || !a.patient || a.patient !== b.patient) return false;
  if (a.rule === b.rule) return !!a.session;
  return impliedBy(a.rule).includes(b.rule) || impliedBy(b.rule).includes(a.rule);
}

/** The problems of these alerts: those that stand first, worst and then newest; those that are over; those that somebody has. What is only to be known is none. */
export function problemsOf(alerts: Iterable<Alert>): Problem[] {
  const left = [...alerts].filter((a) => a.phase !== "closed" && a.priority !== "info").sort(worstNewestFirst);
  const found: Problem[] = [];
  while (left.length > 0) {
    const members = left.splice(0, 1);
    for (let i = 0; i < members.length; i++) {
      const one = members[i];
      for (let j = left.length - 1; j >= 0 && one; j--) {
        const other = left[j];
        if (other && together(one, other)) members.push(...left.splice(j, 1));
      }
    }
    members.sort((a, b) => STATES.indexOf(stateOf(a)) - STATES.indexOf(stateOf(b)) || worstNewestFirst(a, b));
    const lead = members[0];
    if (lead) found.push({ state: stateOf(lead), lead, members });
  }
  return found.sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || worstNewestFirst(a.lead, b.lead));
}

/** What one tap on the row answers: everything of it that nobody has answered. */
export function unanswered(problem: Problem): Alert[] {
  return problem.members.filter((a) => a.phase === "active" || a.phase === "latched");
}

/** "2 HIGH ▲, 1 LOW ●": how bad those are that do not stand on the screen. */
export function howBad(problems: readonly Problem[]): string {
  const counts = new Map<Priority, number>();
  for (const { lead } of problems) counts.set(lead.priority, (counts.get(lead.priority) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => SIGN[b].rank - SIGN[a].rank).map(([p, n]) => `${n} ${SIGN[p].word} ${SIGN[p].shape}`).join(", ");
}
