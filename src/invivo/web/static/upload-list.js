/* The list of files, of which only the rows in sight exist: ten thousand files cost as much as twenty. */
import { icon, make } from "./icon.js";

const SIGNS = {
  waiting: ["clock", "", "Waiting"], sending: ["upload", "is-now", "Sending"], held: ["check", "is-good", "Held for review"],
  repeated: ["copy", "is-good", "Already there"], attached: ["clip", "is-good", "Attached"], conflict: ["warning", "is-bad", "Conflict"],
  refused: ["close", "is-bad", "Refused"], failed: ["warning", "is-bad", "Not sent"], skipped: ["check", "is-good", "Sent before"],
};

export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  let amount = bytes;
  let unit = "";
  for (const name of ["kB", "MB", "GB", "TB"]) {
    amount /= 1000;
    unit = name;
    if (amount < 999.5) break;
  }
  return `${Number(amount.toPrecision(3))} ${unit}`;
}

export class FileList {
  constructor() {
    this.space = make("div", { class: "upload-space" });
    this.element = make("div", { class: "upload-list", role: "table", "aria-label": "Files", tabindex: "0" }, this.space);
    this.items = [];
    this.rows = new Map();
    this.element.addEventListener("scroll", () => this.redraw());
    new ResizeObserver(() => this.redraw(true)).observe(this.element);
  }

  show(items) {
    this.items = items;
    this.element.setAttribute("aria-rowcount", String(items.length));
    this.redraw();
  }

  redraw(anew = false) {
    if (anew) this.stale = true;
    this.waiting ||= requestAnimationFrame(() => { this.waiting = 0; this.#draw(); });
  }

  #draw() {
    const tall = window.innerWidth <= 640 ? 60 : 40;
    if (this.stale) { this.space.replaceChildren(); this.rows.clear(); this.stale = false; }
    this.space.style.height = `${this.items.length * tall}px`;
    const first = Math.max(0, Math.floor(this.element.scrollTop / tall) - 4);
    const last = Math.min(this.items.length, first + Math.ceil(this.element.clientHeight / tall) + 9);
    for (const [at, row] of this.rows) if (at < first || at >= last) { row.remove(); this.rows.delete(at); }
    for (let at = first; at < last; at += 1) {
      let row = this.rows.get(at);
      if (!row) {
        row = make("div", { class: "upload-row", role: "row", "aria-rowindex": at + 1 });
        row.style.transform = `translateY(${at * tall}px)`;
        this.rows.set(at, row);
        this.space.append(row);
      }
      this.#fill(row, this.items[at]);
    }
  }

  #fill(row, item) {
    const share = item.state === "sending" && item.file.size ? Math.floor((100 * Math.min(item.sent, item.file.size)) / item.file.size) : 0;
    const drawn = `${item.path}|${item.state}|${share}|${item.reason}`;
    if (row.drawn === drawn) return;
    row.drawn = drawn;
    const [sign, look, words] = SIGNS[item.state] ?? SIGNS.waiting;
    row.className = `upload-row ${look}`;
    row.replaceChildren(icon(sign, 16),
      make("span", { class: "path", role: "cell", title: item.path }, make("bdi", {}, item.path)),
      make("span", { class: "num", role: "cell" }, sizeText(item.file.size)),
      make("span", { class: "what", role: "cell" }, share ? `${words} ${share}%` : words),
      make("span", { class: "why", role: "cell", title: item.reason }, item.reason));
  }
}
