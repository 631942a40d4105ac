// A provider of another make (panva's oidc-provider, certified by the OpenID Foundation), as a clinic's own would be.
// Given: its port and issuer, where it sends people back to, its signing key, and a file of who it knows, read anew each time.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const given = JSON.parse(process.argv[2]);
const { default: Provider } = await import(pathToFileURL(createRequire(given.board).resolve("oidc-provider")));

const provider = new Provider(given.issuer, {
  clients: [{ client_id: "chairside", client_secret: given.secret, redirect_uris: [given.back] }],
  jwks: { keys: [given.key] },
  claims: { email: ["email", "email_verified"], groups: ["groups"] },
  pkce: { required: () => true },
  cookies: { keys: ["of a test"] },
  findAccount: (_, id) => {
    const known = JSON.parse(readFileSync(given.people, "utf-8"))[id];
    return known === undefined ? undefined : { accountId: id, claims: () => ({ sub: id, ...known }) };
  },
});
provider.proxy = true;
provider.listen(given.port, "127.0.0.1", () => console.log("listening"));
