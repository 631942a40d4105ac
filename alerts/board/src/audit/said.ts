/** An audit entry in words: what kind it is, and in one line what it records. Pure. */

export interface AuditEntry {
  number: number;
  at: string;
  kind: string;
  who: string | null;
  patient: string | null;
  doc: unknown;
}

/** What an auditor looks for, and the kinds that are asked for; an empty kind is all. */
export const KINDS: readonly (readonly [kind: string, words: string])[] = [
  ["", "Everything"],
  ["access", "Signing in, and what was refused"],
  ["read", "Pages that were opened"],
  ["transition", "What became of alerts"],
  ["alert", "Answers to alerts"],
  ["page", "Pages sent out"],
  ["session", "Sessions begun and ended"],
  ["dose", "Doses"],
  ["site.configured", "Configurations"],
  ["account", "Accounts"],
  ["token", "Devices' tokens"],
];

const WORDS: Readonly<Record<string, string>> = {
  read: "Page opened",
  page: "Page sent out",
  "access.signed-in": "Signed in",
  "access.signed-out": "Signed out",
  "access.sign-in-failed": "Sign-in failed",
  "access.sign-in-slowed-down": "Sign-in slowed down",
  "access.link-refused": "One-time link refused",
  "access.refused": "Request refused",
  "account.linked": "One-time link made",
  "account.password-chosen": "Password chosen",
  "account.disabled": "Account disabled",
  "token.added": "Token made",
  "token.revoked": "Token revoked",
  "audit.lost": "Could not be kept",
  "site.configured": "Configuration in force",
};

export function kindWords(kind: string): string {
  const known = WORDS[kind];
  if (known !== undefined) return known;
  const [first = "", ...rest] = kind.split(".");
  if (rest.length === 0) return first.replace(/^./, (c) => c.toUpperCase());
  return `${first === "transition" ? "Alert" : first.replace(/^./, (c) => c.toUpperCase())} ${rest.join(" ").replaceAll("-", " ")}`;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** What stands beside the kind: an alert's or a page's own text, else the facts by name. */
export function detail(entry: AuditEntry): string {
  if (entry.doc === null || entry.doc === undefined) return "What this records is no longer there";
  const doc = record(entry.doc);
  if (typeof doc.text === "string") return doc.text;
  if (typeof doc.title === "string") return [doc.title, doc.body].filter((one) => typeof one === "string").join(": ");
  const facts = typeof doc.kind === "string" && typeof doc.doc === "object" ? record(doc.doc) : doc;
  const shown = Object.entries(facts).filter(([name, value]) => !["kind", "at", "site", "patient", "by", "id", "source"].includes(name) && value !== null && value !== "");
  const outcome = typeof doc.outcome === "string" && doc.outcome !== "accepted" ? [doc.outcome] : [];
  const said = shown.map(([name, value]) => `${name.replaceAll("_", " ")}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
  const text = [...outcome, ...said].join(", ");
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
