/** The picture of a patient's weeks: severity with its band, every score and dose, what is to come as a fan, and now.
 *
 * Greys only: no colour here asks anybody to act. Days are the patient's own calendar days, drawn in UTC so that no browser's
 * zone moves them.
 */

import * as Plot from "@observablehq/plot";

import { type Course, dayWords } from "../forecasts";
import { instrumentWords } from "../tables";

/** Read from the page, so that a light page has dark ink. */
function colour(name: "text" | "soft" | "band"): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const day = (text: string): Date => new Date(`${text}T00:00:00Z`);

/** The shapes of the instruments on the page; a self-report is a filled dot, a clinician's score a ring. */
const SYMBOL: Record<string, "circle" | "square" | "cross" | "diamond"> = { "phq-9": "circle", "phq-2": "cross", "qids-sr16": "diamond", madrs: "square" };

export function coursePlot(course: Course, width: number): SVGSVGElement | HTMLElement {
  const [INK, SOFT, BAND] = [colour("text"), colour("soft"), colour("band")];
  const { forecast, tau, fan } = course;
  const scores = course.scores.filter((score) => score.severity != null);
  const known = scores.filter((score) => score.instrument in SYMBOL);
  const mood = scores.filter((score) => !(score.instrument in SYMBOL));
  const asOf = forecast?.as_of ?? null;
  return Plot.plot({
    width,
    height: Math.max(260, Math.min(440, width * 0.45)),
    marginLeft: 40,
    marginRight: 16,
    marginTop: 28,
    marginBottom: 44,
    style: { background: "transparent", color: SOFT, fontSize: width < 500 ? "12px" : "14px", fontFamily: '"Inter Variable", sans-serif' },
    x: { type: "utc", label: null, ticks: width < 500 ? 4 : 8 },
    y: { domain: [0, 27], label: "Severity (PHQ-9 scale)", grid: true, ticks: 6 },
    marks: [
      fan.length > 0 ? Plot.areaY(fan, { x: (d: { day: string }) => day(d.day), y1: "p10", y2: "p90", fill: BAND, fillOpacity: 0.35 }) : null,
      fan.length > 0 ? Plot.areaY(fan, { x: (d: { day: string }) => day(d.day), y1: "p25", y2: "p75", fill: BAND, fillOpacity: 0.6 }) : null,
      fan.length > 0 ? Plot.lineY(fan, { x: (d: { day: string }) => day(d.day), y: "p50", stroke: INK, strokeDasharray: "4 4", strokeWidth: 1.5 }) : null,
      Plot.areaY(course.severity, { x: (d: { day: string }) => day(d.day), y1: "low", y2: "high", fill: BAND, fillOpacity: 0.5 }),
      Plot.lineY(course.severity, { x: (d: { day: string }) => day(d.day), y: "mean", stroke: INK, strokeWidth: 2 }),
      tau == null ? null : Plot.ruleY([tau], { stroke: SOFT, strokeDasharray: "2 4" }),
      tau == null ? null : Plot.text([`due from ${Math.round(tau * 10) / 10}`], { frameAnchor: "right", y: tau, dy: -9, dx: -4, textAnchor: "end", fill: SOFT }),
      Plot.dot(mood, { x: (d: { day: string }) => day(d.day), y: "severity", r: 1.5, fill: SOFT }),
      Plot.dot(known, {
        x: (d: { day: string }) => day(d.day), y: "severity", r: 4, symbol: (d: { instrument: string }) => SYMBOL[d.instrument] ?? "circle", fill: INK, fillOpacity: 0.85,
        title: (d: { instrument: string; score: number; day: string }) => `${instrumentWords(d.instrument)} ${d.score}, ${dayWords(d.day)}`,
      }),
      Plot.ruleX(course.doses, { x: (d: { day: string }) => day(d.day), y1: 0, y2: 2, stroke: INK, strokeWidth: 2 }),
      Plot.dot(course.doses, {
        x: (d: { day: string }) => day(d.day), y: 2, symbol: "triangle", r: 4, fill: INK,
        title: (d: { drug: string; day: string; amount_mg?: number | null }) => `${d.drug}${d.amount_mg == null ? "" : ` ${d.amount_mg} mg`}, ${dayWords(d.day)}`,
      }),
      Plot.tickX(course.silent, { x: day, y: null, stroke: SOFT, inset: 0, strokeDasharray: "1 3", strokeOpacity: 0.7 }),
      asOf === null ? null : Plot.ruleX([day(asOf)], { stroke: INK, strokeWidth: 1 }),
      asOf === null ? null : Plot.text(["now"], { x: day(asOf), frameAnchor: "top", dy: -16, fill: INK }),
    ],
  });
}

/** Past forecasts against what happened: each one's window as a bar over the day it was made, and the doses that came. */
export function pastPlot(course: Course, width: number): SVGSVGElement | HTMLElement {
  const [INK, SOFT, BAND] = [colour("text"), colour("soft"), colour("band")];
  const last = course.history.at(-1)?.as_of;
  const horizon = (asOf: string): Date => new Date(day(asOf).getTime() + 84 * 86_400_000);
  const edge = (asOf: string, quantile: string): Date => (quantile === "beyond_horizon" ? horizon(asOf) : day(quantile));
  const made = course.history.filter((one) => one.due).map((one) => ({
    made: day(one.as_of), p10: edge(one.as_of, one.due?.p10 ?? ""), p50: edge(one.as_of, one.due?.p50 ?? ""), p90: edge(one.as_of, one.due?.p90 ?? ""),
  }));
  return Plot.plot({
    width,
    height: Math.max(200, Math.min(320, width * 0.35)),
    marginLeft: 60,
    marginRight: 16,
    marginBottom: 48,
    style: { background: "transparent", color: SOFT, fontSize: width < 500 ? "12px" : "14px", fontFamily: '"Inter Variable", sans-serif' },
    x: { type: "utc", label: "forecast made" },
    y: { type: "utc", label: "due between", grid: true },
    marks: [
      Plot.ruleX(made, { x: "made", y1: "p10", y2: "p90", stroke: BAND, strokeWidth: 5 }),
      Plot.dot(made, { x: "made", y: "p50", r: 3, fill: INK }),
      last === undefined ? null : Plot.line(made, { x: "made", y: "made", stroke: SOFT, strokeDasharray: "2 4" }),
      Plot.dot(course.doses.filter((dose) => course.history[0] !== undefined && dose.day >= course.history[0].as_of), {
        x: (d: { day: string }) => day(d.day), y: (d: { day: string }) => day(d.day), symbol: "triangle", r: 5, fill: INK,
        title: (d: { drug: string; day: string }) => `${d.drug}, ${dayWords(d.day)}`,
      }),
    ],
  });
}
