/** What this tab knew last, so that a reload without a network shows it, marked as old: never as nothing, never as live.
 *
 * In sessionStorage: it goes with the tab, and when somebody signs out or nobody is signed in. Bad at: a browser that was closed.
 */

import { site } from "./here";
import type { Alert, Chair } from "./wire";

const KEY = `chairside.last.${site}`;
const EVERY_MS = 5_000;
let keptAt = -Infinity;

export interface LastState {
  /** The server's time of it, in milliseconds. */
  at: number;
  chairs: readonly Chair[];
  alerts: readonly Alert[];
}

/** Keeps a state, not more often than every few seconds: the alerts of a moment ago are no older than the frame says. */
export function keepState(state: () => LastState): void {
  if (performance.now() - keptAt < EVERY_MS) return;
  keptAt = performance.now();
  try {
    sessionStorage.setItem(KEY, JSON.stringify(state()));
  } catch {
    // Full or forbidden: the page then starts empty after a reload without a network, and says so.
  }
}

export function stateKept(): LastState | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as LastState | null;
    return kept !== null && Number.isFinite(kept.at) && Array.isArray(kept.chairs) && Array.isArray(kept.alerts) ? kept : null;
  } catch {
    return null;
  }
}

export function forgetState(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // As above.
  }
}
