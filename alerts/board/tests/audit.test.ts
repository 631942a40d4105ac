import { describe, expect, it } from "vitest";

import { detail, kindWords } from "../src/audit/said";

const entry = (kind: string, doc: unknown) => ({ number: 1, at: "2026-11-23T14:00:00.000Z", kind, who: null, patient: null, doc });

describe("an audit entry in words", () => {
  it("names every kind so that it can be read, also one that it does not know", () => {
    expect(kindWords("access.sign-in-failed")).toBe("Sign-in failed");
    expect(kindWords("transition.raised")).toBe("Alert raised");
    expect(kindWords("alert.acknowledged")).toBe("Alert acknowledged");
    expect(kindWords("checkin")).toBe("Checkin");
    expect(kindWords("something.quite-new")).toBe("Something quite new");
  });

  it("says what an alert and a page say themselves", () => {
    expect(detail(entry("transition.raised", { text: "SpO2 86 below 90", evidence: {} }))).toBe("SpO2 86 below 90");
    expect(detail(entry("page", { title: "Low oxygen", body: "Chair 3: SpO2 85" }))).toBe("Low oxygen: Chair 3: SpO2 85");
  });

  it("says the facts of anything else, without what stands in columns of their own", () => {
    const dose = { kind: "dose", outcome: "accepted", doc: { kind: "dose", at: "x", patient: "P", drug: "ketamine", amount_mg: 35 } };
    expect(detail(entry("dose", dose))).toBe("drug: ketamine, amount mg: 35");
    expect(detail(entry("access.refused", { reason: "sign in first", method: "GET", route: "/v1/alerts" }))).toBe("reason: sign in first, method: GET, route: /v1/alerts");
  });

  it("says that what is gone is gone", () => {
    expect(detail(entry("page", null))).toBe("What this records is no longer there");
  });
});
