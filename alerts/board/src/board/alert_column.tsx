/** The alerts that need someone, worst and oldest first, each with its one button; below them those that somebody has. */

import { useEffect, useRef, useState } from "preact/hooks";

import { asking, command } from "../acknowledge";
import { hasLadder, LadderWords } from "../oncall/ladder_line";
import { OnCallLine } from "../oncall/on_call_line";
import { LimitsLine } from "./limits_line";
import { PagesLine } from "./pages_line";
import { detail, handled, known, measure, paged, place, title, waiting } from "../alarms";
import { alerts } from "../feed";
import { href, mayAnswer, me } from "../here";
import { invented } from "../site";
import { SIGN } from "../tables";
import { clock, now, parse, second, since } from "../times";
import type { Alert } from "../wire";
import { alarmClass } from "./vitals";

/** This many rows with all their words fit a wall screen beside twelve cards. */
const DENSE_FROM = 4;

/** A row that has just come or moved takes no tap for this long, or a finger aimed at its neighbour would answer the wrong one. */
const SETTLE_MS = 400;

function useSettling(position: number): boolean {
  const [settledAt, settle] = useState(-1);
  useEffect(() => {
    const timer = window.setTimeout(() => settle(position), SETTLE_MS);
    return () => window.clearTimeout(timer);
  }, [position]);
  return settledAt !== position;
}

function Waiting({ alert, position }: { alert: Alert; position: number }) {
  second.value;
  const sign = SIGN[alert.priority];
  const began = parse(alert.onset_at) ?? parse(alert.raised_at);
  const value = measure(alert);
  const asked = asking.value.get(alert.alert);
  const settling = useSettling(position);
  const over = alert.phase === "latched";
  const words = detail(alert);
  return (
    <li class={`alert${alarmClass(alert)}${settling ? " settling" : ""}${over ? " over" : ""}`} data-testid={`alert-${alert.alert}`} data-priority={alert.priority} data-phase={alert.phase}>
      <div class="alert-top">
        <span class={`badge${alarmClass(alert)}`}>{sign.word} {sign.shape}</span>
        <a class="alert-place" href={href(`/alert/${encodeURIComponent(alert.alert)}`)}>{place(alert)}</a>
      </div>
      <div class="alert-what">
        <span class="alert-title">{title(alert)}</span>
        {value && <span class="alert-value">{value.value}{value.limit !== null && <small> limit {value.limit}</small>}</span>}
      </div>
      {words !== "" && <p class="alert-text">{words}</p>}
      <p class="alert-note">
        {began !== null && <span>{since(began)}</span>}
        {over && <strong>Over, not yet seen</strong>}
        {asked === "failed" ? <strong role="alert">Not sent. Tap again.</strong> : <span class="alert-paged">{paged(alert, clock, !invented.value, hasLadder(alert))}</span>}
      </p>
      <LadderWords alert={alert} />
      {mayAnswer(me.value) && <button class="ack" data-testid={`ack-${alert.alert}`} aria-label={`Acknowledge: ${title(alert)}, ${place(alert)}`} aria-disabled={asked === "sending" || asked === "sent"}
        onClick={() => asked !== "sending" && asked !== "sent" && void command(alert.alert, "acknowledge")}>
        {asked === "sending" || asked === "sent" ? "Sending…" : "Acknowledge"}
      </button>}
    </li>
  );
}

function Handled({ alert }: { alert: Alert }) {
  second.value;
  const sign = SIGN[alert.priority];
  const until = parse(alert.until);
  const did = alert.phase === "snoozed" ? "Snoozed" : "Acknowledged";
  return (
    <li class={`handled${alarmClass(alert)}`} data-testid={`alert-${alert.alert}`} data-priority={alert.priority} data-phase={alert.phase}>
      <span class={`badge${alarmClass(alert)}`}>{sign.word} {sign.shape}</span>
      <a class="handled-what" href={href(`/alert/${encodeURIComponent(alert.alert)}`)}>{place(alert)} · {title(alert)}</a>
      <span class="handled-by">
        {did}{alert.by ? ` by ${alert.by}` : ""}{alert.changed_at ? ` ${clock(parse(alert.changed_at) ?? now())}` : ""}{until !== null ? `, until ${clock(until)}` : ""}
      </span>
      <LadderWords alert={alert} />
    </li>
  );
}

/** What is only to be known: one line each, that leads to all of it. */
function Known({ alert }: { alert: Alert }) {
  const value = measure(alert);
  return (
    <li data-testid={`alert-${alert.alert}`} data-priority={alert.priority} data-phase={alert.phase}>
      <a href={href(`/alert/${encodeURIComponent(alert.alert)}`)}>{place(alert)} · {title(alert)}{value && ` ${value.value}`}</a>
    </li>
  );
}

interface Column {
  /** Those that this page is for; the others are one line that leads to where they are answered. */
  only: readonly Alert[];
  /** What is said when there are none. */
  none: string;
  beyond: { words: string; path: string };
}

export function AlertColumn({ only, none, beyond }: Column) {
  const all = waiting(alerts.value);
  const mine = (alert: Alert): boolean => only.some((a) => a.alert === alert.alert);
  const open = all.filter(mine);
  const answered = handled(alerts.value).filter(mine);
  const informing = known(alerts.value).filter(mine);
  const elsewhere = all.filter((a) => !mine(a));
  const worst = elsewhere[0];
  // Closing up moves every row, so it counts as a new position for all of them.
  const dense = open.length > DENSE_FROM;
  const heading = useRef<HTMLHeadingElement>(null);
  const focused = useRef(false);
  // When the row that held the keyboard is gone, the heading takes it: not the next button, which a second Enter would press.
  useEffect(() => {
    if (focused.current && document.activeElement === document.body) heading.current?.focus();
  }, [open.length]);
  return (
    <section class={dense ? "alerts dense" : "alerts"} aria-label="Alerts" onFocusCapture={() => (focused.current = true)} onBlurCapture={(e) => (focused.current = e.relatedTarget === null)}>
      <h2 tabIndex={-1} ref={heading} class={open.length === 0 ? "none" : ""}>
        {open.length === 0 ? none : `${open.length} ${open.length === 1 ? "alert needs" : "alerts need"} someone`}
        {worst && <a class="elsewhere" href={href(beyond.path)}><span class={`badge${alarmClass(worst)}`}>{SIGN[worst.priority].word} {SIGN[worst.priority].shape}</span>{elsewhere.length} {beyond.words}</a>}
      </h2>
      <ol class="alert-list">
        {open.map((alert, i) => <Waiting key={alert.alert} alert={alert} position={dense ? i + 1000 : i} />)}
      </ol>
      {answered.length > 0 && (
        <>
          <h3>Somebody has these</h3>
          <ol class="handled-list">{answered.map((alert) => <Handled key={alert.alert} alert={alert} />)}</ol>
        </>
      )}
      {informing.length > 0 && (
        <>
          <h3>For information <span class="badge">{SIGN.info.word} {SIGN.info.shape}</span></h3>
          <ol class="known-list">{informing.map((alert) => <Known key={alert.alert} alert={alert} />)}</ol>
        </>
      )}
      <OnCallLine />
      <LimitsLine />
      <PagesLine />
    </section>
  );
}
