/** The patient's tablet: a picture that its camera reads, for this session alone. Whoever has the link can answer and call for this patient. */

import { useState } from "preact/hooks";

import { getJson, mayEnter, me, site } from "../here";

interface Tablet {
  url: string;
  qr: string;
  language: string;
  languages: { [code: string]: string };
}

export function TabletLink({ session }: { session: string }) {
  const [tablet, setTablet] = useState<Tablet | null>(null);
  const [problem, setProblem] = useState("");
  if (!mayEnter(me.value)) return null;
  const ask = async (language?: string): Promise<void> => {
    setProblem("");
    try {
      const query = new URLSearchParams({ site, ...(language === undefined ? {} : { language }) });
      setTablet(await getJson<Tablet>(`/v1/sessions/${encodeURIComponent(session)}/tablet?${query}`));
    } catch (wrong) {
      setTablet(null);
      setProblem(`No link: ${wrong instanceof Error ? wrong.message : "no connection"}. Try again.`);
    }
  };
  if (tablet === null) {
    return (
      <div class="tablet-link">
        <button class="task-quiet" data-testid="tablet" onClick={() => void ask()}>Patient’s tablet</button>
        {problem && <p class="form-problem" role="alert">{problem}</p>}
      </div>
    );
  }
  return (
    <section class="tablet-link" aria-label="Patient’s tablet" data-testid="tablet-shown">
      <p>Point the patient’s tablet at this. It asks how they are as the protocol goes, and has a button that calls you.</p>
      <img src={tablet.qr} alt="The link of the patient’s tablet, to be read by its camera" width="220" height="220" />
      <label class="field"><span>Language</span>
        <select data-testid="tablet-language" value={tablet.language} onChange={(e) => void ask(e.currentTarget.value)}>
          {Object.entries(tablet.languages).map(([code, name]) => <option key={code} value={code}>{name}</option>)}
        </select></label>
      <button data-testid="tablet-close" onClick={() => setTablet(null)}>Close</button>
    </section>
  );
}
