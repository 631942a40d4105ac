/** The rule book: every rule in words, with the limits in force here, where they come from, and an example that the service played.
 * An alert leads to its own rule (`/rules#desaturation`). */

import { useEffect } from "preact/hooks";

import { useAsked, Waiting } from "../asked";
import { Frame } from "../frame";
import { site } from "../here";
import { SIGN } from "../tables";
import { span } from "../times";
import type { Example, RuleBook, RuleRow } from "../wire";

const CATEGORIES: readonly (readonly [string, string])[] = [
  ["respiratory", "Breathing and oxygen"], ["cardiovascular", "Heart and pressure"], ["consciousness", "Consciousness"], ["dissociation", "Dissociation"],
  ["mood", "Mood"], ["protocol", "What the protocol asks for"], ["technical", "Technique"], ["maintenance", "Between visits"],
];

export function RulesPage() {
  const { answer, problem } = useAsked<RuleBook>(`/v1/rules?${new URLSearchParams({ site })}`);
  const wanted = location.hash.slice(1);
  // The rule that the address names is there only once the book is.
  useEffect(() => {
    if (answer !== null && wanted !== "") document.getElementById(wanted)?.scrollIntoView();
  }, [answer === null]);
  return (
    <Frame here="rules">
      <div class="desk rule-book" data-testid="rule-book">
        <div>
          <h1>How each rule decides</h1>
          <p class="form-hint">The limits are those in force at this site. None of them was validated for ketamine in depression: a clinic decides its own. Bedside monitors stay primary.</p>
        </div>
        {answer === null ? <Waiting problem={problem} what="The rules" /> : (
          <>
            <nav class="rule-index" aria-label="Rules">
              {CATEGORIES.map(([category, words]) => (
                <p key={category}><strong>{words}:</strong> {answer.rules.filter((r) => r.category === category).map((r) => <a key={r.rule} href={`#${r.rule}`}>{r.title}</a>)}</p>
              ))}
            </nav>
            {CATEGORIES.map(([category, words]) => (
              <section key={category} aria-label={words}>
                <h2>{words}</h2>
                {answer.rules.filter((r) => r.category === category).map((rule) => <One key={rule.rule} rule={rule} />)}
              </section>
            ))}
          </>
        )}
      </div>
    </Frame>
  );
}

function One({ rule }: { rule: RuleRow }) {
  return (
    <article class="rule" id={rule.rule} data-testid={`rule-${rule.rule}`}>
      <h3>{rule.title}</h3>
      <p>{rule.decides}</p>
      {rule.limits.length > 0 && (
        <ul class="plain-list">
          {rule.limits.map((limit) => (
            <li key={`${limit.priority}-${limit.channel}-${limit.past}-${limit.built_in}`} class={limit.enabled ? "" : "soft"}>
              <strong>{SIGN[limit.priority].word} {SIGN[limit.priority].shape}</strong>
              <span class="rule-limit">
                {limit.enabled ? limit.words : <s>{limit.words}</s>}{!limit.enabled && " Switched off at this site."}
                {limit.changed && <em> Changed here; built in: {limit.built_in}</em>}
                <small class="rule-source"> From: {limit.source}{limit.cited.map((cited) => <span key={cited.number}> ({cited.address ? <a href={cited.address} rel="noreferrer">{cited.title}</a> : cited.title}: {cited.what})</span>)}</small>
              </span>
            </li>
          ))}
        </ul>
      )}
      <p class="soft">
        {[
          rule.must_go_on ? "It cannot be closed while it is measured to go on." : null,
          rule.ends === "by a person" ? "Only a person ends it." : rule.latches ? "Once it is over it stays until somebody has seen it, unless it was low." : "It closes by itself once it is over.",
          rule.holds_back.length > 0 ? `While it stands nobody is called about: ${rule.holds_back.join(", ").toLowerCase()}.` : null,
        ].filter(Boolean).join(" ")}
      </p>
      {rule.example && <Picture example={rule.example} title={rule.title} />}
    </article>
  );
}

const DID: Record<string, string> = { raised: "told", worsened: "worse", eased: "eased", latched: "over, to be seen", closed: "closed" };
const [WIDTH, PLOT, LEFT, FOOT, LABEL] = [640, 120, 44, 22, 16];
/** Of the quiet before anything happened this much is shown, in seconds. */
const BEFORE_S = 120;

/** Drawn as it was played: the line, its limit and where it ends, and what became of the alert, a line of words each. */
function Picture({ example, title }: { example: Example; title: string }) {
  const { steps, enter, leave, label, unit } = example;
  const seldom = example.points.length < 20;
  const from = seldom ? 0 : Math.max(0, (steps[0]?.at_s ?? 0) - BEFORE_S);
  const points = example.points.filter(([s]) => s >= from);
  const last = Math.max(...points.map(([s]) => s), ...steps.map((s) => s.at_s));
  const values = [...points.map(([, v]) => v), enter, leave];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const top = LABEL * steps.length + 12;
  const height = top + PLOT + FOOT;
  const x = (s: number): number => LEFT + ((s - from) / Math.max(last - from, 1)) * (WIDTH - LEFT - 8);
  const y = (v: number): number => top + (1 - (v - low) / Math.max(high - low, 1)) * (PLOT - 6);
  const words = `Example of ${title}: ${label}, limit ${enter} ${unit}. ${steps.map((s) => `${DID[s.transition] ?? s.transition} ${SIGN[s.priority].word.toLowerCase()} after ${span(s.at_s * 1000)}`).join("; ")}.`;
  return (
    <figure class="rule-example">
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={words} data-testid="rule-picture">
        <line class="example-limit" x1={LEFT} x2={WIDTH - 8} y1={y(enter)} y2={y(enter)} />
        <text x={LEFT - 6} y={y(enter) + 5} text-anchor="end">{enter}</text>
        {Math.abs(y(leave) - y(enter)) > 12 && <text x={LEFT - 6} y={y(leave) + 5} text-anchor="end" class="soft">{leave}</text>}
        <line class="example-leave" x1={LEFT} x2={WIDTH - 8} y1={y(leave)} y2={y(leave)} />
        <polyline class="example-line" points={points.map(([s, v]) => `${x(s)},${y(v)}`).join(" ")} />
        {seldom && points.map(([s, v]) => <circle key={s} class="example-dot" cx={x(s)} cy={y(v)} r={4} />)}
        {steps.map((step, i) => {
          const end = x(step.at_s) > WIDTH * 0.7;
          return (
            <g key={i}>
              <line class="example-step" x1={x(step.at_s)} x2={x(step.at_s)} y1={LABEL * i + 3} y2={top + PLOT} />
              <text x={x(step.at_s) + (end ? -4 : 4)} y={LABEL * i + 13} text-anchor={end ? "end" : "start"}>{SIGN[step.priority].shape} {DID[step.transition] ?? step.transition}</text>
            </g>
          );
        })}
        {[0, 0.5, 1].map((share) => <text key={share} class="soft" x={x(from + (last - from) * share)} y={height - 4} text-anchor={share === 1 ? "end" : share === 0 ? "start" : "middle"}>{Math.round((last - from) * share / 6) / 10} min</text>)}
      </svg>
      <figcaption class="soft">Played by this service: {label}, {unit}. {steps[0]?.text.replace(/^Chair 1 \(Example\): /, "")}</figcaption>
    </figure>
  );
}
