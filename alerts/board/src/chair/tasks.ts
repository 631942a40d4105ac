/** What can be entered, in the order of its buttons, and which form an entry came from. */

import type { ComponentType } from "preact";

import { EndForm } from "./end_form";
import { CuffForm, DoseForm, InterventionForm, StopForm } from "./forms";
import type { FormProps } from "./parts";
import { ElsewhereForm, EscortForm, NoteForm, RegisterForm, VisitForm } from "./person_forms";
import { DissociationForm, DistressForm, QuestionnaireForm, SedationForm, SymptomsForm } from "./scale_forms";
import { StartForm } from "./start_form";

export type Task =
  | "start" | "dose" | "stop" | "cuff" | "sedation" | "dissociation" | "distress" | "symptoms" | "intervention" | "end"
  | "questionnaire" | "note" | "escort" | "register" | "visit" | "elsewhere";

interface TaskRow {
  task: Task;
  words: string;
  /** What it enters, as the server's table of roles calls it: who may not enter that is not offered it. */
  kind: string;
  form: ComponentType<FormProps>;
  /** Now and then, and so a smaller button. */
  quiet?: boolean;
  /** It asks itself when, or it does not matter. */
  timeless?: boolean;
}

export const TASKS: readonly TaskRow[] = [
  { task: "start", kind: "session.started", words: "Start session", form: StartForm },
  { task: "dose", kind: "dose", words: "Dose given", form: DoseForm },
  { task: "stop", kind: "dose.stopped", words: "Dose stopped", form: StopForm },
  { task: "cuff", kind: "vitals", words: "Cuff by hand", form: CuffForm },
  { task: "sedation", kind: "checkin", words: "Sedation", form: SedationForm },
  { task: "dissociation", kind: "checkin", words: "Dissociation", form: DissociationForm },
  { task: "distress", kind: "checkin", words: "Distress", form: DistressForm },
  { task: "symptoms", kind: "checkin", words: "Symptoms", form: SymptomsForm },
  { task: "intervention", kind: "intervention", words: "Intervention", form: InterventionForm },
  { task: "end", kind: "session.ended", words: "End session", form: EndForm },
  { task: "questionnaire", kind: "checkin", words: "Questionnaire", form: QuestionnaireForm, quiet: true },
  { task: "note", kind: "intervention", words: "Note", form: NoteForm, quiet: true },
  { task: "escort", kind: "intervention", words: "Escort", form: EscortForm, quiet: true },
  { task: "register", kind: "patient.registered", words: "Weight and history", form: RegisterForm, quiet: true, timeless: true },
  { task: "visit", kind: "booking", words: "Next visit", form: VisitForm, quiet: true, timeless: true },
  { task: "elsewhere", kind: "dose", words: "Treatment elsewhere", form: ElsewhereForm, quiet: true, timeless: true },
];

/** With somebody in the chair, without, and of a patient who sits nowhere. */
export const IN_SESSION: readonly Task[] = TASKS.map((t) => t.task).filter((t) => t !== "start");
export const WITHOUT_SESSION: readonly Task[] = ["questionnaire", "note", "register", "visit", "elsewhere"];

const TASK_OF: Readonly<Record<string, Task>> = {
  "session.started": "start", "dose.stopped": "stop", vitals: "cuff", "cuff.corrected": "cuff", "session.ended": "end", "patient.registered": "register",
};
const TASK_OF_INSTRUMENT: Readonly<Record<string, Task>> = { moaas: "sedation", "cadss-6": "dissociation", distress: "distress", symptoms: "symptoms" };
const TASK_OF_WHAT: Readonly<Record<string, Task>> = { note: "note", escort: "escort", booking: "visit" };

/** The form in which an entry is corrected; null: there is none. */
export function taskOf(kind: string, doc: Readonly<Record<string, unknown>>): Task | null {
  if (kind === "checkin") return TASK_OF_INSTRUMENT[String(doc["instrument"])] ?? "questionnaire";
  if (kind === "intervention") return TASK_OF_WHAT[String(doc["what"])] ?? "intervention";
  if (kind === "dose") return typeof doc["session"] === "string" ? "dose" : "elsewhere";
  return TASK_OF[kind] ?? null;
}
