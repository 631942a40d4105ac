/** How many alerts, and how soon pages were answered: by hour of the day, rule, chair, and rung with whoever answered there. Bars in
 * greys, each with its number: nothing here asks anybody to act now. */

import type { Burden } from "../forecasts";
import { span } from "../times";

const SHOWN = 10;

export function BurdenPlots({ burden }: { burden: Burden }) {
  const most = Math.max(1, ...burden.by_hour);
  const said = burden.by_hour.map((n, hour) => (n > 0 ? `${hour}:00 ${n}` : null)).filter(Boolean).join(", ");
  return (
    <>
      <figure class="hours" data-testid="burden-hours">
        <figcaption>Alerts by hour of the day</figcaption>
        <svg viewBox="0 0 480 110" role="img" aria-label={said === "" ? "No alerts in any hour" : `Alerts by hour: ${said}`}>
          {burden.by_hour.map((n, hour) => (
            <g key={hour}>
              <rect class="bar-count" x={hour * 20 + 3} width={14} y={88 - (n / most) * 72} height={(n / most) * 72} />
              {n > 0 && <text x={hour * 20 + 10} y={84 - (n / most) * 72} text-anchor="middle">{n}</text>}
              {hour % 6 === 0 && <text class="soft" x={hour * 20 + 10} y={104} text-anchor="middle">{hour}</text>}
            </g>
          ))}
          <line class="example-leave" x1={0} x2={480} y1={88} y2={88} />
        </svg>
      </figure>
      <Answers burden={burden} by="rule" words="Pages answered, by rule" />
      <Answers burden={burden} by="chair" words="By chair" />
      <Answers burden={burden} by="rung" words="By rung and who answered" />
      <Answers burden={burden} by="hour" words="By hour" />
    </>
  );
}

function Answers({ burden, by, words }: { burden: Burden; by: string; words: string }) {
  const rows = burden.answers.filter((row) => row.by === by);
  if (rows.length === 0) return null;
  const shown = by === "hour" ? [...rows].sort((a, b) => Number(a.key) - Number(b.key)) : rows.slice(0, SHOWN);
  const slowest = Math.max(1, ...shown.map((row) => row.median_answer_s ?? 0));
  return (
    <details class="answers" open={by === "rule" || by === "rung"} data-testid={`answers-${by}`}>
      <summary>{words}</summary>
      <table>
        <thead><tr><th scope="col">{by === "hour" ? "Hour" : by === "chair" ? "Chair" : by === "rung" ? "Rung" : "Rule"}</th><th scope="col">Answered</th><th scope="col">Half within</th></tr></thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row.key}>
              <th scope="row">{by === "hour" ? `${row.key}:00` : row.key}</th>
              <td>{row.answered} of {row.pages}</td>
              <td class="answer-time">{row.median_answer_s === null ? "—" : <><span class="chance-bar" aria-hidden="true"><span style={{ width: `${(row.median_answer_s / slowest) * 100}%` }} /></span>{span(row.median_answer_s * 1000)}</>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < rows.length && <p class="soft">{rows.length - shown.length} more with fewer pages.</p>}
    </details>
  );
}
