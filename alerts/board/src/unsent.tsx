/** What the server does not have although somebody entered it: said over every page of this tablet, aloud where sound is on. */

import { useEffect } from "preact/hooks";

import { sayUnsent } from "./announce";
import { href } from "./here";
import { unknownToServer } from "./outbox";
import { entries } from "./sending";
import { second, since } from "./times";

export function Unsent() {
  second.value;
  const lost = unknownToServer(entries.value, Date.now());
  const first = lost[0];
  useEffect(() => sayUnsent(lost.length));
  if (!first) return null;
  const places = [...new Set(lost.map((e) => e.chair))];
  return (
    <p class="unsent" role="alert" data-testid="unsent">
      <strong>{lost.length === 1 ? "1 entry is" : `${lost.length} entries are`} on this tablet only</strong>
      <span>{lost.slice(0, 3).map((e) => e.says).join(" · ")}{lost.length > 3 && ` · ${lost.length - 3} more`} · since {since(Date.parse(first.body.at))}. Nobody else sees it: tell them, and keep this page open.</span>
      <span class="unsent-where">{places.map((name) => <a key={name} href={href(`/chair/${encodeURIComponent(name)}`)}>Chair {name}</a>)}</span>
    </p>
  );
}
