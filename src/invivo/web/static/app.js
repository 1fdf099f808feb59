/* What every page loads: small things on every page, the big ones only where their element stands. */
import "./theme.js";
import "./copy.js";
import "./dialog.js";
import "./tagfilter.js";
import "./facets.js";
import "./typeahead.js";
import { toast } from "./toast.js";

/** A picture that does not come leaves the sign of its modality; the browser's broken sign would look like a finding. */
function missing(picture) {
  picture.closest(".thumb")?.classList.add("is-missing");
}
document.addEventListener("error", (event) => {
  if (event.target instanceof HTMLImageElement) missing(event.target);
}, true);
for (const picture of document.querySelectorAll(".thumb img")) if (picture.complete && picture.currentSrc && !picture.naturalWidth) missing(picture);

/** Menus close on Escape, on a click elsewhere, and when the focus leaves them. */
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (menu !== except) menu.open = false;
}
document.addEventListener("click", (event) => closeMenus(event.target.closest("details[data-menu]")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details[data-menu][open]");
  closeMenus();
  menu?.querySelector("summary").focus();
});

/** Single keys: an element with data-key="a" is clicked (or focused, if it takes text) by that key. */
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog[open]")) return;
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!wanted || wanted.disabled) return;
  event.preventDefault();
  if (wanted.matches("input, textarea, select")) wanted.focus();
  else wanted.click();
});

async function mount(selector, address, verb) {
  const found = document.querySelectorAll(selector);
  if (!found.length) return;
  try {
    const module = await import(address);
    for (const element of found) module[verb](element);
  } catch (failure) {
    toast(`A part of this page did not load (${failure.message}). Reload it to try again.`, { kind: "danger" });
    throw failure;
  }
}

mount(".viewer[data-frames]", "./viewer.js", "mountViewer");
mount(".upload[data-endpoint]", "./upload.js", "mountUpload");
mount("form[data-live]", "./live.js", "mountLive");

/* Single keys work from here on; walks through the pages wait for it. */
document.documentElement.dataset.live = "";
