/** What the service says of itself: its time zone, and whether its clock is the world's.
 *
 * Asked for once, and again until it answers. Until then the zone known from the last time, or the browser's, is used.
 */

import { signal } from "@preact/signals";

import { getJson, remember, remembered } from "./here";
import { setZone } from "./times";

interface Site {
  site?: string;
  timezone?: string;
  clock?: string;
}

const KEY = "chairside.zone";
const RETRY_MS = 5_000;

/** The demonstration's clock is the invented clinic's own, and runs faster. */
export const invented = signal(false);

export async function askSite(): Promise<void> {
  const known = remembered(KEY);
  if (known !== null) setZone(known);
  try {
    const answer = await getJson<Site>("/v1/site");
    invented.value = answer.clock === "observed";
    if (answer.timezone && setZone(answer.timezone)) remember(KEY, answer.timezone);
  } catch {
    window.setTimeout(() => void askSite(), RETRY_MS);
  }
}
