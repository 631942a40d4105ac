/** Correcting and taking back what was entered: which entries can be, and the entry that does it. Pure.
 *
 * The wrong entry stays in the record, struck through; `replaces` takes it out of everything that is decided from then on.
 */

import type { Draft } from "../sending";
import type { AuditEntry } from "../wire";

type Doc = Readonly<Record<string, unknown>>;

const CORRECTABLE: ReadonlySet<string> = new Set(["vitals", "cuff.corrected", "dose", "dose.stopped", "checkin", "intervention"]);

const idOf = (doc: Doc | null | undefined): string | null => (typeof doc?.["id"] === "string" ? doc["id"] : null);

/** The ids that later entries took the place of. */
export function replacedIn(entries: readonly AuditEntry[]): ReadonlySet<string> {
  return new Set(entries.filter((e) => e.outcome === undefined || e.outcome === null || e.outcome.startsWith("accepted")).map((e) => e.doc?.["replaces"]).filter((id) => typeof id === "string"));
}

/** True if a correction of this entry is understood: it was taken, has a name, and is of a kind that can be corrected. */
export function correctable(kind: string, doc: Doc | null | undefined): boolean {
  return CORRECTABLE.has(kind) && idOf(doc) !== null && !takesBack(kind, doc ?? {});
}

/** True if an entry says nothing but that the one before it was wrong. */
export function takesBack(kind: string, doc: Doc): boolean {
  if (typeof doc["replaces"] !== "string") return false;
  switch (kind) {
    case "vitals":
    case "cuff.corrected":
      return typeof doc["sbp"] !== "number" && typeof doc["dbp"] !== "number" && typeof doc["map"] !== "number";
    case "dose":
      return doc["amount_mg"] === 0;
    case "checkin":
      return (doc["score"] ?? null) === null && (doc["items"] ?? null) === null;
    case "intervention":
      return doc["what"] === MISTAKEN;
    default:
      return false;
  }
}

/** What an intervention that never was is called. */
export const MISTAKEN = "entered by mistake";

/** The entry that takes one back, and nothing in its place; null where only another can be entered instead. */
export function takeBack(kind: string, doc: Doc): Draft | null {
  const about = Object.fromEntries(["patient", "session"].filter((name) => typeof doc[name] === "string").map((name) => [name, doc[name]]));
  switch (kind) {
    case "vitals":
    case "cuff.corrected":
      return { kind: "vitals", ...about };
    case "dose":
      return { kind, ...about, drug: doc["drug"], ...(doc["route"] ? { route: doc["route"] } : {}), amount_mg: 0 };
    case "checkin":
      return { kind, ...about, instrument: doc["instrument"] };
    case "intervention":
      return { kind, ...about, what: MISTAKEN };
    default:
      return null;
  }
}
