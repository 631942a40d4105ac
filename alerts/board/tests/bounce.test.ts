import { expect, test } from "vitest";

import { isBounce } from "../src/bounce";

const first = { atMs: 1000, x: 300, y: 400 };

test("a second tap at once, at the same place, on what came up there is a bounce", () => {
  expect(isBounce(first, false, { atMs: 1180, x: 310, y: 395 })).toBe(true);
});

test("two taps on what stays, two that lie apart, and one that took its time are two taps", () => {
  expect(isBounce(first, true, { atMs: 1100, x: 300, y: 400 })).toBe(false);
  expect(isBounce(first, false, { atMs: 1100, x: 300, y: 480 })).toBe(false);
  expect(isBounce(first, false, { atMs: 1400, x: 300, y: 400 })).toBe(false);
  expect(isBounce(null, false, first)).toBe(false);
});
