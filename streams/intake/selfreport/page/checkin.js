// The check-in: one question a screen; what is answered is kept on the phone, and sent as soon as there is a connection.
const w = doc.words, screens = doc.screens;
const state = load({ begun: false, at: {}, value: {}, queue: [], last: {}, revision: {}, early: {}, changing: false, told: false, sent: 0, stop: "" });
let here = null;

const complete = (name) => screens.every((s, i) => s.instrument !== name || i in state.value);
const answersOf = (name) => Object.fromEntries(screens.flatMap((s, i) => (s.instrument === name && i in state.value ? [[s.item, state.value[i]]] : [])));
const positive = () => screens.some((s, i) => s.suicidal && state.value[i] > 0);
const firstOpen = () => screens.findIndex((_, i) => !(i in state.value));
const risky = (job) => screens.some((s) => s.suicidal && s.instrument === job.instrument && job.answers[s.item] > 0);

const deliver = sender(
  () => {
    const job = state.queue[0];
    return job && { path: "/answers", body: () => ({ instrument: job.instrument, answers: job.answers, revision: job.revision, early: job.early,
      ago_ms: Math.max(0, Math.min(Date.now() - job.at, 2592000000)) }) };
  },
  (_, what) => {
    if (what === "waiting") { state.waiting = true; } else {
      const job = state.queue.shift();
      state.waiting = false;
      if (what === "sent") { state.sent += 1; if (risky(job)) state.told = true; } else state.stop = what;
    }
    keep(state);
    status();
  },
);

function enqueue(name, early) {
  const answers = answersOf(name), said = JSON.stringify(answers);
  if (early ? state.early[name] === said : state.last[name] === said) return;
  if (early) state.early[name] = said; else { state.last[name] = said; state.revision[name] = (state.revision[name] ?? -1) + 1; }
  state.queue.push({ instrument: name, answers, early, revision: state.revision[name] ?? 0, at: Date.now() });
}

function answer(i, value) {
  const s = screens[i];
  state.value[i] = value;
  state.at[i] = Date.now();
  // Before anything else is shown: whoever has such thoughts may go no further.
  const whole = complete(s.instrument), grave = s.suicidal && value > 0;
  if (grave || (whole && !state.changing)) enqueue(s.instrument, !whole);
  keep(state);
  deliver();
  const next = state.changing ? (i + 1 < screens.length ? i + 1 : -1) : firstOpen();
  if (next < 0) { finish(); return; }
  ask(next);
}

function finish() {
  for (const name of new Set(screens.map((s) => s.instrument))) if (complete(name)) enqueue(name, false);
  state.changing = false;
  keep(state);
  deliver();
  end();
}

function ask(i) {
  here = i;
  show(
    el("p", { class: "progress" }, say(w.progress, { n: i + 1, of: screens.length })),
    el("div", { class: "bar", "aria-hidden": "true" }, el("i", { style: `width:${Math.round((100 * i) / screens.length)}%` })),
    question(screens[i], state.value[i], (value) => answer(i, value)),
    i > 0 ? el("p", {}, el("button", { type: "button", class: "quiet", onclick: () => ask(i - 1) }, w.back)) : null,
    el("div", { id: "status", role: "status" }),
    feet(),
  );
  status();
}

const tel = (number) => `tel:${number.replace(/[^\d+]/g, "")}`;
const call = (name, number) => el("a", { class: "call", href: tel(number) }, el("span", {}, name), number);
const lines = () => [...doc.crisis.lines.map(([name, number]) => call(name, number)), call(w.emergency, doc.crisis.emergency), doc.phone ? call(w.clinic, doc.phone) : null];

function feet() {
  const choose = el("select", { "aria-label": w.language, id: "language" }, doc.languages.map(([code, name]) => el("option", { value: code, lang: code, ...(code === doc.language ? { selected: "" } : {}) }, name)));
  choose.addEventListener("change", () => { location.search = `?language=${choose.value}`; });
  return el("footer", {}, el("p", {}, say(w.not_watched, { emergency: doc.crisis.emergency })), choose);
}

function status() {
  const box = document.getElementById("status");
  if (!box) return;
  const waiting = state.queue.length > 0;
  let words = "", bad = false;
  if (here !== null) {
    if (waiting && state.waiting) { words = w.not_sent; bad = true; }
  } else if (state.stop && !waiting) { words = state.stop === "expired" ? w.expired : w.refused; bad = true; }
  else if (positive()) {
    if (state.told && !waiting) words = w.told;
    else if (state.waiting) { words = w.not_told; bad = true; } else words = waiting ? w.telling : w.told;
  } else if (waiting) { words = state.waiting ? w.not_sent : w.sending; bad = Boolean(state.waiting); } else words = w.sent;
  box.className = words ? `status${bad ? " bad" : ""}` : "";
  box.dataset.state = waiting ? (state.waiting ? "waiting" : "sending") : "sent";
  if (box.textContent !== words) box.textContent = words;
}

function curve() {
  const points = doc.curve.slice(), name = doc.curve_of, range = doc.curve_range;
  if (complete(name)) {
    const mine = Object.values(answersOf(name)).reduce((a, b) => a + b, 0);
    if (doc.curve_adds && !(points.length && points[points.length - 1].occasion)) points.push({ day: doc.today, score: mine });
    else if (doc.curve_adds) points[points.length - 1] = { ...points[points.length - 1], score: mine };
  }
  if (points.length < 2) return null;
  const W = 340, H = 180, left = 30, bottom = 26, first = Date.parse(points[0].day), last = Date.parse(points[points.length - 1].day);
  const x = (p, i) => left + 8 + (W - left - 20) * (last > first ? (Date.parse(p.day) - first) / (last - first) : i / (points.length - 1));
  const y = (p) => 10 + (H - 10 - bottom) * (1 - p.score / range);
  const ns = "http://www.w3.org/2000/svg";
  const part = (tag, props, words) => { const made = document.createElementNS(ns, tag); for (const [k, v] of Object.entries(props)) made.setAttribute(k, v); if (words !== undefined) made.textContent = words; return made; };
  const svg = part("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${w.curve}: ${points.map((p) => say(w.curve_table, p)).join(", ")}` });
  for (const score of [0, Math.round(range / 3), Math.round((2 * range) / 3), range]) {
    svg.append(part("line", { x1: left, x2: W - 6, y1: y({ score }), y2: y({ score }), stroke: "#d9d5cb" }), part("text", { x: left - 6, y: y({ score }) + 4, "text-anchor": "end", "font-size": 12, fill: "#44505c" }, score));
  }
  svg.append(part("polyline", { points: points.map((p, i) => `${x(p, i)},${y(p)}`).join(" "), fill: "none", stroke: "#1f5f8b", "stroke-width": 2 }));
  points.forEach((p, i) => svg.append(part("circle", { cx: x(p, i), cy: y(p), r: i === points.length - 1 ? 6 : 3.5, fill: "#1f5f8b" })));
  const date = (day) => new Date(`${day}T12:00:00Z`).toLocaleDateString(doc.language, { day: "numeric", month: "short" });
  svg.append(part("text", { x: left + 8, y: H - 6, "font-size": 12, fill: "#44505c" }, date(points[0].day)), part("text", { x: W - 8, y: H - 6, "text-anchor": "end", "font-size": 12, fill: "#44505c" }, date(points[points.length - 1].day)));
  return el("section", { id: "curve" }, el("h2", {}, w.curve), svg, el("p", { class: "stem" }, w.curve_about));
}

function end() {
  here = null;
  const bad = positive();
  show(
    bad
      ? el("section", { class: "alone", id: "crisis" }, el("h1", { tabindex: "-1" }, w.positive_title), el("p", {}, w.positive), lines())
      : el("h1", { tabindex: "-1" }, state.queue.length || state.sent || state.stop ? w.thanks : w.already),
    el("div", { id: "status", role: "status" }),
    curve(),
    bad ? null : el("section", {}, el("p", {}, w.if_alone), lines()),
    firstOpen() < 0 ? el("p", {}, el("button", { type: "button", class: "quiet", onclick: () => { state.changing = true; keep(state); ask(0); } }, w.change)) : null,
    feet(),
  );
  status();
}

function start() {
  show(
    el("h1", { tabindex: "-1" }, w.title), el("p", {}, w.intro),
    el("button", { type: "button", class: "main", onclick: () => { state.begun = true; keep(state); ask(firstOpen()); } }, w.begin),
    feet(),
  );
}

addEventListener("beforeunload", (event) => { if (state.queue.length) { deliver(); event.preventDefault(); } });
state.waiting = false;
if (doc.answered && firstOpen() >= 0) end();
else if (firstOpen() < 0) { end(); deliver(); }
else if (!state.begun) start();
else { ask(firstOpen()); deliver(); }
