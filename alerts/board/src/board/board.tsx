/** The board: the alerts that need someone, and every chair in its place. */

import { forTheDesk, needsSomeone, worstOldestFirst } from "../alarms";
import { alerts, heardAnything, silentSince } from "../feed";
import { Frame } from "../frame";
import { places } from "../seats";
import type { Alert, Chair } from "../wire";
import { AlertColumn } from "./alert_column";
import { Card } from "./card";

/** The open alerts of one chair, those that wait first. An alert without a session is the patient's or the chair's. */
export function alertsOf(chair: Chair | null, all: readonly Alert[]): Alert[] {
  if (chair === null) return [];
  const mine = all.filter((a) => a.phase !== "closed" && !forTheDesk(a) && (a.session ? a.session === chair.session : a.chair ? a.chair === chair.chair : a.patient === chair.patient));
  const waits = (a: Alert): number => (needsSomeone(a) ? 0 : 1);
  return mine.sort((a, b) => waits(a) - waits(b) || worstOldestFirst(a, b));
}

export function Board() {
  const all = [...alerts.value.values()];
  const list = places.value;
  return (
    <Frame here="board">
      <div class="board">
        <AlertColumn only={all.filter((a) => !forTheDesk(a))} none="No alerts" beyond={{ words: "for the desk", path: "/clinic" }} />
        <section class="cards" aria-label="Chairs">
          {list.map((place) => <Card key={place.key} place={place} alerts={alertsOf(place.chair, all)} />)}
          {list.length === 0 && (
            <p class="empty">
              {heardAnything.value ? "No chair is in use. Start a session under Chairs, or connect a monitor." : silentSince.value ? "No chairs received." : "Waiting for the first values…"}
            </p>
          )}
        </section>
      </div>
    </Frame>
  );
}
