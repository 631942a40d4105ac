/** Signing in: who uses this page, the sign-in that comes up over it when nobody does, and the page of a one-time link.
 *
 * A session that is over answers 401, to whatever asks first. The page behind stays as it is and goes on when somebody signs in.
 * Where nobody need sign in none of this shows.
 */

import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import { rightPlace } from "./glass/elsewhere";
import { getJson, me, type Me, postJson, signedOut, site } from "./here";

const RETRY_MS = 5_000;
/** How often the server hears that somebody is there: it counts idle minutes, not what a page asks by itself. */
const HERE_MS = 60_000;

export async function askMe(): Promise<void> {
  try {
    me.value = await getJson<Me>("/v1/access/me");
    const to = rightPlace(me.value, location);
    if (to !== null) location.replace(to);
  } catch {
    if (!signedOut.value) window.setTimeout(() => void askMe(), RETRY_MS);
  }
}

export async function signOut(): Promise<void> {
  await postJson("/v1/access/sign-out", {}).catch(() => null);
  signedOut.value = true;
}

export function sayWhenSomebodyIsHere(): void {
  let said = Date.now();
  const here = (): void => {
    if (!me.value?.sign_in || me.value.locked || signedOut.value || Date.now() - said < HERE_MS) return;
    said = Date.now();
    void postJson("/v1/access/here", {}).catch(() => null);
  };
  for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, here, { passive: true });
}

/** Calls `again` each time somebody has signed in after nobody was. */
export function whenSignedIn(again: () => void): void {
  let was = signedOut.value;
  effect(() => {
    const out = signedOut.value;
    if (was && !out) window.setTimeout(again, 0);
    was = out;
  });
}

interface Answer {
  problem: string | null;
  me: Me | null;
}

export async function asked(path: string, body: unknown): Promise<Answer> {
  try {
    const answer = await postJson(path, body);
    const document = (await answer.json().catch(() => ({}))) as Me & { detail?: unknown };
    if (answer.ok) return { problem: null, me: document };
    return { problem: typeof document.detail === "string" ? document.detail : "That will not do.", me: null };
  } catch {
    return { problem: "No connection. Try again.", me: null };
  }
}

/** Why the clinic's provider sent somebody back who is not signed in (`deploy/access/oidc.py`, `RefusedWhy`). */
const REFUSED: Readonly<Record<string, string>> = {
  state: "That sign-in was not begun here, or took too long. Try again.",
  provider: "The answer of the clinic's sign-in will not do. Tell whoever runs Chairside.",
  unknown: "You are signed in there, but nobody here yet. Ask whoever runs Chairside.",
  role: "You are signed in there, but have no role here. Ask whoever runs Chairside.",
  disabled: "You can no longer sign in here. Ask whoever runs Chairside.",
  away: "The clinic's sign-in does not answer. Try again, or use name and password.",
};

/** Takes the reason out of the address, so that a reload does not say it again. */
function whyRefused(): string | null {
  const asked = new URLSearchParams(location.search);
  const why = asked.get("refused");
  if (why === null) return null;
  asked.delete("refused");
  const rest = asked.toString();
  history.replaceState(null, "", location.pathname + (rest === "" ? "" : `?${rest}`));
  return REFUSED[why] ?? null;
}

const atSite = (path: string): string => (site === "main" ? path : `${path}${path.includes("?") ? "&" : "?"}site=${encodeURIComponent(site)}`);

/** Over every page while nobody is signed in; what is behind can be neither read on nor used. */
export function SignIn() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<string | null>(whyRefused);
  const [busy, setBusy] = useState(false);
  const [provider, setProvider] = useState<string | null>(null);
  const out = signedOut.value;
  const before = useRef<Element | null>(null);
  useEffect(() => {
    const box = dialog.current;
    // Who has signed in again goes on where the keyboard was.
    if (!out && before.current instanceof HTMLElement && before.current.isConnected) before.current.focus({ preventScroll: true });
    if (!out) before.current = null;
    if (!out || box === null || box.open) return;
    before.current = document.activeElement;
    box.showModal();
    box.querySelector("input")?.focus();
    void getJson<{ provider: string | null }>(atSite("/v1/access/ways")).then((ways) => setProvider(ways.provider), () => null);
  }, [out]);
  if (!out) return null;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const said = new FormData(form);
    setBusy(true);
    const answer = await asked("/v1/access/sign-in", { name: String(said.get("name")).trim(), password: said.get("password"), ...(site === "main" ? {} : { site }) });
    setBusy(false);
    setProblem(answer.problem);
    if (answer.me === null) return;
    form.reset();
    me.value = answer.me;
    signedOut.value = false;
    void askMe();
  };
  return (
    <dialog class="sign-in" ref={dialog} aria-labelledby="sign-in-title" data-testid="sign-in" onCancel={(e) => e.preventDefault()}>
      <form class="form" onSubmit={(e) => void submit(e)}>
        <h1 id="sign-in-title">Sign in to Chairside</h1>
        <p>Until somebody signs in this screen shows nothing new. Look at the bedside monitors.</p>
        <label class="field"><span>Name</span>
          <input name="name" required maxLength={100} defaultValue={me.value?.name ?? ""} autocomplete="username" autocapitalize="none" spellcheck={false} /></label>
        <label class="field"><span>Password</span>
          <input name="password" type="password" required maxLength={1000} autocomplete="current-password" /></label>
        {problem !== null && <p class="form-problem" role="alert" data-testid="sign-in-problem">{problem}</p>}
        <button class="sign-in-go" disabled={busy}>{busy ? "Signing in…" : "Sign in"}</button>
        {provider !== null && (
          <a class="sign-in-elsewhere" data-testid="sign-in-provider" href={atSite(`/v1/access/oidc?to=${encodeURIComponent(location.pathname)}`)}>
            Sign in with {provider}</a>
        )}
      </form>
    </dialog>
  );
}

/** The page of a one-time link, whose secret is after the `#`, so that no server on the way writes it down. */
export function Welcome() {
  const [link] = useState(() => location.hash.slice(1));
  const [whose, setWhose] = useState<Me | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    history.replaceState(null, "", "/welcome");
    document.title = "Welcome · Chairside";
    void asked("/v1/access/link", { link }).then((answer) => {
      setProblem(answer.problem);
      setWhose(answer.me);
    });
  }, [link]);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const said = new FormData(event.currentTarget as HTMLFormElement);
    if (said.get("password") !== said.get("again")) return setProblem("The two passwords differ.");
    const answer = await asked("/v1/access/welcome", { link, name: String(said.get("name") ?? "").trim() || null, password: said.get("password") });
    setProblem(answer.problem);
    if (answer.me !== null) location.replace("/");
  };
  return (
    <main class="welcome" data-testid="welcome">
      <form class="form" onSubmit={(e) => void submit(e)}>
        <h1>{whose?.name ? `Welcome, ${whose.name}` : "Welcome to Chairside"}</h1>
        {whose !== null && <p>You will be {whose.role}. Choose a password of at least 15 characters: a short sentence will do.</p>}
        {whose !== null && whose.name === null && (
          <label class="field"><span>Name, as colleagues know you</span>
            <input name="name" required maxLength={100} autocomplete="username" autocapitalize="none" spellcheck={false} /></label>
        )}
        {whose !== null && <label class="field"><span>Password</span><input name="password" type="password" required minLength={15} maxLength={1000} autocomplete="new-password" /></label>}
        {whose !== null && <label class="field"><span>The same again</span><input name="again" type="password" required maxLength={1000} autocomplete="new-password" /></label>}
        {problem !== null && <p class="form-problem" role="alert" data-testid="welcome-problem">{problem}</p>}
        {whose !== null && <button class="sign-in-go">Go on</button>}
      </form>
    </main>
  );
}
