/* What has been sent, so that dropping the same folder after a reload goes on where it stopped.
   A file is known by its path in what was dropped, its size and its time: the name alone repeats on every CD (IM000001). */
const NAME = "invivo-uploads";
const KEEP_DAYS = 30;

function opened() {
  return new Promise((resolve, reject) => {
    const asking = indexedDB.open(NAME, 1);
    asking.onupgradeneeded = () => asking.result.createObjectStore("files", { keyPath: ["submission", "file"] });
    asking.onsuccess = () => resolve(asking.result);
    asking.onerror = () => reject(asking.error);
  });
}

export class Memory {
  constructor(submission) {
    this.submission = submission;
    this.known = new Map();
    this.waiting = new Map();
    this.store = null;
  }

  static nameOf({ path, file }) {
    return `${path}|${file.size}|${file.lastModified}`;
  }

  /** Read what is known of this submission. Without a store (private windows) everything is sent anew, which is harmless. */
  async load() {
    try {
      this.store = await opened();
      const oldest = Date.now() - KEEP_DAYS * 864e5;
      const rows = await new Promise((resolve, reject) => {
        const range = IDBKeyRange.bound([this.submission], [this.submission, []]);
        const asking = this.store.transaction("files").objectStore("files").getAll(range);
        asking.onsuccess = () => resolve(asking.result);
        asking.onerror = () => reject(asking.error);
      });
      for (const row of rows) if (row.at > oldest) this.known.set(row.file, row);
    } catch {
      this.store = null;
    }
    return this;
  }

  find(item) {
    return this.known.get(Memory.nameOf(item)) ?? null;
  }

  /** Keep { address } or { receipt } of a file; written together a few times a second. */
  keep(item, facts) {
    const row = { submission: this.submission, file: Memory.nameOf(item), at: Date.now(), ...facts };
    this.known.set(row.file, row);
    if (!this.store) return;
    this.waiting.set(row.file, row);
    this.timer ??= setTimeout(() => this.flush(), 300);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.store || !this.waiting.size) return;
    const files = this.store.transaction("files", "readwrite").objectStore("files");
    for (const row of this.waiting.values()) files.put(row);
    this.waiting.clear();
  }
}
