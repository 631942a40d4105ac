/** Which rows of a list that scrolls do not stand on the screen in full: nothing may be cut without being counted. */

import { useEffect, useLayoutEffect, useState } from "preact/hooks";

/** Keys (`data-key`) of the rows that are cut, in order. `moved`: whatever changes when rows come or go. `byScreen`: what lies below
 * the screen's edge is cut too, where the page scrolls and not the list.
 */
export function useCut(list: { current: HTMLElement | null }, moved: unknown, byScreen = false): readonly string[] {
  const [cut, setCut] = useState<readonly string[]>([]);
  const measure = (): void => {
    const box = list.current?.getBoundingClientRect();
    if (!box) return;
    const rows = [...(list.current?.querySelectorAll<HTMLElement>("[data-key]") ?? [])];
    const found = rows.filter((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return bottom > Math.min(box.bottom, byScreen ? innerHeight : Infinity) + 1 || top < box.top - 1;
    }).map((row) => row.dataset["key"] ?? "");
    setCut((before) => (before.join() === found.join() ? before : found));
  };
  useLayoutEffect(measure, [moved]);
  useEffect(() => {
    const element = list.current;
    if (!element) return;
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    for (const child of element.children) resized.observe(child);
    const scrolls = byScreen ? [element, window] : [element];
    for (const each of scrolls) each.addEventListener("scroll", measure, { passive: true });
    if (byScreen) window.addEventListener("resize", measure);
    return () => {
      resized.disconnect();
      for (const each of scrolls) each.removeEventListener("scroll", measure);
      window.removeEventListener("resize", measure);
    };
  }, []);
  return cut;
}
