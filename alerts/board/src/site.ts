/** What the service says of itself: its time zone, whether its clock is the world's, and whether its configuration is refused.
 *
 * Asked for again each quarter of a minute. Until it answers the zone known from the last time, or the browser's, is used.
 */

import { signal } from "@preact/signals";

import { getJson, remember, remembered, site } from "./here";
import type { Refused } from "./refusal";
import { setZone } from "./times";

interface Site {
  site?: string;
  timezone?: string;
  clock?: string;
  configuration_refused?: Refused | null;
  board?: BoardChoice;
  lesson?: string | null;
}

/** What the site has chosen for its boards. */
export interface BoardChoice {
  chairs: readonly string[];
  sound: boolean;
  theme: "dark" | "light" | "auto";
}

const KEY = "chairside.zone";
const BOARD_KEY = `chairside.board.${site}`;
const EVERY_MS = 15_000;
const RETRY_MS = 5_000;
/** A demonstration's lesson moves on every few seconds. */
const INVENTED_MS = 2_000;

/** The demonstration's clock is the invented clinic's own, and runs faster. */
export const invented = signal(false);
/** As it was told last; a board that starts without a network still knows its chairs. */
export const board = signal<BoardChoice>(choiceKept());
/** What a demonstration says to look at now. */
export const lesson = signal<string | null>(null);
export const refused = signal<Refused | null>(null);

let asked = false;

export async function askSite(): Promise<void> {
  if (!asked) {
    const known = remembered(KEY);
    if (known !== null) setZone(known);
    asked = true;
  }
  let againMs = EVERY_MS;
  try {
    const answer = await getJson<Site>(site === "main" ? "/v1/site" : `/v1/site?site=${encodeURIComponent(site)}`);
    invented.value = answer.clock === "observed";
    if (answer.board && JSON.stringify(answer.board) !== JSON.stringify(board.value)) {
      board.value = answer.board;
      remember(BOARD_KEY, JSON.stringify(answer.board));
    }
    lesson.value = answer.lesson ?? null;
    if (invented.value) againMs = INVENTED_MS;
    refused.value = answer.configuration_refused ?? null;
    if (answer.timezone && setZone(answer.timezone)) remember(KEY, answer.timezone);
  } catch {
    againMs = RETRY_MS;
  }
  window.setTimeout(() => void askSite(), againMs);
}

function choiceKept(): BoardChoice {
  const unsaid: BoardChoice = { chairs: [], sound: false, theme: "dark" };
  try {
    return { ...unsaid, ...(JSON.parse(remembered(BOARD_KEY) ?? "{}") as Partial<BoardChoice>) };
  } catch {
    return unsaid;
  }
}
