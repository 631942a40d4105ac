/** Where pages go, in one line: calm while they arrive, loud once they do not. Asked for each quarter of a minute. And a loud one
 * while the site's configuration is refused. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { getJson, listOf, site } from "../here";
import { type Destination, wordsOf } from "../destinations";
import { refusedWords } from "../refusal";
import { refused } from "../site";
import { clock, parse } from "../times";

const EVERY_MS = 15_000;
const destinations = signal<readonly Destination[] | null>(null);

async function ask(): Promise<void> {
  try {
    destinations.value = listOf<Destination>(await getJson<unknown>(`/v1/destinations?site=${encodeURIComponent(site)}`), "destinations");
  } catch {
    // The feed says that nothing comes; the next answer says how pages do.
  }
}

export function PagesLine() {
  useEffect(() => {
    void ask();
    const timer = window.setInterval(() => void ask(), EVERY_MS);
    return () => window.clearInterval(timer);
  }, []);
  const at = (text: string | null | undefined): string => { const t = parse(text); return t === null ? "—" : clock(t); };
  const line = wordsOf(destinations.value, at);
  return (
    <>
      {refused.value && <p class="pages-line loud" role="alert" data-testid="configuration-refused">{refusedWords(refused.value, at)}</p>}
      {line && <p class={line.loud ? "pages-line loud" : "pages-line"} role={line.loud ? "alert" : undefined} data-testid="pages-line">{line.words}</p>}
    </>
  );
}
