"use strict";
// What both pages need: the document, elements, storage that may be missing, and a queue that outlives a lost connection.
const doc = JSON.parse(document.getElementById("doc").textContent);
const root = document.getElementById("page");
const say = (words, values) => words.replace(/\{(\w+)\}/g, (whole, name) => (values && name in values ? values[name] : whole));
function el(tag, props, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) made.append(child);
  return made;
}
// A browser that keeps nothing still takes the answers: they are then lost with the page only.
let memory = null;
function load(empty) {
  try {
    const kept = JSON.parse(localStorage.getItem(doc.key));
    if (kept) return Object.assign(empty, kept);
  } catch { /* nothing is kept */ }
  return memory || empty;
}
function keep(state) {
  memory = state;
  try { localStorage.setItem(doc.key, JSON.stringify(state)); } catch { /* nothing is kept */ }
}
// Sends what `next` gives, in order, until there is nothing; `told` hears what became of each: "sent", "waiting", "refused" or "expired".
function sender(next, told) {
  let busy = false, wait = 1000, timer = 0;
  async function turn() {
    clearTimeout(timer);
    if (busy) return;
    busy = true;
    try {
      for (let job = next(); job; job = next()) {
        let answer;
        const late = new AbortController();
        const limit = setTimeout(() => late.abort(), 15000);
        try {
          answer = await fetch(location.pathname.replace(/\/$/, "") + job.path, {
            method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(job.body()), credentials: "omit", signal: late.signal,
          });
        } catch { answer = null; } finally { clearTimeout(limit); }
        if (answer && answer.ok) { wait = 1000; told(job, "sent"); continue; }
        if (answer && answer.status === 410) { told(job, "expired"); continue; }
        if (answer && answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429) { told(job, "refused"); continue; }
        told(job, "waiting");
        timer = setTimeout(turn, wait);
        wait = Math.min(wait * 2, doc.patience_ms);
        return;
      }
    } finally { busy = false; }
  }
  addEventListener("online", () => { wait = 1000; turn(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) turn(); });
  return turn;
}
// One question: its words and a button for each answer. A tap that comes with the screen, meant for the one before, is not taken.
const SETTLE_MS = 350;
function question(screen, chosen, answered) {
  const shown = Date.now();
  const tap = (value) => () => { if (Date.now() - shown >= SETTLE_MS) answered(value); };
  const button = ([value, words]) => el("button", { type: "button", "data-value": value, "aria-pressed": String(chosen === value), onclick: tap(value),
    "aria-label": screen.scale ? (words ? `${value}, ${words}` : String(value)) : null }, screen.scale ? String(value) : words);
  const first = screen.options[0], last = screen.options[screen.options.length - 1];
  return [
    screen.stem ? el("p", { class: "stem" }, screen.stem) : null,
    el("h1", { tabindex: "-1" }, screen.text),
    screen.scale
      ? [el("div", { class: "scale", role: "group", "aria-label": screen.text }, screen.options.map(button)),
         el("p", { class: "ends", "aria-hidden": "true" }, el("span", {}, `${first[0]}: ${first[1]}`), el("span", {}, `${last[0]}: ${last[1]}`))]
      : el("div", { role: "group", "aria-label": screen.text }, screen.options.map(button)),
  ];
}
function show(...parts) {
  root.replaceChildren(...parts.flat(3).filter((part) => part !== null && part !== undefined));
  const heading = root.querySelector("h1");
  if (heading) heading.focus({ preventScroll: true });
  scrollTo(0, 0);
}
