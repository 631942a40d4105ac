/** An alert's numbers as they are now, drawn: the value large and struck through once it is old, its worst, how fast, the limit. */

import { chairs, elapsedS, silentSince } from "../feed";
import { measuredChannel, type Numbers, numbersOf } from "../numbers";
import { now, second } from "../times";
import { trend, trendsMoved } from "../trends";
import type { Alert } from "../wire";

export function numbersNow(alert: Alert): Numbers | null {
  second.value;
  trendsMoved.value;
  const chair = alert.session ? (chairs.value.find((c) => c.session === alert.session) ?? null) : null;
  const channel = alert.evidence?.["channel"];
  const points = typeof channel === "string" && chair ? trend(chair.session, measuredChannel(channel, chair)) : [];
  return numbersOf(alert, { chair, points, elapsedS: elapsedS.value, silent: silentSince.value !== null, nowMs: now() });
}

export function NumbersNow({ alert, large = false }: { alert: Alert; large?: boolean }) {
  const found = numbersNow(alert);
  if (found === null) return null;
  const { label, now: value, live, worst, unit, limit, pace } = found;
  return (
    <p class={large ? "one-value" : "alert-value"} data-testid={`numbers-${alert.alert}`}>
      {label !== null && <span class="value-label">{label} </span>}
      {value === null ? <><span class="value-now">—</span> <small>not measured now</small></>
      : live ? <span class="value-now">{value}<small> {unit}</small></span>
      : <><s class="value-now value-old">{value}</s><small> {unit}, old</small></>}
      {worst !== null && worst !== value && <span class="value-worst"> worst {worst}</span>}
      {limit !== null && <small> limit {limit}</small>}
      {pace !== null && <small class="value-pace"> {pace}</small>}
    </p>
  );
}
