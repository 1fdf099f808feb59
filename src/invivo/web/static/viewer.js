/* The light viewer. It stands in <div class="viewer" data-frames="ADDRESS">; ADDRESS answers JSON:

   { "title": "Thorax 1.0 B31f", "modality": "CT", "rows": 512, "columns": 512,
     "aspect": 1.0,                      height of a pixel by its width; optional
     "window": { "center": 40, "width": 400 } or null where windowing has no meaning (colour),
     "presets": [{ "name": "Lung", "center": -600, "width": 1500 }], "fps": 12, "start": 20,
     "frames": [{ "rendered": "/dicom-web/.../frames/1/rendered?window={window}", "label": "-120.0 mm" }] }

   Events it sends (they bubble): viewer:frame { index }, viewer:next-series, viewer:previous-series; viewer:paint after each
   drawing, when viewer.place says where the picture lies: { x, y, width, height } in CSS pixels of the stage, null without one.
   Event it takes: viewer:open { frames: ADDRESS } shows another series in place. */
import { icon, make } from "./icon.js";
import { Frames } from "./viewer-frames.js";
import { bindPointers } from "./viewer-pointers.js";

const KEYS = [
  ["↑ ↓, wheel", "previous, next picture"], ["Page ↑ ↓", "ten pictures"], ["Home End", "first, last"], ["space", "play, pause"], [", .", "play slower, faster"],
  ["1 … 9", "window preset"], ["w", "dragging sets the window"], ["shift drag", "window, at once"], ["right drag", "window, at once"],
  ["+ −", "zoom"], ["f", "fit"], ["i", "invert"], ["r", "as it was; try again"], ["[ ]", "previous, next series"],
];
const SPEEDS = [4, 8, 12, 16, 24, 30];

class Viewer {
  constructor(box) {
    this.box = box;
    this.index = 0;
    this.direction = 1;
    this.mode = "scroll";
    this.inverted = false;
    this.playing = 0;
    this.view = { zoom: 1, x: 0, y: 0 };
    this.window = null;
    this.frames = null;
    this.place = null;
    this.#build();
    bindPointers(this);
    document.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("viewer:open", (event) => this.open(event.detail.frames));
    new ResizeObserver(() => this.draw()).observe(this.stage);
    this.open(box.dataset.frames);
  }

  #build() {
    this.canvas = make("canvas", { class: "viewer-canvas", role: "img" });
    this.told = make("span", { class: "viewer-corner is-left num" });
    this.windowTold = make("span", { class: "viewer-corner is-right num" });
    this.state = make("span", { class: "viewer-state", role: "status" });
    this.stage = make("div", { class: "viewer-stage" }, this.canvas, this.told, this.windowTold, this.state);
    this.slider = make("input", { class: "viewer-slider", type: "range", min: 0, max: 0, value: 0, "aria-label": "Picture" });
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.playButton = this.#button("play", "Play", () => this.play());
    this.speed = make("select", { "aria-label": "Pictures a second" }, ...SPEEDS.map((fps) => make("option", { value: fps, selected: fps === 12 }, `${fps}/s`)));
    this.preset = make("select", { "aria-label": "Window" });
    this.preset.addEventListener("change", () => this.#choosePreset(this.preset.value));
    this.windowButton = this.#button("window", "Dragging sets the window", () => this.setMode(this.mode === "window" ? "scroll" : "window"), true);
    this.invertButton = this.#button("invert", "Invert", () => this.invert(), true);
    this.help = this.#helpBox();
    const bar = make("div", { class: "viewer-bar", role: "toolbar", "aria-label": "Viewer tools" },
      this.playButton, this.speed, this.slider, make("span", { class: "viewer-tools" }, this.preset, this.windowButton, this.invertButton,
        this.#button("minus", "Smaller", () => this.zoom(1 / 1.25)), this.#button("plus", "Larger", () => this.zoom(1.25)),
        this.#button("fit", "Fit", () => this.fit()), this.#button("full", "Whole screen", () => this.#fullScreen()),
        this.#button("keyboard", "Keys", () => this.help.showModal())));
    this.box.replaceChildren(this.stage, bar, this.help);
    this.box.classList.add("is-live");
  }

  #button(sign, label, run, toggles = false) {
    const button = make("button", { class: "viewer-button", type: "button", "aria-label": label, title: label, "aria-pressed": toggles ? "false" : null }, icon(sign));
    button.addEventListener("click", run);
    return button;
  }

  #helpBox() {
    const close = make("button", { class: "button quiet", type: "button", "aria-label": "Close" }, icon("close"));
    const dialog = make("dialog", { class: "dialog" }, make("div", { class: "dialog-head" }, make("h2", {}, "Keys of the viewer"), close),
      make("div", { class: "dialog-body" }, make("dl", { class: "keys" }, ...KEYS.map(([key, what]) =>
        make("div", {}, make("dt", {}, make("kbd", {}, key)), make("dd", {}, what))))));
    close.addEventListener("click", () => dialog.close());
    return dialog;
  }

  /** Show the series whose description stands at an address. */
  async open(address) {
    this.pause();
    this.asked = address;
    this.#say("Loading");
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const series = await answer.json();
      if (this.asked === address) this.#show(series);
    } catch (failure) {
      if (this.asked === address) this.#say(`This series could not be opened (${failure.message}). Press r to try again.`);
    }
  }

  #show(series) {
    this.frames?.close();
    this.series = series;
    const count = series.frames.length;
    if (!count) { this.frames = null; this.#say("This series has no pictures; its header and files are below."); return; }
    this.frames = new Frames(series.frames, (series.rows || 512) * (series.columns || 512) * 4);
    this.frames.onArrival = () => this.draw();
    this.slider.max = count - 1;
    this.slider.disabled = this.playButton.disabled = count < 2;
    this.speed.value = SPEEDS.reduce((best, fps) => (Math.abs(fps - (series.fps || 12)) < Math.abs(best - (series.fps || 12)) ? fps : best));
    const presets = series.presets || [];
    this.preset.replaceChildren(make("option", { value: "" }, "Window as stored"), ...presets.map((preset, at) => make("option", { value: at }, preset.name)), make("option", { value: "own", hidden: true }, "Own window"));
    const fixed = !series.window && !presets.length;
    this.preset.hidden = this.windowButton.hidden = fixed;
    if (fixed) this.setMode("scroll");
    this.window = null;
    this.view = { zoom: 1, x: 0, y: 0 };
    this.index = -1;
    this.go(Math.min(count - 1, series.start ?? Math.floor(count / 2)));
  }

  get count() {
    return this.frames ? this.frames.list.length : 0;
  }

  go(index) {
    if (!this.frames) return;
    const next = Math.max(0, Math.min(this.count - 1, index));
    if (next === this.index) return;
    this.direction = next >= this.index ? 1 : -1;
    this.index = next;
    this.slider.value = next;
    this.slider.setAttribute("aria-valuetext", `picture ${next + 1} of ${this.count}`);
    this.frames.want(next, this.direction);
    this.draw();
    this.box.dispatchEvent(new CustomEvent("viewer:frame", { bubbles: true, detail: { index: next } }));
  }

  step(by) {
    this.go(this.index + by);
  }

  play() {
    if (this.playing) { this.pause(); return; }
    if (this.count < 2) return;
    this.#label(this.playButton, "pause", "Pause");
    let last = performance.now();
    const tick = (now) => {
      const wait = 1000 / Number(this.speed.value);
      const next = (this.index + 1) % this.count;
      if (now - last >= wait && (this.frames.peek(next) || this.frames.failure(next))) {
        last = now - last > 2 * wait ? now : last + wait;
        this.go(next);
        this.direction = 1;
      } else if (now - last >= wait) {
        this.frames.want(this.index, 1);
      }
      this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
  }

  /** Play slower or faster by a step. */
  pace(by) {
    const at = SPEEDS.indexOf(Number(this.speed.value)) + by;
    this.speed.value = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at))];
  }

  pause() {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.#label(this.playButton, "play", "Play");
  }

  #label(button, sign, label) {
    button.replaceChildren(icon(sign));
    button.setAttribute("aria-label", label);
    button.title = label;
  }

  setMode(mode) {
    this.mode = mode;
    this.windowButton.setAttribute("aria-pressed", String(mode === "window"));
    this.stage.dataset.mode = mode;
  }

  #choosePreset(value) {
    if (value === "own") return;
    const preset = value === "" ? null : this.series.presets[Number(value)];
    this.setWindow(preset ? { center: preset.center, width: preset.width } : null, value);
  }

  /** Set the window; frames are asked for again once the hand rests for a moment. */
  setWindow(window, presetValue = "own") {
    this.window = window;
    this.preset.value = presetValue;
    this.#tell();
    clearTimeout(this.windowTimer);
    this.windowTimer = setTimeout(() => {
      this.frames.setWindow(window);
      this.frames.want(this.index, this.direction);
      this.draw();
    }, presetValue === "own" ? 70 : 0);
  }

  /** Move the window by a drag: right is wider, down is darker (as workstations do). */
  dragWindow(dx, dy) {
    const now = this.window ?? this.series?.window;
    if (!now) return;
    const gain = Math.max(0.25, now.width / 300);
    this.setWindow({ center: Math.round((now.center + dy * gain) * 10) / 10, width: Math.max(1, Math.round((now.width + dx * gain) * 10) / 10) });
  }

  invert() {
    this.inverted = !this.inverted;
    this.invertButton.setAttribute("aria-pressed", String(this.inverted));
    this.draw();
  }

  /** Zoom about a point of the stage (CSS pixels from its middle). */
  zoom(factor, x = 0, y = 0) {
    const zoom = Math.max(1, Math.min(16, this.view.zoom * factor));
    const real = zoom / this.view.zoom;
    this.view = zoom === 1 ? { zoom: 1, x: 0, y: 0 } : { zoom, x: x - (x - this.view.x) * real, y: y - (y - this.view.y) * real };
    this.draw();
  }

  pan(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.draw();
  }

  fit() {
    this.view = { zoom: 1, x: 0, y: 0 };
    this.draw();
  }

  #fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.box.requestFullscreen?.();
  }

  #say(text) {
    this.state.textContent = text;
    this.state.hidden = !text;
  }

  #tell() {
    const label = this.series.frames[this.index]?.label;
    this.told.textContent = `${this.series.modality ? `${this.series.modality}  ` : ""}${this.index + 1} / ${this.count}${label ? `  ${label}` : ""}`;
    const window = this.window ?? this.series.window;
    this.windowTold.textContent = [window ? `C ${window.center}  W ${window.width}` : "", this.view.zoom > 1 ? `${this.view.zoom.toFixed(1)}×` : ""].filter(Boolean).join("   ");
    this.canvas.setAttribute("aria-label", `${this.series.title ?? "Series"}, picture ${this.index + 1} of ${this.count}`);
  }

  draw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => { this.drawing = 0; this.#paint(); });
  }

  #paint() {
    if (!this.frames || this.index < 0) return;
    this.#tell();
    const fresh = this.frames.peek(this.index);
    const failure = this.frames.failure(this.index);
    this.#say(failure ? `Picture ${this.index + 1} could not be loaded (${failure}). Press r to try again.` : fresh ? "" : "Loading");
    const dense = window.devicePixelRatio || 1;
    const width = Math.round(this.stage.clientWidth * dense);
    const height = Math.round(this.stage.clientHeight * dense);
    if (this.canvas.width === width && this.canvas.height === height && !fresh && !failure) return;
    if (this.canvas.width !== width || this.canvas.height !== height) { this.canvas.width = width; this.canvas.height = height; }
    const brush = this.canvas.getContext("2d");
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.fillStyle = "#000";
    brush.fillRect(0, 0, width, height);
    this.place = null;
    if (!fresh) { this.#painted(); return; }
    const tall = fresh.height * (this.series.aspect || 1);
    const scale = Math.min(width / fresh.width, height / tall) * this.view.zoom;
    const [w, h] = [fresh.width * scale, tall * scale];
    const [x, y] = [(width - w) / 2 + this.view.x * dense, (height - h) / 2 + this.view.y * dense];
    brush.imageSmoothingEnabled = scale < 4;
    brush.imageSmoothingQuality = "high";
    brush.drawImage(fresh, x, y, w, h);
    if (this.inverted) {
      brush.globalCompositeOperation = "difference";
      brush.fillStyle = "#fff";
      brush.fillRect(x, y, w, h);
      brush.globalCompositeOperation = "source-over";
    }
    this.place = { x: x / dense, y: y / dense, width: w / dense, height: h / dense };
    this.#painted();
  }

  #painted() {
    this.box.dispatchEvent(new CustomEvent("viewer:paint", { bubbles: true }));
  }

  #mine(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.target.closest?.("input, textarea, select, dialog, [contenteditable]")) return false;
    if ([" ", "Enter"].includes(event.key) && event.target.closest?.("button, a, summary")) return false;
    if (this.box.contains(document.activeElement)) return true;
    return document.activeElement === document.body && document.querySelector(".viewer.is-live") === this.box;
  }

  #key(event) {
    if (!this.box.isConnected || !this.#mine(event)) return;
    const acts = {
      ArrowDown: () => this.step(1), ArrowRight: () => this.step(1), ArrowUp: () => this.step(-1), ArrowLeft: () => this.step(-1),
      PageDown: () => this.step(10), PageUp: () => this.step(-10), Home: () => this.go(0), End: () => this.go(this.count - 1),
      " ": () => this.play(), ",": () => this.pace(-1), ".": () => this.pace(1), i: () => this.invert(), f: () => this.fit(), w: () => this.setMode(this.mode === "window" ? "scroll" : "window"),
      "+": () => this.zoom(1.25), "=": () => this.zoom(1.25), "-": () => this.zoom(1 / 1.25), "?": () => this.help.showModal(),
      r: () => this.reset(), "[": () => this.#leave("previous"), "]": () => this.#leave("next"),
    };
    const act = acts[event.key] ?? (/^[1-9]$/.test(event.key) && this.series?.presets?.[Number(event.key) - 1] ? () => this.#pressPreset(Number(event.key) - 1) : null);
    if (!act) return;
    event.preventDefault();
    act();
  }

  #pressPreset(at) {
    this.preset.value = String(at);
    this.#choosePreset(String(at));
  }

  reset() {
    if (!this.frames) { this.open(this.asked); return; }
    this.fit();
    if (this.inverted) this.invert();
    if (this.window) this.setWindow(null, "");
    this.frames.retry(this.index);
  }

  #leave(where) {
    this.box.dispatchEvent(new CustomEvent(`viewer:${where}-series`, { bubbles: true }));
  }
}

/** Turn a <div class="viewer" data-frames> into a viewer; doing it twice changes nothing. */
export function mountViewer(box) {
  if (!box.viewer) box.viewer = new Viewer(box);
  return box.viewer;
}
