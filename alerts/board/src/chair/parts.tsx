/** What forms are made of: fields, choices, the one button, and whom an entry is about. Numbers are JSON numbers or absent, never text. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { Draft } from "../sending";
import type { Chair } from "../wire";
import type { Known } from "./checks";
import type { Registration } from "./registration";
import type { Sitting } from "./sitting";

/** What is entered with a draft: what is known of it that the panel does not know, and entries that go before it. */
export interface With {
  known?: Partial<Known>;
  before?: readonly Draft[];
  /** When it happened, where the form asked itself. */
  at?: string;
}

export interface FormProps {
  sitting: Sitting;
  start: Readonly<Record<string, unknown>> | null;
  /** Who sits where now, so that nobody is started twice, and which monitors send. */
  seated: readonly Chair[];
  registration: Registration | null;
  enter: (draft: Draft, more?: With) => void;
}

/** An entry's patient, and the session if they sit in one. */
export const about = (sitting: Sitting): { patient: string; session?: string } => ({ patient: sitting.patient, ...(sitting.session === "" ? {} : { session: sitting.session }) });

export const str = (v: unknown): string => (typeof v === "string" || typeof v === "number" ? String(v) : "");

/** A number typed with a point or a comma; null when there is none. */
export function typed(text: string): number | null {
  const trimmed = text.trim().replace(",", ".");
  if (trimmed === "") return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : null;
}

export function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== null && v !== undefined && v !== ""));
}

interface FieldProps {
  label: string;
  name: string;
  value: string;
  set: (value: string) => void;
  unit?: string;
  numeric?: boolean;
  list?: readonly string[];
}

export function Field({ label, name, value, set, unit, numeric, list }: FieldProps) {
  return (
    <label class="field">
      <span>{label}{unit && <small> {unit}</small>}</span>
      <input data-testid={`field-${name}`} name={name} value={value} onInput={(e) => set(e.currentTarget.value)} inputMode={numeric ? "decimal" : "text"}
        autocomplete="off" autocapitalize="off" spellcheck={false} list={list ? `list-${name}` : undefined} />
      {list && <datalist id={`list-${name}`}>{list.map((v) => <option key={v} value={v} />)}</datalist>}
    </label>
  );
}

interface ChoiceProps {
  label: string;
  name: string;
  options: readonly (readonly [value: string, words: string])[];
  value: string;
  set: (value: string) => void;
}

export function Choice({ label, name, options, value, set }: ChoiceProps) {
  return (
    <div class="choice" role="group" aria-label={label}>
      <span class="choice-label">{label}</span>
      <div class="choice-options">
        {options.map(([v, words]) => (
          <button type="button" key={v} data-testid={`${name}-${v}`} aria-pressed={value === v} onClick={() => set(v)}>{words}</button>
        ))}
      </div>
    </div>
  );
}

export function Form({ problem, submit, words, children }: { problem: string | null; submit: () => void; words: string; children: ComponentChildren }) {
  const [tried, setTried] = useState(false);
  return (
    <form class="form" novalidate onSubmit={(e) => {
      e.preventDefault();
      setTried(true);
      if (problem === null) submit();
    }}>
      {children}
      {tried && problem !== null && <p class="form-problem" role="alert" data-testid="form-problem">{problem}</p>}
      <button class="enter" type="submit" data-testid="enter">{words}</button>
    </form>
  );
}

/** What stands in the field beside the buttons: nothing while one of them is pressed. */
export function unlisted(value: string, options: readonly (readonly [string, string])[]): string {
  return options.some(([v]) => v === value) ? "" : value;
}

export function badNumber(text: string, name: string, least: number, most: number): string | null {
  if (text.trim() === "") return null;
  const value = typed(text);
  if (value === null) return `${name} is not a number.`;
  return value < least || value > most ? `${name} must be ${least} to ${most}.` : null;
}
