/* Masks in the review: rectangles drawn over the viewer, in pixels of the picture, kept in the form's own number fields.

   The layer lies over the stage. Empty ground: drag draws; a rectangle: drag moves it, its corner sizes it. A rectangle has the focus
   like a button: arrows move it by a pixel, with shift they size it, with alt by ten; Delete removes it. The wheel still scrolls.
   Preview shows the picture as it will be; undo takes the last change of the rectangles back, as long as nothing was sent. */
import { icon, make } from "./icon.js";
import { toast } from "./toast.js";

const SIDES = ["x", "y", "width", "height"];
const LEAST = 3; // pixels of the screen: a shorter drag was a click
const WATCH_MS = 700;
const MOST_STEPS = 100;

class Masks {
  constructor(page, section) {
    this.section = section;
    this.box = page.querySelector(".viewer[data-frames]");
    this.draw = page.querySelector("[data-mask-draw]");
    this.form = section.querySelector("#mask-form");
    this.on = false;
    this.act = null;
    this.past = []; // numbers of all rectangles before each change
    if (section.hasAttribute("data-watch")) this.#watch();
    if (this.form) this.#mountForm();
    if (this.form && this.draw && this.box) this.#mountLayer();
  }

  #mountForm() {
    this.editor = this.section.querySelector("[data-mask-editor]");
    this.rows = this.form.querySelector("[data-mask-rows]");
    this.template = this.form.querySelector("[data-mask-template]");
    this.send = this.form.querySelector("[data-mask-send] span");
    for (const row of [...this.rows.children]) {
      if (!this.#numbers(row).some((one) => one !== null)) row.remove();
      else row.querySelector("[data-mask-remove]").hidden = false;
    }
    const add = this.form.querySelector("[data-mask-add]");
    add.hidden = false;
    add.addEventListener("click", () => { this.#keep(); this.#add(["", "", "", ""]).querySelector("input").focus(); this.#tell(); });
    this.form.addEventListener("input", () => this.#tell());
    this.form.addEventListener("change", (event) => { this.#fillFrames(event); this.#tell(); });
    this.rows.addEventListener("click", (event) => {
      const button = event.target.closest("[data-mask-remove]");
      if (!button) return;
      this.#keep();
      this.#remove(button.closest("[data-mask-row]"));
    });
  }

  #mountLayer() {
    this.layer = make("div", { class: "mask-layer", hidden: true });
    this.draw.hidden = false;
    this.form.querySelector("[data-mask-how]").hidden = false;
    this.#mountTools();
    this.draw.addEventListener("click", () => this.#setOn(!this.on));
    this.box.addEventListener("viewer:paint", () => this.#place());
    this.box.addEventListener("viewer:frame", () => this.#framed());
    this.layer.addEventListener("pointerdown", (event) => this.#down(event));
    this.layer.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) this.layer.addEventListener(end, (event) => this.#up(event));
    this.layer.addEventListener("dblclick", (event) => event.stopPropagation());
    this.layer.addEventListener("keydown", (event) => this.#key(event));
    if (this.rows.children.length) this.#setOn(true);
    this.#framed();
    this.#tell();
  }

  /** Beside the switch, once something is drawn: preview, undo, apply. */
  #mountTools() {
    const small = { class: "button plain small", type: "button", hidden: true };
    this.preview = make("button", { ...small, "data-mask-preview": "", "data-key": "v", "aria-keyshortcuts": "v", "aria-pressed": "false" }, icon("eye", 16), make("span", {}, "Preview"), make("kbd", {}, "v"));
    this.back = make("button", { ...small, "data-mask-back": "", "aria-keyshortcuts": "Control+Z" }, icon("retry", 16), make("span", {}, "Undo"));
    this.apply = make("button", { ...small, class: "button primary small", type: "submit", form: "mask-form" }, make("span", {}, ""));
    this.tools = make("span", { class: "mask-tools" });
    this.draw.before(this.tools);
    this.tools.append(this.draw, this.preview, this.back, this.apply);
    this.preview.addEventListener("click", () => this.#setPreview(this.preview.getAttribute("aria-pressed") !== "true"));
    this.back.addEventListener("click", () => this.#undo());
    document.addEventListener("keydown", (event) => {
      const asks = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "z";
      if (!asks || !this.past.length || event.target.closest("input, textarea, select, dialog")) return;
      event.preventDefault();
      this.#undo();
    });
  }

  #setPreview(on) {
    this.preview.setAttribute("aria-pressed", String(on));
    this.layer.classList.toggle("is-preview", on);
  }

  /** Remember the rectangles before they change. */
  #keep(numbers = this.#state()) {
    this.past.push(numbers);
    if (this.past.length > MOST_STEPS) this.past.shift();
  }

  #state() {
    return [...this.rows.children].map((row) => this.#numbers(row).map((one) => one ?? ""));
  }

  #undo() {
    const before = this.past.pop();
    if (!before) return;
    this.rows.replaceChildren();
    for (const numbers of before) this.#add(numbers);
    this.#tell();
    if (this.back.hidden) this.draw.focus({ preventScroll: true });
  }

  get viewer() {
    return this.box?.viewer ?? null;
  }

  /** The frame that is shown: object, frame, rows, columns. */
  get shown() {
    return this.viewer?.series?.frames[this.viewer.index] ?? null;
  }

  #setOn(on) {
    this.on = on;
    this.draw.setAttribute("aria-pressed", String(on));
    this.draw.querySelector("span").textContent = on ? "Drawing: drag over the picture" : "Draw masks";
    this.layer.classList.toggle("is-on", on);
    this.#tell();
    if (!on) return;
    this.editor.open = true;
    const panel = this.section.parentElement; // beside the pictures; below them on a phone, where it does not scroll
    panel.scrollTop += this.section.getBoundingClientRect().top - panel.getBoundingClientRect().top - 16;
    this.viewer?.pause();
    this.#place();
  }

  /* ---- rows of numbers, which are what is sent ---- */

  #numbers(row) {
    return SIDES.map((side) => { const text = row.querySelector(`[name=${side}]`).value; return text === "" ? null : Number(text); });
  }

  #set(row, numbers) {
    SIDES.forEach((side, at) => { row.querySelector(`[name=${side}]`).value = numbers[at]; });
  }

  #add(numbers) {
    const row = this.template.content.firstElementChild.cloneNode(true);
    this.#set(row, numbers);
    row.querySelector("[data-mask-remove]").hidden = false;
    this.rows.append(row);
    this.#renumber();
    return row;
  }

  #remove(row) {
    row.remove();
    this.#renumber();
    this.#tell();
  }

  #renumber() {
    [...this.rows.children].forEach((row, at) => {
      row.querySelector(".mask-number").textContent = at + 1;
      row.querySelector("[data-mask-remove]").setAttribute("aria-label", `Remove rectangle ${at + 1}`);
    });
  }

  get scope() {
    return this.form.elements.scope.value;
  }

  #fillFrames(event) {
    const field = this.form.querySelector("[data-mask-frames]");
    if (event.target.name === "scope" && this.scope === "frames" && field && !field.value && this.shown) field.value = this.shown.frame;
  }

  /** Say what the form would do, and draw it. */
  #tell() {
    const count = [...this.rows.children].filter((row) => this.#numbers(row).every((one) => one !== null)).length;
    const words = count === 1 ? "1 rectangle" : `${count} rectangles`;
    const frames = this.viewer?.series?.frames ?? [];
    const named = frames.find((one) => String(one.object) === this.form.elements.object.value);
    const alike = named ? new Set(frames.filter((one) => one.rows === named.rows && one.columns === named.columns).map((one) => one.object)).size : 0;
    const where = this.scope === "frames" ? "these frames" : this.scope === "object" || alike === 1 ? "1 object" : alike ? `${alike.toLocaleString("en")} objects` : "";
    this.send.textContent = count ? `Hide ${words}${where ? ` in ${where}` : ""}` : "Hide these rectangles";
    this.send.parentElement.disabled = !count;
    if (this.apply) {
      this.tools.classList.toggle("is-wide", this.on || count > 0);
      this.apply.hidden = this.preview.hidden = !count;
      this.back.hidden = !this.past.length;
      if (!count) this.#setPreview(false);
      this.apply.firstElementChild.textContent = this.send.textContent;
    }
    this.#place();
  }

  /** The object of the form follows the picture until a rectangle is drawn for one. */
  #framed() {
    const field = this.form.querySelector("[data-mask-object]");
    if (this.shown && (!this.rows.children.length || this.scope === "alike")) field.value = this.shown.object;
    this.#tell();
  }

  /** Whether the rectangles are for the picture that is shown. */
  #concerns() {
    const shown = this.shown;
    if (!shown || this.scope === "alike") return true;
    if (String(shown.object) !== this.form.elements.object.value) return false;
    if (this.scope === "object") return true;
    return this.form.elements.frames.value.split(",").some((part) => {
      const [first, last] = part.split("-").map((one) => Number(one.trim()));
      return part.trim() !== "" && shown.frame >= first && shown.frame <= (last ?? first);
    });
  }

  /* ---- the layer ---- */

  #place() {
    const [viewer, shown] = [this.viewer, this.shown];
    if (!this.layer || !viewer) return;
    if (this.layer.parentElement !== viewer.stage) viewer.stage.append(this.layer);
    this.layer.hidden = !viewer.place || !shown?.columns;
    if (this.layer.hidden) return;
    this.scale = { x: viewer.place.width / shown.columns, y: viewer.place.height / shown.rows };
    this.layer.classList.toggle("is-elsewhere", !this.#concerns());
    const rows = [...this.rows.children].filter((row) => this.#numbers(row).every((one) => Number.isFinite(one) && one !== null));
    while (this.layer.children.length > rows.length) this.layer.lastElementChild.remove();
    rows.forEach((row, at) => {
      const box = this.layer.children[at] ?? this.#newBox();
      box.row = row;
      const [x, y, width, height] = this.#numbers(row);
      box.style.left = `${viewer.place.x + x * this.scale.x}px`;
      box.style.top = `${viewer.place.y + y * this.scale.y}px`;
      box.style.width = `${width * this.scale.x}px`;
      box.style.height = `${height * this.scale.y}px`;
      box.setAttribute("aria-label", `Rectangle ${at + 1}: ${width} by ${height} pixels at ${x}, ${y}`);
      box.firstElementChild.textContent = at + 1;
    });
  }

  #newBox() {
    const box = make("div", { class: "mask-box", tabindex: 0, role: "button" }, make("span", { class: "mask-tag num" }), make("span", { class: "mask-corner" }));
    this.layer.append(box);
    return box;
  }

  #pixel(event) {
    const [stage, place, shown] = [this.viewer.stage.getBoundingClientRect(), this.viewer.place, this.shown];
    const clip = (value, most) => Math.max(0, Math.min(most, value));
    return {
      x: clip((event.clientX - stage.left - place.x) / this.scale.x, shown.columns),
      y: clip((event.clientY - stage.top - place.y) / this.scale.y, shown.rows),
    };
  }

  #down(event) {
    if (!this.on || event.button !== 0 || !this.viewer.place) return;
    event.stopPropagation();
    event.preventDefault();
    if (this.act) { this.#cancel(); return; } // a second finger: neither draws
    this.layer.setPointerCapture(event.pointerId);
    const at = this.#pixel(event);
    const box = event.target.closest(".mask-box");
    this.#setPreview(false);
    this.before = this.#state();
    if (box) {
      box.focus({ preventScroll: true });
      const numbers = this.#numbers(box.row);
      const isCorner = Boolean(event.target.closest(".mask-corner"));
      this.act = { kind: isCorner ? "size" : "move", row: box.row, was: numbers, from: at, pointer: event.pointerId };
    } else {
      this.act = { kind: "draw", row: null, from: at, start: [event.clientX, event.clientY], pointer: event.pointerId };
    }
  }

  #move(event) {
    if (!this.act || event.pointerId !== this.act.pointer) return;
    event.stopPropagation();
    const { kind, from, was } = this.act;
    const at = this.#pixel(event);
    const { columns, rows } = this.shown;
    if (kind === "draw") {
      const [startX, startY] = this.act.start;
      if (!this.act.row && Math.hypot(event.clientX - startX, event.clientY - startY) < LEAST) return;
      const [left, top] = [Math.floor(Math.min(from.x, at.x)), Math.floor(Math.min(from.y, at.y))];
      const [right, bottom] = [Math.ceil(Math.max(from.x, at.x)), Math.ceil(Math.max(from.y, at.y))];
      this.act.row ??= this.#add(["", "", "", ""]);
      this.#set(this.act.row, [left, top, Math.max(1, right - left), Math.max(1, bottom - top)]);
    } else if (kind === "move") {
      const [x, y, width, height] = was;
      this.#set(this.act.row, this.#within([x + Math.round(at.x - from.x), y + Math.round(at.y - from.y), width, height]));
    } else {
      const [x, y] = was;
      this.#set(this.act.row, [x, y, Math.max(1, Math.min(columns - x, Math.ceil(at.x) - x)), Math.max(1, Math.min(rows - y, Math.ceil(at.y) - y))]);
    }
    this.#tell();
  }

  #up(event) {
    if (!this.act || event.pointerId !== this.act.pointer) return;
    event.stopPropagation();
    const drawn = this.act.kind === "draw" ? this.act.row : null;
    this.act = null;
    if (JSON.stringify(this.before) !== JSON.stringify(this.#state())) this.#keep(this.before);
    this.#tell();
    if (drawn) [...this.layer.children].find((box) => box.row === drawn)?.focus({ preventScroll: true });
  }

  #cancel() {
    const { kind, row, was } = this.act;
    if (kind === "draw") row?.remove();
    else this.#set(row, was);
    this.act = null;
    this.#renumber();
    this.#tell();
  }

  #within([x, y, width, height]) {
    const { columns, rows } = this.shown;
    const [w, h] = [Math.max(1, Math.min(width, columns)), Math.max(1, Math.min(height, rows))];
    return [Math.max(0, Math.min(columns - w, x)), Math.max(0, Math.min(rows - h, y)), w, h];
  }

  #key(event) {
    const box = event.target.closest(".mask-box");
    if (!box || event.ctrlKey || event.metaKey) return;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.#keep();
      this.#remove(box.row);
      (this.layer.firstElementChild ?? this.draw).focus({ preventScroll: true });
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.draw.focus({ preventScroll: true });
    } else if (arrows[event.key]) {
      event.preventDefault();
      const [dx, dy] = arrows[event.key].map((one) => one * (event.altKey ? 10 : 1));
      const [x, y, width, height] = this.#numbers(box.row);
      const { columns, rows } = this.shown;
      this.#keep();
      const sized = [x, y, Math.max(1, Math.min(columns - x, width + dx)), Math.max(1, Math.min(rows - y, height + dy))];
      this.#set(box.row, event.shiftKey ? sized : this.#within([x + dx, y + dy, width, height]));
      this.#tell();
    }
  }

  /* ---- what the worker does ---- */

  async #watch() {
    const bar = this.section.querySelector("[data-mask-progress]");
    let told = null;
    try {
      const answer = await fetch(this.section.dataset.address, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      told = await answer.json();
    } catch {
      setTimeout(() => this.#watch(), 5 * WATCH_MS);
      return;
    }
    const total = told.waiting + told.done + told.failed;
    if (bar) {
      bar.querySelector("progress").value = total - told.waiting;
      bar.querySelector("[role=status]").textContent = `Applied to ${total - told.waiting} of ${total === 1 ? "1 object" : `${total.toLocaleString("en")} objects`}`;
    }
    if (told.waiting || told.pending) setTimeout(() => this.#watch(), WATCH_MS);
    else this.#applied();
  }

  /** Show the new pictures; what is being drawn meanwhile is not lost. */
  #applied() {
    if (!this.rows?.children.length && !document.querySelector("dialog[open]")) {
      location.reload();
      return;
    }
    toast("The masks are applied. Reload the page to see what the checks say now.");
    this.box?.dispatchEvent(new CustomEvent("viewer:open", { detail: { frames: this.box.dataset.frames } }));
  }
}

/** Make the masks of a review page live. */
export function mountMasks(page) {
  const section = page.querySelector("[data-masks]");
  if (section) new Masks(page, section);
}
