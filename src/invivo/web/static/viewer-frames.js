/* Frames of a series: fetched, decoded, kept within a budget of memory, the neighbours of the present one first. */
const BUDGET_BYTES = 160e6;
const AT_ONCE = 4;
const AHEAD = 8;
const BEHIND = 3;

/** The address of a frame under a window; without one the parameter is left out and the server chooses. */
export function frameAddress(template, window) {
  if (window) return template.replace("{window}", `${window.center},${window.width},linear`);
  return template.replace(/([?&])window=\{window\}(&?)/, (_, before, after) => (after ? before : ""));
}

export class Frames {
  /** @param {Array<{rendered: string}>} list  @param {number} frameBytes decoded size of one frame */
  constructor(list, frameBytes) {
    this.list = list;
    this.window = null;
    this.limit = Math.max(AHEAD + BEHIND + 2, Math.min(600, Math.floor(BUDGET_BYTES / Math.max(1, frameBytes))));
    this.kept = new Map();
    this.running = new Map();
    this.wanted = [];
    this.failed = new Map();
    this.onArrival = () => {};
  }

  key(index) {
    return frameAddress(this.list[index].rendered, this.window);
  }

  /** The decoded frame, or null while it is not here. */
  peek(index) {
    const key = this.key(index);
    const bitmap = this.kept.get(key);
    if (!bitmap) return null;
    this.kept.delete(key);
    this.kept.set(key, bitmap);
    return bitmap;
  }

  failure(index) {
    return this.failed.get(this.key(index)) ?? null;
  }

  setWindow(window) {
    this.window = window;
    this.wanted = [];
    for (const abort of this.running.values()) abort.abort();
    this.running.clear();
  }

  /** Ask for a frame and its neighbours; direction is 1 or -1, the way the reader moves. */
  want(index, direction) {
    const count = this.list.length;
    const order = new Set([index]);
    const put = (place) => order.add(((place % count) + count) % count);
    for (let step = 1; step <= AHEAD; step += 1) put(index + step * direction);
    for (let step = 1; step <= BEHIND; step += 1) put(index - step * direction);
    this.wanted = [...order].filter((place) => !this.kept.has(this.key(place)) && !this.failed.has(this.key(place)));
    const near = new Set([...order].map((place) => this.key(place)));
    for (const [key, abort] of this.running) if (!near.has(key)) { abort.abort(); this.running.delete(key); }
    this.#next();
  }

  retry(index) {
    this.failed.clear();
    this.want(index, 1);
  }

  #next() {
    while (this.running.size < AT_ONCE && this.wanted.length) {
      const index = this.wanted.shift();
      const key = this.key(index);
      if (!this.running.has(key) && !this.kept.has(key)) this.#fetch(index, key);
    }
  }

  async #fetch(index, key) {
    const abort = new AbortController();
    this.running.set(key, abort);
    try {
      const answer = await fetch(key, { signal: abort.signal, headers: { Accept: "image/jpeg, image/png, image/webp" } });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const bitmap = await createImageBitmap(await answer.blob());
      if (abort.signal.aborted) { bitmap.close(); return; }
      this.#keep(key, bitmap);
    } catch (failure) {
      if (failure.name === "AbortError") return;
      this.failed.set(key, failure.message);
    } finally {
      if (this.running.get(key) === abort) this.running.delete(key);
    }
    this.onArrival(index);
    this.#next();
  }

  #keep(key, bitmap) {
    this.kept.set(key, bitmap);
    while (this.kept.size > this.limit) {
      const [oldest, old] = this.kept.entries().next().value;
      this.kept.delete(oldest);
      old.close();
    }
  }

  close() {
    this.setWindow(null);
    for (const bitmap of this.kept.values()) bitmap.close();
    this.kept.clear();
  }
}
