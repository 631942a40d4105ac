import { expect, test } from "vitest";

import { refusedWords } from "../src/refusal";

const at = (): string => "14:03";

test("a refused configuration says since when, which file, field and reason, and what is in force", () => {
  expect(refusedWords({ file: "site.toml", since: "2026-11-23T14:03:00Z", problems: ["routes.0.policy: there is no 'p' under policies"] }, at))
    .toBe("Configuration refused since 14:03. site.toml: routes.0.policy: there is no 'p' under policies. What it said before stays in force.");
});

test("of many problems the first is said, and how many more there are", () => {
  expect(refusedWords({ file: "site.toml", since: "", problems: ["a: x", "b: y", "c: z"] }, at)).toContain("a: x. And 2 more.");
});
