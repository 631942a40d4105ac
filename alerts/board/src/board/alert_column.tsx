/** What needs someone, one row a problem: standing first, worst and then newest, each with one button for all of it; what somebody
 * has below; and a foot that is always seen: how many rows are cut and how bad they are, what is over and unseen, who is on call. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { asking, command } from "../acknowledge";
import { detail, known as informing, measure, paged, place, title } from "../alarms";
import { alerts, chairs, known } from "../feed";
import { href, mayAnswer, me } from "../here";
import { hasLadder, LadderWords } from "../oncall/ladder_line";
import { OnCallLine } from "../oncall/on_call_line";
import { howBad, type Problem, problemsOf, unanswered } from "../problems";
import { invented } from "../site";
import { impliedBy, SIGN } from "../tables";
import { clock, now, parse, second, since } from "../times";
import type { Alert } from "../wire";
import { useCut } from "./cut";
import { LimitsLine } from "./limits_line";
import { NumbersNow } from "./numbers_now";
import { PagesLine } from "./pages_line";
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

/** Where somebody is now, or that they left. */
export function whereNow(alert: Alert): string {
  return place(alert, known.value ? chairs.value : null, clock);
}

function Badge({ alert }: { alert: Alert }) {
  return <span class={`badge${alarmClass(alert)}`}>{SIGN[alert.priority].word} {SIGN[alert.priority].shape}</span>;
}

function alertHref(alert: Alert): string {
  return href(`/alert/${encodeURIComponent(alert.alert)}`);
}

/** One tap for all of a problem. */
function Answer({ problem, words }: { problem: Problem; words: string }) {
  if (!mayAnswer(me.value)) return null;
  const { lead } = problem;
  const open = unanswered(problem);
  const states = open.map((a) => asking.value.get(a.alert));
  const busy = states.some((each) => each === "sending" || each === "sent");
  const label = `${words}: ${[lead, ...open.filter((a) => a !== lead)].map(title).join(", ")}, ${whereNow(lead)}`;
  return (
    <button class="ack" data-testid={`ack-${lead.alert}`} aria-label={label} aria-disabled={busy}
      onClick={() => !busy && open.forEach((a) => void command(a.alert, "acknowledge"))}>
      {busy ? "Sending…" : words}
    </button>
  );
}

function Standing({ problem, position, placed }: { problem: Problem; position: number; placed: boolean }) {
  second.value;
  const { lead, members } = problem;
  const began = parse(lead.onset_at) ?? parse(lead.raised_at);
  const failed = members.some((a) => asking.value.get(a.alert) === "failed");
  const settling = useSettling(position);
  const words = detail(lead);
  // "Very high blood pressure and high blood pressure" says nothing more: what the lead implies is named only once it is over.
  const also = members.slice(1).filter((a) => a.phase === "latched" || !impliedBy(lead.rule).includes(a.rule));
  const told = parse(lead.evidence?.["was"] === undefined ? lead.raised_at : lead.changed_at);
  return (
    <li class={`alert${alarmClass(lead)}${settling ? " settling" : ""}`} data-testid={`alert-${lead.alert}`} data-key={lead.alert} data-priority={lead.priority} data-phase={lead.phase}>
      <div class="alert-top">
        <Badge alert={lead} />
        {placed && <a class="alert-place" href={alertHref(lead)}>{whereNow(lead)}</a>}
      </div>
      <div class="alert-what">
        <span class="alert-title">{placed ? title(lead) : <a href={alertHref(lead)}>{title(lead)}</a>}{also.length > 0 && <small class="alert-also" data-testid={`also-${lead.alert}`}> and {also.map((a) => title(a).toLowerCase() + (a.phase === "latched" ? " (over)" : "")).join(", ")}</small>}</span>
        <NumbersNow alert={lead} />
      </div>
      {words !== "" && <p class="alert-text">{told !== null && `${clock(told)}: `}{words}</p>}
      <p class="alert-note">
        {began !== null && <span class="alert-since">{since(began)}</span>}
        {failed ? <strong role="alert">Not sent. Tap again.</strong> : <span class="alert-paged">{paged(lead, clock, !invented.value, hasLadder(lead))}</span>}
      </p>
      <LadderWords alert={lead} />
      <Answer problem={problem} words="Acknowledge" />
    </li>
  );
}

function Answered({ problem }: { problem: Problem }) {
  second.value;
  const { lead, members } = problem;
  const until = parse(lead.until);
  const did = lead.phase === "snoozed" ? "Snoozed" : "Acknowledged";
  return (
    <li class={`handled${alarmClass(lead)}`} data-testid={`alert-${lead.alert}`} data-key={lead.alert} data-priority={lead.priority} data-phase={lead.phase}>
      <Badge alert={lead} />
      <a class="handled-what" href={alertHref(lead)}>{whereNow(lead)} · {members.map(title).join(", ")}</a>
      <span class="handled-by">
        {did}{lead.by ? ` by ${lead.by}` : ""}{lead.changed_at ? ` ${clock(parse(lead.changed_at) ?? now())}` : ""}{until !== null ? `, until ${clock(until)}` : ""}
      </span>
      <LadderWords alert={lead} />
    </li>
  );
}

/** What is over and was not seen, in one line that opens. */
function Over({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  const [first] = problems;
  return (
    <details class="over-line" data-testid="over">
      <summary>
        {first && <Badge alert={first.lead} />}
        <span>{problems.length} over, not yet seen: {howBad(problems)}</span>
      </summary>
      <ol class="over-list">
        {problems.map((problem) => (
          <li key={problem.lead.alert} class={`over${alarmClass(problem.lead)}`} data-testid={`alert-${problem.lead.alert}`} data-priority={problem.lead.priority} data-phase={problem.lead.phase}>
            <Badge alert={problem.lead} />
            <a class="handled-what" href={alertHref(problem.lead)}>{whereNow(problem.lead)} · {problem.members.map(title).join(", ")}</a>
            <Answer problem={problem} words="Seen" />
          </li>
        ))}
      </ol>
    </details>
  );
}

/** What is only to be known: one line each, that leads to all of it. */
function Known({ alert }: { alert: Alert }) {
  const value = measure(alert);
  return (
    <li data-testid={`alert-${alert.alert}`} data-priority={alert.priority} data-phase={alert.phase}>
      <a href={alertHref(alert)}>{whereNow(alert)} · {title(alert)}{value && ` ${value.value}`}</a>
    </li>
  );
}

function Cut({ problems, list }: { problems: readonly Problem[]; list: { current: HTMLElement | null } }) {
  const open = problems.filter((p) => p.state === "standing");
  const taken = problems.length - open.length;
  const words = [
    open.length > 0 ? `${open.length} more ${open.length === 1 ? "needs" : "need"} someone: ${howBad(open)}` : null,
    taken > 0 ? `${taken} more that somebody has` : null,
  ].filter(Boolean).join("; ");
  const worst = open[0];
  const show = (): void => {
    const element = list.current;
    if (!element) return;
    const end = element.scrollTop + element.clientHeight >= element.scrollHeight - 2;
    element.scrollTo({ top: end ? 0 : element.scrollTop + element.clientHeight * 0.8 });
  };
  return (
    <button class="cut-line" data-testid="cut" onClick={show}>
      {worst && <Badge alert={worst.lead} />}<span>{words}</span>
    </button>
  );
}

/** Who has what in hand, in a line. */
function OnTheWay({ problems }: { problems: readonly Problem[] }) {
  const had = problems.filter((p) => p.lead.by && p.lead.phase === "acknowledged");
  if (had.length === 0) return null;
  const by = new Map<string, string[]>();
  for (const { lead } of had) by.set(lead.by ?? "", [...(by.get(lead.by ?? "") ?? []), lead.chair ? `chair ${lead.chair}` : (lead.patient ?? "")]);
  return <p class="pages-line" data-testid="on-the-way">In hand: {[...by].map(([who, where]) => `${who} (${[...new Set(where)].filter(Boolean).join(", ")})`).join("; ")}.</p>;
}

interface Column {
  /** Those that this page is for; the others are one line that leads to where they are answered. */
  only: readonly Alert[];
  /** What is said when there are none. */
  none: string;
  beyond: { words: string; path: string };
  /** What else stands at the foot. */
  foot?: ComponentChildren;
  /** Whether each row says where it is: not on a chair's own page. */
  placed?: boolean;
}

export function AlertColumn({ only, none, beyond, foot, placed = true }: Column) {
  const all = problemsOf(alerts.value.values());
  const mine = (problem: Problem): boolean => problem.members.some((member) => only.some((a) => a.alert === member.alert));
  const own = all.filter(mine);
  const open = own.filter((p) => p.state === "standing");
  const over = own.filter((p) => p.state === "over");
  const answered = own.filter((p) => p.state === "answered");
  const told = informing(alerts.value).filter((alert) => only.some((a) => a.alert === alert.alert));
  const elsewhere = all.filter((p) => !mine(p) && p.state === "standing");
  const worst = elsewhere[0]?.lead;
  // Closing up moves every row, so it counts as a new position for all of them.
  const dense = open.length > DENSE_FROM;
  const heading = useRef<HTMLHeadingElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const focused = useRef(false);
  const cut = useCut(list, `${own.map((p) => p.lead.alert).join()}/${dense}/${over.length}`);
  const hidden = own.filter((p) => cut.includes(p.lead.alert));
  // When the row that held the keyboard is gone, the heading takes it: not the next button, which a second Enter would press.
  useEffect(() => {
    if (focused.current && document.activeElement === document.body) heading.current?.focus();
  }, [open.length]);
  const words = !known.value && own.length === 0 ? "Alerts not known yet"
    : open.length === 0 ? none : `${open.length} ${open.length === 1 ? "alert needs" : "alerts need"} someone`;
  return (
    <section class={dense ? "alerts dense" : "alerts"} aria-label="Alerts" onFocusCapture={() => (focused.current = true)} onBlurCapture={(e) => (focused.current = e.relatedTarget === null)}>
      <h2 tabIndex={-1} ref={heading} class={open.length === 0 ? "none" : ""} data-testid="alerts-heading">
        {words}
        {worst && <a class="elsewhere" href={href(beyond.path)}><Badge alert={worst} />{elsewhere.length} {beyond.words}</a>}
      </h2>
      <div class="alert-scroll" ref={list}>
        <ol class="alert-list">
          {open.map((problem, i) => <Standing key={problem.lead.alert} problem={problem} placed={placed} position={dense ? i + 1000 : i} />)}
        </ol>
        {answered.length > 0 && (
          <>
            <h3>Somebody has these</h3>
            <ol class="handled-list">{answered.map((problem) => <Answered key={problem.lead.alert} problem={problem} />)}</ol>
          </>
        )}
        {told.length > 0 && (
          <>
            <h3>For information <span class="badge">{SIGN.info.word} {SIGN.info.shape}</span></h3>
            <ol class="known-list">{told.map((alert) => <Known key={alert.alert} alert={alert} />)}</ol>
          </>
        )}
      </div>
      <div class="alerts-foot">
        {hidden.length > 0 && <Cut problems={hidden} list={list} />}
        <Over problems={over} />
        <OnTheWay problems={answered} />
        {foot}
        <OnCallLine />
        <LimitsLine />
        <PagesLine />
      </div>
    </section>
  );
}
