/* Copy buttons: hidden in the page, shown here, since they do nothing without a script. */
import { toast } from "./toast.js";

function textOf(button) {
  if (button.dataset.copy !== undefined) return button.dataset.copy;
  const rows = button.closest("[data-tagfilter]").querySelectorAll("table tr:not([hidden])");
  return [...rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()).join("\t")).join("\n");
}

async function put(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser refused");
  return undefined;
}

export function showCopyButtons(root = document) {
  for (const button of root.querySelectorAll("button[data-copy], button[data-copy-table]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy], button[data-copy-table]");
  if (!button) return;
  try {
    await put(textOf(button));
    button.classList.add("is-done");
    setTimeout(() => button.classList.remove("is-done"), 1500);
    toast("Copied", { seconds: 2 });
  } catch (failure) {
    toast(`Could not copy: ${failure.message}. Select the text and copy it by hand.`, { kind: "danger" });
  }
});
showCopyButtons();
