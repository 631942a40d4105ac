/** Which chair? Large buttons, and a field for one that has never been used. */

import { useState } from "preact/hooks";

import { Frame } from "../frame";
import { href } from "../here";
import { places } from "../seats";

export function ChairList() {
  const [name, setName] = useState("");
  const [alias, setAlias] = useState("");
  return (
    <Frame here="chair">
      <section class="pick" aria-label="Pick a chair">
        <h1>Which chair?</h1>
        <ol class="pick-list">
          {places.value.filter((p) => !p.key.startsWith("none-")).map((p) => (
            <li key={p.key}>
              <a href={href(`/chair/${encodeURIComponent(p.name)}`)} data-testid={`pick-${p.name}`}>
                <span class="pick-chair">{p.name}</span>
                <span>{p.chair?.patient ?? "Free"}</span>
              </a>
            </li>
          ))}
        </ol>
        <form class="fields" onSubmit={(e) => {
          e.preventDefault();
          if (name.trim() !== "") location.assign(href(`/chair/${encodeURIComponent(name.trim())}`));
        }}>
          <label class="field">
            <span>Another chair</span>
            <input data-testid="field-chair" value={name} onInput={(e) => setName(e.currentTarget.value)} autocomplete="off" />
          </label>
          <button class="enter" type="submit" data-testid="open-chair">Open</button>
        </form>
        <form class="fields" onSubmit={(e) => {
          e.preventDefault();
          if (alias.trim() !== "") location.assign(href(`/enter/${encodeURIComponent(alias.trim())}`));
        }}>
          <label class="field">
            <span>Somebody who sits nowhere <small>alias</small></span>
            <input data-testid="field-alias" value={alias} onInput={(e) => setAlias(e.currentTarget.value)} autocomplete="off" />
          </label>
          <button class="enter" type="submit" data-testid="open-alias">Enter for them</button>
        </form>
      </section>
    </Frame>
  );
}
