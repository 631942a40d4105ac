/** The end is asked for: what is not ready stands first, and leaving anyway takes a reason, which is kept. */

import { useField } from "./begun";
import { Choice, Field, Form, type FormProps, about, str, unlisted } from "./parts";

const REASONS = [["completed", "Completed"], ["stopped early", "Stopped early"], ["left against advice", "Left against advice"], ["transferred", "Transferred"], ["started by mistake", "Started by mistake"]] as const;
const WHY = [["physician agreed", "Physician agreed"], ["patient insists", "Patient insists"], ["emergency", "Emergency"], ["not measured", "Well, only not measured"]] as const;

/** The reason that is kept: how it ended and, of somebody who was not ready, why they leave all the same. */
export function reasonWords(reason: string, ready: boolean, why: string): string {
  return ready || why.trim() === "" ? reason.trim() : `${reason.trim()}; not ready, left because: ${why.trim()}`;
}

export function EndForm({ sitting, seated, start, enter }: FormProps) {
  const [reason, setReason] = useField("reason", str(start?.["reason"]) || "completed");
  const [discharged, setDischarged] = useField("discharged", start?.["discharged"] === true ? "yes" : start?.["discharged"] === false ? "no" : "");
  const [why, setWhy] = useField("why", "");
  const chair = seated.find((c) => c.session === sitting.session) ?? null;
  const readiness = chair?.readiness ?? null;
  const ready = readiness?.ready === true;
  // Who never began leaves nothing to be ready for, and who is handed on is observed elsewhere.
  const asks = !ready && reason !== "started by mistake" && reason !== "transferred";
  const problem =
    reason.trim() === "" ? "Reason is missing."
    : discharged === "" ? "Was the patient discharged?"
    : asks && why.trim() === "" ? "Why do they leave before they are ready?" : null;
  return (
    <Form problem={problem} words="End session" submit={() => enter({ kind: "session.ended", ...about(sitting), reason: reasonWords(reason, !asks, why), discharged: discharged === "yes" })}>
      <div class="end-ready" data-testid="end-readiness" data-ready={readiness === null ? "unknown" : ready}>
        <strong>{readiness === null ? "Readiness is not known yet" : ready ? "Ready to leave" : "Not ready to leave"}</strong>
        {!ready && <ul>{(readiness?.reasons ?? []).map((words) => <li key={words}>{words}</li>)}</ul>}
      </div>
      <Choice label="Reason" name="reason" options={REASONS.map(([v, w]) => [v.replaceAll(" ", "-"), w] as const)} value={reason.replaceAll(" ", "-")} set={(v) => setReason(v.replaceAll("-", " "))} />
      <Choice label="Discharged" name="discharged" options={[["yes", "Yes, went home"], ["no", "No"]]} value={discharged} set={setDischarged} />
      {asks && <Choice label="They leave all the same, because" name="why" options={WHY.map(([v, w]) => [v.replaceAll(" ", "-"), w] as const)} value={why.replaceAll(" ", "-")} set={(v) => setWhy(v.replaceAll("-", " "))} />}
      <div class="fields">
        <Field label="Or in your words" name="reason" value={unlisted(reason, REASONS)} set={setReason} />
        {asks && <Field label="Because, in your words" name="why" value={unlisted(why, WHY)} set={setWhy} />}
      </div>
    </Form>
  );
}
