/** Entering: one thing at a time, sent when it is tapped; what was just entered, what is not sent, and what was entered so far.
 *
 * A form belongs to the person for whom it was opened, whatever happens meanwhile: when they have gone, nothing can be entered in
 * it. A correction is about whom the wrong entry was about. Back, Escape, a reload and a closed page close a form and lose nothing of it.
 */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { say } from "../announce";
import { chairs, heardAnything } from "../feed";
import { DEFAULT_PERSON, mayEnter, me, person, remember } from "../here";
import type { Entry } from "../outbox";
import { type Draft, enter, entries, lately } from "../sending";
import { clock, now, parse, second } from "../times";
import { formBefore, nothingOpenedYet, useBack } from "./back";
import { begunIn, begunKey, chooseWhen, dropBegun, OpenForm, recallBegun } from "./begun";
import { type Known, oddities, standingDoses } from "./checks";
import { takeBack } from "./corrections";
import type { With } from "./parts";
import { Queue } from "./queue";
import { Record, useEntered } from "./record";
import { goneSince, said, takenSince } from "./said";
import { type Sitting, sittingOf } from "./sitting";
import type { Registration } from "./registration";
import { monitorKey } from "./start_form";
import { type Task, TASKS, taskOf } from "./tasks";

const MINUTES_AGO = [0, 2, 5, 10, 15] as const;
/** A second tap of a double tap, or of a glove that bounced, must not open the next form. As rows of the board do. */
const SETTLE_MS = 400;

/** What a form corrects: an entry that the server refused, or one that it took. */
interface Correction {
  kind: string;
  doc: Readonly<Record<string, unknown>>;
  session: string | null;
  refused?: Entry;
  replaces?: { id: string; at: string };
}

/** A form that is open: what the browser keeps of it too, so only what can be written down. */
interface Doing {
  task: Task;
  correction: Correction | null;
  about: Sitting;
  /** Counts the times that it was started afresh. */
  afresh?: number;
}

interface Asking {
  draft: Draft;
  more: With;
  odd: readonly string[];
}

interface Props {
  /** Where it is entered: a chair's name, or an alias where nobody sits. */
  place: string;
  sitting: Sitting | null;
  nobody: Sitting;
  registration: Registration | null;
  /** The last cuff of the session; null: none yet. Absent: nobody sits here. */
  pressure?: Known["pressure"];
  offered: readonly Task[];
  /** What a form of this task begins with. */
  begins: (task: Task) => Readonly<Record<string, unknown>> | null;
  /** The form that the page was asked for, by its address. */
  asked?: Task | null;
}

/** Whose form it is, for what was begun in it. */
function keyOf({ task, correction, about }: Doing, place: string): string {
  return begunKey(place, task, about.session, about.patient, correction?.replaces?.id ?? correction?.refused?.id ?? null);
}

export function EntryPanel({ place, sitting, nobody, registration, pressure, offered, begins, asked = null }: Props) {
  second.value;
  const [doing, setDoing] = useState<Doing | null>(null);
  const [minutesAgo, setMinutesAgo] = useState<number | null>(0);
  const [asking, setAsking] = useState<Asking | null>(null);
  const [settled, setSettled] = useState(true);
  const entered = useEntered(sitting?.session || null, sitting?.session ? null : sitting?.patient || null);

  // A form opened below the fold is a button that did nothing. The keyboard goes with it, and comes back to the button.
  const form = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLHeadingElement>(null);
  const tasks = useRef<HTMLDivElement>(null);
  const left = useRef<Task | null>(null);
  const question = useRef<HTMLButtonElement>(null);
  useEffect(() => form.current?.scrollIntoView({ block: "nearest" }), [doing, asking]);
  useEffect(() => {
    if (doing !== null) head.current?.focus({ preventScroll: true });
    else if (left.current !== null) tasks.current?.querySelector<HTMLElement>(`[data-testid="task-${left.current}"]`)?.focus({ preventScroll: true });
    left.current = doing?.task ?? null;
  }, [doing]);
  // What is asked has the keyboard, at the answer that enters nothing; the button that led to it has it again after.
  const wasAsked = useRef(false);
  useEffect(() => {
    if (asking !== null) question.current?.focus({ preventScroll: true });
    else if (wasAsked.current && doing !== null) form.current?.querySelector<HTMLElement>("[data-testid=enter]")?.focus({ preventScroll: true });
    wasAsked.current = asking !== null;
  }, [asking]);

  const settle = (): void => {
    setSettled(false);
    window.setTimeout(() => setSettled(true), SETTLE_MS);
  };
  const show = (next: Doing | null): void => {
    setDoing(next);
    setAsking(null);
    setMinutesAgo(next !== null && (next.correction !== null || begunIn(keyOf(next, place))?.whenMs) ? null : 0);
    settle();
  };
  const back = useBack<Doing>(show, () => show(null));
  const open = (next: Doing | null, instead = false): void => {
    if (next === null) back.closed();
    else back.opened(next, instead);
    show(next);
  };
  // After a reload the form that was open is open, as it was left. Not before it is known who sits here.
  const recalled = useRef(false);
  useEffect(() => {
    if (recalled.current || !heardAnything.value) return;
    recalled.current = true;
    recallBegun();
    const before = formBefore<Doing>();
    if (before !== null) show(before);
    else if (asked !== null && nothingOpenedYet()) open({ task: asked, correction: null, about: sitting ?? nobody }, true);
  }, [heardAnything.value]);
  const begin = (task: Task): void => open({ task, correction: null, about: sitting ?? nobody });
  const correct = (correction: Correction): void => {
    const task = taskOf(correction.kind, correction.doc);
    if (task !== null) open({ task, correction, about: sittingOf(correction.doc, correction.session, place) });
  };
  const fix = (entry: Entry): void => correct({ kind: entry.body.kind, doc: entry.body, session: entry.session, refused: entry });
  const amend = (kind: string, doc: Readonly<Record<string, unknown>>, session: string | null): void =>
    correct({ kind, doc, session, replaces: { id: String(doc["id"]), at: String(doc["at"]) } });
  const takenBack = (kind: string, doc: Readonly<Record<string, unknown>>, session: string | null): void => {
    const draft = takeBack(kind, session !== null && typeof doc["session"] !== "string" ? { ...doc, session } : doc);
    if (draft === null) return;
    enter(draft, `Taken back: ${said(kind, doc)}`, place, null, { replaces: { id: String(doc["id"]), at: String(doc["at"]) } });
    say(`Taken back: ${said(kind, doc)}`);
    settle();
  };

  const key = doing === null ? "" : keyOf(doing, place);
  const begun = doing === null ? null : begunIn(key);
  // What stood in it when it was opened, not what is being typed now.
  const stood = useMemo(() => begun, [doing]);
  const values = useMemo(() => ({ key, values: stood?.values ?? {} }), [stood, key]);
  const came = sitting !== null && chairs.value.some((c) => c.session === sitting.session && c.phase !== "unscheduled") ? sitting : null;
  const gone = doing === null || doing.correction !== null ? null
    : doing.about.session !== "" ? goneSince(doing.about, sitting)
    : doing.task === "start" ? takenSince(came) : null;
  const put = (draft: Draft, more: With = {}, meant = false): void => {
    if (doing === null || gone !== null) return;
    const { refused, replaces } = doing.correction ?? {};
    const mine = (session: string | null | undefined): boolean => session === doing.about.session;
    const onTheWay = [...lately.value.map((e) => e.entry), ...entries.value].filter((e) => mine(e.session)).map((e) => ({ kind: e.body.kind, doc: e.body }));
    const cuffed = onTheWay.filter((e) => e.kind === "vitals" && typeof e.doc["sbp"] === "number").at(-1)?.doc;
    const known: Known = {
      weightKg: registration?.weight_kg ?? null, plannedMg: doing.about.plannedMg, correcting: replaces?.id ?? null,
      doses: standingDoses([...[...(entered.list ?? [])].reverse(), ...onTheWay]),
      ...(pressure === undefined ? {} : { pressure: pressure ?? (cuffed ? { sbp: Number(cuffed["sbp"]), dbp: Number(cuffed["dbp"]) } : null) }),
      ...more.known,
    };
    const odd = meant ? [] : oddities(draft, known);
    if (odd.length > 0) return setAsking({ draft, more, odd });
    for (const first of more.before ?? []) enter(first, said(first.kind, first), place, 0);
    const at = more.at ?? (doing.correction === null && minutesAgo === null && begun?.whenMs ? new Date(begun.whenMs).toISOString() : null);
    const entry = enter(draft, said(draft.kind, draft), place, minutesAgo, { ...(refused ? { refused } : {}), ...(replaces ? { replaces } : {}), ...(at === null ? {} : { at }) });
    if (draft.kind === "session.started" && typeof draft["device"] === "string") remember(monitorKey(place), draft["device"]);
    say(`${entry.says}: entered.`);
    dropBegun(key);
    open(null);
  };

  const shown = TASKS.filter((t) => offered.includes(t.task) && mayEnter(me.value, t.kind));
  if (shown.length === 0) {
    return (
      <section class="entering" aria-label="Entered">
        <p class="who-hint" data-testid="may-not-enter">You may look here, not enter.</p>
        {sitting !== null && <Record entered={entered} correct={() => undefined} back={() => undefined} />}
      </section>
    );
  }
  const task = doing === null ? null : (TASKS.find((t) => t.task === doing.task) ?? null);
  const wrong = doing?.correction ?? null;
  const whenWrong = parse(wrong?.replaces?.at ?? wrong?.refused?.body.at);
  return (
    <section class="entering" aria-label="Enter" inert={me.value?.locked === true}>
      {!me.value?.sign_in && person.value.trim() === DEFAULT_PERSON && <p class="who-hint">Entries are signed “{DEFAULT_PERSON}”. Put your initials at the top of the page.</p>}
      <Queue place={place} fix={fix} correct={(e) => amend(e.body.kind, e.body, e.session)} back={(e) => takenBack(e.body.kind, e.body, e.session)} />
      {doing === null || task === null ? (
        <div class={`tasks${settled ? "" : " tasks-settling"}`} ref={tasks}>
          {shown.map((t) => {
            const unfinished = begunIn(keyOf({ task: t.task, correction: null, about: sitting ?? nobody }, place));
            return (
              <button key={t.task} class={t.quiet ? "task-quiet" : undefined} data-testid={`task-${t.task}`} onClick={() => settled && begin(t.task)}>
                {t.words}{unfinished !== null && <small class="task-begun" data-testid={`begun-${t.task}`}>begun {clock(unfinished.atMs)}</small>}
              </button>
            );
          })}
        </div>
      ) : (
        <div class="doing" ref={form} onKeyDown={(e) => {
          if (e.key !== "Escape") return;
          if (asking !== null) setAsking(null);
          else open(null);
        }}>
          <header class="doing-head">
            <h2 ref={head} tabIndex={-1}>{wrong ? `Correct: ${task.words.toLowerCase()}` : task.words}{doing.about.patient !== "" && <small> · {doing.about.patient}</small>}</h2>
            <button data-testid="cancel" onClick={() => open(null)}>Back</button>
          </header>
          {gone !== null && <p class="form-problem" role="alert" data-testid="form-refused">{gone}</p>}
          {stood !== null && gone === null && (
            <p class="form-begun" data-testid="form-begun">
              <span>As {stood.by} left it at {clock(stood.atMs)}.</span>
              <button type="button" data-testid="afresh" onClick={() => {
                dropBegun(key);
                open({ ...doing, afresh: (doing.afresh ?? 0) + 1 });
              }}>Start afresh</button>
            </p>
          )}
          {wrong?.refused?.reason && <p class="form-problem">{wrong.refused.field ? `${wrong.refused.field}: ` : ""}{wrong.refused.reason}</p>}
          {asking !== null && gone === null && (
            <section class="odd" role="alertdialog" aria-label="Is this meant?" data-testid="odd">
              <h3>Is this meant? {said(asking.draft.kind, asking.draft)}</h3>
              <ul>{asking.odd.map((words) => <li key={words}>{words}</li>)}</ul>
              <div class="odd-buttons">
                <button ref={question} data-testid="odd-change" onClick={() => setAsking(null)}>Change it</button>
                <button data-testid="odd-enter" onClick={() => put(asking.draft, asking.more, true)}>Enter it all the same</button>
              </div>
            </section>
          )}
          <div hidden={asking !== null} class="form-box">
            {task.timeless !== true && (
              <div class="choice when" role="group" aria-label="When">
                <span class="choice-label">When</span>
                <div class="choice-options">
                  {whenWrong !== null && <button type="button" data-testid="ago-same" aria-pressed={minutesAgo === null} onClick={() => setMinutesAgo(null)}>As entered, {clock(whenWrong)}</button>}
                  {whenWrong === null && stood?.whenMs && <button type="button" data-testid="ago-chosen" aria-pressed={minutesAgo === null} onClick={() => {
                    setMinutesAgo(null);
                    chooseWhen(key, stood.whenMs);
                  }}>As chosen, {clock(stood.whenMs)}</button>}
                  {MINUTES_AGO.map((m) => (
                    <button type="button" key={m} data-testid={`ago-${m}`} aria-pressed={minutesAgo === m} onClick={() => {
                      setMinutesAgo(m);
                      chooseWhen(key, m === 0 ? null : now() - m * 60_000);
                    }}>{m === 0 ? "Now" : `${m} min ago`}</button>
                  ))}
                </div>
              </div>
            )}
            {gone === null && (
              <OpenForm.Provider value={values}><task.form key={`${key}-${doing.afresh ?? 0}`} sitting={doing.about} seated={chairs.value} registration={registration} start={wrong?.doc ?? begins(doing.task)} enter={put} /></OpenForm.Provider>
            )}
          </div>
        </div>
      )}
      {sitting !== null && <Record entered={entered} correct={(e) => amend(e.kind, e.doc ?? {}, e.session ?? null)} back={(e) => takenBack(e.kind, e.doc ?? {}, e.session ?? null)} />}
    </section>
  );
}

/** As long as a start or an end that was taken may not have come by the feed yet, which speaks each second. */
const UNSEEN_MS = 4_000;

/** What was entered and is not sent, and what was taken and may not show yet. */
export function underway(): { queue: readonly Entry[]; taken: readonly Entry[] } {
  return { queue: entries.value, taken: lately.value.filter((e) => Date.now() - e.atMs < UNSEEN_MS).map((e) => e.entry) };
}
