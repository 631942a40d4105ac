/** A configuration file that cannot be used: what it said before stays in force. Pure. */

export interface Refused {
  file: string;
  since: string;
  problems: readonly string[];
}

/** The line's words. One problem of many is enough to find the file's first mistake. */
export function refusedWords({ file, since, problems }: Refused, at: (text: string) => string): string {
  const more = problems.length > 1 ? ` And ${problems.length - 1} more.` : "";
  return `Configuration refused since ${at(since)}. ${file}: ${problems[0] ?? "no reason known"}.${more} What it said before stays in force.`;
}
