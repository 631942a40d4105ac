/** A strip of the last twenty minutes with its limits: small on a card, with axes on the alert page.
 *
 * Its vertical range is the channel's usual one, widened only when limits or data leave it, so that the same height means the
 * same number on every card. Grey always: colour belongs to the alert beside it.
 */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

import { recent, type Series, withGaps } from "./lines";
import { theme } from "./room";
import { clock, now } from "./times";
import { trendsMoved, WINDOW_MINUTES } from "./trends";
import type { Band } from "./wire";

export interface Line {
  channel: string;
  points: Series;
}

interface Props {
  lines: readonly Line[];
  /** One per line. What is beyond the first line's limits is shaded; a second line's are only dashed, or they would shade the first. */
  limits: readonly Band[];
  usual: readonly [number, number];
  label: string;
  /** Shows each reading as a dot: for cuffs. */
  dots?: boolean;
  axes?: boolean;
}

/** Canvas knows no CSS: its greys are read from the page's, and a plot is made anew with another theme. */
function ink(name: "line" | "limit" | "beyond" | "grid"): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--strip-${name}`).trim();
}

function limitsOf(bands: readonly Band[]): { lows: number[]; highs: number[] } {
  const lows = bands.map((b) => b.low).filter((v) => v != null);
  const highs = bands.map((b) => b.high).filter((v) => v != null);
  return { lows, highs };
}

export function Strip(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const current = useRef(props);
  current.current = props;
  const moved = trendsMoved.value;
  const count = props.lines.length;

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(options(current, element, count), [[0], ...Array.from({ length: count }, () => [null])], element);
    plot.current = made;
    const resized = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [count, theme.value]);

  useEffect(() => {
    const columns = current.current.lines.map((line) => {
      const { at, value } = withGaps(recent(line.points, now() - WINDOW_MINUTES * 60_000), line.channel);
      return [at, value] as [number[], (number | null)[]];
    });
    const data = columns.length === 1 && columns[0] ? columns[0] : uPlot.join(columns.map(([at, v]) => [at, v]));
    plot.current?.setData(data as uPlot.AlignedData, true);
  }, [moved, count, theme.value]);

  return <div class={props.axes ? "strip strip-large" : "strip"} ref={box} role="img" aria-label={props.label} />;
}

function options(current: { current: Props }, element: HTMLElement, count: number): uPlot.Options {
  const { axes, dots } = current.current;
  const grey = ink("line");
  const font = '13px "Inter Variable", sans-serif';
  const axis = axes ? { show: true, stroke: grey, font, grid: { stroke: ink("grid"), width: 1 }, ticks: { show: false }, size: 40 } : { show: false };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: axes ? [8, 8, 0, 0] : [2, 3, 2, 1],
    cursor: { show: false },
    legend: { show: false },
    axes: [axes ? { ...axis, size: 28, incrs: [300], values: (_u, ticks) => ticks.map((s) => clock(s * 1000)) } : axis, axis],
    scales: {
      x: { time: false, range: () => [now() / 1000 - WINDOW_MINUTES * 60, now() / 1000] },
      y: { range: (_u, low, high) => reach(current.current, low, high) },
    },
    series: [
      {},
      ...Array.from({ length: count }, () => ({
        stroke: grey,
        width: axes ? 2 : 1.5,
        spanGaps: dots ?? false,
        points: { show: dots ?? false, size: axes ? 7 : 4, fill: grey, stroke: grey },
      })),
    ],
    hooks: { drawClear: [(u) => drawLimits(u, current.current)] },
  };
}

function reach(props: Props, low: number | null, high: number | null): [number, number] {
  const { lows, highs } = limitsOf(props.limits);
  const [usualLow, usualHigh] = props.usual;
  return [Math.min(usualLow, low ?? usualLow, ...lows.map((v) => v - 2)), Math.max(usualHigh, high ?? usualHigh, ...highs.map((v) => v + 2))];
}

function drawLimits(u: uPlot, props: Props): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const { lows, highs } = limitsOf(props.limits);
  const y = (v: number): number => Math.min(top + height, Math.max(top, u.valToPos(v, "y", true)));
  ctx.save();
  ctx.fillStyle = ink("beyond");
  ctx.strokeStyle = ink("limit");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  const { low, high } = props.limits[0] ?? {};
  if (low != null && props.limits.length === 1) ctx.fillRect(left, y(low), width, top + height - y(low));
  if (high != null) ctx.fillRect(left, top, width, y(high) - top);
  for (const v of [...lows, ...highs]) {
    ctx.beginPath();
    ctx.moveTo(left, y(v));
    ctx.lineTo(left + width, y(v));
    ctx.stroke();
  }
  ctx.restore();
}
