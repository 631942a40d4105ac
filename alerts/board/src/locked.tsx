/** The lock of a shared tablet: a bar at the foot of the page, so that no alarm is hidden, with a PIN for each who has signed in here.
 *
 * The server decides whether a session is locked; the page asks it now and then, and when somebody has not touched it for so long.
 * What is typed into a form stays there, out of reach, until its person is back.
 */

import { useEffect, useRef, useState } from "preact/hooks";

import { askMe, asked } from "./access";
import { getJson, me, postJson, signedOut } from "./here";

const LOOK_MS = 15_000;

export async function lockNow(): Promise<void> {
  await postJson("/v1/access/lock", {}).catch(() => null);
  await askMe();
}

/** Asks whether the session is locked, as long as sessions lock here. */
export function watchLock(): void {
  window.setInterval(() => {
    if (!signedOut.value && typeof me.value?.locks_after_s === "number") void askMe();
  }, LOOK_MS);
}

export function LockBar() {
  const who = me.value;
  if (signedOut.value || who === null || typeof who.locks_after_s !== "number") return null;
  if (who.locked) return <Unlock own={who.name ?? ""} />;
  return who.has_pin === false ? <ChoosePin /> : null;
}

function Unlock({ own }: { own: string }) {
  const [names, setNames] = useState<readonly string[]>([own]);
  const [name, setName] = useState(own);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    void getJson<{ pins: string[] }>("/v1/access/ways").then((ways) => setNames(ways.pins), () => null);
  }, []);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const answer = await asked("/v1/access/unlock", { name, pin: field.current?.value ?? "" });
    setBusy(false);
    setProblem(answer.problem);
    if (field.current) field.current.value = "";
    await askMe();
  };
  const can = names.includes(name);
  return (
    <section class="lock-bar" aria-label="Locked" data-testid="lock-bar">
      <form onSubmit={(e) => void submit(e)}>
        <p><strong>Locked.</strong> Alarms go on. {can ? "To enter anything: who are you?" : "To enter anything, sign in."}</p>
        {names.some((each) => each !== name || names.length > 1) && (
          <span class="lock-names" role="group" aria-label="Who">
            {names.map((each) => <button key={each} type="button" aria-pressed={each === name} data-testid={`lock-${each}`} onClick={() => { setName(each); field.current?.focus(); }}>{each}</button>)}
          </span>
        )}
        {can && (
          <label class="field"><span>PIN of {name}</span>
            <input ref={field} name="pin" type="password" inputMode="numeric" pattern="[0-9]*" autocomplete="off" required maxLength={12} data-testid="pin" /></label>
        )}
        {can && <button class="lock-go" disabled={busy} data-testid="unlock">Unlock</button>}
        <button type="button" data-testid="whole-sign-in" onClick={() => { signedOut.value = true; }}>Sign in with a password</button>
        {problem !== null && <p class="form-problem" role="alert" data-testid="pin-problem">{problem}</p>}
      </form>
    </section>
  );
}

/** Offered once somebody has signed in where sessions lock and they have no PIN; later they sign in again for it. */
function ChoosePin() {
  const [later, setLater] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  if (later) return null;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const said = new FormData(event.currentTarget as HTMLFormElement);
    const answer = await asked("/v1/access/pin", { pin: said.get("new-pin") });
    setProblem(answer.problem);
    if (answer.problem === null) await askMe();
  };
  return (
    <section class="lock-bar" aria-label="Choose a PIN" data-testid="choose-pin">
      <form onSubmit={(e) => void submit(e)}>
        <p>This tablet locks when nobody touches it. Choose a PIN, to be back quickly.</p>
        <label class="field"><span>PIN, 6 digits or more</span>
          <input name="new-pin" type="password" inputMode="numeric" pattern="[0-9]*" autocomplete="off" required minLength={6} maxLength={12} data-testid="new-pin" /></label>
        <button class="lock-go" data-testid="keep-pin">Choose</button>
        <button type="button" onClick={() => setLater(true)}>Later</button>
        {problem !== null && <p class="form-problem" role="alert">{problem}</p>}
      </form>
    </section>
  );
}
