/** The board: the alerts that need someone, and every chair in its place. */

import { useRef } from "preact/hooks";

import { forTheDesk, needsSomeone, worstNewestFirst } from "../alarms";
import { alerts, known, silentSince } from "../feed";
import { Frame } from "../frame";
import { href } from "../here";
import { places } from "../seats";
import type { Alert, Chair } from "../wire";
import { AlertColumn } from "./alert_column";
import { Card } from "./card";
import { useCut } from "./cut";
import { DueLine } from "./due_line";

/** The open alerts of one chair, those that wait first. An alert without a session is the patient's, or of a device at the chair. */
export function alertsOf(chair: Chair | null, all: readonly Alert[]): Alert[] {
  if (chair === null) return [];
  // An alert of somebody who sat here before is not under whoever sits here now.
  const isOf = (a: Alert): boolean => (a.session ? a.session === chair.session : a.category === "technical" && a.chair ? a.chair === chair.chair : a.patient === chair.patient);
  const mine = all.filter((a) => a.phase !== "closed" && !forTheDesk(a) && isOf(a));
  const waits = (a: Alert): number => (needsSomeone(a) ? 0 : 1);
  return mine.sort((a, b) => waits(a) - waits(b) || worstNewestFirst(a, b));
}

/** More chairs than this are drawn without their strips, so that twenty fit a wall. */
const MANY = 12;

export function Board() {
  const all = [...alerts.value.values()];
  const list = places.value;
  const cards = useRef<HTMLElement>(null);
  const cut = useCut(cards, list.length, true);
  return (
    <Frame here="board">
      <div class="board">
        <AlertColumn only={all.filter((a) => !forTheDesk(a))} none="No alerts" beyond={{ words: "for the desk", path: "/clinic" }} foot={<DueLine />} />
        <section class={list.length > MANY ? "cards many" : "cards"} aria-label="Chairs" ref={cards}>
          {list.map((place) => <Card key={place.key} place={place} known={known.value} alerts={alertsOf(place.chair, all)} />)}
          {list.length === 0 && (
            <p class="empty">
              {known.value ? <>No chair is in use. Start a session under <a href={href("/chair")}>Chairs</a>, or connect a monitor. To see a clinic at work for ten minutes, in one of its own beside this: <code>chairside demo --minutes 10 --port 0</code>, or a close call that says what to look at: <code>chairside demo --scenario slow-desaturation --port 0</code></> : silentSince.value ? "Chairs not known: nothing received." : "Chairs not known yet: waiting for the first values…"}
            </p>
          )}
          {cut.length > 0 && <p class="more-chairs" data-testid="more-chairs">{cut.length} more {cut.length === 1 ? "chair" : "chairs"}: {cut.join(", ")}</p>}
        </section>
      </div>
    </Frame>
  );
}
