/** Which limits watch less here than the built-in ones, and why, for as long as they do. Asked for each quarter of a minute. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { getJson, href, listOf, site } from "../here";

interface Weakened {
  limit: string;
  reason: string | null;
}

const EVERY_MS = 15_000;
/** As many as a wall's column has room for beside everything else that can be wrong; the rule book has them all. */
const SHOWN = 3;
const weakened = signal<readonly Weakened[]>([]);

async function ask(): Promise<void> {
  try {
    weakened.value = listOf<Weakened>(await getJson<unknown>(`/v1/site?site=${encodeURIComponent(site)}`), "weakened");
  } catch {
    // What was known stands; the feed says that nothing comes.
  }
}

export function LimitsLine() {
  useEffect(() => {
    void ask();
    const timer = window.setInterval(() => void ask(), EVERY_MS);
    return () => window.clearInterval(timer);
  }, []);
  if (weakened.value.length === 0) return null;
  const each = weakened.value.map((one) => (one.reason ? `${one.limit} (${one.reason})` : one.limit));
  const more = each.length - SHOWN;
  return <p class="pages-line" data-testid="limits-line">Limits weakened here: {each.slice(0, SHOWN).join("; ")}{more > 0 && <>; and <a href={href("/rules")}>{more} more</a></>}.</p>;
}
