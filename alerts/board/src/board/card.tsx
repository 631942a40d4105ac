/** One chair on the board. Grey while all is well; its head takes the colour, shape and word of its worst waiting alert. */

import { dueWords } from "../due";
import { href } from "../here";
import type { Place } from "../places";
import { routeWords, SIGN, visibleName } from "../tables";
import { now, parse, second } from "../times";
import type { Alert, Chair } from "../wire";
import { Timeline } from "./timeline";
import { alarmClass, Vitals, Words } from "./vitals";

export function Next({ chair }: { chair: Chair }) {
  second.value;
  const list = [...(chair.next ?? [])].sort((a, b) => (parse(a.due_at) ?? 0) - (parse(b.due_at) ?? 0));
  if (list.length === 0) return <p class="next">Nothing due</p>;
  return (
    <p class="next">
      {list.slice(0, 2).map((due) => (
        <span key={due.what} class={(parse(due.due_at) ?? -Infinity) <= now() ? "due late" : "due"}>{dueWords(due)}</span>
      ))}
    </p>
  );
}

export function drugWords(chair: Chair): string {
  const mg = chair.given_mg ?? chair.planned_mg;
  // The amount first: what does not fit is cut at the end.
  return [mg == null ? null : `${Math.round(mg * 10) / 10} mg`, chair.drug, routeWords(chair.route)].filter(Boolean).join(" ");
}

/** `known`: false before the first message, when nobody can say that a chair is free. */
export function Card({ place, alerts, known }: { place: Place; alerts: readonly Alert[]; known: boolean }) {
  const { chair } = place;
  if (chair === null) {
    return (
      <article class="card card-free" data-key={place.name} data-testid={`chair-${place.key}`} aria-label={`Chair ${place.name}, ${known ? "free" : "not known yet"}`}>
        <header class="card-head">
          <a class="card-chair" href={href(`/chair/${encodeURIComponent(place.name)}`)}>{place.name}</a>
          <span class="card-free-word">{known ? "Free" : "Not known yet"}</span>
        </header>
      </article>
    );
  }
  const worst = alerts[0] ?? null;
  return (
    <article class={`card${alarmClass(worst)}`} data-key={place.name} data-testid={`chair-${place.key}`} aria-label={`Chair ${place.name}`}>
      <header class="card-head">
        <a class="card-chair" href={href(`/chair/${encodeURIComponent(place.name)}`)} aria-label={`Chair ${place.name}: open`}>{place.name}</a>
        <span class="card-who">
          <span class="card-patient">{chair.patient ? visibleName(chair.patient) : "Unknown patient"}</span>
          <span class="card-drug">{drugWords(chair) || "no drug entered"}</span>
        </span>
        {worst && <span class={`badge${alarmClass(worst)}`}><span class="badge-word">{SIGN[worst.priority].word}</span> {SIGN[worst.priority].shape}</span>}
      </header>
      <Timeline chair={chair} />
      <Vitals chair={chair} alerts={alerts} />
      <Words chair={chair} alerts={alerts} suffix={place.key} />
      {chair.unseen?.[0] && <p class="blind" data-testid="unseen" title={chair.unseen.join(" · ")}>{chair.unseen.join(" · ")}</p>}
      <Next chair={chair} />
    </article>
  );
}
