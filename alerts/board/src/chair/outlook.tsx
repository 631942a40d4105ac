/** What comes next for this person: may they leave, how dissociated they should be by now, where pressure may go. Estimates, said to be so. */

import { clock, now, parse, second } from "../times";
import type { Chair, Dissociation } from "../wire";

const MINUTE = 60_000;

/** Pure: "about 12 (5 to 25) of 92, over about 14:40". */
export function dissociationWords(level: Dissociation, nowMs: number): string {
  const about = `about ${Math.round(level.level)} (${Math.round(level.low)} to ${Math.round(level.high)}) of 92`;
  const over = parse(level.resolves_at);
  if (over === null) return about;
  return over - nowMs < MINUTE ? `${about}, should be over` : `${about}, over about ${clock(over)}`;
}

/** Pure: a probability as a nurse says it; below one in a hundred it is not worth a number. */
export function chanceWords(share: number): string {
  return share < 0.01 ? "under 1 %" : `${Math.round(share * 100)} %`;
}

export function Outlook({ chair }: { chair: Chair }) {
  second.value;
  const { readiness, dissociation, pressure_forecast: pressure, expected } = chair;
  const leaves = parse(readiness?.expected_at);
  const soon = pressure?.["10min"];
  const later = pressure?.["20min"];
  if (!readiness && !dissociation && !expected) return null;
  return (
    <section class="outlook" aria-label="What to expect" data-testid="outlook">
      {readiness && (
        <div class="outlook-ready" data-testid="readiness" data-ready={readiness.ready}>
          <strong>{readiness.ready ? "Ready to leave" : "Not ready to leave"}{!readiness.ready && leaves !== null && ` · expected ${clock(leaves)}`}</strong>
          {(readiness.unseen ?? []).map((words) => <p class="blind" key={words}>{words}</p>)}
          {readiness.reasons.length > 0 && <ul>{readiness.reasons.map((reason) => <li key={reason}>{reason}</li>)}</ul>}
        </div>
      )}
      <dl>
        {expected && <><dt>Expected now</dt><dd data-testid="expected">{expected}</dd></>}
        {dissociation && <><dt>Dissociation, estimated</dt><dd data-testid="estimate">{dissociationWords(dissociation, now())}</dd></>}
        {soon !== undefined && later !== undefined && (
          <><dt>Pressure of 180/110 or more</dt><dd data-testid="pressure-forecast">{chanceWords(soon)} within 10 min, {chanceWords(later)} within 20</dd></>
        )}
      </dl>
    </section>
  );
}
