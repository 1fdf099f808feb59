/* A submission's page follows what arrives: a small question every few seconds, and only when something changed the page's
   own region #arrived is fetched anew. It rests while the page is not looked at. */
import { showCopyButtons } from "./copy.js";

const EVERY = 3000;
const box = document.querySelector("[data-follow]");
let known = box?.dataset.known;

async function ask() {
  if (document.hidden) return;
  const answer = await fetch(box.dataset.follow, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const { state } = await answer.json();
  if (known === state) return;
  const whole = new DOMParser().parseFromString(await (await fetch(location.href, { headers: { Accept: "text/html" } })).text(), "text/html");
  const fresh = whole.getElementById("arrived");
  const old = document.getElementById("arrived");
  if (!fresh || !old || old.contains(document.activeElement)) return;
  known = fresh.dataset.known;
  old.replaceWith(fresh);
  showCopyButtons(fresh);
}

if (box) {
  let running = false;
  setInterval(async () => {
    if (running) return;
    running = true;
    try {
      await ask();
    } catch {
      /* The network is away; the next question comes soon. */
    }
    running = false;
  }, EVERY);
}
