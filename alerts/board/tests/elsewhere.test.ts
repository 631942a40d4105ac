import { expect, test } from "vitest";

import { openedOf, placeOf, refusedWords, rightPlace, toldWords } from "../src/glass/elsewhere";
import type { Me } from "../src/here";

const of = (site: string | null): Me => ({ sign_in: true, name: "ada", role: "clinician", answers: true, audits: false, enters: [], names: false, breaks_glass: site !== null, site });
const leads = (own: string | null, address: string): string | null => {
  const to = rightPlace(of(own), new URL(address, "http://edge"));
  if (to !== null) expect(rightPlace(of(own), new URL(to, "http://edge")), "it leads there once").toBeNull();
  return to;
};

test("a link to another site's patient or record stays a page of its reader's own site, and says whose the patient is", () => {
  expect(leads("north", "/patient/S-1?site=south")).toBe("/patient/S-1?site=north&of=south");
  expect(leads("north", "/session/S-1-now?site=south")).toBe("/session/S-1-now?site=north&of=south");
  expect(leads("north", "/patient/a%2Fb?site=south")).toBe("/patient/a%2Fb?site=north&of=south");
  expect(leads("west", "/patient/S-1?site=north&of=south")).toBe("/patient/S-1?site=west&of=south");
});

test("nothing is entered of another site's patient: such a link leads to their page", () => {
  expect(leads("north", "/enter/S-1?site=south#visit")).toBe("/patient/S-1?site=north&of=south");
});

test("whoever is of the patient's own site is led past the glass", () => {
  expect(leads("south", "/patient/S-1?site=north&of=south")).toBe("/patient/S-1?site=south");
  expect(leads("south", "/enter/S-1?of=south#visit")).toBe("/enter/S-1?site=south#visit");
});

test("whoever is before no glass, of one clinic or of the whole network, sees the patient's own page", () => {
  expect(leads(null, "/patient/S-1?site=north&of=south")).toBe("/patient/S-1?site=south");
  expect(leads(null, "/patient/S-1?of=")).toBe("/patient/S-1?");
});

test("a page that is right as it is stays: one's own, of one clinic, of somebody unknown, or of no patient", () => {
  for (const address of ["/patient/N-1", "/patient/N-1?site=north", "/patient/N-1?site=main", "/patient/S-1?site=north&of=south", "/patient/S-1?of=", "/session/x?of=south", "/?site=south", "/chair/3?site=south", "/patient/?site=south"]) {
    expect(leads("north", address), address).toBeNull();
  }
  expect(leads(null, "/patient/S-1?site=south")).toBeNull();
  expect(rightPlace(null, new URL("/patient/S-1?site=south", "http://edge"))).toBeNull();
});

test("an address of another site's patient holds both sites, and leads nowhere else", () => {
  expect(placeOf("a/b c", "south", "north")).toBe("/patient/a%2Fb%20c?site=north&of=south");
  expect(placeOf("S-1", "", "main")).toBe("/patient/S-1?of=");
  for (const own of ["north", "main"]) expect(leads("north", placeOf("S-1", "south", own))).toBeNull();
});

test("what is open is of this patient of this site, and until its instant", () => {
  const open = { at: "2026-11-23T14:30:00Z", minutes: 60, open: [{ site: "south", patient: "S-1", until: "2026-11-23T15:00:00Z", reason: "chest pain" }] };
  const before = 30 * 60_000 - 1000;
  expect(openedOf(open, "south", "S-1", before)?.reason).toBe("chest pain");
  expect(openedOf(open, "south", "S-1", before + 1000)).toBeNull();
  expect(openedOf(open, "west", "S-1", before)).toBeNull();
  expect(openedOf(open, "south", "S-2", before)).toBeNull();
  expect(openedOf(null, "south", "S-1", before)).toBeNull();
});

test("before anything is opened it is said who is told what, what both audits keep, and for how long", () => {
  const [told, kept, opens] = toldWords("south", "ada", "north", 60);
  expect(told).toContain("south is told at once by an alert");
  expect(told).toContain("ada of north");
  expect(told).toContain("Not the reason");
  expect(kept).toMatch(/audit of south and of north keeps your name, the patient and your reason/);
  expect(opens).toContain("60 minutes");
  expect(toldWords("", "ada", "north", 60)[0]).toMatch(/^Their site is told/);
});

test("whatever is refused, it is said that nothing is opened, and what to do", () => {
  expect(refusedWords(404, "there is nobody to open there", "S-9", "south")).toBe("Nothing is opened: there is no S-9 at south. Check the alias and the site.");
  expect(refusedWords(503, "south cannot be told now, so nothing is opened: full", "S-1", "south")).toBe("Nothing is opened: south cannot be told now. Try again, or call them.");
  expect(refusedWords(422, null, "S-1", "south")).toContain("say why");
  for (const status of [403, 404, 422, 423, 500, 503]) expect(refusedWords(status, null, "S-1", "south")).toMatch(/^Nothing is opened: /);
});
