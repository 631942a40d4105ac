// The pages' own files, kept, so that a page that is opened without a network comes up and says how old what it knows is.
// Only files: nothing of /v1 is ever kept here, and no answer of the service is made up. The newest files win while there is a network.
const KEPT = "chairside-files-1";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.add("/")).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

const MAY_KEEP = /^\/(assets\/|icon\.svg$|manifest\.webmanifest$)/;

async function page(request) {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    // Every page is the one file.
    if (answer.ok) await cache.put("/", answer.clone());
    return answer;
  } catch {
    return (await cache.match("/")) ?? Response.error();
  }
}

async function file(request) {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}

const PAGES = /^\/($|chair(\/|$)|alert\/|oncall$|clinic$|rules$|patient\/|enter\/|session\/|audit$)/;

self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && PAGES.test(pathname)) event.respondWith(page(event.request));
  else if (MAY_KEEP.test(pathname)) event.respondWith(file(event.request));
});
