/** What somebody has begun in a form and not entered: kept on this tablet, so that Back, Escape, a reload or a closed page loses none
 * of it, and offered again where it was begun.
 *
 * It belongs to the one session (or patient) that the form was opened for, and is offered nowhere else. It is forgotten after a
 * quarter of an hour: what somebody meant to enter then is not what they see now. Never here: sending; what was begun is nobody's
 * entry until somebody enters it, under their own name.
 */

import { signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useState } from "preact/hooks";

import { forget, remember, remembered, signedBy } from "../here";

const PREFIX = "chairside.begun.";
/** Chosen by us: an interruption, and not the next patient. */
export const BEGUN_FOR_MS = 15 * 60_000;

export interface Begun {
  atMs: number;
  by: string;
  /** When it happened, if somebody chose another time than now. */
  whenMs: number | null;
  /** By the name that each field of the form has in it. */
  values: Readonly<Record<string, unknown>>;
}

/** Whose form it is: nothing that was begun for one session, patient or correction is ever in another's. */
export function begunKey(place: string, task: string, session: string, patient: string, corrects: string | null): string {
  return JSON.stringify([place, task, session, patient, corrects]);
}

/** Pure: what is kept of these lines, by key; what is too old, or unreadable, is not. */
export function stillBegun(lines: Iterable<readonly [key: string, text: string]>, nowMs: number): Map<string, Begun> {
  const found = new Map<string, Begun>();
  for (const [key, text] of lines) {
    try {
      const one = JSON.parse(text) as Begun;
      if (nowMs - one.atMs < BEGUN_FOR_MS && typeof one.values === "object" && one.values !== null) found.set(key, one);
    } catch {
      // Not ours, or cut off: nothing was begun.
    }
  }
  return found;
}

function stored(): [string, string][] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => [key.slice(PREFIX.length), remembered(key) ?? ""]);
  } catch {
    return [];
  }
}

const begun = signal<ReadonlyMap<string, Begun>>(new Map());

/** Reads what this tablet keeps, and forgets what is too old. */
export function recallBegun(): void {
  const lines = stored();
  const kept = stillBegun(lines, Date.now());
  for (const [key] of lines) if (!kept.has(key)) forget(PREFIX + key);
  begun.value = kept;
}

export function begunIn(key: string): Begun | null {
  const one = begun.value.get(key);
  return one && Date.now() - one.atMs < BEGUN_FOR_MS ? one : null;
}

function keep(key: string, change: Partial<Pick<Begun, "values" | "whenMs">>): void {
  const before = begunIn(key) ?? { values: {}, whenMs: null };
  const one: Begun = { ...before, ...change, values: { ...before.values, ...change.values }, atMs: Date.now(), by: signedBy() };
  begun.value = new Map(begun.value).set(key, one);
  remember(PREFIX + key, JSON.stringify(one));
}

export function dropBegun(key: string): void {
  const rest = new Map(begun.value);
  rest.delete(key);
  begun.value = rest;
  forget(PREFIX + key);
}

export const chooseWhen = (key: string, whenMs: number | null): void => keep(key, { whenMs });

/** The form that is open: what it begins with, and the key under which its fields are kept. */
export const OpenForm = createContext<{ key: string; values: Readonly<Record<string, unknown>> } | null>(null);

/** A field of a form: as it was left, or as it is proposed. Only what somebody touched is kept. */
export function useField<T>(name: string, proposed: T): [T, (value: T) => void] {
  const form = useContext(OpenForm);
  const [value, set] = useState<T>(() => (form !== null && name in form.values ? (form.values[name] as T) : proposed));
  return [value, (next) => {
    set(() => next);
    if (form !== null) keep(form.key, { values: { [name]: next } });
  }];
}
