/** An alert's whole story: why somebody was paged, or nobody was; the readings around its beginning; and each decision, page, try and
 * answer on one time line. What the service wrote, in its words; nothing is worked out here. */

import { useAsked, Waiting } from "../asked";
import { measuredChannel } from "../numbers";
import { chairs } from "../feed";
import { site } from "../here";
import { longName } from "../tables";
import { clockWithSeconds, dayAndClock, parse } from "../times";
import type { Alert, Trace, Why } from "../wire";

export function Story({ alert }: { alert: Alert }) {
  const { answer, problem } = useAsked<Why>(`/v1/alerts/${encodeURIComponent(alert.alert)}/why`, alert.seq);
  return (
    <section class="story" aria-label="What happened" data-testid="story">
      {answer === null ? <Waiting problem={problem} what="The story" /> : (
        <>
          <h2>{alert.pages && alert.pages.length > 0 ? "Why was somebody paged?" : "Why was nobody paged?"}</h2>
          <p class="story-answer" data-testid="why">{answer.answer}</p>
          <Around alert={alert} />
          <h2>What happened, in order</h2>
          <ol class="story-line" data-testid="story-line">
            {answer.sentences.map((sentence, i) => {
              const at = parse(sentence.at);
              return <li key={i}><time dateTime={sentence.at}>{at === null ? "—" : clockWithSeconds(at)}</time><span>{sentence.text}</span></li>;
            })}
          </ol>
        </>
      )}
    </section>
  );
}

const AROUND_MS = 20 * 60_000;
const [WIDTH, HEIGHT, LEFT] = [560, 150, 40];

/** The minutes around the beginning, each from its lowest to its highest reading; also of a session that is long over. */
function Around({ alert }: { alert: Alert }) {
  const channel = alert.evidence?.["channel"];
  const began = parse(alert.onset_at);
  if (typeof channel !== "string" || !alert.session || began === null) return null;
  return <Minutes session={alert.session} patient={alert.patient ?? ""} began={began} channel={measuredChannel(channel, chairs.value.find((c) => c.session === alert.session) ?? null)} alert={alert} />;
}

function Minutes({ session, patient, began, channel, alert }: { session: string; patient: string; began: number; channel: string; alert: Alert }) {
  const { answer } = useAsked<Trace>(`/v1/sessions/${encodeURIComponent(session)}/trace?${new URLSearchParams({ site, patient })}`);
  const trace = answer?.channels[channel] ?? (channel === "hr" ? answer?.channels["pulse"] : undefined);
  const minutes = (trace?.minute ?? []).map((ms, i) => ({ ms, low: trace?.lowest[i] ?? 0, high: trace?.highest[i] ?? 0, mean: trace?.mean[i] ?? 0 }))
    .filter(({ ms }) => Math.abs(ms - began) <= AROUND_MS);
  if (minutes.length < 3) return null;
  const limit = alert.evidence?.["limit"];
  const limits = typeof limit === "number" && !String(alert.evidence?.["channel"]).endsWith("-rise") ? [limit] : [];
  const values = [...minutes.flatMap(({ low, high }) => [low, high]), ...limits];
  const [bottom, top] = [Math.min(...values) - 1, Math.max(...values) + 1];
  const [first, last] = [minutes[0]?.ms ?? began, (minutes.at(-1)?.ms ?? began) + 60_000];
  const x = (ms: number): number => LEFT + ((ms - first) / Math.max(last - first, 1)) * (WIDTH - LEFT - 6);
  const y = (v: number): number => 14 + (1 - (v - bottom) / (top - bottom)) * (HEIGHT - 34);
  return (
    <figure class="rule-example" data-testid="around">
      <figcaption class="soft">{longName(channel)}, by the minute around its beginning</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${longName(channel)} around the beginning, from ${bottom + 1} to ${top - 1}`}>
        {limits.map((v) => <g key={v}><line class="example-limit" x1={LEFT} x2={WIDTH - 6} y1={y(v)} y2={y(v)} /><text x={LEFT - 5} y={y(v) + 5} text-anchor="end">{v}</text></g>)}
        {minutes.map(({ ms, low, high }) => <line key={ms} class="minute" x1={x(ms + 30_000)} x2={x(ms + 30_000)} y1={y(low) + 1} y2={y(high) - 1} />)}
        <line class="example-step" x1={x(began)} x2={x(began)} y1={4} y2={HEIGHT - 18} /><text x={x(began) + 4} y={13}>began</text>
        {[first, last].map((ms, i) => <text key={ms} class="soft" x={x(ms)} y={HEIGHT - 3} text-anchor={i === 0 ? "start" : "end"}>{dayAndClock(ms)}</text>)}
      </svg>
    </figure>
  );
}
