/** The browser's own Back and Forward, and a reload, at a page whose forms open in place: Back closes a form, Forward opens it again,
 * and a reload finds it open.
 *
 * An open form is an entry of the browser's history. A form that was closed otherwise leaves its entry behind, marked; Back on it
 * goes on to the page before, so that nobody presses it in vain.
 */

import { useEffect, useRef } from "preact/hooks";

interface Entry<T> {
  form?: T | null;
}

const now = <T>(): Entry<T> | null => history.state as Entry<T> | null;

/** `opened` and `closed` tell what the page did; `open` and `close` are called for what the browser did. */
export function useBack<T>(open: (form: T) => void, close: () => void): { opened: (form: T, instead?: boolean) => void; closed: () => void } {
  const last = useRef<Entry<T> | null>(now<T>());
  const latest = useRef({ open, close });
  latest.current = { open, close };
  useEffect(() => {
    const moved = (event: PopStateEvent): void => {
      const left = last.current;
      last.current = event.state as Entry<T> | null;
      const form = last.current?.form;
      if (form) return latest.current.open(form);
      if (left?.form === null && form === undefined) return history.back();
      latest.current.close();
    };
    window.addEventListener("popstate", moved);
    return () => window.removeEventListener("popstate", moved);
  }, []);
  return {
    opened: (form, instead = false) => {
      last.current = { form };
      if (instead || now<T>()?.form !== undefined) history.replaceState(last.current, "");
      else history.pushState(last.current, "");
    },
    closed: () => {
      if (!now<T>()?.form) return;
      last.current = { form: null };
      history.replaceState(last.current, "");
    },
  };
}

/** The form that was open when the page was reloaded, or left and come back to; null: none was. */
export function formBefore<T>(): T | null {
  return now<T>()?.form ?? null;
}

/** Whether the page was just opened, and no form of it has been open yet. */
export function nothingOpenedYet(): boolean {
  return now()?.form === undefined;
}
