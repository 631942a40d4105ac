/** The alerts on a page: folding the feed's transitions into them, their order, their words. Pure. */

import { decimalsOf, type Row, rowOfChannel, rowOfRule, ruleTitle, SIGN, visibleName } from "./tables";
import type { Alert, Chair, Transition } from "./wire";

export type Alerts = ReadonlyMap<string, Alert>;

/** The server's title where it gave one; a transition has none, so the table's is shown for the moment before the details arrive. */
export function title(alert: Pick<Alert, "rule"> & { title?: string | null }): string {
  return alert.title || ruleTitle(alert.rule) || alert.rule.replaceAll("-", " ").replace(/^./, (c) => c.toUpperCase());
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** The alerts after one transition. An old transition changes nothing. */
export function fold(alerts: Alerts, t: Transition, chairOf: (session: string | null) => string | null): Alerts {
  const before = alerts.get(t.alert);
  if (before && before.seq >= t.seq) return alerts;
  const next = new Map(alerts);
  const answered = t.transition === "acknowledged" || t.transition === "snoozed";
  const session = t.session ?? null;
  next.set(t.alert, {
    ...before,
    alert: t.alert,
    phase: t.phase,
    priority: t.priority,
    rule: t.rule,
    category: t.category,
    site: t.site,
    patient: t.patient,
    session,
    chair: before?.chair ?? textOf(t.evidence?.["chair"]) ?? chairOf(session),
    onset_at: t.onset_at,
    raised_at: before?.raised_at ?? t.at,
    changed_at: t.at,
    seq: t.seq,
    text: t.text,
    evidence: t.evidence ?? null,
    source: t.source,
    by: answered ? textOf(t.evidence?.["by"]) : (t.phase === "active" ? null : before?.by ?? null),
    until: answered ? textOf(t.evidence?.["until"]) : (t.phase === "active" ? null : before?.until ?? null),
  });
  return next;
}

/** Details fetched after a transition; whichever has seen more of the alert's life wins. */
export function merge(alerts: Alerts, fetched: readonly Alert[]): Alerts {
  const next = new Map(alerts);
  for (const alert of fetched) {
    const before = next.get(alert.alert);
    if (!before || alert.seq >= before.seq) next.set(alert.alert, alert);
  }
  return next;
}

function stands(alert: Alert): boolean {
  return alert.phase === "active" || alert.phase === "latched";
}

/** What is only to be known asks nobody for anything: it stands on its card, and in one line under the others. */
export function needsSomeone(alert: Alert): boolean {
  return stands(alert) && alert.priority !== "info";
}

function beganMs(alert: Alert): number {
  return Date.parse(alert.onset_at ?? alert.raised_at ?? "") || 0;
}

/** Worst first, then newest first; the id breaks ties so that rows never swap by themselves.
 * Of two alike in priority, who sits in a chair comes before who is at home: minutes matter there, here days. */
export function worstNewestFirst(a: Alert, b: Alert): number {
  return SIGN[b.priority].rank - SIGN[a.priority].rank || away(a) - away(b) || beganMs(b) - beganMs(a) || (a.alert < b.alert ? -1 : 1);
}

function away(alert: Alert): number {
  return alert.session || alert.chair ? 0 : 1;
}

export function waiting(alerts: Alerts): Alert[] {
  return [...alerts.values()].filter(needsSomeone).sort(worstNewestFirst);
}

const AT_HOME = new Set(["mood", "maintenance", "protocol"]);

/** Work for the desk, not for the room: a patient at home, and nothing that pages. The wall is for who sits in a chair. */
export function forTheDesk(alert: Pick<Alert, "session" | "category" | "priority">): boolean {
  return !alert.session && AT_HOME.has(alert.category ?? "") && (alert.priority === "low" || alert.priority === "info");
}

/** Worth knowing; nothing to do. */
export function known(alerts: Alerts): Alert[] {
  return [...alerts.values()].filter((a) => stands(a) && a.priority === "info").sort(worstNewestFirst);
}

/** Somebody has answered; still on the page until it closes. */
export function handled(alerts: Alerts): Alert[] {
  return [...alerts.values()].filter((a) => a.phase === "acknowledged" || a.phase === "snoozed").sort(worstNewestFirst);
}

/** Whose alert it is, and where they are. Somebody who has left is named so, never by a chair that others sit in. */
export function place(alert: Pick<Alert, "chair" | "patient" | "session" | "category" | "left_at">, sitting: readonly Chair[] | null = null, clock: (ms: number) => string = () => ""): string {
  const gone = sitting !== null && alert.chair != null && hasLeft(alert, sitting);
  if (gone) {
    const at = Date.parse(alert.left_at ?? "");
    return `${visibleName(alert.patient || "Somebody")}, left chair ${alert.chair}${Number.isFinite(at) ? ` at ${clock(at)}` : ""}`;
  }
  const chair = alert.chair ? `Chair ${alert.chair}` : null;
  return [chair, alert.patient && visibleName(alert.patient)].filter(Boolean).join(" · ") || "Whole site";
}

/** Whether the one whom the alert is about no longer sits in its chair, given who sits where now. */
export function hasLeft(alert: Pick<Alert, "chair" | "patient" | "session" | "category" | "left_at">, sitting: readonly Chair[]): boolean {
  if (alert.left_at) return true;
  if (alert.session) return !sitting.some((chair) => chair.session === alert.session);
  if (alert.category === "technical" || !alert.patient) return false;
  return !sitting.some((chair) => chair.patient === alert.patient && chair.chair === alert.chair);
}

/** The alert's sentence without the place and title that stand beside it anyway. */
export function detail(alert: Alert): string {
  const text = alert.text ?? "";
  const start = text.indexOf(`: ${title(alert)}. `);
  return start === -1 ? text : text.slice(start + title(alert).length + 4);
}

/** A source without the numbers of the documentation's list: they say nothing to whoever is called. */
export function withoutNumbers(source: string): string {
  return source.replace(/\s*\[S\d+\]/g, "");
}

/** What a screen reader says, once. */
export function spoken(alert: Alert): string {
  const over = alert.phase === "latched" ? " Over, not yet seen." : "";
  return `${SIGN[alert.priority].word.toLowerCase()} alert. ${place(alert).replace(" · ", ", ")}. ${title(alert)}. ${detail(alert)}${over}`;
}

/** Said once per alert, priority and deeper reading: a repeat, a resume or a second board must not say it again. */
export function sayingOf(alert: Alert): string {
  const deeper = alert.evidence?.["was"] === undefined ? "" : `/${String(alert.evidence["value"])}`;
  return `${alert.alert}/${alert.priority}${deeper}`;
}

/** Which lines of a card an alert is about: its rule's, or those of the channels it names. */
export function rowsOf(alert: Alert): Row[] {
  const own = rowOfRule(alert.rule);
  if (own) return [own];
  const many = alert.evidence?.["channels"];
  const channels: unknown[] = Array.isArray(many) ? many : [alert.evidence?.["channel"]];
  const rows = channels.map((c) => rowOfChannel(textOf(c) ?? "")).filter((r) => r !== null);
  return [...new Set(rows)];
}

/** "86 %, limit 90", from what the rule put into its evidence; null where it holds no number. */
export function measure(alert: Alert): { value: string; limit: string | null } | null {
  const e = alert.evidence ?? {};
  const value = e["value"];
  if (typeof value !== "number") return null;
  const unit = textOf(e["unit"]);
  const channel = textOf(e["channel"]) ?? "";
  const rise = channel.endsWith("-rise") ? "+" : "";
  // The full scale's total is carried over from six items: its tenths say nothing.
  const neat = (n: number): string => `${rise}${channel === "cadss" ? Math.round(n) : rounded(n, channel)}`;
  const limit = e["limit"];
  const shownUnit = unit === null ? "" : ` ${unit.replace("mm[Hg]", "mmHg")}`;
  return { value: `${neat(value)}${shownUnit}`, limit: typeof limit === "number" ? neat(limit) : null };
}

/** To one decimal, or as many as the channel needs. */
function rounded(value: number, channel: string): number {
  const scale = 10 ** Math.max(1, decimalsOf(channel));
  return Math.round(value * scale) / scale;
}

/** What else the rule knew, in words, each with its name: from where the value came, what was usual, what the drug does. */
export function facts(alert: Alert): readonly (readonly [name: string, words: string])[] {
  const e = alert.evidence ?? {};
  const unit = textOf(e["unit"]);
  const channel = textOf(e["channel"]) ?? "";
  const withUnit = (n: number): string => `${rounded(n, channel)}${unit === null ? "" : ` ${unit}`}`;
  const trend = e["trend"] as { from?: unknown; over_s?: unknown } | null | undefined;
  const found: [string, string][] = [];
  if (typeof trend?.from === "number" && typeof trend.over_s === "number") {
    found.push(["Before", `${withUnit(trend.from)}, ${trend.over_s < 120 ? `${Math.round(trend.over_s)} s` : `${Math.round(trend.over_s / 60)} min`} earlier`]);
  }
  if (typeof e["baseline"] === "number") found.push(["Own baseline", withUnit(e["baseline"])]);
  const expected = textOf(e["expected"]);
  if (expected !== null) found.push(["Expected now", expected]);
  return found;
}

/** Was someone told, in words; null when there is nothing to say. `times`: false where the pager's clock is not the clinic's.
 * `brief`: whom it called is said beside it, so who was reached need not be while all were. */
export function paged(alert: Alert, clock: (ms: number) => string, times: boolean, brief = false): string | null {
  const pages = alert.pages ?? [];
  const sent = pages.filter((p) => p.state === "sent" || p.state === "delivered");
  const last = sent.map((p) => Date.parse(p.at ?? "")).filter(Number.isFinite).sort((a, b) => b - a)[0];
  const failed = [...new Set(pages.flatMap((p) => p.failed ?? []))];
  const missed = failed.length === 0 ? "" : ` Not by ${failed.join("; ")}.`;
  if (sent.length > 0) {
    const reached = [...new Set(sent.flatMap((p) => p.reached ?? []))];
    const whom = reached.length === 0 || (brief && missed === "") ? "" : `: ${reached.join(", ")}`;
    return `Paged${last !== undefined && times ? ` ${clock(last)}` : ""}${whom}${missed === "" ? "" : `.${missed}`}`;
  }
  if (failed.length > 0) return `Nobody reached.${missed}`;
  if (pages.length > 0) return "Page not sent yet";
  return whyNot(textOf(alert.evidence?.["page"]));
}

/** The desk's reason for paging or not, as it stands in the evidence. */
function whyNot(reason: string | null): string | null {
  if (reason === null) return null;
  if (reason === "now") return "Page not sent yet";
  if (reason === "none: board only") return "Not paged: board only";
  const other = /^none: (\S+) says it$/.exec(reason)?.[1];
  if (other !== undefined) return `Not paged: “${title({ rule: other })}” says it`;
  if (reason.startsWith("none: ")) return `Not paged: ${reason.slice(6)}`;
  if (reason.startsWith("later: ")) return `Page waits: ${reason.slice(7)}`;
  return `Pages ${reason}`;
}

/** A page is owed and nobody knows yet whether it went out. */
export function pageOutstanding(alert: Alert): boolean {
  const pages = alert.pages ?? [];
  return pages.length === 0 ? alert.evidence?.["page"] === "now" : pages.some((p) => p.state !== "sent" && p.state !== "delivered" && p.state !== "failed");
}
