/* The upload page: drop, see what was understood, send, follow. It stands in
   <div class="upload" data-endpoint="/uploads" data-submission="ID" data-csrf="..." data-next="/submissions/ID">. */
import { filesOfDrop, filesOfInput, understand } from "./dropped.js";
import { icon, make } from "./icon.js";
import { FileList, sizeText } from "./upload-list.js";
import { Memory } from "./upload-memory.js";
import { toast } from "./toast.js";
import { TusUpload, UploadFailure } from "./tus.js";

const AT_ONCE = 4;
const ARRIVED = new Set(["held", "repeated", "attached"]);
const GROUPS = [
  ["all", "All", () => true], ["open", "To send", (item) => ["waiting", "sending"].includes(item.state)],
  ["good", "Arrived", (item) => ["held", "attached", "repeated", "skipped"].includes(item.state)],
  ["bad", "Need attention", (item) => ["conflict", "refused", "failed"].includes(item.state)],
];
const counted = (count, noun, plural = `${noun}s`) => `${count.toLocaleString("en")} ${count === 1 ? noun : plural}`;

function lasting(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 90) return `about ${Math.max(5, Math.round(seconds / 5) * 5)} seconds left`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} minutes left`;
  return `about ${Math.round(seconds / 3600)} hours left`;
}

function button(text, kind, sign, run) {
  const made = make("button", { class: `button ${kind}`, type: "button" }, sign ? icon(sign, 16) : null, make("span", {}, text));
  made.addEventListener("click", run);
  return made;
}

class Upload {
  constructor(box) {
    this.box = box;
    this.items = [];
    this.paths = new Set();
    this.next = 0;
    this.running = new Map();
    this.paused = false;
    this.group = "all";
    this.rate = 0;
    this.pace = 0;
    this.memory = new Memory(box.dataset.submission).load();
    this.list = new FileList();
    this.#build();
    window.addEventListener("online", () => this.paused === "offline" && this.resume());
    window.addEventListener("offline", () => this.running.size && this.pause("offline"));
    window.addEventListener("beforeunload", (event) => { if (this.running.size) event.preventDefault(); });
    setInterval(() => this.#measure(), 1000);
  }

  #build() {
    this.files = make("input", { type: "file", multiple: true, hidden: true });
    this.folder = make("input", { type: "file", multiple: true, hidden: true });
    this.folder.webkitdirectory = true;
    for (const input of [this.files, this.folder]) {
      input.addEventListener("change", () => { this.look(filesOfInput(input)).finally(() => { input.value = ""; }); });
    }
    this.drop = make("div", { class: "drop" }, icon("inbox", 44), make("h2", {}, "Drop a folder, a zip or files here"),
      make("p", {}, "DICOM of any kind, whole CDs with their DICOMDIR, and files that belong to them, such as spreadsheets. Nothing is sent before you have seen what was found."),
      make("div", { class: "drop-ways" }, button("Choose a folder", "plain", "folder", () => this.folder.click()), button("Choose files", "plain", "file", () => this.files.click())));
    this.#takeDrops();
    this.understood = make("section", { class: "understood", hidden: true, "aria-live": "polite" });
    this.totals = make("section", { class: "upload-totals", hidden: true });
    this.box.replaceChildren(this.drop, this.files, this.folder, this.understood, this.totals);
  }

  #takeDrops() {
    const over = (event) => { event.preventDefault(); this.drop.classList.add("is-over"); };
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) this.drop.classList.remove("is-over"); });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      this.drop.classList.remove("is-over");
      if (event.dataTransfer?.items.length) this.look(filesOfDrop(event.dataTransfer));
    });
  }

  /** Read what was given and say what it is, before anything is sent. */
  async look(files) {
    const told = make("p", {}, "Reading the folder");
    this.understood.hidden = false;
    this.understood.replaceChildren(told, make("progress", { "aria-label": "Reading the folder" }));
    try {
      const seen = await understand(files, (count) => { told.textContent = `Reading the folder: ${counted(count, "file")} so far`; });
      await this.memory;
      this.#propose(seen.filter((item) => !this.paths.has(Memory.nameOf(item))));
    } catch (failure) {
      this.understood.replaceChildren(make("p", {}, `This could not be read (${failure.message}). Try again, or choose the folder by the button.`));
    }
  }

  async #propose(seen) {
    const memory = await this.memory;
    const of = (...kinds) => seen.filter((item) => kinds.includes(item.kind));
    const known = new Set(seen.filter((item) => ARRIVED.has(memory.find(item)?.receipt?.outcome)));
    const [images, others, out] = [of("dicom", "dicomdir", "zip", "unclear"), of("other"), of("program", "junk")];
    const bytes = (items) => items.reduce((sum, item) => sum + item.file.size, 0);
    const folders = new Set(seen.map((item) => item.path.slice(0, Math.max(0, item.path.lastIndexOf("/")))).filter(Boolean));
    const withOthers = make("input", { type: "checkbox", checked: true });
    const chosen = () => [...images, ...(withOthers.checked ? others : [])];
    const send = button("", "primary", "upload", () => { this.understood.hidden = true; this.begin(chosen()); });
    const name = () => {
      const fresh = chosen().filter((item) => !known.has(item));
      send.lastElementChild.textContent = fresh.length ? `Send ${counted(fresh.length, "file")}, ${sizeText(bytes(fresh))}` : "Nothing new to send";
      send.disabled = chosen().length === 0;
    };
    withOthers.addEventListener("change", name);
    name();
    const figure = (value, words) => make("div", { class: "figure" }, make("dt", {}, words), make("dd", { class: "num" }, value));
    const notes = [
      of("dicomdir").length && `${counted(of("dicomdir").length, "DICOMDIR", "DICOMDIRs")} seen: this looks like a CD; the index is read, the images are sent one by one.`,
      of("zip").length && `${counted(of("zip").length, "zip file")}: unpacked at the archive.`,
      of("unclear").length && `${counted(of("unclear").length, "file")} without the usual DICOM mark; the archive looks closer.`,
      known.size && `${counted(known.size, "file")} already arrived in an earlier attempt and will be skipped.`,
      out.length && `${counted(out.length, "file")} left out: programs of a viewer, empty files, files of the system.`,
    ].filter(Boolean);
    this.understood.replaceChildren(make("h2", {}, seen.length ? "This is what was found" : "Nothing new was found"),
      make("dl", { class: "figures" }, figure(of("dicom").length.toLocaleString("en"), "DICOM files"), figure(folders.size.toLocaleString("en"), folders.size === 1 ? "folder" : "folders"),
        figure(sizeText(bytes([...images, ...others])), "together"), figure(others.length.toLocaleString("en"), "likely not DICOM")),
      make("ul", { class: "stack" }, ...notes.map((note) => make("li", { class: "muted" }, note))),
      others.length ? make("div", { class: "field choice" }, make("label", {}, withOthers, make("span", {}, `Send the ${counted(others.length, "file")} that ${others.length === 1 ? "is" : "are"} not DICOM too; they are kept as attachments`))) : "",
      make("div", { class: "actions" }, send, button("Cancel", "quiet", null, () => { this.understood.hidden = true; })));
  }

  /** Queue files; those that arrived earlier are shown as such and not sent again. */
  async begin(files) {
    const memory = await this.memory;
    for (const { path, file } of files) {
      const item = { path, file, state: "waiting", reason: "", sent: 0 };
      const before = memory.find(item);
      if (ARRIVED.has(before?.receipt?.outcome)) Object.assign(item, { state: "skipped", sent: file.size, reason: "arrived in an earlier attempt" });
      this.items.push(item);
      this.paths.add(Memory.nameOf(item));
    }
    this.drop.classList.add("is-small");
    this.totals.hidden = false;
    this.#frame();
    this.#fill();
  }

  #frame() {
    if (this.bar) { this.#tell(true); return; }
    this.title = make("h2", {});
    this.pauseButton = button("Pause", "plain", "pause", () => (this.paused ? this.resume() : this.pause("asked")));
    this.again = button("Try the failed ones again", "plain", "retry", () => this.#retry());
    this.telling = null;
    this.bar = make("progress", { max: 1, value: 0, "aria-label": "Sent" });
    this.left = make("span", { class: "muted num" });
    this.done = make("span", { class: "num" });
    this.filters = make("div", { class: "upload-filters", role: "group", "aria-label": "Show" });
    for (const [key, words] of GROUPS) {
      const choice = make("button", { type: "button", "aria-pressed": String(key === this.group), "data-group": key }, make("span", {}, words), make("b", { class: "num" }));
      choice.addEventListener("click", () => { this.group = key; this.#tell(true); });
      this.filters.append(choice);
    }
    this.after = make("div", {});
    this.totals.replaceChildren(make("div", { class: "upload-head" }, this.title, this.again, this.pauseButton),
      make("div", { class: "progress" }, make("div", { class: "progress-words" }, this.done, this.left), this.bar), this.after, this.filters, this.list.element);
    this.#tell(true);
  }

  #fill() {
    while (!this.paused && this.running.size < AT_ONCE && this.next < this.items.length) {
      const item = this.items[this.next];
      this.next += 1;
      if (item.state === "waiting") this.#send(item);
    }
    this.#tell(false);
  }

  async #send(item) {
    const memory = await this.memory;
    const stop = new AbortController();
    this.running.set(item, stop);
    item.state = "sending";
    const upload = new TusUpload(item.file, {
      endpoint: this.box.dataset.endpoint, csrf: this.box.dataset.csrf, link: this.box.dataset.link, signal: stop.signal, address: memory.find(item)?.address,
      fields: { filename: item.path.slice(item.path.lastIndexOf("/") + 1), path: item.path, submission: this.box.dataset.submission, lastmodified: item.file.lastModified },
      onResumed: (bytes) => { this.sentBefore = (this.sentBefore ?? 0) + bytes - item.sent; item.sent = bytes; },
      onSent: (bytes) => { item.sent = bytes; this.list.redraw(); },
      onAddress: (address) => { if (item.file.size > 1e6) memory.keep(item, { address }); },
    });
    try {
      const receipt = await upload.send();
      Object.assign(item, { state: receipt.outcome in { held: 1, repeated: 1, attached: 1, conflict: 1, refused: 1 } ? receipt.outcome : "held", reason: receipt.reason || "", sent: item.file.size });
      memory.keep(item, { receipt });
    } catch (failure) {
      this.#failed(item, failure);
    }
    this.running.delete(item);
    this.#fill();
  }

  #failed(item, failure) {
    if (!(failure instanceof UploadFailure)) {
      Object.assign(item, { state: "waiting", reason: "" });
      if (failure.name !== "AbortError") Object.assign(item, { state: "failed", reason: `The file could not be read (${failure.message}).` });
    } else if (failure.kind === "signed-out") {
      Object.assign(item, { state: "waiting", reason: "" });
      this.pause("signed-out");
    } else {
      Object.assign(item, { state: failure.kind === "refused" ? "refused" : "failed", reason: failure.message });
    }
  }

  pause(why) {
    if (this.paused) return;
    this.paused = why;
    for (const stop of this.running.values()) stop.abort();
    const words = { offline: "The network is gone; sending goes on by itself when it is back.", "signed-out": "You are signed out. Sign in in another tab, then resume here." }[why];
    if (words) toast(words, { kind: "danger", seconds: 30 });
    this.#tell(false);
  }

  resume() {
    this.paused = false;
    this.next = 0;
    this.#fill();
  }

  #retry() {
    for (const item of this.items) if (item.state === "failed") Object.assign(item, { state: "waiting", reason: "" });
    this.resume();
  }

  #measure() {
    if (!this.bar) return;
    const sent = this.items.reduce((sum, item) => sum + (item.state === "skipped" ? 0 : Math.min(item.sent, item.file.size)), 0);
    const done = this.items.filter((item) => !["waiting", "sending", "skipped"].includes(item.state)).length;
    const mean = (before, now) => (before ? 0.85 * before + 0.15 * Math.max(0, now) : Math.max(0, now));
    if (this.running.size) {
      this.rate = mean(this.rate, sent - (this.sentBefore ?? 0));
      this.pace = mean(this.pace, done - (this.doneBefore ?? 0));
    }
    [this.sentBefore, this.doneBefore] = [sent, done];
    if (this.running.size) this.#tell(true);
  }

  #tell(anew) {
    if (!this.bar) return;
    if (anew) { this.#write(); return; }
    this.telling ??= setTimeout(() => { this.telling = null; this.#write(); }, 150);
  }

  #write() {
    const total = this.items.reduce((sum, item) => sum + item.file.size, 0);
    const sent = this.items.reduce((sum, item) => sum + (["waiting", "sending"].includes(item.state) ? Math.min(item.sent, item.file.size) : item.file.size), 0);
    const counts = Object.fromEntries(GROUPS.map(([key, , test]) => [key, this.items.filter(test).length]));
    const over = counts.open === 0;
    this.title.textContent = over ? `${counted(counts.good, "file")} arrived` : this.paused ? "Paused" : "Sending";
    this.bar.max = total || 1;
    this.bar.value = sent;
    this.done.textContent = `${(this.items.length - counts.open).toLocaleString("en")} of ${counted(this.items.length, "file")}, ${sizeText(sent)} of ${sizeText(total)}`;
    this.left.textContent = over || this.paused || this.rate < 1 ? "" : `${sizeText(Math.round(this.rate))}/s, ${lasting(this.#secondsLeft(total - sent, counts.open))}`;
    this.pauseButton.hidden = over;
    this.pauseButton.lastElementChild.textContent = this.paused ? "Resume" : "Pause";
    this.again.hidden = !this.items.some((item) => item.state === "failed");
    for (const choice of this.filters.children) {
      choice.setAttribute("aria-pressed", String(choice.dataset.group === this.group));
      choice.lastElementChild.textContent = counts[choice.dataset.group].toLocaleString("en");
    }
    this.list.show(this.items.filter(GROUPS.find(([key]) => key === this.group)[2]));
    this.#finish(over, counts);
  }

  /** Small files cost requests, large ones cost bytes: the slower of the two tells the time. */
  #secondsLeft(bytes, files) {
    return Math.max(bytes / this.rate, files > AT_ONCE && this.pace > 0 ? files / this.pace : 0);
  }

  #finish(over, counts) {
    if (over === this.finished) return;
    this.finished = over;
    this.after.replaceChildren();
    if (!over) return;
    const next = this.box.dataset.next;
    this.after.append(make("p", {}, counts.bad ? `${counted(counts.bad, "file")} ${counts.bad === 1 ? "needs" : "need"} attention; the reason stands beside each.` : "Everything arrived. The archive now de-identifies and inspects it; nothing is public before a decision."),
      ...(next ? [make("p", { class: "actions" }, make("a", { class: "button primary", href: next }, "Follow this submission"))] : []));
    this.memory.then((memory) => memory.flush());
    this.box.dispatchEvent(new CustomEvent("upload:done", { bubbles: true, detail: counts }));
  }
}

/** Turn a <div class="upload" data-endpoint> into the upload page; doing it twice changes nothing. */
export function mountUpload(box) {
  if (!box.upload) box.upload = new Upload(box);
  return box.upload;
}
