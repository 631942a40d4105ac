/** An alert's rung and the countdown to its next call, as a line of its row and as facts of its page. */

import { invented } from "../site";
import { clock, parse } from "../times";
import type { Alert } from "../wire";
import { ladderOf, nameOf } from "./heard";
import { ladderWords, nextCallWords, pageWords, rungWords } from "./said";

/** Whether the row says whom the alert called. */
export function hasLadder(alert: Alert): boolean {
  return (ladderOf(alert.alert).ladder?.rung ?? 0) > 0;
}

/** In one line; nothing where no call was made and none is due, and nothing of what somebody has answered and no call follows. */
export function LadderWords({ alert }: { alert: Alert }) {
  const { ladder, at } = ladderOf(alert.alert);
  const answered = alert.phase === "acknowledged" || alert.phase === "snoozed";
  if (ladder === null || (answered && ladder.next === null)) return null;
  const words = ladderWords(ladder, nameOf.value, at);
  return words === null ? null : <p class="ladder" data-testid={`ladder-${alert.alert}`}>{words}</p>;
}

export function LadderFacts({ alert }: { alert: Alert }) {
  const { ladder, at } = ladderOf(alert.alert);
  if (ladder === null || alert.phase === "closed") return null;
  const rung = rungWords(ladder, nameOf.value);
  const next = at === null ? "not known" : nextCallWords(ladder, nameOf.value, at);
  return (
    <>
      {rung !== null && <><dt>Called</dt><dd data-testid="called">{rung}</dd></>}
      {ladder.next !== null && <><dt>Next call</dt><dd data-testid="next-call">{next}</dd></>}
    </>
  );
}

/** What became of each page, one line a page, the first first. No times where the pager's clock is not the clinic's. */
export function PagesSent({ alert }: { alert: Alert }) {
  const pages = [...(alert.pages ?? [])].sort((a, b) => (parse(a.at) ?? 0) - (parse(b.at) ?? 0));
  return (
    <ol>
      {pages.map((page, i) => {
        const at = parse(page.at);
        return <li key={page.key ?? i}>{at !== null && !invented.value && <small>{clock(at)} </small>}{pageWords(page, nameOf.value)}</li>;
      })}
    </ol>
  );
}
