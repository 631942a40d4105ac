/** All channels of a session over one time, as one drawing that prints: each minute from its lowest to its highest with its mean, the
 * seconds too while they are kept; cuffs as bars, limits dashed; doses, scores and alerts above.
 *
 * Grey, but for the alerts, whose shape says the same as their colour. Never here: what is drawn (`drawn.ts`).
 */

import { readNowAndThen, shortName, SIGN, unitOf } from "../tables";
import { clock, parse } from "../times";
import type { Point } from "../wire";
import { LANES, rangeOf, type RecordAlert, type SessionRecord, spanOf, standingCuffs } from "./drawn";

const WIDTH = 1000;
const LEFT = 92;
const RIGHT = 16;
const EVENT_ROW = 15;

interface Props {
  record: SessionRecord;
  seconds: Readonly<Record<string, readonly Point[]>>;
  nowMs: number;
}

/** Marks placed in as few rows as they need, so that none covers another. */
function rows<T>(items: readonly T[], startOf: (item: T) => number, widthOf: (item: T) => number): number[] {
  const ends: number[] = [];
  return items.map((item) => {
    const start = startOf(item);
    const free = ends.findIndex((end) => end < start);
    const row = free === -1 ? ends.length : free;
    ends[row] = start + widthOf(item);
    return row;
  });
}

export function Picture({ record, seconds, nowMs }: Props) {
  const [from, to] = spanOf(record);
  const x = (ms: number): number => LEFT + ((ms - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
  const marks = record.entries
    .filter((e) => !e.struck && e.outcome.startsWith("accepted") && ["dose", "dose.stopped", "checkin", "intervention", "session.ended"].includes(e.kind) && typeof e.doc["replaces"] !== "string" || (e.kind === "dose" && !e.struck && e.doc["amount_mg"] !== 0))
    .map((e) => ({ ms: parse(e.at) ?? from, words: markWords(e.kind, e.doc, e.score) }))
    .filter((m) => m.words !== "");
  const markRows = rows(marks, (m) => x(m.ms), (m) => m.words.length * 5.6 + 10);
  const alertRows = rows(record.alerts, (a) => x(parse(a.onset_at) ?? from), (a) => Math.max(a.title.length * 5.8 + 22, x(parse(a.over_at) ?? nowMs) - x(parse(a.onset_at) ?? from)));
  const marksTop = 4;
  const alertsTop = marksTop + (Math.max(-1, ...markRows) + 1) * EVENT_ROW + 4;
  const lanesTop = alertsTop + (Math.max(-1, ...alertRows) + 1) * EVENT_ROW + 6;
  const drawn = LANES.filter(([channels]) => channels.some((c) => (record.channels[c]?.minute.length ?? 0) > 0 || (seconds[c]?.length ?? 0) > 0 || (c === "sbp" && standingCuffs(record).length > 0)));
  let y = lanesTop;
  const lanes = drawn.map(([channels, height]) => {
    const top = y;
    y += height + 6;
    return { channels, top, height };
  });
  const bottom = y;
  const step = [5, 10, 15, 30, 60].find((minutes) => (to - from) / (minutes * 60_000) <= 13) ?? 120;
  const first = Math.ceil(from / (step * 60_000)) * step * 60_000;
  const ticks = Array.from({ length: Math.max(0, Math.floor((to - first) / (step * 60_000)) + 1) }, (_, i) => first + i * step * 60_000);
  const doseMs = parse(record.first_dose_at);
  return (
    <svg class="session-picture" viewBox={`0 0 ${WIDTH} ${bottom + 18}`} role="img" aria-label={`All channels of ${record.patient} from ${clock(from)} to ${clock(to)}`} data-testid="session-picture">
      {ticks.map((ms) => (
        <g key={ms}>
          <line class="p-tick" x1={x(ms)} x2={x(ms)} y1={lanesTop} y2={bottom} />
          <text class="p-time" x={x(ms)} y={bottom + 13} text-anchor="middle">{clock(ms)}</text>
        </g>
      ))}
      {doseMs !== null && <line class="p-dose" x1={x(doseMs)} x2={x(doseMs)} y1={marksTop} y2={bottom} />}
      {marks.map((m, i) => <text key={`${m.ms}-${i}`} class="p-mark" x={x(m.ms)} y={marksTop + 11 + (markRows[i] ?? 0) * EVENT_ROW} text-anchor={x(m.ms) > WIDTH - 120 ? "end" : "start"}>{m.words}</text>)}
      {record.alerts.map((a, i) => <Told key={a.alert} alert={a} from={x(parse(a.onset_at) ?? from)} to={x(Math.min(to, parse(a.over_at) ?? nowMs))} y={alertsTop + (alertRows[i] ?? 0) * EVENT_ROW} />)}
      {lanes.map(({ channels, top, height }) => {
        const [low, high] = rangeOf(channels, record);
        const yOf = (v: number): number => top + height - ((v - low) / (high - low || 1)) * height;
        const name = channels.map(shortName).slice(0, channels[0] === "sbp" ? 0 : 1).join("") || "Pressure";
        return (
          <g key={channels[0]}>
            <rect class="p-lane" x={LEFT} y={top} width={WIDTH - LEFT - RIGHT} height={height} />
            <text class="p-name" x={4} y={top + 13}>{name}</text>
            <text class="p-unit" x={4} y={top + 26}>{unitOf(channels[0] ?? "")}</text>
            <text class="p-unit" x={LEFT - 4} y={top + 9} text-anchor="end">{Math.round(high)}</text>
            <text class="p-unit" x={LEFT - 4} y={top + height} text-anchor="end">{Math.round(low)}</text>
            {channels.map((c) => {
              const band = record.limits[c === "hr" || c === "pulse" ? "rate" : c];
              return [band?.low, band?.high].filter((v) => v != null && v >= low && v <= high).map((v) => <line key={`${c}-${v}`} class="p-limit" x1={LEFT} x2={WIDTH - RIGHT} y1={yOf(v ?? 0)} y2={yOf(v ?? 0)} />);
            })}
            {channels[0] === "sbp"
              ? <Cuffs record={record} x={x} y={yOf} />
              : channels.map((c) => <Band key={c} record={record} channel={c} seconds={seconds[c] ?? []} x={x} y={yOf} />)}
          </g>
        );
      })}
    </svg>
  );
}

function Told({ alert, from, to, y }: { alert: RecordAlert; from: number; to: number; y: number }) {
  const sign = SIGN[alert.priority];
  return (
    <g class={`p-alert p-${alert.priority}`}>
      <line x1={from} x2={Math.max(to, from + 4)} y1={y + 13} y2={y + 13} />
      <text x={from} y={y + 10}><tspan class="p-shape">{sign.shape}</tspan> {alert.title}</text>
    </g>
  );
}

interface Drawn {
  record: SessionRecord;
  x: (ms: number) => number;
  y: (value: number) => number;
}

function Band({ record, channel, seconds, x, y }: Drawn & { channel: string; seconds: readonly Point[] }) {
  const minutes = record.channels[channel];
  // A minute without a reading breaks the line: a gap is no value.
  const runs: number[][] = [];
  minutes?.minute.forEach((ms, i) => {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last !== undefined && ms - (minutes.minute[last] ?? 0) <= 60_000) run.push(i);
    else runs.push([i]);
  });
  const mid = (i: number): number => x((minutes?.minute[i] ?? 0) + 30_000);
  const dots = seconds.filter(([, v]) => v !== null);
  return (
    <>
      {minutes && runs.map((run) => (
        <g key={run[0]}>
          <path class="p-band" d={`M${run.map((i) => `${mid(i).toFixed(1)},${y(minutes.highest[i] ?? 0).toFixed(1)}`).join("L")}L${[...run].reverse().map((i) => `${mid(i).toFixed(1)},${y(minutes.lowest[i] ?? 0).toFixed(1)}`).join("L")}Z`} />
          <path class="p-mean" d={`M${(run.length === 1 ? [run[0] ?? 0, run[0] ?? 0] : run).map((i, k) => `${(mid(i) + (run.length === 1 ? k * 2 - 1 : 0)).toFixed(1)},${y(minutes.mean[i] ?? 0).toFixed(1)}`).join("L")}`} />
        </g>
      ))}
      {!readNowAndThen(channel) && dots.length > 1 && <path class="p-second" d={dots.map(([ms, v], i) => `${i > 0 && ms - (dots[i - 1]?.[0] ?? 0) < 10_000 ? "L" : "M"}${x(ms).toFixed(1)},${y(v ?? 0).toFixed(1)}`).join("")} />}
    </>
  );
}

/** Each cuff from its diastolic to its systolic: those by hand, and the monitor's. */
function Cuffs({ record, x, y }: Drawn) {
  const hand = standingCuffs(record).map((e) => ({ ms: parse(e.at) ?? 0, sbp: Number(e.doc["sbp"]), dbp: Number(e.doc["dbp"] ?? e.doc["sbp"]) }));
  const entered = new Set(record.entries.filter((e) => e.kind === "vitals" || e.kind === "cuff.corrected").map((e) => Math.floor((parse(e.at) ?? 0) / 60_000)));
  const sbp = record.channels["sbp"];
  const dbp = record.channels["dbp"];
  const measured = (sbp?.minute ?? []).flatMap((ms, i) => (entered.has(Math.floor(ms / 60_000)) ? [] : [{ ms: ms + 30_000, sbp: sbp?.mean[i] ?? 0, dbp: dbp?.mean[dbp.minute.indexOf(ms)] ?? sbp?.mean[i] ?? 0 }]));
  return (
    <>
      {[...hand, ...measured].map((cuff) => (
        <g class="p-cuff" key={cuff.ms}>
          <line x1={x(cuff.ms)} x2={x(cuff.ms)} y1={y(cuff.sbp)} y2={y(cuff.dbp)} />
          <text x={x(cuff.ms) + 3} y={y(cuff.sbp) + 4}>{Math.round(cuff.sbp)}</text>
          <text x={x(cuff.ms) + 3} y={y(cuff.dbp) + 2}>{Math.round(cuff.dbp)}</text>
        </g>
      ))}
    </>
  );
}

function markWords(kind: string, doc: Readonly<Record<string, unknown>>, score: number | null): string {
  switch (kind) {
    case "dose":
      return `▼ ${typeof doc["amount_mg"] === "number" ? `${doc["amount_mg"]} mg` : "dose"}`;
    case "dose.stopped":
      return "▼ stopped";
    case "session.ended":
      return "end";
    case "intervention":
      return doc["what"] === "note" || doc["what"] === "lot" || doc["what"] === "booking" ? "" : String(doc["what"]).slice(0, 18);
    case "checkin":
      return score === null ? (doc["instrument"] === "symptoms" ? "symptoms" : "") : `${MARKS[String(doc["instrument"])] ?? String(doc["instrument"]).toUpperCase()} ${score}`;
    default:
      return "";
  }
}

const MARKS: Readonly<Record<string, string>> = { moaas: "MOAA/S", "cadss-6": "CADSS-6", distress: "distress", "mood-vas": "mood" };
