/** Which cards a board has, and where: eyes learn places, so a chair keeps its own when it falls empty.
 *
 * The order is the site's, where it names its chairs; else the natural one of their names. A session without a chair comes last. Pure.
 */

import { byChair } from "./readings";
import type { Chair } from "./wire";

export interface Place {
  key: string;
  name: string;
  /** Null: nobody sits there now. */
  chair: Chair | null;
}

/** Chairs seen before, and when last, in milliseconds. */
export type Seen = Record<string, number>;

/** The cards, given who sits where now, which chairs were seen before, and the site's chairs in the order of their places, if it names any. */
export function placesOf(list: readonly Chair[], seen: Seen, configured: readonly string[] = []): Place[] {
  const byName = new Map<string, Chair[]>();
  const loose: Place[] = [];
  for (const chair of list) {
    if (chair.chair) byName.set(chair.chair, [...(byName.get(chair.chair) ?? []), chair]);
    else {
      const name = chair.device ?? chair.session ?? "unknown";
      loose.push({ key: `none-${name}`, name, chair });
    }
  }
  const others = [...new Set([...(configured.length > 0 ? [] : Object.keys(seen)), ...byName.keys()])].filter((name) => !configured.includes(name)).sort(byChair);
  const names = [...configured, ...others];
  const seated = names.flatMap((name): Place[] => {
    const here = byName.get(name);
    if (!here) return [{ key: name, name, chair: null }];
    // Two open sessions in one chair: both are watched, so both are shown.
    return here.map((chair, i) => ({ key: i === 0 ? name : `${name}-${chair.session}`, name, chair }));
  });
  return [...seated, ...loose.sort((a, b) => byChair(a.name, b.name))];
}
