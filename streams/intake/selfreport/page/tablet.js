// The tablet at the chair: a round of questions when the protocol has one due, and the button that calls somebody, always.
const w = doc.words, screens = doc.screens;
const state = load({ done: [], round: 0, value: {}, shown: {}, queue: [], press: 0, calledAt: 0, helpQueue: [] });
if (!state.nonce) { state.nonce = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join(""); keep(state); }
let server = { round: 0, next_min: null, help: "none", over: false }, lost = false, showing = "";

const names = [...new Set(screens.map((s) => s.instrument))];
const open = () => screens.findIndex((_, i) => !(i in state.value));
const ago = (at) => Math.max(0, Math.min(Date.now() - at, 2592000000));

const deliver = sender(
  () => {
    const job = state.queue[0];
    return job && { path: "/answers", body: () => ({ instrument: job.instrument, answers: job.answers, revision: 0, early: false, round: job.round, ago_ms: ago(job.at), prompted_ago_ms: ago(job.prompted) }) };
  },
  (_, what) => { if (what !== "waiting") { state.queue.shift(); keep(state); } note(); },
);

const calls = sender(
  () => {
    const job = state.helpQueue[0];
    return job && { path: "/help", body: () => ({ press: job.press, nonce: state.nonce, again: job.again }) };
  },
  (_, what) => {
    if (what === "sent") { state.helpQueue.shift(); lost = false; server.help = "called"; } else if (what === "waiting") lost = true; else { state.helpQueue.shift(); lost = true; }
    keep(state);
    help();
  },
);

const AGAIN_MS = 60000;
function press() {
  try { if (navigator.wakeLock) navigator.wakeLock.request("screen").catch(() => {}); } catch { /* the screen may go dark */ }
  const waited = Date.now() - state.calledAt, again = server.help === "called" && waited >= AGAIN_MS;
  if (state.helpQueue.length === 0 && (server.help !== "called" || again)) {
    state.press += 1;
    state.calledAt = Date.now();
    state.helpQueue.push({ press: state.press, again });
    keep(state);
  }
  calls();
  help();
}

function help() {
  const words = document.getElementById("help-status"), button = document.getElementById("help");
  const sending = state.helpQueue.length > 0;
  const said = sending ? (lost ? w.help_failed : w.help_sending) : server.help === "seen" ? w.help_seen : server.help === "called" ? w.help_sent : "";
  if (words.textContent !== said) words.textContent = said;
  words.dataset.state = sending ? (lost ? "failed" : "sending") : server.help;
  const label = !sending && server.help === "called" && Date.now() - state.calledAt >= AGAIN_MS ? w.help_again : w.help;
  if (button.textContent !== label) button.textContent = label;
}

function note() {
  const box = document.getElementById("status");
  if (!box) return;
  const words = lost && state.queue.length ? w.lost : "";
  box.className = words ? "status bad" : "";
  if (box.textContent !== words) box.textContent = words;
}

function answer(i, value) {
  state.value[i] = value;
  const s = screens[i], mine = screens.map((x, j) => [x, j]).filter(([x]) => x.instrument === s.instrument);
  if (mine.every(([, j]) => j in state.value)) {
    state.queue.push({ instrument: s.instrument, answers: Object.fromEntries(mine.map(([x, j]) => [x.item, state.value[j]])), round: state.round, at: Date.now(), prompted: state.shown[s.instrument] });
  }
  if (open() < 0) { state.done = [...state.done, state.round].slice(-50); showing = ""; }
  keep(state);
  deliver();
  render();
}

function render() {
  if (server.over) {
    if (showing !== "over") { showing = "over"; show(el("h1", { tabindex: "-1" }, w.over)); document.getElementById("call").hidden = true; }
    return;
  }
  const due = server.round > 0 && !state.done.includes(server.round);
  if (due && state.round !== server.round) { state.round = server.round; state.value = {}; state.shown = {}; keep(state); }
  if (!due) {
    const words = server.next_min === null ? "" : say(w.next, { minutes: Math.max(1, server.next_min) });
    const key = `wait ${words} ${state.done.length}`;
    if (showing === key) return;
    const before = showing.startsWith("wait");
    showing = key;
    const parts = [el("h1", { tabindex: "-1" }, w.waiting), el("p", { class: "stem", id: "next" }, words), el("div", { id: "status", role: "status" })];
    if (before) { document.getElementById("next").textContent = words; } else show(...parts);
    note();
    return;
  }
  const i = open(), key = `round ${state.round} ${i}`;
  if (showing === key) return;
  showing = key;
  const s = screens[i];
  if (!(s.instrument in state.shown)) { state.shown[s.instrument] = Date.now(); keep(state); }
  show(el("p", { class: "progress" }, `${i + 1} / ${screens.length}`), question(s, state.value[i], (value) => answer(i, value)), el("div", { id: "status", role: "status" }));
  note();
}

async function look() {
  const late = new AbortController(), limit = setTimeout(() => late.abort(), 8000);
  try {
    const answered = await fetch(`${location.pathname.replace(/\/$/, "")}/state`, { credentials: "omit", cache: "no-store", signal: late.signal });
    if (answered.status === 410) server = { ...server, over: true };
    else if (answered.ok) { server = await answered.json(); lost = false; deliver(); calls(); }
    else lost = true;
  } catch { lost = true; } finally { clearTimeout(limit); }
  if (state.helpQueue.length === 0 && server.help === "none") state.calledAt = 0;
  render();
  help();
  note();
  setTimeout(look, doc.look_every_ms);
}

document.getElementById("help").addEventListener("click", press);
addEventListener("offline", () => { lost = true; help(); note(); });
render();
help();
look();
