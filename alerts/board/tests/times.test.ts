import { expect, test } from "vitest";

import { clock, clockWithSeconds, foreignZone, sessionName, setZone } from "../src/times";

const AT = Date.parse("2026-11-23T23:04:05Z");

test("times are the site's, whatever the browser's zone is", () => {
  expect(setZone("Asia/Kolkata")).toBe(true);
  expect(clock(AT)).toBe("04:34");
  expect(clockWithSeconds(AT)).toBe("04:34:05");
  expect(sessionName("A-17", AT)).toBe("A-17-20261124-0434");
  expect(foreignZone(AT)).not.toBeNull();
});

test("midnight is 00, not 24", () => {
  setZone("UTC");
  expect(clock(Date.parse("2026-11-24T00:00:00Z"))).toBe("00:00");
});

test("a zone that nobody knows leaves the times as they were", () => {
  setZone("UTC");
  expect(setZone("Nowhere/Land")).toBe(false);
  expect(clock(AT)).toBe("23:04");
});
