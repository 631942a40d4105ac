/** Somebody in another's place for a time: what is sent, and what a refusal means. Pure. */

/** An override as the form holds it: `covers` "" is everybody on the schedule. */
export type OverrideDraft = Record<OverrideField, string>;

export const LABELS = { schedule: "Schedule", who: "Who", covers: "Instead of", since: "From", until: "Until" } as const;
export type OverrideField = keyof typeof LABELS;

export function bodyOf(draft: OverrideDraft, by: string, instant: (text: string) => number | null): Record<string, unknown> {
  const at = (text: string): string | null => {
    const ms = instant(text);
    return ms === null ? null : new Date(ms).toISOString();
  };
  return { schedule: draft.schedule, who: draft.who, covers: draft.covers || null, since: at(draft.since), until: at(draft.until), by };
}

export interface Refusal {
  /** Which of the form's fields, where it is one of them. */
  field: OverrideField | null;
  words: string;
}

function told(field: string, reason: string): Refusal {
  return field in LABELS ? { field: field as OverrideField, words: `${LABELS[field as OverrideField]}: ${reason}` } : { field: null, words: `${field}: ${reason}` };
}

/** The server says "field: reason", or lists what cannot be read at all. */
export function refusal(status: number, document: unknown): Refusal {
  const detail = (document as { detail?: unknown } | null)?.detail;
  if (typeof detail === "string") {
    const [, field, reason] = /^(\w+): (.+)$/s.exec(detail) ?? [];
    return field !== undefined && reason !== undefined ? told(field, reason) : { field: null, words: detail };
  }
  const first = Array.isArray(detail) ? (detail[0] as { loc?: unknown[]; msg?: unknown } | undefined) : undefined;
  if (first !== undefined) return told(String(first.loc?.at(-1) ?? "form"), String(first.msg ?? "refused"));
  return { field: null, words: `the server answered ${status}` };
}
