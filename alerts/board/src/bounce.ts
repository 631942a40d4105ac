/** A second tap on what has gone: of a double tap, or of a glove that bounced. It must not press what came up under the finger.
 *
 * A tap is one if what was tapped just before, at the same place, is no longer on the page. Two taps on what stays are two taps; so
 * are two that lie apart. Bad at: a finger that slides further than a thumb's width. Keys are no taps.
 */

const BOUNCES_WITHIN_MS = 400;
/** A thumb's width on a tablet, and the size of its smallest targets and a little. Chosen by us. */
const SAME_PLACE_PX = 64;

export interface Tap {
  atMs: number;
  x: number;
  y: number;
}

/** Whether a tap is the bounce of the one before. `stays`: what that one tapped is still on the page. Pure. */
export function isBounce(before: Tap | null, stays: boolean, tap: Tap): boolean {
  return before !== null && !stays && tap.atMs - before.atMs < BOUNCES_WITHIN_MS && Math.hypot(tap.x - before.x, tap.y - before.y) < SAME_PLACE_PX;
}

export function ignoreBounces(): void {
  let before: Tap | null = null;
  let tapped: EventTarget | null = null;
  window.addEventListener("click", (event) => {
    // Enter and Space click as well, nowhere.
    if (event.detail === 0) return;
    const tap = { atMs: event.timeStamp, x: event.clientX, y: event.clientY };
    if (isBounce(before, tapped instanceof Node && tapped.isConnected, tap)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    before = tap;
    tapped = event.target;
  }, { capture: true });
}
