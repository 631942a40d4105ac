/** What the server says and takes, as types. The contract itself is docs/schema/; nothing is computed here. */

import type { Quality } from "./tables";

export type Priority = "high" | "medium" | "low" | "info";

export interface Reading {
  value?: number | null;
  at?: string | null;
  age_s?: number | null;
  quality?: Quality | null;
  stale_after_s?: number | null;
}

export interface CheckIn {
  score?: number | null;
  at?: string | null;
}

export interface Band {
  low?: number | null;
  high?: number | null;
}

export interface Due {
  what: string;
  /** Past: overdue since then. */
  due_at?: string | null;
}

type ChairPhase = "before" | "dosing" | "observation" | "unscheduled";

export interface Chair {
  chair?: string | null;
  patient?: string | null;
  session?: string | null;
  device?: string | null;
  drug?: string | null;
  route?: string | null;
  planned_mg?: number | null;
  planned_minutes?: number | null;
  started_at?: string | null;
  dose_at?: string | null;
  dose_minutes?: number | null;
  given_mg?: number | null;
  phase?: ChairPhase | null;
  values?: Partial<Record<string, Reading | null>> | null;
  checkins?: Partial<Record<string, CheckIn | null>> | null;
  baseline?: { sbp?: number | null; dbp?: number | null } | null;
  limits?: Partial<Record<string, Band | null>> | null;
  next?: Due[] | null;
  observe_until?: string | null;
  readiness?: Readiness | null;
  /** What no sensor here shows, in words. */
  unseen?: readonly string[] | null;
  dissociation?: Dissociation | null;
  pressure_forecast?: Partial<Record<"10min" | "20min", number>> | null;
  /** What this drug does about this minute, in one sentence. */
  expected?: string | null;
}

/** May the patient leave? With what still stands against it, and when that should be over. */
interface Readiness {
  ready: boolean;
  expected_at?: string | null;
  reasons: readonly string[];
  unseen?: readonly string[];
}

/** What the drug model and the answers so far make of dissociation now, on the CADSS scale; an estimate, never a measurement. */
export interface Dissociation {
  level: number;
  low: number;
  high: number;
  resolves_at?: string | null;
  surprise?: number | null;
  concentration_ng_ml?: number | null;
}

export interface Chairs {
  /** Frames decided so far: while it stands still, nobody is being watched. */
  decided: number;
  at: string;
  site: string;
  chairs: Chair[];
}

export type AlertPhase = "active" | "acknowledged" | "snoozed" | "latched" | "closed";

export interface PageSent {
  key?: string;
  state?: string | null;
  at?: string | null;
  reached?: readonly string[] | null;
  failed?: readonly string[] | null;
}

export interface Alert {
  alert: string;
  phase: AlertPhase;
  priority: Priority;
  rule: string;
  title?: string | null;
  category?: string | null;
  site?: string | null;
  patient?: string | null;
  session?: string | null;
  chair?: string | null;
  onset_at?: string | null;
  raised_at?: string | null;
  changed_at?: string | null;
  seq: number;
  text?: string | null;
  evidence?: Record<string, unknown> | null;
  source?: string | null;
  by?: string | null;
  until?: string | null;
  /** When the session that it came from ended. */
  left_at?: string | null;
  pages?: PageSent[] | null;
}

type Step =
  | "raised" | "escalated" | "worsened" | "eased" | "latched" | "acknowledged" | "snoozed" | "expired" | "closed" | "renamed";

export interface Transition {
  alert: string;
  at: string;
  transition: Step;
  /** Where the alert stands after it. */
  phase: AlertPhase;
  site: string;
  patient: string;
  session?: string | null;
  rule: string;
  category: string;
  priority: Priority;
  onset_at: string;
  evidence?: Record<string, unknown> | null;
  text: string;
  source: string;
  seq: number;
}

export interface Snapshot {
  seq: number;
  site: string;
  alerts: Alert[];
  chairs: Chairs;
}

export interface AuditEntry {
  at: string;
  patient?: string | null;
  session?: string | null;
  kind: string;
  by?: string | null;
  outcome?: string | null;
  doc?: Record<string, unknown> | null;
}

/** Milliseconds since the epoch, value. */
export type Point = readonly [number, number | null];

export interface History {
  series?: Record<string, Point[]> | null;
  entries?: AuditEntry[] | null;
}

/** These people are on call, perhaps nobody; `since` null: for longer than a month, `until` null: for four weeks at least. */
export interface Turn {
  people: string[];
  since: string | null;
  until: string | null;
}

/** Somebody should be on call, and nobody is. */
export interface Hole {
  since: string;
  until: string;
}

/** `who` (null: nobody) instead of `covers` (null: of everybody). */
export interface Override {
  who: string | null;
  covers: string | null;
  since: string;
  until: string;
}

/** `turns`, `holes_shown`: of the days asked for; `holes`: of the next four weeks; `next`: the next turn that somebody has. */
export interface Schedule {
  name: string;
  timezone: string;
  now: Turn;
  next: Turn | null;
  turns: Turn[];
  overrides: Override[];
  holes: Hole[];
  holes_shown: Hole[];
}

export interface Colleague {
  name: string;
  display: string | null;
  role: string | null;
  timezone: string | null;
}

/** Without schedules every page goes to everybody. */
export interface Rota {
  site: string;
  at: string;
  timezone: string;
  people: Colleague[];
  schedules: Schedule[];
}

/** `people` null: everybody. */
export interface NextCall {
  rung: number;
  people: string[] | null;
  at: string;
}

/** `rung` of `of`, 0 before the first call; `called` null: everybody; `next` null: no call is due. */
export interface Ladder {
  alert: string;
  policy: string;
  rung: number;
  of: number;
  called: string[] | null;
  answered: string[];
  answers: number;
  next: NextCall | null;
}

export interface Ladders {
  at: string;
  ladders: Ladder[];
}

/** What the service says of its rules: `GET /v1/rules`. */
export interface RuleBook {
  site: string;
  rules: RuleRow[];
}

export interface RuleRow {
  rule: string;
  title: string;
  category: string;
  decides: string;
  latches: boolean;
  ends: "by itself" | "by a person";
  must_go_on: boolean;
  holds_back: string[];
  limits: {
    priority: Priority; channel: string; label: string; unit: string; past: string; enabled: boolean; changed: boolean; words: string; built_in: string;
    why: string; source: string; cited: { number: string; title: string; what: string; address: string | null }[];
  }[];
  example: Example | null;
}

export interface Example {
  channel: string;
  label: string;
  unit: string;
  /** Seconds, value. */
  points: [number, number][];
  enter: number;
  leave: number;
  steps: { at_s: number; transition: string; priority: Priority; text: string }[];
}

/** `GET /v1/alerts/{alert}/why`. */
export interface Why {
  alert: string;
  answer: string;
  sentences: { at: string; text: string }[];
}

/** `GET /v1/sessions/{session}/trace`: by the minute. */
export interface Trace {
  channels: Partial<Record<string, { minute: number[]; lowest: number[]; mean: number[]; highest: number[]; count: number[] }>>;
}
