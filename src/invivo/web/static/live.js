/* A form that asks while somebody types: what it names (data-live) is replaced by the same part of the answer. */
import { showCopyButtons } from "./copy.js";

export function mountLive(form) {
  let waiting = 0;
  let running = null;
  const ask = async () => {
    const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
    running?.abort();
    running = new AbortController();
    try {
      const answer = await fetch(address, { signal: running.signal, headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(form.dataset.live);
      document.querySelector(form.dataset.live).replaceWith(found);
      showCopyButtons(found);
      history.replaceState(null, "", address);
    } catch (failure) {
      if (failure.name !== "AbortError") throw failure;
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 180);
  });
}
