/** What surrounds every page: its head, the frame that says when the feed is silent, and the voice of a screen reader. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

import { signOut } from "./access";
import { forTheDesk } from "./alarms";
import { assertive, polite, remind, type Said, sound, soundBySite, toggleSound } from "./announce";
import { alerts, heardAnything, known, silentSince, unwatched } from "./feed";
import { DEFAULT_PERSON, href, me, person, setPerson, site } from "./here";
import { lockNow } from "./locked";
import { problemsOf } from "./problems";
import { switchTheme, theme } from "./room";
import { board, invented, lesson } from "./site";
import { clockWithSeconds, foreignZone, now, second } from "./times";
import { Unsent } from "./unsent";

interface Props {
  here: "board" | "chair" | "alert" | "oncall" | "clinic" | "audit" | "rules";
  children: ComponentChildren;
}

/** A screen on a wall: as wide as where `style.css` lays the board out for one. */
const query = window.matchMedia("(min-width: 1500px)");
const wall = signal(query.matches);
query.addEventListener("change", () => { wall.value = query.matches; });

export function Frame({ here, children }: Props) {
  second.value;
  const silent = silentSince.value;
  const words = unwatched.value ? `Not being watched since ${silent}` : `No data since ${silent}`;
  // On a wall it stands in the head, so that no card changes its place or size; a head without room for it has a second line.
  const inHead = wall.value && here === "board";
  const open = problemsOf(alerts.value.values()).filter((problem) => problem.state === "standing" && !forTheDesk(problem.lead));
  const worst = open[0]?.lead.priority ?? null;
  useEffect(() => remind(worst, silent !== null));
  useEffect(() => soundBySite(board.value.sound), [board.value.sound]);
  useEffect(() => {
    document.title = silent ? `${unwatched.value ? "NOT WATCHED" : "NO DATA"} since ${silent} · Chairside` : open.length > 0 ? `(${open.length}) Chairside` : "Chairside";
  }, [silent, unwatched.value, open.length]);
  return (
    <div class={`page page-${here}${silent ? " silent" : ""}`}>
      <header class="head">
        <a class="head-name" href={href("/")}>Chairside</a>
        <span class="head-site">{site}</span>
        <nav class="head-links">
          <a href={href("/")} aria-current={here === "board" ? "page" : undefined}>Board</a>
          <a href={href("/chair")} aria-current={here === "chair" ? "page" : undefined}>Chairs</a>
          <a href={href("/oncall")} aria-current={here === "oncall" ? "page" : undefined}>On call</a>
          <a href={href("/clinic")} aria-current={here === "clinic" ? "page" : undefined}>Clinic</a>
          {me.value?.audits && <a href={href("/audit")} aria-current={here === "audit" ? "page" : undefined}>Audit</a>}
        </nav>
        {lesson.value !== null && here === "board" && <span class="head-note head-lesson" role="status" data-testid="lesson"><strong>Look:</strong> {lesson.value}</span>}
        {invented.value && lesson.value === null && <span class="head-note" data-testid="invented">Demonstration: invented clinic, time runs faster</span>}
        {silent && inHead ? <Silence words={words} /> : <span class="head-gap" />}
        {me.value?.sign_in ? <SignedIn name={me.value.name} role={me.value.role} /> : <label class="head-who">
          <span>You are</span>
          <input data-testid="person" aria-label="You are" value={person.value} maxLength={40} autocomplete="off" spellcheck={false}
            onInput={(e) => setPerson(e.currentTarget.value)}
            onBlur={(e) => e.currentTarget.value.trim() || setPerson(DEFAULT_PERSON)} />
        </label>}
        <button class="head-theme" data-testid="theme" aria-label={`Make the page ${theme.value === "dark" ? "light" : "dark"}`} onClick={switchTheme}>{theme.value === "dark" ? "Light" : "Dark"}</button>
        <button class="head-sound" data-testid="sound" data-state={sound.value} aria-pressed={sound.value === "on"} onClick={toggleSound}>
          {sound.value === "on" ? "Sound on" : sound.value === "blocked" ? "Sound blocked" : "Sound off"}<small>{sound.value === "on" ? "turn off" : sound.value === "blocked" ? "tap anywhere" : "turn on"}</small>
        </button>
        <span class="head-clock">{clockWithSeconds(now())}{foreignZone(now()) !== null && <small> {foreignZone(now())}</small>}</span>
        <span class="feed" data-testid="feed" data-state={silent ? "silent" : heardAnything.value ? "live" : "connecting"}>
          {silent ? (inHead ? (unwatched.value ? "Not watched" : "No data") : words) : heardAnything.value ? "Live" : "Connecting…"}
        </span>
      </header>
      {silent && !inHead && <Silence words={words} />}
      <Unsent />
      <main>{children}</main>
      <Voice live="assertive" testid="say-now" said={assertive.value} />
      <Voice live="polite" testid="say-politely" said={polite.value} />
    </div>
  );
}

function Silence({ words }: { words: string }) {
  return (
    <p class="silence" role="alert">
      <strong>{words}</strong>
      <span>{known.value ? "Values are old. Look at the bedside monitors." : "Nothing received yet. Look at the bedside monitors."}</span>
    </p>
  );
}

function SignedIn({ name, role }: { name: string | null; role: string | null }) {
  return (
    <span class="head-who">
      <span data-testid="signed-in">{name}, {role}</span>
      {typeof me.value?.locks_after_s === "number" && !me.value.locked && <button class="head-out" data-testid="lock" onClick={() => void lockNow()}>Lock</button>}
      <button class="head-out" data-testid="sign-out" onClick={() => void signOut()}>Sign out</button>
    </span>
  );
}

function Voice({ live, testid, said }: { live: "assertive" | "polite"; testid: string; said: readonly Said[] }) {
  return (
    <div class="unseen" aria-live={live} aria-relevant="additions" data-testid={testid}>
      {said.map(({ number, words }) => <p key={number}>{words}</p>)}
    </div>
  );
}
