/** What is registered of a patient, as `GET /v1/patients/{patient}/registration` says it; asked again when something was entered. */

import { useEffect, useState } from "preact/hooks";

import { getJson, mayEnter, me, site } from "../here";
import { taken } from "../sending";

/** Something registered that speaks against a drug, or interacts with it; `weight` "unknown": no table knows it. */
export interface Objection {
  name: string;
  weight: "contraindicated" | "defer" | "caution" | "unknown";
  words: string;
  source: string;
}

/** Null: nobody has said. */
export interface Registration {
  patient: string;
  registered_at: string | null;
  weight_kg: number | null;
  birth_year: number | null;
  sex: string | null;
  conditions: readonly string[] | null;
  medications: readonly string[] | null;
  objections: Readonly<Record<string, readonly Objection[]>>;
}

/** As long as somebody types an alias: each letter is no question. */
const TYPING_MS = 250;

/** Null until it is known, and for nobody. */
export function useRegistration(patient: string | null): Registration | null {
  const [found, setFound] = useState<Registration | null>(null);
  const news = taken.value;
  useEffect(() => {
    if (patient === null || patient === "" || !mayEnter(me.value, "patient.registered")) return;
    let current = true;
    const ask = async (): Promise<void> => {
      try {
        const answer = await getJson<Registration>(`/v1/patients/${encodeURIComponent(patient)}/registration?${new URLSearchParams({ site })}`);
        if (current) setFound(answer);
      } catch {
        // It stays unknown, and is said to be.
      }
    };
    // What was just entered is filed a moment later.
    const timers = [TYPING_MS, news === 0 ? TYPING_MS : 1500].map((ms) => window.setTimeout(() => void ask(), ms));
    return () => {
      current = false;
      timers.forEach((timer) => window.clearTimeout(timer));
    };
  }, [patient, news]);
  return found !== null && found.patient === patient ? found : null;
}
