/** Whom a chair's forms are about: as the server says, or as a start says that it does not show yet. Pure. */

import type { Entry } from "../outbox";
import type { Chair } from "../wire";

/** Whom an entry is about. `session` empty: nobody sits here, and the entry is the patient's alone. */
export interface Sitting {
  chair: string;
  patient: string;
  session: string;
  drug: string | null;
  route: string | null;
  plannedMg: number | null;
  plannedMinutes: number | null;
}

const num = (v: unknown): number | null => (typeof v === "number" ? v : null);
const str = (v: unknown): string | null => (typeof v === "string" ? v : null);

/** Who sits in a chair. `queue`: what was entered and not sent, `taken`: what the server has taken and does not show yet. A start
 * in either counts, so that nobody waits for the network to enter a dose; an end only once it was taken.
 */
export function sittingAt(name: string, list: readonly Chair[], queue: readonly Entry[], taken: readonly Entry[] = []): Sitting | null {
  const chair = list.find((c) => c.chair === name && c.session);
  const start = [...taken, ...queue].filter((e) => e.chair === name && e.state !== "refused" && e.body.kind === "session.started").at(-1)?.body;
  const ended = (session: unknown): boolean => taken.some((e) => e.body.kind === "session.ended" && e.session === session);
  if (start && start["session"] !== chair?.session && !ended(start["session"])) {
    return {
      chair: name, patient: str(start["patient"]) ?? "", session: str(start["session"]) ?? "", drug: str(start["drug"]), route: str(start["route"]),
      plannedMg: num(start["planned_mg"]), plannedMinutes: num(start["planned_minutes"]),
    };
  }
  if (!chair?.session || !chair.patient || ended(chair.session)) return null;
  return {
    chair: name, patient: chair.patient, session: chair.session, drug: chair.drug ?? null, route: chair.route ?? null,
    plannedMg: chair.planned_mg ?? null, plannedMinutes: chair.planned_minutes ?? null,
  };
}

/** Whom an entry that is corrected is about: what it says itself. */
export function sittingOf(doc: Readonly<Record<string, unknown>>, session: string | null, name: string): Sitting {
  return {
    chair: name, patient: str(doc["patient"]) ?? "", session: str(doc["session"]) ?? session ?? "", drug: str(doc["drug"]), route: str(doc["route"]),
    plannedMg: null, plannedMinutes: null,
  };
}
