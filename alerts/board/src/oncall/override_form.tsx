/** Puts somebody in another's place on a schedule for a time. What cannot be is said by the server, with its field. */

import { useState } from "preact/hooks";

import { postJson, signedBy, site } from "../here";
import { instantOf, now, wallTime } from "../times";
import type { Rota } from "../wire";
import { askRota } from "./heard";
import { bodyOf, LABELS, type OverrideDraft, type OverrideField, type Refusal, refusal } from "./override";
import { scheduleName } from "./said";

/** An override is in the journal when it is answered, and in force when the next frames have been decided. */
const IN_FORCE_MS = 1_000;

export function OverrideForm({ known }: { known: Rota }) {
  const fresh = (): OverrideDraft => ({ schedule: known.schedules[0]?.name ?? "", who: "", covers: "", since: wallTime(now()), until: "" });
  const [draft, setDraft] = useState(fresh);
  const [problem, setProblem] = useState<Refusal | null>(null);
  const [state, setState] = useState<"open" | "sending" | "taken">("open");
  const set = (field: OverrideField) => (event: { currentTarget: { value: string } }): void => {
    setDraft({ ...draft, [field]: event.currentTarget.value });
    setProblem(null);
    setState("open");
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (state === "sending") return;
    setState("sending");
    try {
      const answer = await postJson(`/v1/rota/overrides?${new URLSearchParams({ site })}`, bodyOf(draft, signedBy(), instantOf));
      setProblem(answer.ok ? null : refusal(answer.status, await answer.json().catch(() => null)));
      setState(answer.ok ? "taken" : "open");
      if (!answer.ok) return;
      setDraft(fresh());
      window.setTimeout(() => void askRota(), IN_FORCE_MS);
    } catch {
      setProblem({ field: null, words: "No connection. Try again." });
      setState("open");
    }
  };
  const invalid = (field: OverrideField): boolean => problem?.field === field;
  const names = known.people.map((one) => <option key={one.name} value={one.name}>{one.display ?? one.name}{one.role ? `, ${one.role}` : ""}</option>);
  const time = (field: "since" | "until") => (
    <label class="field"><span>{LABELS[field]}</span>
      <input type="datetime-local" required data-testid={`field-${field}`} value={draft[field]} aria-invalid={invalid(field)} onInput={set(field)} /></label>
  );
  return (
    <section aria-label="In another's place" data-testid="override">
      <h2>In another's place</h2>
      <form class="form" onSubmit={(e) => void submit(e)}>
        <label class="field"><span>{LABELS.schedule}</span>
          <select data-testid="field-schedule" value={draft.schedule} aria-invalid={invalid("schedule")} onChange={set("schedule")}>
            {known.schedules.map(({ name }) => <option key={name} value={name}>{scheduleName(name)}</option>)}
          </select></label>
        <label class="field"><span>{LABELS.who}</span>
          <select data-testid="field-who" required value={draft.who} aria-invalid={invalid("who")} onChange={set("who")}>
            <option value="">Choose</option>{names}
          </select></label>
        <label class="field"><span>{LABELS.covers}</span>
          <select data-testid="field-covers" value={draft.covers} aria-invalid={invalid("covers")} onChange={set("covers")}>
            <option value="">Everybody on it</option>{names}
          </select></label>
        {time("since")}
        {time("until")}
        <p class="form-hint">Times of {known.timezone}.</p>
        {problem !== null && <p class="form-problem" role="alert" data-testid="override-refused">{problem.words}</p>}
        {state === "taken" && <p role="status" data-testid="override-taken">Taken. It is in force within seconds.</p>}
        <button class="sign-in-go" data-testid="override-send" aria-disabled={state === "sending"}>{state === "sending" ? "Sending…" : "Put in place"}</button>
      </form>
    </section>
  );
}
