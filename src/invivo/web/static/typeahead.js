/* Suggestions under a text field: data-typeahead names an address that answers ?q= with
   [{"text": "modality:CT", "note": "1,204 series"}]. An address that does not answer so is left alone afterwards. */
import { make } from "./icon.js";

function mount(input) {
  const list = make("ul", { class: "suggestions", role: "listbox", id: `${input.id}-list`, hidden: true });
  let entries = [];
  let at = -1;
  let asked = null;
  let timer = 0;
  let silent = false;
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-autocomplete", "list");
  input.parentElement.append(list);

  const close = () => { list.hidden = true; at = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const mark = () => [...list.children].forEach((item, index) => {
    item.setAttribute("aria-selected", String(index === at));
    if (index === at) input.setAttribute("aria-activedescendant", item.id);
  });
  const take = (index) => { input.value = entries[index].text; close(); input.form?.requestSubmit(); };
  const show = () => {
    list.replaceChildren(...entries.map((entry, index) => {
      const item = make("li", { role: "option", id: `${list.id}-${index}` }, make("span", {}, entry.text), make("span", { class: "muted num" }, entry.note ?? ""));
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(index); });
      return item;
    }));
    list.hidden = entries.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    at = -1;
  };
  const ask = async () => {
    const query = input.value.trim();
    if (query.length < 2 || silent) return close();
    asked?.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(`${input.dataset.typeahead}?q=${encodeURIComponent(query)}`, { signal: asked.signal });
      const type = answer.headers.get("Content-Type") ?? "";
      if (!answer.ok || !type.includes("json")) { silent = true; return close(); }
      entries = (await answer.json()).slice(0, 8);
      if (document.activeElement === input) show();
    } catch (failure) {
      if (failure.name !== "AbortError") close();
    }
    return undefined;
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 150); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault(); // else the browser empties the field too
      close();
    }
    if (list.hidden || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
    if (event.key === "Enter") {
      if (at < 0) return;
      event.preventDefault();
      take(at);
      return;
    }
    event.preventDefault();
    at = (at + (event.key === "ArrowDown" ? 1 : -1) + entries.length) % entries.length;
    mark();
  });
}

for (const input of document.querySelectorAll("input[data-typeahead]")) mount(input);
