/* Short messages at the foot of the window, with at most one action such as Undo. */
import { make } from "./icon.js";

/** Show a message. options: kind ("plain" | "danger"), action { text, run }, seconds. */
export function toast(text, { kind = "plain", action = null, seconds = 6 } = {}) {
  const region = document.getElementById("toasts");
  if (!region) return null;
  const box = make("div", { class: `toast is-${kind}` }, make("span", {}, text));
  const close = () => box.remove();
  if (action) {
    const button = make("button", { class: "button quiet", type: "button" }, action.text);
    button.addEventListener("click", () => { close(); action.run(); });
    box.append(button);
  }
  const dismiss = make("button", { class: "button quiet", type: "button", "aria-label": "Dismiss" }, "×");
  dismiss.addEventListener("click", close);
  box.append(dismiss);
  region.append(box);
  while (region.children.length > 4) region.firstElementChild.remove();
  let timer = setTimeout(close, seconds * 1000);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => { timer = setTimeout(close, 2000); });
  return box;
}
