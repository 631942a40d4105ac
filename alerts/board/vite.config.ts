import { defineConfig } from "vite";

// The server answers "/", "/chair/…" and "/alert/…" with dist/index.html and "/assets/…" with dist/assets: so assets
// are absolute from the origin's root, and nothing is fetched from anywhere else.
export default defineConfig({
  base: "/",
  build: { target: "es2022", assetsDir: "assets", sourcemap: false, modulePreload: { polyfill: false } },
  server: { proxy: { "/v1": "http://127.0.0.1:8000" } },
});
