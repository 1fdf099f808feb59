/* Facets without reloading: the same address is fetched and the region #results (facets and results) is swapped.
   Any failure falls back to following the link. */
import { showCopyButtons } from "./copy.js";

const region = () => document.getElementById("results");
let running = null;

function kept(root) {
  return {
    closed: [...root.querySelectorAll("details[data-facet]:not([open])")].map((facet) => facet.dataset.facet),
    whole: [...root.querySelectorAll("details[data-facet]:has(.facet-rest input:checked)")].map((facet) => facet.dataset.facet),
    column: root.querySelector(".facets-switch")?.checked ?? false,
    scrolled: root.querySelector(".facets")?.scrollTop ?? 0,
    focused: document.activeElement?.closest?.("[data-facet]")?.dataset.facet,
    label: document.activeElement?.querySelector?.(".facet-label")?.textContent,
  };
}

function restore(root, was) {
  for (const facet of root.querySelectorAll("details[data-facet]")) {
    if (was.closed.includes(facet.dataset.facet)) facet.open = false;
    const rest = facet.querySelector(".facet-rest input");
    if (rest && was.whole.includes(facet.dataset.facet)) rest.checked = true;
    if (facet.dataset.facet === was.focused) {
      const same = [...facet.querySelectorAll("li a")].find((link) => link.querySelector(".facet-label").textContent === was.label);
      (same ?? facet.querySelector("summary")).focus({ preventScroll: true });
    }
  }
  const column = root.querySelector(".facets-switch");
  if (column) column.checked = was.column;
  const scroller = root.querySelector(".facets");
  if (scroller) scroller.scrollTop = was.scrolled;
}

async function go(address, remember) {
  running?.abort();
  running = new AbortController();
  const mine = running;
  region().setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { signal: mine.signal, headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const whole = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = whole.getElementById("results");
    if (!fresh) throw new Error("no results in the answer");
    const was = kept(region());
    region().replaceWith(fresh);
    restore(fresh, was);
    showCopyButtons(fresh);
    document.title = whole.title;
    if (remember) history.pushState({ facets: true }, "", address);
    const box = document.getElementById("top-q");
    const query = whole.getElementById("top-q");
    if (box && query) box.value = query.value;
    document.dispatchEvent(new CustomEvent("invivo:results", { detail: { root: fresh } }));
  } catch (failure) {
    if (failure.name === "AbortError") return;
    location.assign(address);
  } finally {
    if (mine === running) region()?.removeAttribute("aria-busy");
  }
}

function plainClick(event) {
  return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}

if (region()) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".facets a, .chosen a, .pager a, a[data-swap]");
    if (!link || !region().contains(link) || !plainClick(event) || link.origin !== location.origin) return;
    event.preventDefault();
    go(link.href, true);
    if (link.closest(".pager")) window.scrollTo({ top: 0 });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || !event.target.matches?.(".facet [role=checkbox]")) return;
    event.preventDefault();
    event.target.click();
  });
  window.addEventListener("popstate", () => go(location.href, false));
}
