/** The four lines of vital signs: label, number, strip. One line per sign, the same on the card and on the chair page. */

import { type ComponentChildren, Fragment } from "preact";

import { rowsOf } from "../alarms";
import { elapsedS, silentSince } from "../feed";
import { band, beside, dissociation, rateChannel, sedation, type Shown, shown, type Spoken } from "../readings";
import { type Line, Strip } from "../strip";
import { type Row, shortName, SIGN, unitOf, usual } from "../tables";
import { clock, now, parse, second, span } from "../times";
import { trend, trendsMoved } from "../trends";
import type { Alert, Chair, Priority } from "../wire";

/** The worst alert that stands on a line, waiting or answered. A loose probe's is not on the rate where that comes from the leads. */
function worstOn(row: Row, alerts: readonly Alert[], drawn: string | null = null): Alert | null {
  const spared = (a: Alert): boolean => drawn !== null && Array.isArray(a.evidence?.["channels"]) && !a.evidence["channels"].includes(drawn);
  return alerts.filter((a) => rowsOf(a).includes(row) && !spared(a)).reduce<Alert | null>((worst, a) => (worst && SIGN[worst.priority].rank >= SIGN[a.priority].rank ? worst : a), null);
}

function Number({ value, live }: { value: Shown; live: boolean }) {
  if (value.absent) return <span class="number absent">—</span>;
  return live ? <span class="number">{value.digits}</span> : <s class="number old">{value.digits}</s>;
}

/** Coloured only while its alert waits for someone; answered, an outline stays. */
export function alarmClass(alert: Alert | null): string {
  if (alert === null || alert.priority === "info") return "";
  const answered = alert.phase === "acknowledged" || alert.phase === "snoozed";
  return ` on-${alert.priority as Priority}${answered ? " answered" : ""}`;
}

/** On a value itself. An alert that is over stays until it is seen, but its colour would now belong to a reading that is well: outlined. */
function valueClass(alert: Alert | null): string {
  return `${alarmClass(alert)}${alert?.phase === "latched" && alert.priority !== "info" ? " answered" : ""}`;
}

interface VitalProps {
  name: Row;
  label: string;
  unit: string;
  note: string | null;
  alert: Alert | null;
  lines: Line[];
  chair: Chair;
  children: ComponentChildren;
}

function Vital({ name, label, unit, note, alert, lines, chair, children }: VitalProps) {
  const channels = lines.map((l) => l.channel);
  const limits = channels.map((c) => band(chair, c));
  return (
    <div class={`vital vital-${name}`}>
      <div class="vital-label">
        <span class="vital-name">{label} <small>{unit}</small></span>
        <span class={note !== null && /^(\d|just)/.test(note) ? "vital-note" : "vital-note vital-why"}>{note}</span>
      </div>
      <div class={`vital-value${valueClass(alert)}`}>
        {alert && alert.priority !== "info" && <span class="vital-shape" role="img" aria-label={SIGN[alert.priority].word}>{SIGN[alert.priority].shape}</span>}
        {children}
      </div>
      <Strip lines={lines} limits={limits} usual={usual(channels[0] ?? "")} label={`${label}, last 20 minutes`} dots={name === "pressure"} />
    </div>
  );
}

export function Vitals({ chair, alerts }: { chair: Chair; alerts: readonly Alert[] }) {
  second.value;
  trendsMoved.value;
  const dead = silentSince.value !== null;
  const elapsed = elapsedS.value;
  const see = (channel: string): Shown => shown(channel, chair.values?.[channel], elapsed);
  const live = (value: Shown): boolean => value.live && !dead;
  const line = (channel: string): Line => ({ channel, points: trend(chair.session, channel) });

  const spo2 = see("spo2");
  const rateOf = rateChannel(chair, elapsed);
  const rate = see(rateOf);
  const sbp = see("sbp");
  const dbp = see("dbp");
  const rr = see("rr");
  const also = (row: Row): ComponentChildren => beside(chair, row).map(({ channel, name }) => {
    const value = see(channel);
    return <Fragment key={channel}><span class="also">{name}</span><Number value={value} live={live(value)} /></Fragment>;
  });

  return (
    <div class="vitals">
      <Vital name="spo2" label={shortName("spo2")} unit={unitOf("spo2")} note={spo2.note} alert={worstOn("spo2", alerts)} lines={[line("spo2")]} chair={chair}>
        <Number value={spo2} live={live(spo2)} />
        {also("spo2")}
      </Vital>
      <Vital name="rate" label={shortName(rateOf)} unit={unitOf(rateOf)} note={rate.note} alert={worstOn("rate", alerts, rateOf)} lines={[line(rateOf)]} chair={chair}>
        <Number value={rate} live={live(rate)} />
        {also("rate")}
      </Vital>
      <Vital name="pressure" label="Pressure" unit="" note={pressureNote(sbp)} alert={worstOn("pressure", alerts)} lines={[line("sbp"), line("dbp")]} chair={chair}>
        <Number value={sbp} live={sbp.live} />
        {!(sbp.absent && dbp.absent) && <><span class="slash">/</span><Number value={dbp} live={dbp.live} /></>}
        {also("pressure")}
      </Vital>
      <Vital name="breathing" label={shortName("rr")} unit="" note={rr.note} alert={worstOn("breathing", alerts)} lines={[line("rr")]} chair={chair}>
        <Number value={rr} live={live(rr)} />
        {also("breathing")}
      </Vital>
    </div>
  );
}

/** A cuff's age is always told: it is a reading of then, not of now. */
function pressureNote(sbp: Shown): string | null {
  if (sbp.absent) return sbp.note === "no reading" ? "no cuff yet" : sbp.note;
  if (sbp.note === null) return "just now";
  return sbp.note;
}

function Word({ name, said, alert, testid }: { name: string; said: Spoken; alert: Alert | null; testid: string }) {
  const at = parse(said.at);
  return (
    <div class="word" data-testid={testid}>
      <span class="word-name">{name}{at !== null && <small class="word-age"> {span(now() - at)}<span class="word-clock">, {clock(at)}</span></small>}</span>
      <span class={`word-value${valueClass(alert)}`}>
        {alert && alert.priority !== "info" && <span class="vital-shape" role="img" aria-label={SIGN[alert.priority].word}>{SIGN[alert.priority].shape}</span>}
        {said.word}<small> {said.score ?? "not scored"}</small>
      </span>
    </div>
  );
}

export function Words({ chair, alerts, suffix }: { chair: Chair; alerts: readonly Alert[]; suffix: string }) {
  second.value;
  return (
    <div class="words">
      <Word name="Sedation" said={sedation(chair.checkins?.["moaas"])} alert={worstOn("sedation", alerts)} testid={`sedation-${suffix}`} />
      <Word name="Dissociation" said={dissociation(chair.checkins)} alert={worstOn("dissociation", alerts)} testid={`dissociation-${suffix}`} />
    </div>
  );
}
