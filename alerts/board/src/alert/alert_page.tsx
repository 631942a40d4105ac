/** One alert on a phone, from a page's link: what, who, the value against its limit, since when, the last twenty minutes,
 * who else was paged; and the answers a person can give. */

import { signal } from "@preact/signals";
import { Fragment } from "preact";
import { useEffect } from "preact/hooks";

import { asking, command } from "../acknowledge";
import { detail, facts, measure, paged, rowsOf, title, withoutNumbers } from "../alarms";
import { whereNow } from "../board/alert_column";
import { NumbersNow, numbersNow } from "../board/numbers_now";
import { course } from "../board/timeline";
import { alarmClass } from "../board/vitals";
import { alerts, chairs } from "../feed";
import { Frame } from "../frame";
import { LadderFacts, PagesSent } from "../oncall/ladder_line";
import { getJson, href, listOf, mayAnswer, me, site } from "../here";
import { band } from "../readings";
import { invented } from "../site";
import { Strip } from "../strip";
import { channelsOf, goesOn, longName, SIGN, unitOf, usual } from "../tables";
import { clock, now, parse, second, since } from "../times";
import { trend, trendsMoved } from "../trends";
import type { Alert, Chair } from "../wire";
import { Story } from "./story";

const DID: Record<Alert["phase"], string> = {
  active: "Needs someone", latched: "Over, not yet seen", acknowledged: "Acknowledged", snoozed: "Snoozed", closed: "Closed",
};

/** An alert that is no longer open is not on the feed: it is asked for once. */
const older = signal<Alert | null | "asking" | "missing">(null);

async function look(id: string): Promise<void> {
  older.value = "asking";
  try {
    const answer = await getJson<unknown>(`/v1/alerts?open=false&site=${encodeURIComponent(site)}`);
    older.value = listOf<Alert>(answer, "alerts").find((a) => a.alert === id) ?? "missing";
  } catch {
    older.value = "missing";
  }
}

export function AlertPage({ id }: { id: string }) {
  second.value;
  useEffect(() => void look(id), [id]);
  const fetched = older.value;
  const alert = alerts.value.get(id) ?? (typeof fetched === "object" ? fetched : null);
  return (
    <Frame here="alert">
      {alert ? <One alert={alert} /> : (
        <p class="empty">{fetched === "missing" ? "This alert is not open any more, or not of this site." : "Fetching the alert…"} <a href={href("/")}>To the board</a></p>
      )}
    </Frame>
  );
}

function One({ alert }: { alert: Alert }) {
  const sign = SIGN[alert.priority];
  const began = parse(alert.onset_at) ?? parse(alert.raised_at);
  const value = measure(alert);
  const chair = chairs.value.find((c) => c.session === alert.session) ?? null;
  const until = parse(alert.until);
  const told = parse(alert.evidence?.["was"] === undefined ? alert.raised_at : alert.changed_at);
  const many = (alert.pages ?? []).length > 1;
  return (
    <article class={`one${alarmClass(alert)}`} data-testid={`alert-${alert.alert}`} data-priority={alert.priority} data-phase={alert.phase}>
      <div class="alert-top">
        <span class={`badge${alarmClass(alert)}`}>{sign.word} {sign.shape}</span>
        <span class="one-phase">{DID[alert.phase]}{alert.by ? ` by ${alert.by}` : ""}{until !== null ? ` until ${clock(until)}` : ""}</span>
      </div>
      <h1>{title(alert)}</h1>
      <p class="one-place">{whereNow(alert)}</p>
      {numbersNow(alert) === null ? value && <p class="one-value">{value.value}{value.limit !== null && <small>limit {value.limit}</small>}</p> : <NumbersNow alert={alert} large />}
      {detail(alert) !== "" && <p class="one-text">{told !== null && `${clock(told)}: `}{detail(alert)}</p>}
      <dl class="one-facts">
        {began !== null && <><dt>Since</dt><dd>{since(began)}</dd></>}
        {facts(alert).map(([name, words]) => <Fragment key={name}><dt>{name}</dt><dd>{words}</dd></Fragment>)}
        {chair && <><dt>Session</dt><dd>{[chair.drug, chair.route].filter(Boolean).join(" ")} · {course(chair, now()).words}</dd></>}
        <LadderFacts alert={alert} />
        <dt>{many ? "Pages" : "Page"}</dt><dd data-testid="paged">{many ? <PagesSent alert={alert} /> : paged(alert, clock, !invented.value) ?? "Nobody"}</dd>
      </dl>
      <Answers alert={alert} />
      {chair && <Trend alert={alert} chair={chair} />}
      <Story alert={alert} />
      <dl class="one-facts">
        {alert.source && <><dt>Limit from</dt><dd>{withoutNumbers(alert.source)}</dd></>}
        <dt>Rule</dt><dd><a class="rule-link" data-testid="rule-link" href={`${href("/rules")}#${alert.rule}`}>How “{title(alert)}” decides</a></dd>
      </dl>
    </article>
  );
}

function Trend({ alert, chair }: { alert: Alert; chair: Chair }) {
  trendsMoved.value;
  const row = rowsOf(alert)[0] ?? null;
  const own = row === null ? [] : channelsOf(row, "own");
  const channels = own.length > 0 ? own : ["spo2"];
  const held = channels.filter((c) => trend(chair.session, c).length > 0);
  const shownChannels = row === "rate" ? held.slice(0, 1) : held;
  const first = shownChannels[0];
  if (!first) return <p class="one-text">No readings in the last 20 minutes.</p>;
  const name = row === "pressure" ? `Pressure, ${unitOf(first)}` : longName(first);
  return (
    <figure class="one-trend">
      <figcaption>{name}, last 20 minutes</figcaption>
      <Strip key={first} lines={shownChannels.map((c) => ({ channel: c, points: trend(chair.session, c) }))} limits={shownChannels.map((c) => band(chair, c))}
        usual={usual(first)} label={`${name}, last 20 minutes`} dots={row === "pressure"} axes />
    </figure>
  );
}

function Answers({ alert }: { alert: Alert }) {
  const asked = asking.value.get(alert.alert);
  const busy = asked === "sending" || asked === "sent";
  const waits = alert.phase === "active" || alert.phase === "latched";
  const known = alert.priority === "info";
  if (alert.phase === "closed" || !mayAnswer(me.value)) return null;
  return (
    <div class="one-answers">
      {waits && (
        <>
          <button class="ack ack-large" data-testid={`ack-${alert.alert}`} aria-disabled={busy} onClick={() => !busy && void command(alert.alert, "acknowledge")}>
            {busy ? "Sending…" : "Acknowledge"}
          </button>
          <button class="ack-also" data-testid={`on-my-way-${alert.alert}`} aria-disabled={busy} onClick={() => !busy && void command(alert.alert, "acknowledge", { note: "on my way" })}>
            On my way
          </button>
        </>
      )}
      {alert.phase === "acknowledged" && (
        <button class="ack-also" data-testid={`snooze-${alert.alert}`} aria-disabled={busy} onClick={() => !busy && void command(alert.alert, "snooze", { minutes: 10 })}>
          Snooze 10 minutes
        </button>
      )}
      {alert.phase === "snoozed" && (
        <button class="ack-also" data-testid={`unsnooze-${alert.alert}`} aria-disabled={busy} onClick={() => !busy && void command(alert.alert, "unsnooze")}>
          End the snooze
        </button>
      )}
      {goesOn(alert) && <p class="one-text" data-testid={`goes-on-${alert.alert}`}>It is measured and goes on: it closes once the readings are back.</p>}
      {!goesOn(alert) && (alert.phase === "acknowledged" || alert.phase === "latched" || known) && (
        <button class="ack-also" data-testid={`close-${alert.alert}`} aria-disabled={busy} onClick={() => !busy && void command(alert.alert, "close")}>
          Close
        </button>
      )}
      {asked === "failed" && <p role="alert"><strong>Not sent. Tap again.</strong></p>}
    </div>
  );
}
