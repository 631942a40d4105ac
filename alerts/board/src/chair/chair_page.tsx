/** The tablet beside the patient: who sits here and how they are, then one thing to enter at a time. */

import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { say } from "../announce";
import { alertsOf } from "../board/board";
import { AlertColumn } from "../board/alert_column";
import { drugWords, Next } from "../board/card";
import { Timeline } from "../board/timeline";
import { Vitals, Words } from "../board/vitals";
import { alerts, chairs } from "../feed";
import { Frame } from "../frame";
import { DEFAULT_PERSON, me, person } from "../here";
import type { Entry } from "../outbox";
import { type Draft, enter, entries } from "../sending";
import type { Chair } from "../wire";
import { CuffForm, DissociationForm, DistressForm, DoseForm, EndForm, type FormProps, InterventionForm, SedationForm, type Sitting, StartForm, StopForm, SymptomsForm } from "./forms";
import { Outlook } from "./outlook";
import { Queue } from "./queue";
import { Record } from "./record";
import { goneSince, said } from "./said";

type Task = "start" | "dose" | "stop" | "cuff" | "sedation" | "dissociation" | "distress" | "symptoms" | "intervention" | "end";

const TASKS: readonly { task: Task; words: string; form: ComponentType<FormProps> }[] = [
  { task: "start", words: "Start session", form: StartForm },
  { task: "dose", words: "Dose given", form: DoseForm },
  { task: "stop", words: "Dose stopped", form: StopForm },
  { task: "cuff", words: "Cuff by hand", form: CuffForm },
  { task: "sedation", words: "Sedation", form: SedationForm },
  { task: "dissociation", words: "Dissociation", form: DissociationForm },
  { task: "distress", words: "Distress", form: DistressForm },
  { task: "symptoms", words: "Symptoms", form: SymptomsForm },
  { task: "intervention", words: "Intervention", form: InterventionForm },
  { task: "end", words: "End session", form: EndForm },
];

const TASK_OF: { [kind: string]: Task } = {
  "session.started": "start", dose: "dose", "dose.stopped": "stop", vitals: "cuff", intervention: "intervention", "session.ended": "end",
};
const TASK_OF_INSTRUMENT: { [instrument: string]: Task } = { moaas: "sedation", "cadss-6": "dissociation", distress: "distress", symptoms: "symptoms" };

function taskOf(entry: Entry): Task {
  return TASK_OF[entry.body.kind] ?? TASK_OF_INSTRUMENT[String(entry.body["instrument"])] ?? "cuff";
}

const MINUTES_AGO = [0, 2, 5, 10, 15] as const;

/** Who sits here: as the server says, or as a start still in the queue says, so that nobody waits for the network to enter a dose. Pure. */
function sittingAt(name: string, list: readonly Chair[], queue: readonly Entry[]): Sitting | null {
  const queued = queue.filter((e) => e.chair === name);
  const starts = queued.filter((e) => e.body.kind === "session.started");
  const start = starts[starts.length - 1]?.body;
  const num = (v: unknown): number | null => (typeof v === "number" ? v : null);
  const str = (v: unknown): string | null => (typeof v === "string" ? v : null);
  const chair = list.find((c) => c.chair === name && c.session);
  if (start && start["session"] !== chair?.session) {
    return {
      chair: name, patient: str(start["patient"]) ?? "", session: str(start["session"]) ?? "", drug: str(start["drug"]), route: str(start["route"]),
      plannedMg: num(start["planned_mg"]), plannedMinutes: num(start["planned_minutes"]),
    };
  }
  if (!chair?.session || !chair.patient) return null;
  return {
    chair: name, patient: chair.patient, session: chair.session, drug: chair.drug ?? null, route: chair.route ?? null,
    plannedMg: chair.planned_mg ?? null, plannedMinutes: chair.planned_minutes ?? null,
  };
}

/** Whom an entry that is corrected is about: what it says itself. */
function sittingOf(entry: Entry, name: string): Sitting {
  const str = (v: unknown): string | null => (typeof v === "string" ? v : null);
  return { chair: name, patient: str(entry.body["patient"]) ?? "", session: entry.session ?? "", drug: str(entry.body["drug"]), route: str(entry.body["route"]), plannedMg: null, plannedMinutes: null };
}

export function ChairPage({ name }: { name: string }) {
  const chair = chairs.value.find((c) => c.chair === name) ?? null;
  const queue = entries.value;
  const sitting = sittingAt(name, chairs.value, queue);
  const [task, setTask] = useState<Task | null>(null);
  const [correcting, setCorrecting] = useState<Entry | null>(null);
  /** Whom the form that is open is about: whoever sat here when it was opened, whatever happens meanwhile. */
  const [about, setAbout] = useState<Sitting | null>(null);
  const [minutesAgo, setMinutesAgo] = useState(0);
  const mine = alertsOf(chair, [...alerts.value.values()]);

  // A form opened below the fold is a button that did nothing.
  const form = useRef<HTMLDivElement>(null);
  useEffect(() => form.current?.scrollIntoView({ block: "nearest" }), [task, correcting]);

  const begin = (next: Task | null, entry: Entry | null = null): void => {
    setTask(next);
    setCorrecting(entry);
    setAbout(entry ? sittingOf(entry, name) : sitting);
    setMinutesAgo(0);
  };
  const put = (draft: Draft): void => {
    if (gone !== null) return;
    const entry = enter(draft, said(draft.kind, draft), name, minutesAgo, correcting);
    say(`${entry.says}: sent in ten seconds, until then it can be undone.`);
    begin(null);
  };
  const gone = task !== null && task !== "start" && correcting === null ? goneSince(about, sitting) : null;
  const nobody: Sitting = { chair: name, patient: "", session: "", drug: null, route: null, plannedMg: null, plannedMinutes: null };
  // Vitals without a session are watched and shown all the same; starting one is then the first thing to do.
  const unscheduled = chair?.phase === "unscheduled" && sitting?.session === chair.session;
  const offered = TASKS.filter((t) => (t.task === "start" ? sitting === null || unscheduled : sitting !== null));
  const known = chair?.device ? { device: chair.device, patient: unscheduled ? chair.patient : null } : null;
  const shownChair = chair && (sitting === null || chair.session === sitting.session) ? chair : null;
  const doing = TASKS.find((t) => t.task === task) ?? null;

  return (
    <Frame here="chair">
      <div class="chairside">
        <section class="chair-now" aria-label={`Chair ${name} now`}>
          <header class="card-head">
            <span class="card-chair">{name}</span>
            <span class="card-who">
              <span class="card-patient" data-testid="patient">{sitting?.patient ?? chair?.patient ?? (chair?.session ? "Unknown patient" : "Nobody in this chair")}</span>
              <span class="card-drug">{shownChair ? drugWords(shownChair) : [sitting?.drug, sitting?.route].filter(Boolean).join(" ")}</span>
            </span>
          </header>
          {shownChair && (
            <>
              <Timeline chair={shownChair} />
              <Vitals chair={shownChair} alerts={mine} />
              <Words chair={shownChair} alerts={mine} suffix={name} />
              <Next chair={shownChair} />
              <Outlook chair={shownChair} />
            </>
          )}
        </section>
        <AlertColumn only={mine} none="No alert at this chair" beyond={{ words: "elsewhere", path: "/" }} />
        <section class="entering" aria-label="Enter">
          {!me.value?.sign_in && person.value.trim() === DEFAULT_PERSON && <p class="who-hint">Entries are signed “{DEFAULT_PERSON}”. Put your initials at the top of the page.</p>}
          <Queue chair={name} correct={(entry) => begin(taskOf(entry), entry)} />
          {doing === null ? (
            <div class="tasks">
              {offered.map((t) => (
                <button key={t.task} data-testid={`task-${t.task}`} onClick={() => begin(t.task)}>{t.words}</button>
              ))}
            </div>
          ) : (
            <div class="doing" ref={form}>
              <header class="doing-head">
                <h2>{correcting ? `Correct: ${doing.words.toLowerCase()}` : doing.words}</h2>
                <button data-testid="cancel" onClick={() => begin(null)}>Back</button>
              </header>
              {gone !== null && <p class="form-problem" role="alert" data-testid="form-refused">{gone}</p>}
              {correcting?.reason && <p class="form-problem">{correcting.field ? `${correcting.field}: ` : ""}{correcting.reason}</p>}
              <div class="choice when" role="group" aria-label="When">
                <span class="choice-label">When</span>
                <div class="choice-options">
                  {MINUTES_AGO.map((m) => (
                    <button type="button" key={m} data-testid={`ago-${m}`} aria-pressed={minutesAgo === m} onClick={() => setMinutesAgo(m)}>{m === 0 ? "Now" : `${m} min ago`}</button>
                  ))}
                </div>
              </div>
              {gone === null && <doing.form key={`${doing.task}-${correcting?.id ?? ""}`} sitting={about ?? nobody} seated={chairs.value} start={correcting?.body ?? (doing.task === "start" ? known : null)} enter={put} />}
            </div>
          )}
          <Record session={sitting?.session ?? null} />
        </section>
      </div>
    </Frame>
  );
}
