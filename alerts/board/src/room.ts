/** The page in its room: the files that it is made of are kept, its screen stays on, and it is light or dark. */

import { effect, signal } from "@preact/signals";

import { forget, remember, remembered } from "./here";
import { board } from "./site";

/** Without it a page opened without a network would be the browser's own error. Browsers have it only on https and on this machine. */
export function keepFiles(): void {
  if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js").catch(() => null);
}

/** A wall that goes dark watches nobody. The browser gives the lock back whenever the page is hidden. */
export function stayOn(): void {
  const ask = (): void => {
    if (document.visibilityState === "visible" && "wakeLock" in navigator) void navigator.wakeLock.request("screen").catch(() => null);
  };
  ask();
  document.addEventListener("visibilitychange", ask);
}

type Theme = "dark" | "light";
const KEY = "chairside.theme";
const kept = remembered(KEY);
/** The reader's choice on this screen; null: the site's. */
const chosen = signal<Theme | null>(kept === "dark" || kept === "light" ? kept : null);
const roomIsLight = window.matchMedia("(prefers-color-scheme: light)");
const room = signal<Theme>(roomIsLight.matches ? "light" : "dark");
export const theme = signal<Theme>("dark");

export function switchTheme(): void {
  chosen.value = theme.value === "dark" ? "light" : "dark";
  const byItself = board.value.theme === "auto" ? room.value : board.value.theme;
  if (chosen.value === byItself) forget(KEY);
  else remember(KEY, chosen.value);
}

export function followRoom(): void {
  roomIsLight.addEventListener("change", () => (room.value = roomIsLight.matches ? "light" : "dark"));
  effect(() => {
    theme.value = chosen.value ?? (board.value.theme === "auto" ? room.value : board.value.theme);
    document.documentElement.dataset["theme"] = theme.value;
    document.querySelector('meta[name="color-scheme"]')?.setAttribute("content", theme.value);
  });
}
