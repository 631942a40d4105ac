/** One chair on the board. Grey while all is well; its head takes the colour, shape and word of its worst waiting alert. */

import { href } from "../here";
import type { Place } from "../places";
import { dueName, SIGN } from "../tables";
import { now, parse, second, until } from "../times";
import type { Alert, Chair, Due } from "../wire";
import { Timeline } from "./timeline";
import { alarmClass, Vitals, Words } from "./vitals";

function dueWords(due: Due): string {
  const name = dueName(due.what) ?? due.what.replaceAll("-", " ").replace(/^./, (c) => c.toUpperCase());
  const at = parse(due.due_at);
  return at === null ? name : `${name} ${until(at)}`;
}

export function Next({ chair }: { chair: Chair }) {
  second.value;
  const list = [...(chair.next ?? [])].sort((a, b) => (parse(a.due_at) ?? 0) - (parse(b.due_at) ?? 0));
  if (list.length === 0) return <p class="next">Nothing due</p>;
  return (
    <p class="next">
      {list.slice(0, 2).map((due) => (
        <span key={due.what} class={(parse(due.due_at) ?? Infinity) < now() ? "due late" : "due"}>{dueWords(due)}</span>
      ))}
    </p>
  );
}

export function drugWords(chair: Chair): string {
  const mg = chair.given_mg ?? chair.planned_mg;
  return [chair.drug, chair.route, mg == null ? null : `${Math.round(mg * 10) / 10} mg`].filter(Boolean).join(" ");
}

export function Card({ place, alerts }: { place: Place; alerts: readonly Alert[] }) {
  const { chair } = place;
  if (chair === null) {
    return (
      <article class="card card-free" data-testid={`chair-${place.key}`} aria-label={`Chair ${place.name}, free`}>
        <header class="card-head">
          <a class="card-chair" href={href(`/chair/${encodeURIComponent(place.name)}`)}>{place.name}</a>
          <span class="card-free-word">Free</span>
        </header>
      </article>
    );
  }
  const worst = alerts[0] ?? null;
  return (
    <article class={`card${alarmClass(worst)}`} data-testid={`chair-${place.key}`} aria-label={`Chair ${place.name}`}>
      <header class="card-head">
        <a class="card-chair" href={href(`/chair/${encodeURIComponent(place.name)}`)} aria-label={`Chair ${place.name}: open`}>{place.name}</a>
        <span class="card-who">
          <span class="card-patient">{chair.patient ?? "Unknown patient"}</span>
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
