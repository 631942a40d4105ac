/** The server's tables (`make schema` writes tables.json): channels, rules, drugs, scores and their words.
 *
 * A name may be newer than this page: what is looked up may be missing, and is then shown under its own name.
 */

import tables from "./tables.json";
import type { Priority } from "./wire";

/** The lines of a card that an alert may light. */
export const ROWS = ["spo2", "rate", "pressure", "breathing", "sedation", "dissociation"] as const;
export type Row = (typeof ROWS)[number];

interface ChannelRow {
  label: string;
  short: string;
  unit: string;
  decimals: number;
  row: string | null;
  /** The line's own number, a number beside it, or not on a card. */
  place: string;
  usual_low: number;
  usual_high: number;
  lowest: number;
  highest: number;
  continuous: boolean;
}

interface InstrumentRow {
  short: string;
  row: string | null;
  items: number;
  highest: number;
  cuts: readonly number[];
}

const CHANNELS: Readonly<Record<string, ChannelRow>> = tables.channels;
const INSTRUMENTS: Readonly<Record<string, InstrumentRow>> = tables.instruments;
const RULES: Readonly<Record<string, { title: string; row: string | null; measured: string | null; implies: readonly string[] }>> = tables.rules;
const DERIVED: Readonly<Record<string, { label: string; channel: string }>> = tables.derived;
const DUE: Readonly<Record<string, string>> = tables.due;

/** Shape and word beside every colour (IEC 60601-1-8): a photocopy must read the same. */
export const SIGN: Readonly<Record<Priority, { rank: number; word: string; shape: string }>> = tables.priorities;

export type Quality = keyof typeof tables.qualities;
/** Why there is no live reading. */
export const QUALITY_NOTES: Readonly<Record<Quality, string>> = tables.qualities;

type Option = readonly [value: string, words: string];
export const DRUGS: readonly Option[] = Object.entries(tables.drugs);
export const ROUTES: readonly Option[] = Object.entries(tables.routes);

/** "nasal": a route beside its drug. */
export function routeWords(route: string | null | undefined): string | null {
  const words = route ? ROUTES.find(([name]) => name === route)?.[1] : undefined;
  return words === undefined ? (route ?? null) : words === "IV" || words === "IM" || words === "SC" ? words : words.toLowerCase();
}

/** A name as it can be read: a character that is not seen is shown as one, so that two names never look alike. */
export function visibleName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00a0\u2000-\u200a\u3000]/gu, "�");
}

/** What turns a high pressure into an emergency, and two harmless ones. */
export const SYMPTOMS: readonly Option[] = Object.entries(tables.symptoms);

/** MOAA/S levels, as on a board and as on a button. The scale is free to use. */
export const MOAAS = Object.values(tables.moaas_levels);

/** As long as a continuous channel may be silent before its value is stale. */
export const STALE_AFTER_MS = tables.times.stale_after_s * 1000;

/** What a cuff can measure. */
export const CUFF = { sbp: tables.channels.sbp, dbp: tables.channels.dbp } as const;

interface TreatmentRow {
  title: string;
  usual: number;
  per_kg: boolean;
  minutes: number;
  predose: readonly number[] | null;
}
const TREATMENTS: Readonly<Record<string, TreatmentRow>> = tables.treatments;
const DOSE_LIMITS: Readonly<Record<string, { most: number; per_kg: boolean }>> = tables.dose_limits;
/** When a dose asks whether it is meant. */
export const DOSE_CHECK = tables.dose_check;

/** By a route, or without one by the drug's first. */
function ofDrug<T>(rows: Readonly<Record<string, T>>, drug: string, route: string | null): T | null {
  const name = drug.trim().toLowerCase();
  const first = Object.keys(rows).find((key) => key.startsWith(`${name}/`));
  return rows[`${name}/${route ?? ""}`] ?? (route === null && first !== undefined ? (rows[first] ?? null) : null);
}

export const doseLimit = (drug: string, route: string | null): { most: number; per_kg: boolean } | null => ofDrug(DOSE_LIMITS, drug, route);
export const treatmentOf = (drug: string, route: string | null): TreatmentRow | null => ofDrug(TREATMENTS, drug, route);
/** The routes of a drug that the tables know, the usual one first. */
export function routesOf(drug: string): string[] {
  return Object.keys(TREATMENTS).filter((key) => key.startsWith(`${drug}/`)).map((key) => key.slice(drug.length + 1));
}

/** What is asked of a questionnaire: (name on the wire, words) of each item, or nothing where only its total is entered. */
export interface Questionnaire {
  title: string;
  stem: string;
  items: readonly (readonly string[])[];
  answers: readonly (readonly (string | number)[])[];
  own: boolean;
}
export const QUESTIONNAIRES: Readonly<Record<string, Questionnaire>> = tables.questionnaires;
export const CONDITIONS: readonly Option[] = Object.entries(tables.conditions);
export const MEDICATIONS: readonly Option[] = Object.entries(tables.medications);

export function highestOf(instrument: string): number {
  return INSTRUMENTS[instrument]?.highest ?? 0;
}

export const CADSS_6: InstrumentRow = tables.instruments["cadss-6"];

function asRow(name: string | null | undefined): Row | null {
  return ROWS.find((row) => row === name) ?? null;
}

export function ruleTitle(rule: string): string | null {
  return RULES[rule]?.title ?? null;
}

/** A measured condition that goes on: its alert can be answered, and closes once it is over, not by hand. */
export function goesOn(alert: { rule: string; phase: string; session?: string | null }): boolean {
  const measured = RULES[alert.rule]?.measured ?? null;
  return alert.phase !== "latched" && (measured === "reading" || (measured === "score" && alert.session != null));
}

/** The rules that say less about the same thing: a crisis implies that the pressure is high. */
export function impliedBy(rule: string): readonly string[] {
  return RULES[rule]?.implies ?? [];
}

/** The measured channel behind a limit's, where it is not one itself. */
export function derivedFrom(channel: string): string | null {
  return DERIVED[channel]?.channel ?? null;
}

export function rowOfRule(rule: string): Row | null {
  return asRow(RULES[rule]?.row);
}

/** Of a channel or of a score. */
export function rowOfChannel(name: string): Row | null {
  return asRow((CHANNELS[name] ?? INSTRUMENTS[name])?.row);
}

/** The channels of a line: its own numbers, or those beside it, in the table's order. */
export function channelsOf(row: Row, place: "own" | "beside"): string[] {
  return Object.entries(CHANNELS).filter(([, channel]) => channel.row === row && channel.place === place).map(([name]) => name);
}

/** "Heart" on a card. */
export function shortName(channel: string): string {
  return CHANNELS[channel]?.short ?? channel;
}

/** "Heart rate, /min" over a plot. */
export function longName(channel: string): string {
  const found = CHANNELS[channel];
  return found ? `${found.label}, ${found.unit}` : channel;
}

export function unitOf(channel: string): string {
  return CHANNELS[channel]?.unit ?? "";
}

export function decimalsOf(channel: string): number {
  return CHANNELS[channel]?.decimals ?? 0;
}

/** The usual vertical range of a strip. */
export function usual(channel: string): readonly [number, number] {
  const found = CHANNELS[channel];
  return found ? [found.usual_low, found.usual_high] : [0, 100];
}

/** Cuffs and thermometers are read now and then: a line between two of them is no claim about the time between. */
export function readNowAndThen(channel: string): boolean {
  return CHANNELS[channel]?.continuous === false;
}

export function instrumentWords(instrument: string): string {
  return INSTRUMENTS[instrument]?.short ?? instrument;
}

/** How many of an instrument's bands begin at or below a score. */
export function bandsBelow(instrument: string, score: number): number {
  return INSTRUMENTS[instrument]?.cuts.filter((cut) => cut <= score).length ?? 0;
}

export function dueName(what: string): string | null {
  return DUE[what] ?? null;
}
