/* The curator's desk: reasons by digit, jumping to objects, originals, tags in a dialog, ticking many, and the next series
   fetched ahead. Decisions themselves are plain forms; single keys are data-key (app.js). */
import { mountMasks } from "./mask.js";
import { toast } from "./toast.js";
import { frameAddress } from "./viewer-frames.js";

const page = document.querySelector("[data-review]");

/* Ticking in the queue; rows may be swapped by facets.js, so everything is found anew. */
function tell(form) {
  const boxes = [...form.querySelectorAll("input[name=item]")];
  const ticked = boxes.filter((box) => box.checked);
  const all = form.querySelector("[data-pick-all]");
  if (!all) return;
  all.hidden = false;
  const box = all.querySelector("input");
  box.checked = ticked.length === boxes.length && boxes.length > 0;
  box.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
  const words = form.querySelector(".pick-bar button:not([name]) span");
  words.textContent = ticked.length ? `Decide on ${ticked.length.toLocaleString("en")} series` : "Decide on the ticked ones";
}
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-pick]");
  if (!form) return;
  if (event.target.closest("[data-pick-all]")) for (const box of form.querySelectorAll("input[name=item]")) box.checked = event.target.checked;
  tell(form);
});
const tellAll = () => document.querySelectorAll("form[data-pick]").forEach(tell);
document.addEventListener("invivo:results", tellAll);
tellAll();

/* The ticked ones are given by a form of their own: what is ticked goes into it as it is sent. */
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-give]")) return;
  for (const old of event.target.querySelectorAll("input[name=item]")) old.remove();
  for (const box of document.querySelectorAll("form[data-pick] input[name=item]:checked")) {
    const copy = document.createElement("input");
    Object.assign(copy, { type: "hidden", name: "item", value: box.value });
    event.target.append(copy);
  }
}, true);

/* Digits choose a reason while a dialog is open. */
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const chosen = document.querySelector(`dialog[open] [data-digit="${CSS.escape(event.key)}"]`);
  if (!chosen) return;
  event.preventDefault();
  chosen.click();
});

/* A decision is sent once, however often a key is pressed. */
let sent = false;
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (sent) event.preventDefault();
  sent = true;
});
window.addEventListener("pageshow", () => { sent = false; });

function mountReview() {
  const box = page.querySelector(".viewer[data-frames]");
  const tags = page.querySelector("[data-tags]");
  const told = page.querySelector("[data-current]");
  let current = null;

  function frame(index) {
    const shown = box?.viewer?.series?.frames[index];
    if (!shown || shown.object === current) return;
    current = shown.object;
    told.textContent = `shown: object ${current}`;
    told.hidden = false;
    if (tags) tags.href = `/reviews/${page.dataset.item}/objects/${current}/tags`;
  }
  box?.addEventListener("viewer:frame", (event) => frame(event.detail.index));

  for (const button of page.querySelectorAll("[data-show-object]")) {
    button.hidden = !box;
    button.addEventListener("click", () => {
      const at = box.viewer?.series?.frames.findIndex((one) => String(one.object) === button.dataset.showObject) ?? -1;
      if (at < 0) toast("This object has no picture.");
      else box.viewer.go(at);
      box.focus({ preventScroll: true });
      if (window.innerWidth <= 900) box.scrollIntoView({ block: "start" });
    });
  }

  const originals = page.querySelector("[data-originals]");
  if (originals && box) {
    originals.hidden = false;
    originals.addEventListener("click", () => {
      const on = originals.getAttribute("aria-pressed") !== "true";
      originals.setAttribute("aria-pressed", String(on));
      originals.querySelector("span").textContent = on ? "De-identified again" : "Originals (journalled)";
      box.classList.toggle("is-original", on);
      const start = box.viewer?.index ?? 0;
      box.addEventListener("viewer:frame", () => setTimeout(() => box.viewer.go(start)), { once: true });
      box.dispatchEvent(new CustomEvent("viewer:open", { detail: { frames: `${box.dataset.frames}${on ? "?source=original" : ""}` } }));
    });
  }

  /* Cine: once it is on, each series plays as soon as it opens, until it is off again. */
  const cine = page.querySelector("[data-cine]");
  if (cine && box) {
    const show = () => cine.setAttribute("aria-pressed", String(sessionStorage.getItem("invivo-cine") === "on"));
    const begin = () => { if (sessionStorage.getItem("invivo-cine") === "on" && box.viewer && !box.viewer.playing) box.viewer.play(); };
    cine.hidden = false;
    show();
    cine.addEventListener("click", () => {
      const on = cine.getAttribute("aria-pressed") !== "true";
      sessionStorage.setItem("invivo-cine", on ? "on" : "off");
      show();
      if (on) begin();
      else box.viewer?.pause();
    });
    box.addEventListener("viewer:frame", begin, { once: true });
  }

  /* The places of the findings, one after the other. */
  let place = -1;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "s" || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable], dialog[open]")) return;
    const places = [...page.querySelectorAll("[data-show-object]")];
    if (!places.length) return;
    event.preventDefault();
    place = (place + 1) % places.length;
    places[place].click();
    places[place].closest(".sign-line")?.scrollIntoView({ block: "nearest" });
  });

  for (const [name, key] of [["next", "n"], ["previous", "p"]]) {
    document.addEventListener(`viewer:${name}-series`, () => page.querySelector(`[data-key="${key}"]`)?.click());
  }
  if (page.dataset.nextItem) setTimeout(ahead, 800);
}

/* The next series: its description and the picture that is shown first. */
async function ahead() {
  try {
    const answer = await fetch(`/reviews/${page.dataset.nextItem}/frames.json`);
    const { frames } = await answer.json();
    const first = frames[Math.floor(frames.length / 2)];
    if (first) await fetch(frameAddress(first.rendered, null), { headers: { Accept: "image/jpeg, image/png, image/webp" } });
  } catch {
    /* The next page asks again. */
  }
}

/* Tags: the page of an object, shown in a dialog. */
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-tags]");
  const dialog = document.getElementById("tags-dialog");
  if (!link || !dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const body = dialog.querySelector("[data-tags-body]");
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("changes");
    body.replaceChildren(fresh);
    if (!dialog.open) dialog.showModal();
    fresh.querySelector(".scroll")?.focus();
    fresh.querySelector(".is-at")?.scrollIntoView({ block: "center" });
  } catch (failure) {
    toast(`The tags could not be loaded (${failure.message}). Try again.`, { kind: "danger" });
  }
});

if (page) {
  mountReview();
  mountMasks(page);
}
