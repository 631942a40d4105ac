/** Who is behind an alias, for those who may know it and where names are kept: read once, written, corrected, deleted.
 *
 * Each is audited, so a page that stands open does not ask again. A name is kept nowhere but in this component: not in the title, the
 * address or the browser's storage.
 */

import { useEffect, useRef, useState } from "preact/hooks";

import { getJson, sendJson } from "../here";
import { visibleName } from "../tables";

const LONGEST = 200;

type Doing = "reading" | "writing" | "deleting";

export function NameOf({ alias }: { alias: string }) {
  const path = `/v1/names/${encodeURIComponent(alias)}`;
  // Undefined: not known.
  const [name, setName] = useState<string | null | undefined>(undefined);
  const [doing, setDoing] = useState<Doing>("reading");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLElement | null>(null);
  const read = async (): Promise<void> => {
    setProblem(null);
    try {
      setName((await getJson<{ name: string | null }>(path)).name);
    } catch (failure) {
      setProblem(`The name cannot be read: ${failure instanceof Error ? failure.message : "no answer"}.`);
    }
  };
  useEffect(() => void read(), [path]);
  // What comes up has the keyboard; what was left gives it back.
  const moved = useRef(false);
  useEffect(() => {
    if (moved.current) first.current?.focus();
    moved.current = false;
  }, [doing, name]);
  const go = (to: Doing): void => {
    moved.current = true;
    setProblem(null);
    setDoing(to);
  };
  const send = async (method: "PUT" | "DELETE", body: unknown): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      const answer = await sendJson(method, path, body);
      const said = (await answer.json().catch(() => ({}))) as { name?: string | null; detail?: unknown };
      if (answer.ok) {
        go("reading");
        setName(said.name ?? null);
      } else setProblem(typeof said.detail === "string" ? `Nothing is changed: ${said.detail}.` : "Nothing is changed: that is no name.");
    } catch {
      setProblem("No connection: it is not known whether it was changed. Try again.");
    }
    setBusy(false);
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const written = String(new FormData(event.currentTarget as HTMLFormElement).get("name")).trim();
    if (written === "") setProblem("Write the name.");
    else void send("PUT", { name: written });
  };
  const leave = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && doing !== "reading") go("reading");
  };
  const focus = (element: HTMLElement | null): void => { first.current = element; };
  return (
    <section class="name-of" aria-label="Name" data-testid="name-of" onKeyDown={leave}>
      {doing === "writing" ? (
        <form class="name-line" novalidate onSubmit={submit}>
          <label class="field"><span>Name of {visibleName(alias)}</span>
            <input ref={focus} name="name" data-testid="name-field" required maxLength={LONGEST} autocomplete="off" spellcheck={false} defaultValue={name ?? ""} onInput={() => setProblem(null)} /></label>
          <button class="name-go" data-testid="name-save" aria-disabled={busy}>{busy ? "Saving…" : "Save"}</button>
          <button type="button" data-testid="name-cancel" onClick={() => go("reading")}>Cancel</button>
        </form>
      ) : doing === "deleting" ? (
        <div class="name-line" role="group" aria-label="Delete the name?">
          <p>Delete the name of {visibleName(alias)}? Earlier backups hold it, sealed, until the key is changed.</p>
          <button ref={focus} data-testid="name-keep" onClick={() => go("reading")}>Keep it</button>
          <button data-testid="name-delete-now" aria-disabled={busy} onClick={() => void send("DELETE", {})}>{busy ? "Deleting…" : "Delete it"}</button>
        </div>
      ) : (
        <div class="name-line">
          <p data-testid="name">{name === undefined ? (problem === null ? "Fetching the name…" : "Name not known.") : name === null ? "No name is entered." : <>Name: <strong>{visibleName(name)}</strong></>}</p>
          {name === undefined ? problem !== null && <button data-testid="name-again" onClick={() => void read()}>Try again</button>
          : <button ref={focus} data-testid="name-write" onClick={() => go("writing")}>{name === null ? "Enter the name" : "Correct"}</button>}
          {typeof name === "string" && <button data-testid="name-delete" onClick={() => go("deleting")}>Delete</button>}
        </div>
      )}
      {problem !== null && <p class="form-problem" role="alert" data-testid="name-problem">{problem}</p>}
    </section>
  );
}
