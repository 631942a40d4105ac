/** Where a session stands: infusion · observation · ready?, as a thin bar and one line of words. */

import { clock, now, parse, second, span } from "../times";
import type { Chair } from "../wire";

export interface Course {
  words: string;
  /** When the observation is over, if that is known and yet to come. */
  readyMs: number | null;
  /** Shares of the bar: how much is infusion, and where now is; null where it cannot be known yet. */
  infusion: number;
  at: number | null;
  ready: boolean;
}

const MINUTE = 60_000;
/** Drawn, not decided: the bar's length before the server says until when to observe. Two hours, as on esketamine's label. */
const OBSERVED_MINUTES = 120;

/** The observation may be over before the patient is ready, never the other way round. */
function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

function minutes(ms: number): number {
  return Math.max(0, Math.floor(ms / MINUTE));
}

/** Pure: the course of a session at one instant. */
export function course(chair: Chair, nowMs: number): Course {
  const started = parse(chair.started_at);
  const dose = parse(chair.dose_at);
  const planned = chair.dose_minutes ?? chair.planned_minutes ?? null;
  const end = parse(chair.observe_until);
  const act = chair.route === "iv" || chair.route == null ? "Infusion" : "Dose";
  if (chair.phase === "unscheduled") {
    return { words: `Not scheduled${started === null ? "" : ` · ${minutes(nowMs - started)} min`}`, readyMs: null, infusion: 0, at: null, ready: false };
  }
  if (dose === null || chair.phase === "before") {
    const waited = started === null ? "" : ` · ${minutes(nowMs - started)} min`;
    return { words: `Before dose${waited}`, readyMs: null, infusion: (planned ?? 40) / ((planned ?? 40) + OBSERVED_MINUTES), at: 0, ready: false };
  }
  const doseMs = (planned ?? 0) * MINUTE;
  const whole = (end ?? dose + doseMs + OBSERVED_MINUTES * MINUTE) - dose;
  const at = Math.min(1, Math.max(0, (nowMs - dose) / Math.max(whole, 1)));
  const infusion = Math.min(1, doseMs / Math.max(whole, 1));
  if (chair.phase === "dosing") {
    const of = planned ? ` of ${Math.round(planned)}` : "";
    return { words: `${act} · minute ${minutes(nowMs - dose)}${of}`, readyMs: end, infusion, at, ready: false };
  }
  if (end !== null && nowMs >= end) {
    const readiness = chair.readiness;
    const against = readiness && !readiness.ready ? readiness.reasons[0] : null;
    if (against) return { words: `Not ready · ${against}`, readyMs: parse(readiness?.expected_at), infusion, at: 1, ready: false };
    return { words: `${readiness ? "Ready" : "Ready?"} · since ${span(nowMs - end)}, ${clock(end)}`, readyMs: null, infusion, at: 1, ready: true };
  }
  const words = end === null ? "Observation" : `Observe ${Math.ceil((end - nowMs) / MINUTE)} min more`;
  return { words, readyMs: later(end, parse(chair.readiness?.expected_at)), infusion, at, ready: false };
}

export function Timeline({ chair }: { chair: Chair }) {
  second.value;
  const { words, readyMs, infusion, at, ready } = course(chair, now());
  return (
    <div class="timeline">
      <div class="bar" aria-hidden="true">
        <div class="bar-infusion" style={{ width: `${infusion * 100}%` }} />
        {at !== null && <div class="bar-done" style={{ width: `${at * 100}%` }} />}
        {at !== null && <div class="bar-now" style={{ left: `${at * 100}%` }} />}
      </div>
      <div class={ready ? "phase phase-ready" : "phase"}>
        <span>{words}</span>
        {readyMs !== null && <span>ready? {clock(readyMs)}</span>}
      </div>
    </div>
  );
}
