/** Where pages go, and the words for whether they arrive. */

export interface Destination {
  name: string;
  state: "well" | "failing" | "untried";
  failing_since?: string | null;
  last_error?: string | null;
}

/** The line's words, and whether somebody must act; null while it is not known. */
export function wordsOf(all: readonly Destination[] | null, at: (text: string | null | undefined) => string): { words: string; loud: boolean } | null {
  if (all === null) return null;
  if (all.length === 0) return { words: "Nobody can be paged: no destination is configured. Watch the board.", loud: true };
  const failing = all.filter((d) => d.state === "failing");
  if (failing.length === 0) return { words: `Pages go to ${all.map((d) => d.name).join(", ")}.`, loud: false };
  const each = failing.map((d) => `${d.name} since ${at(d.failing_since)} (${d.last_error ?? "no reason known"})`).join(", ");
  return { words: failing.length === all.length ? `No page arrives anywhere: ${each}. Watch the board.` : `Pages do not arrive at ${each}.`, loud: true };
}
