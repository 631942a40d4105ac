/** A page's question to the server, asked again each minute while it is looked at, and soon after `news` changes: the last answer
 * stays until a newer one comes.
 */

import { useEffect, useRef, useState } from "preact/hooks";

import { getJson, Refused, signedOut } from "./here";

const AGAIN_MS = 60_000;
/** A clinic's night brings a forecast every few milliseconds: all that come within this are asked for together. */
const NEWS_MS = 2_000;

export interface Asked<T> {
  answer: T | null;
  /** Why there is no newer answer, in words. */
  problem: string | null;
  /** The server knows of nothing by this name: an answer, not a failure. */
  unknown?: boolean;
}

export function useAsked<T>(path: string, news = 0): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ answer: null, problem: null });
  const latest = useRef<(() => void) | null>(null);
  const soon = useRef<number | undefined>(undefined);
  useEffect(() => {
    let current = true;
    const ask = async (): Promise<void> => {
      try {
        const answer = await getJson<T>(path);
        if (current) setAsked({ answer, problem: null });
      } catch (failure) {
        const why = failure instanceof Error ? failure.message : "no answer";
        const unknown = failure instanceof Refused && failure.status === 404;
        if (current) setAsked((before) => ({ answer: before.answer, problem: why, unknown }));
      }
    };
    setAsked({ answer: null, problem: null });
    void ask();
    latest.current = () => void ask();
    const timer = window.setInterval(() => document.hidden || void ask(), AGAIN_MS);
    return () => {
      current = false;
      window.clearInterval(timer);
      window.clearTimeout(soon.current);
      soon.current = undefined;
    };
  }, [path]);
  const out = signedOut.value;
  const wasOut = useRef(out);
  useEffect(() => {
    if (wasOut.current && !out) latest.current?.();
    wasOut.current = out;
  }, [out]);
  useEffect(() => {
    if (news === 0 || soon.current !== undefined) return;
    soon.current = window.setTimeout(() => {
      soon.current = undefined;
      latest.current?.();
    }, NEWS_MS);
  }, [news]);
  return asked;
}

export function Waiting({ problem, what, unknown = null }: { problem: string | null; what: string; unknown?: string | null }) {
  if (unknown !== null) return <p class="empty" role="alert">{unknown}</p>;
  if (problem !== null) return <p class="empty" role="alert">{what} cannot be fetched: {problem}. Trying again each minute.</p>;
  return <p class="empty">Fetching {what.toLowerCase()}…</p>;
}
