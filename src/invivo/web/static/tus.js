/* A small client of tus 1.0: creation (with the whole file when it is small), chunks, resuming by HEAD, retries with back-off.
   The last answer of an upload carries the header Invivo-Receipt: {"outcome": "held", "reason": ""}. */
export const CHUNK_BYTES = 8 * 1024 * 1024;
const TRIES = 8;
const AGAIN = new Set([0, 408, 423, 425, 429, 500, 502, 503, 504]);

/** What an upload ends with when it does not succeed. kind: "refused" (this file), "signed-out" (all of them), "lost" (no way through). */
export class UploadFailure extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

function encode(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function metadata(pairs) {
  return Object.entries(pairs).map(([name, value]) => (value === "" ? name : `${name} ${encode(String(value))}`)).join(",");
}

/** One request by XMLHttpRequest, which alone tells how much of the body has left. Never rejects but on abort. */
function request(method, address, { headers = {}, body = null, signal, onSent = () => {} }) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) { reject(signal.reason); return; }
    const wire = new XMLHttpRequest();
    const stop = () => wire.abort();
    const done = (status) => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else resolve({ status, text: wire.responseText ?? "", header: (name) => (status ? wire.getResponseHeader(name) : null) });
    };
    wire.open(method, address);
    wire.setRequestHeader("Tus-Resumable", "1.0.0");
    for (const [name, value] of Object.entries(headers)) wire.setRequestHeader(name, value);
    wire.upload.addEventListener("progress", (event) => onSent(event.loaded));
    wire.addEventListener("load", () => done(wire.status));
    wire.addEventListener("error", () => done(0));
    wire.addEventListener("abort", () => done(0));
    signal.addEventListener("abort", stop);
    wire.send(body);
  });
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

function reasonOf(answer) {
  try {
    const problem = JSON.parse(answer.text);
    return problem.detail || problem.message || problem.title || "";
  } catch {
    return "";
  }
}

function receiptOf(answer) {
  const written = answer.header("Invivo-Receipt");
  if (!written) return { outcome: "held", reason: "" };
  try {
    return JSON.parse(written);
  } catch {
    return { outcome: "held", reason: "" };
  }
}

export class TusUpload {
  /** options: endpoint, csrf, link (secret of an upload link), fields (Upload-Metadata), address (of an earlier beginning), signal, onSent(bytes),
      onResumed(bytes already there), onAddress(address). */
  constructor(file, options) {
    this.file = file;
    this.options = options;
    this.address = options.address ?? null;
    this.offset = 0;
    this.misses = 0;
    this.asked = !this.address;
  }

  /** Send the file; give the receipt, or throw UploadFailure (or the signal's reason). */
  async send() {
    for (;;) {
      const receipt = await this.#advance();
      if (receipt) return receipt;
    }
  }

  #headers(more) {
    const own = this.options.csrf ? { "X-CSRF-Token": this.options.csrf } : {};
    if (this.options.link) own["Invivo-Deposit"] = this.options.link;
    return { ...own, ...more };
  }

  async #advance() {
    if (!this.address) return this.#create();
    if (!this.asked) return this.#ask();
    return this.#patch();
  }

  async #create() {
    const whole = this.file.size <= CHUNK_BYTES;
    const headers = { "Upload-Length": String(this.file.size), "Upload-Metadata": metadata(this.options.fields) };
    if (whole) headers["Content-Type"] = "application/offset+octet-stream";
    const answer = await this.#request("POST", this.options.endpoint, headers, whole ? this.file : null);
    if (!answer) return null;
    const place = answer.header("Location");
    if (place) this.#remember(new URL(place, new URL(this.options.endpoint, location.href)).href);
    this.offset = Number(answer.header("Upload-Offset") ?? (whole ? this.file.size : 0));
    if (this.offset >= this.file.size) return receiptOf(answer);
    if (!place) throw new UploadFailure("lost", "The archive did not say where to send the file.");
    return null;
  }

  #remember(address) {
    this.address = address;
    this.asked = true;
    this.options.onAddress?.(address);
  }

  async #ask() {
    const answer = await this.#request("HEAD", this.address, {}, null, new Set([403, 404, 410]));
    if (!answer) return null;
    if (answer.status >= 400) {
      this.address = null;
      return null;
    }
    this.asked = true;
    this.offset = Number(answer.header("Upload-Offset"));
    this.options.onResumed?.(this.offset);
    return this.offset >= this.file.size && this.file.size > 0 ? receiptOf(answer) : null;
  }

  async #patch() {
    const piece = this.file.slice(this.offset, this.offset + CHUNK_BYTES);
    const headers = { "Upload-Offset": String(this.offset), "Content-Type": "application/offset+octet-stream" };
    const answer = await this.#request("PATCH", this.address, headers, piece, new Set([404, 409, 410]));
    if (!answer) return null;
    if (answer.status >= 400) {
      if (++this.misses > TRIES) throw new UploadFailure("lost", `The archive and this page disagree about the upload (status ${answer.status}).`);
      this.asked = false;
      return null;
    }
    this.offset = Number(answer.header("Upload-Offset") ?? this.offset + piece.size);
    return this.offset >= this.file.size ? receiptOf(answer) : null;
  }

  /** A request with retries. null means: look again where we are. Statuses in `known` are given back. */
  async #request(method, address, headers, body, known = new Set()) {
    const { signal, onSent } = this.options;
    const from = this.offset;
    const answer = await request(method, address, { headers: this.#headers(headers), body, signal, onSent: (sent) => onSent?.(from + sent) });
    if ((answer.status >= 200 && answer.status < 300) || known.has(answer.status)) {
      if (answer.status < 300) this.misses = 0;
      return answer;
    }
    if (AGAIN.has(answer.status)) {
      if (++this.misses > TRIES) throw new UploadFailure("lost", reasonOf(answer) || (answer.status ? `The archive answered with status ${answer.status} ${TRIES} times.` : "The archive could not be reached."));
      const told = Number(answer.header("Retry-After"));
      await pause(told > 0 ? Math.min(told, 120) : Math.min(30, 2 ** (this.misses - 1)) * (0.75 + Math.random() / 2), signal);
      if (this.address) this.asked = false;
      return null;
    }
    if (answer.status === 401) throw new UploadFailure("signed-out", "You are signed out.");
    throw new UploadFailure("refused", reasonOf(answer) || { 403: "You may not send into this submission.", 413: "The file is larger than this archive takes." }[answer.status] || `The archive refused it (status ${answer.status}).`);
  }
}
