/** A page's question to the server, asked again each minute while it is looked at: the last answer stays until a newer one comes. */

import { useEffect, useState } from "preact/hooks";

import { getJson } from "./here";

const AGAIN_MS = 60_000;

export interface Asked<T> {
  answer: T | null;
  /** Why there is no newer answer, in words. */
  problem: string | null;
}

export function useAsked<T>(path: string): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ answer: null, problem: null });
  useEffect(() => {
    let current = true;
    const ask = async (): Promise<void> => {
      try {
        const answer = await getJson<T>(path);
        if (current) setAsked({ answer, problem: null });
      } catch (failure) {
        const why = failure instanceof Error ? failure.message : "no answer";
        if (current) setAsked((before) => ({ answer: before.answer, problem: why }));
      }
    };
    setAsked({ answer: null, problem: null });
    void ask();
    const timer = window.setInterval(() => document.hidden || void ask(), AGAIN_MS);
    return () => {
      current = false;
      window.clearInterval(timer);
    };
  }, [path]);
  return asked;
}

export function Waiting({ problem, what }: { problem: string | null; what: string }) {
  if (problem !== null) return <p class="empty" role="alert">{what} cannot be fetched: {problem}. Trying again each minute.</p>;
  return <p class="empty">Fetching {what.toLowerCase()}…</p>;
}
