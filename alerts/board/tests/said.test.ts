import { expect, test } from "vitest";

import { goneSince, said } from "../src/chair/said";

const anna = { patient: "A-17", session: "s1" };
const ben = { patient: "B-4", session: "s2" };

test("a form is refused by name once whoever it was opened for has gone, and never written to the next", () => {
  expect(goneSince(anna, anna)).toBeNull();
  expect(goneSince(anna, null)).toBe("The session of A-17 in this chair has ended. Nothing was entered.");
  expect(goneSince(anna, ben)).toBe("The session of A-17 in this chair has ended. B-4 sits here now. Nothing was entered.");
  expect(goneSince(null, ben)).toBeNull();
});

test("a monitor's own alarm is said by its own name, and that it is over", () => {
  expect(said("monitor.alarm", { alarm: "other", label: "Low SpO2", priority: "medium", active: true })).toBe("Monitor's own alarm: Low SpO2 (medium)");
  expect(said("monitor.alarm", { alarm: "no-breath", active: false })).toBe("Monitor's own alarm: no breath is over");
});
