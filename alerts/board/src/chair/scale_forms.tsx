/** Scales and questionnaires: those of a round of observation, and those of mood and thoughts made from the tables. */

import { useContext, useEffect, useState } from "preact/hooks";

import { CADSS_6, highestOf, MOAAS, type Questionnaire, QUESTIONNAIRES, SYMPTOMS } from "../tables";
import { OpenForm, useField } from "./begun";
import { CADSS6_ABOUT } from "./cadss6";
import { about, badNumber, Choice, Field, Form, type FormProps, present, str, typed } from "./parts";

export function SedationForm({ sitting, enter }: FormProps) {
  return (
    <div class="levels" role="group" aria-label="Sedation, MOAA/S">
      {MOAAS.map(({ score, word, means }) => (
        <button type="button" key={score} data-testid={`moaas-${score}`} onClick={() => enter({ kind: "checkin", ...about(sitting), instrument: "moaas", score })}>
          <span class="level-score">{score}</span>
          <span><strong>{word}</strong><span class="level-means">{means}</span></span>
        </button>
      ))}
    </div>
  );
}

const HOW_MUCH = ["Not at all", "Slightly", "Moderately", "A lot", "Extremely"] as const;

export function DissociationForm({ sitting, start, enter }: FormProps) {
  const before = Array.isArray(start?.["items"]) ? (start["items"] as number[]) : [];
  const [items, setItems] = useField<(number | null)[]>("items", CADSS6_ABOUT.map((_, i) => before[i] ?? null));
  const answered = items.filter((v) => v !== null);
  const problem = answered.length < items.length ? `${items.length - answered.length} of ${items.length} items not answered yet.` : null;
  return (
    <Form problem={problem} words={`Enter dissociation${problem === null ? ` · ${answered.reduce((a, b) => a + b, 0)} of ${CADSS_6.highest}` : ""}`}
      submit={() => enter({ kind: "checkin", ...about(sitting), instrument: "cadss-6", items: answered })}>
      <p class="form-hint">Read each question from the clinic's copy of the scale. 0 {HOW_MUCH[0].toLowerCase()} … 4 {HOW_MUCH[4].toLowerCase()}.</p>
      {CADSS6_ABOUT.map((words, i) => (
        <div class="item" key={words} role="group" aria-label={`Item ${i + 1} of ${items.length}: ${words}`}>
          <span class="item-label"><small>Item {i + 1} of {items.length}</small>{words}</span>
          <span class="item-scores">
            {HOW_MUCH.map((much, score) => (
              <button type="button" key={score} data-testid={`cadss6-${i + 1}-${score}`} aria-pressed={items[i] === score} aria-label={`${score}, ${much}`} title={much}
                onClick={() => setItems(items.map((v, k) => (k === i ? score : v)))}>{score}</button>
            ))}
          </span>
        </div>
      ))}
    </Form>
  );
}

export function DistressForm({ sitting, enter }: FormProps) {
  return (
    <div class="form">
      <p class="form-hint">0 none … 10 the worst imaginable</p>
      <div class="scores" role="group" aria-label="Distress, 0 to 10">
        {Array.from({ length: 11 }, (_, score) => (
          <button type="button" key={score} data-testid={`distress-${score}`} onClick={() => enter({ kind: "checkin", ...about(sitting), instrument: "distress", score })}>{score}</button>
        ))}
      </div>
    </div>
  );
}

export function SymptomsForm({ sitting, start, enter }: FormProps) {
  const before = (start?.["items"] ?? {}) as Readonly<Record<string, unknown>>;
  const [named, setNamed] = useField<readonly string[]>("named", SYMPTOMS.map(([name]) => name).filter((name) => Boolean(before[name])));
  const toggle = (name: string): void => setNamed(named.includes(name) ? named.filter((n) => n !== name) : [...named, name]);
  return (
    <Form problem={null} words={named.length === 0 ? "Enter: no symptoms" : "Enter symptoms"}
      submit={() => enter({ kind: "checkin", ...about(sitting), instrument: "symptoms", items: Object.fromEntries(SYMPTOMS.map(([name]) => [name, named.includes(name)])) })}>
      <div class="choice" role="group" aria-label="Symptoms now">
        <span class="choice-label">Symptoms now</span>
        <div class="choice-options">
          {SYMPTOMS.map(([name, words]) => (
            <button type="button" key={name} data-testid={`symptom-${name}`} aria-pressed={named.includes(name)} onClick={() => toggle(name)}>{words}</button>
          ))}
        </div>
      </div>
    </Form>
  );
}

const RESPONDENTS = [["patient", "Patient"], ["clinician", "Clinician"]] as const;

/** A questionnaire by its row of the tables: each question where its owner lets it be shown, else the total. */
function Asked({ name, asked, sitting, start, enter }: FormProps & { name: string; asked: Questionnaire }) {
  const before = typeof start?.["items"] === "object" && start["items"] !== null ? start["items"] : null;
  const old = (item: string, i: number): number | null => {
    const value = Array.isArray(before) ? before[i] : (before as Record<string, unknown> | null)?.[item];
    return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : null;
  };
  const [items, setItems] = useField<(number | null)[]>(`${name}-items`, asked.items.map(([item], i) => old(String(item), i)));
  const [score, setScore] = useField(`${name}-score`, str(start?.["score"]));
  const [respondent, setRespondent] = useField(`${name}-respondent`, str(start?.["respondent"]) || (asked.own || asked.items.length === 0 ? "patient" : "clinician"));
  // The button that chose it is gone, and the keyboard with it: it is at the form's head again, as when a form is opened.
  useEffect(() => {
    if (document.activeElement === document.body) document.querySelector<HTMLElement>(".doing-head h2")?.focus({ preventScroll: true });
  }, []);
  const missing = items.filter((v) => v === null).length;
  const total = items.reduce<number>((sum, v) => sum + (v ?? 0), 0);
  // The screener skips questions by its own rules; one answered is enough to be heard.
  const skips = name === "cssrs-screen";
  const problem =
    asked.items.length === 0 ? (typed(score) === null ? "The total is missing." : badNumber(score, "The total", 0, highestOf(name)))
    : skips ? (missing === items.length ? "Nothing is answered yet." : null)
    : missing > 0 ? `${missing} of ${items.length} not answered yet.` : null;
  const answers = Object.fromEntries(asked.items.map(([item], i) => [String(item), items[i]]).filter(([, v]) => v !== null));
  return (
    <Form problem={problem} words={`Enter ${asked.title}${problem === null && asked.items.length > 0 && !skips ? ` · ${total} of ${highestOf(name)}` : ""}`}
      submit={() => enter({ kind: "checkin", ...about(sitting), instrument: name, ...(asked.items.length === 0 ? { score: typed(score) } : { items: skips ? answers : items }), ...present({ respondent }) })}>
      <p class="form-hint">{asked.stem}</p>
      {asked.items.length === 0 && <div class="fields"><Field label={`${asked.title}, total`} unit={`0 to ${highestOf(name)}`} name={`${name}-score`} value={score} set={setScore} numeric /></div>}
      {asked.items.map(([item, words], i) => (
        <div class="item" key={String(item)} role="group" aria-label={String(words)}>
          <span class="item-label">{skips || asked.own ? words : <><small>{i + 1} of {items.length}</small>{words}</>}</span>
          <span class="item-scores">
            {asked.answers.map(([value, answer]) => (
              <button type="button" key={String(value)} class={String(answer).length > 2 ? "item-word" : undefined} data-testid={`${name}-${item}-${value}`} aria-pressed={items[i] === value}
                onClick={() => setItems(items.map((v, k) => (k === i ? (v === value && skips ? null : Number(value)) : v)))}>{answer}</button>
            ))}
          </span>
        </div>
      ))}
      <Choice label="Answered by" name="respondent" options={RESPONDENTS} value={respondent} set={setRespondent} />
    </Form>
  );
}

/** Which questionnaire, then its form. A correction is of the same one. */
export function QuestionnaireForm(props: FormProps) {
  const given = str(props.start?.["instrument"]);
  // One in which something was answered is gone on with; one that was only chosen is not: it may have been the wrong one.
  const begun = Object.keys(useContext(OpenForm)?.values ?? {}).map((field) => field.replace(/-(items|score|respondent)$/, ""));
  const [name, setName] = useState(given in QUESTIONNAIRES ? given : (begun.find((each) => each in QUESTIONNAIRES) ?? ""));
  const asked = QUESTIONNAIRES[name];
  if (asked) return <Asked key={name} {...props} name={name} asked={asked} />;
  return (
    <div class="tasks">
      {Object.entries(QUESTIONNAIRES).map(([key, row]) => (
        <button type="button" key={key} data-testid={`scale-${key}`} onClick={() => setName(key)}>{row.title}</button>
      ))}
    </div>
  );
}
