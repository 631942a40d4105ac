/** An entry in words, as it stands in the queue and in the record: "Cuff 132/84". Pure. */

import { CADSS_6, instrumentWords, MOAAS } from "../tables";
import { takesBack } from "./corrections";

type Doc = Readonly<Record<string, unknown>>;

const number = (v: unknown): string | null => (typeof v === "number" ? String(Math.round(v * 10) / 10) : null);
const text = (v: unknown): string | null => (typeof v === "string" && v !== "" ? v : null);
const list = (...parts: (string | null)[]): string => parts.filter((p) => p !== null).join(" ");

function checkin(doc: Doc): string {
  const score = number(doc["score"]);
  const items = Array.isArray(doc["items"]) ? (doc["items"] as unknown[]) : null;
  switch (doc["instrument"]) {
    case "moaas": {
      const level = MOAAS.find((l) => l.score === doc["score"]);
      return list("Sedation", score, level ? `· ${level.word.toLowerCase()}` : null);
    }
    case "cadss-6": {
      // Digits may have come as text.
      const total = items?.reduce<number>((sum, v) => sum + (Number(v) || 0), 0);
      return list("Dissociation", total === undefined ? score : `${total} of ${CADSS_6.highest}`);
    }
    case "distress":
      return list("Distress", score, "of 10");
    case "symptoms": {
      const items = typeof doc["items"] === "object" && doc["items"] !== null ? Object.entries(doc["items"]) : [];
      const named = items.filter(([, present]) => Boolean(present)).map(([name]) => name.replaceAll("-", " "));
      return named.length === 0 ? "No symptoms" : `Symptoms: ${named.join(", ")}`;
    }
    default:
      return list(text(doc["instrument"]) ?? "Check-in", score);
  }
}

const ALERT_WORDS: Record<string, string> = {
  "alert.acknowledged": "Alert acknowledged", "alert.snoozed": "Alert snoozed", "alert.unsnoozed": "Snooze ended", "alert.closed": "Alert closed", "alert.escalated": "Alert handed on",
};

export function said(kind: string, doc: Doc): string {
  if (takesBack(kind, doc)) return `${doc["instrument"] ? `${instrumentWords(String(doc["instrument"]))} taken back` : "Entry taken back"}`;
  const mg = (v: unknown): string | null => (number(v) === null ? null : `${number(v)} mg`);
  switch (kind) {
    case "session.started":
      return list("Session started", text(doc["drug"]), text(doc["route"]), mg(doc["planned_mg"]));
    case "dose":
      return list("Dose", text(doc["drug"]), text(doc["route"]), mg(doc["amount_mg"]), number(doc["minutes"]) === null ? null : `over ${number(doc["minutes"])} min`);
    case "dose.stopped":
      return list("Dose stopped", mg(doc["given_mg"]) === null ? null : `after ${mg(doc["given_mg"])}`);
    case "cuff.corrected":
    case "vitals":
      return number(doc["sbp"]) === null ? "Vitals" : `Cuff ${number(doc["sbp"])}/${number(doc["dbp"]) ?? "—"}`;
    case "checkin":
      return checkin(doc);
    case "patient.merged":
      return `${text(doc["merged"]) ?? "Another alias"} is the same person`;
    case "patient.registered":
      return list("Registered", number(doc["weight_kg"]) === null ? null : `${number(doc["weight_kg"])} kg`);
    case "intervention":
      if (doc["what"] === "note") return list("Note:", text(doc["detail"]));
      if (doc["what"] === "escort") return list("Goes home with", text(doc["detail"]));
      if (doc["what"] === "lot") return list("Lot", text(doc["detail"]));
      if (doc["what"] === "booking") return text(doc["detail"]) === "cancelled" ? "No visit planned" : "Next visit planned";
      return list("Intervention:", text(doc["what"]), text(doc["detail"]) === null ? null : `(${text(doc["detail"])})`);
    case "monitor.alarm":
      return list("Monitor's own alarm:", text(doc["label"]) ?? (doc["alarm"] === "no-breath" ? "no breath" : text(doc["alarm"])), text(doc["priority"]) === null ? null : `(${text(doc["priority"])})`, doc["active"] === false ? "is over" : null);
    case "session.ended":
      return list("Session ended:", text(doc["reason"]) ?? "no reason", doc["discharged"] === true ? "· discharged" : doc["discharged"] === false ? "· not discharged" : null);
    default:
      return ALERT_WORDS[kind] ?? kind.replace(".", " ");
  }
}

/** Why nothing may be entered in a form any more: whoever it was opened for has gone. Null: they sit here still. */
export function goneSince(opened: { patient: string; session: string } | null, now: { patient: string; session: string } | null): string | null {
  if (opened === null || opened.session === now?.session) return null;
  const then = now === null ? "" : ` ${now.patient} sits here now.`;
  return `The session of ${opened.patient} in this chair has ended.${then} Nothing was entered.`;
}

/** Why nobody may be started in a chair any more: somebody else was meanwhile. Null: it is free still. */
export function takenSince(now: { patient: string } | null): string | null {
  return now === null ? null : `${now.patient} was started in this chair meanwhile, on another tablet. Nothing was entered.`;
}
