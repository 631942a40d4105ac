/** A patient of another site, before anything of them is read: whose they are, what will be told to whom, and a reason that has to be
 * given. Where somebody may not open it, who may.
 */

import { useRef, useState } from "preact/hooks";

import { useAsked, Waiting } from "../asked";
import { me, postJson, site } from "../here";
import { visibleName } from "../tables";
import { LONGEST_REASON, type Open, placeOf, refusedWords, toldWords } from "./elsewhere";

interface Props {
  /** Null: what was opened is a session's record, which does not say whose it is. */
  patient: string | null;
  /** Empty: not known. */
  of: string;
  /** The hour was over while they were looked at. */
  isOver?: boolean;
}

export function GlassForm({ patient, of, isOver = false }: Props) {
  const { answer, problem } = useAsked<Open>("/v1/break-glass");
  const own = me.value?.site ?? "";
  return (
    <section class="glass" aria-labelledby="glass-title" data-testid="glass">
      <h1 id="glass-title">{patient === null ? "A record of another site" : visibleName(patient)}</h1>
      <p class="glass-whose" data-testid="glass-whose">
        {isOver ? "The time for which this was opened is over. " : ""}
        {of === "" ? `A patient of another site than yours, ${own}?` : `${patient === null ? "This record" : "This patient"} belongs to ${visibleName(of)}. You are of ${own}.`}
      </p>
      {me.value?.breaks_glass !== true ? <p data-testid="glass-not-yours">A clinician can open one patient of another site, with a reason. Ask one, or call {of === "" ? "their site" : visibleName(of)}.</p>
      : answer === null ? <Waiting problem={problem} what="What can be opened" />
      : <Ask patient={patient} of={of} own={own} minutes={answer.minutes} />}
    </section>
  );
}

function Ask({ patient, of, own, minutes }: { patient: string | null; of: string; own: string; minutes: number }) {
  const [alias, setAlias] = useState(patient ?? "");
  const [whose, setWhose] = useState(of);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    if (reason.trim() === "") {
      setProblem("Say why: without a reason nothing is opened.");
      field.current?.focus();
      return;
    }
    setBusy(true);
    try {
      const body = { site: whose.trim(), patient: alias.trim(), reason: reason.trim() };
      const answer = await postJson("/v1/break-glass", body);
      const said = (await answer.json().catch(() => null)) as { detail?: unknown } | null;
      if (answer.ok) return location.replace(placeOf(body.patient, body.site, site));
      setProblem(refusedWords(answer.status, typeof said?.detail === "string" ? said.detail : null, body.patient, body.site));
    } catch {
      setProblem("No connection: it is not known whether it was opened. Try again.");
    }
    setBusy(false);
  };
  const isReason = problem !== null && reason.trim() === "";
  return (
    <form class="form" novalidate onSubmit={(e) => void submit(e)} onInput={() => setProblem(null)}>
      <h2>What opening it tells, and to whom</h2>
      <ul class="glass-told" data-testid="glass-told">{toldWords(whose.trim(), me.value?.name ?? "you", own, minutes).map((words) => <li key={words}>{words}</li>)}</ul>
      {patient === null && (
        <label class="field"><span>Patient <small>alias</small></span>
          <input data-testid="glass-patient" required maxLength={200} autocomplete="off" autocapitalize="off" spellcheck={false} value={alias} onInput={(e) => setAlias(e.currentTarget.value)} /></label>
      )}
      {of === "" && (
        <label class="field"><span>Their site <small>as the network calls it</small></span>
          <input data-testid="glass-site" required maxLength={200} autocomplete="off" autocapitalize="off" spellcheck={false} value={whose} onInput={(e) => setWhose(e.currentTarget.value)} /></label>
      )}
      <label class="field"><span>Reason <small>as both audits keep it</small></span>
        <textarea ref={field} data-testid="glass-reason" required rows={3} maxLength={LONGEST_REASON} aria-invalid={isReason} aria-describedby={problem === null ? undefined : "glass-problem"} value={reason} onInput={(e) => setReason(e.currentTarget.value)} /></label>
      {problem !== null && <p class="form-problem" role="alert" id="glass-problem" data-testid="glass-problem">{problem}</p>}
      <button class="sign-in-go" data-testid="glass-open" aria-disabled={busy}>{busy ? "Opening…" : "Open with a reason"}</button>
    </form>
  );
}
