/** A patient of another site of a network: whose a page is, which patient is open to whom until when, and the words for it. Pure.
 *
 * Never here: who may (`deploy/access/glass.py`); whether a patient is there, which the server alone knows and does not tell.
 */

import type { Me } from "../here";

/** A patient of another site whom somebody may read now, and why, as they wrote it themselves. */
export interface Opened {
  site: string;
  patient: string;
  until: string;
  reason: string;
}

/** `GET /v1/break-glass`: for how long the glass is broken, and what is open to whoever asks. */
export interface Open {
  /** The instant of the answer, by the clock that `until` goes by: a ward's own may stand elsewhere. */
  at: string;
  minutes: number;
  open: readonly Opened[];
}

/** As much as the server takes (`LONGEST_REASON` of `deploy/access/glass_route.py`). */
export const LONGEST_REASON = 500;

const OF_ONE = new Set(["patient", "enter", "session"]);

/** Where a link to a patient's page or record leads that is of another site: the page stays of its reader's own site, whose alarms go on
 * in it, and `of` says whose the patient is. Null: it is right as it is. */
export function rightPlace(me: Me | null, place: { pathname: string; search: string; hash: string }): string | null {
  const own = me?.site ?? null;
  const [, kind = "", name = ""] = place.pathname.split("/");
  if (me === null || name === "" || !OF_ONE.has(kind)) return null;
  const query = new URLSearchParams(place.search);
  if (own === null) {
    // One clinic, or somebody of the whole network: there is no glass before them.
    const named = query.get("of");
    if (named === null) return null;
    query.delete("of");
    if (named !== "") query.set("site", named);
    return `${place.pathname}?${query}${place.hash}`;
  }
  const asked = query.get("site");
  const elsewhere = asked !== null && asked !== "main" && asked !== own;
  const of = query.get("of") ?? (elsewhere ? asked : null);
  if (of === null) return null;
  const isRight = of !== own && query.has("of") && !elsewhere && kind !== "enter";
  if (isRight) return null;
  query.set("site", own);
  if (of === own) query.delete("of");
  else query.set("of", of);
  // Nothing can be entered of another site's patient: their page is what there is.
  const path = kind === "enter" && of !== own ? `/patient/${name}` : place.pathname;
  return `${path}?${query}${of === own ? place.hash : ""}`;
}

/** The address of a patient of another site, by the reader's own; `of` empty: it is not known whose they are. */
export function placeOf(patient: string, of: string, own: string): string {
  return `/patient/${encodeURIComponent(patient)}?${new URLSearchParams({ ...(own === "main" ? {} : { site: own }), of })}`;
}

/** What is open of a patient so long after the answer. */
export function openedOf(open: Open | null, site: string, patient: string, elapsedMs: number): Opened | null {
  if (open === null) return null;
  const nowMs = Date.parse(open.at) + elapsedMs;
  return open.open.find((one) => one.site === site && one.patient === patient && Date.parse(one.until) > nowMs) ?? null;
}

/** What will be told, to whom, and what it opens: said before anything is asked. */
export function toldWords(site: string, who: string, own: string, minutes: number): readonly string[] {
  const there = site === "" ? "Their site" : site;
  return [
    `${there} is told at once by an alert, which stays until somebody there closes it: ${who} of ${own}, this patient, and until when. Not the reason.`,
    `The audit of ${site === "" ? "their site" : site} and of ${own} keeps your name, the patient and your reason; each page that you read is in theirs.`,
    `You can read this patient's page, registration and record for ${minutes} minutes. Nothing can be changed, and no other patient is opened.`,
  ];
}

/** Why nothing was opened. `detail`: the server's own words, where it can say more. */
export function refusedWords(status: number, detail: string | null, patient: string, site: string): string {
  if (status === 404) return `Nothing is opened: there is no ${patient} at ${site}. Check the alias and the site.`;
  if (status === 422) return `Nothing is opened: say why, in ${LONGEST_REASON} letters at most.`;
  if (status === 423) return "Nothing is opened: enter your PIN first.";
  if (status === 503) return `Nothing is opened: ${site} cannot be told now. Try again, or call them.`;
  return `Nothing is opened: ${detail ?? `the server answered ${status}`}.`;
}
