/* The form for a GUID: reads a person's fields, which have no names and are never sent, makes slow one-way codes of them
   with WebCrypto, and posts only those. The rules are data (data-rules) and the same as in invivo's client room; docs/guids.md
   says them in words and has test vectors. */

const plainMarks = (rules, text) => text.normalize("NFKD").replace(new RegExp(rules.marks, "gu"), "").toLowerCase();

export function plainName(rules, text) {
  let plain = plainMarks(rules, text).replace(/[^\p{L}\p{N}\p{M}]/gu, "");
  for (const [pattern, latin] of rules.sequences) plain = plain.replace(new RegExp(pattern, "gu"), latin);
  plain = [...plain].map((letter) => rules.letters[letter] ?? letter).join("");
  for (const [pair, one] of rules.digraphs) plain = plain.replaceAll(pair, one);
  return plain;
}

const plainNumber = (rules, text) => [...plainMarks(rules, text)].map((letter) => rules.letters[letter] ?? letter).join("")
  .toUpperCase().replace(/[^0-9A-Z]/g, "").replace(/^0+/, "");
const country = (rules, text) => {
  const code = plainMarks(rules, text).trim().toUpperCase();
  return rules.countries.includes(code) ? code : "";
};
const whole = (rules, text) => {
  const plain = plainMarks(rules, text).trim();
  return /^[0-9]{1,4}$/.test(plain) ? Number(plain) : 0;
};
const padded = (number, width) => String(number).padStart(width, "0");

/* Return {fields, problems}: problems are pairs of column and words, never with a value. */
export function personOf(rules, cells, today = new Date()) {
  const fields = {};
  const problems = [];
  const cell = (column, plain, wrong, needed = true) => {
    const text = cells[column] ?? "";
    if (!text.trim()) {
      if (needed) problems.push([column, "is empty"]);
      return "";
    }
    const found = text.length <= 200 ? plain(rules, text) : "";
    if (!found) problems.push([column, text.length <= 200 ? wrong : "is too long"]);
    return found;
  };
  const number = (column, least, most, needed = true) => {
    const within = (_, text) => (whole(rules, text) >= least && whole(rules, text) <= most ? String(whole(rules, text)) : "");
    return Number(cell(column, within, `must be a number from ${least} to ${most}`, needed));
  };
  fields.given_name = cell("given_name", plainName, "has no letter");
  fields.family_name = cell("family_name", plainName, "has no letter");
  const hasNone = ["-", "–", "—"].includes((cells.middle_name ?? "").normalize("NFKC").trim());
  fields.middle_name = hasNone ? "" : cell("middle_name", plainName, "has no letter; write - if there is none");
  fields.sex = cell("sex", (_, text) => rules.sexes[plainMarks(rules, text).trim()] ?? "", "must be M, F or X");
  fields.birth_city = cell("birth_city", plainName, "has no letter");
  fields.birth_country = cell("birth_country", country, "must be a code of ISO 3166 with two letters");
  const [year, month, day] = [number("birth_year", 1850, today.getFullYear()), number("birth_month", 1, 12), number("birth_day", 1, 31)];
  fields.birth_date = "";
  if (year && month && day) {
    const born = new Date(year, month - 1, day);
    if (born.getMonth() !== month - 1) problems.push(["birth_day", "is no day of that month"]);
    else if (born > today) problems.push(["birth_year", "is in the future"]);
    else fields.birth_date = `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
  }
  fields.birth_year = fields.birth_date.slice(0, 4);
  fields.government_id = cell("government_id", plainNumber, "has no letter or digit", false);
  fields.government_id_country = cell("government_id_country", country, "must be a code of ISO 3166 with two letters", false);
  for (const whose of ["mother", "father"]) {
    fields[`${whose}_given_name`] = cell(`${whose}_given_name`, plainName, "has no letter", false);
    fields[`${whose}_family_name`] = cell(`${whose}_family_name`, plainName, "has no letter", false);
    const [itsMonth, itsDay] = [number(`${whose}_birth_month`, 1, 12, false), number(`${whose}_birth_day`, 1, 31, false)];
    fields[`${whose}_birthday`] = itsMonth && itsDay ? `${padded(itsMonth, 2)}-${padded(itsDay, 2)}` : "";
  }
  if (Boolean(fields.government_id) !== Boolean(fields.government_id_country)) {
    problems.push([fields.government_id ? "government_id_country" : "government_id", "is needed: number and country of a document belong together"]);
  }
  return { fields, problems };
}

export function messagesOf(rules, fields) {
  const found = {};
  for (const [name, parts] of Object.entries(rules.combinations)) {
    if (!parts.every((part) => fields[part] || (part === "middle_name" && part in fields))) continue;
    found[name] = [`invivo-guid-${rules.version}`, name, ...parts.map((part) => `${part}=${fields[part]}`)].join("\n");
  }
  return found;
}

/* Return the codes by combination; told(done, of) hears of each. */
export async function codesOf(rules, fields, told = () => {}) {
  const salt = Uint8Array.from(rules.salt.match(/../g), (pair) => parseInt(pair, 16));
  const messages = Object.entries(messagesOf(rules, fields));
  const codes = {};
  for (const [index, [name, text]] of messages.entries()) {
    told(index, messages.length);
    const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(text), rules.function, false, ["deriveBits"]);
    const how = { name: rules.function, hash: rules.hash, salt, iterations: rules.iterations };
    const bits = await crypto.subtle.deriveBits(how, key, rules.code_bytes * 8);
    codes[name] = [...new Uint8Array(bits)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  told(messages.length, messages.length);
  return codes;
}

function mount(form) {
  const rules = JSON.parse(form.dataset.rules);
  const button = form.querySelector("button[type=submit]");
  const progress = form.querySelector("[data-guid-progress]");
  const bar = progress.querySelector("progress");
  const inputs = [...form.querySelectorAll("[data-field]")];
  const names = new Intl.DisplayNames(["en"], { type: "region" });
  for (const select of form.querySelectorAll("[data-countries]")) {
    const options = [...select.options].filter((option) => option.value);
    for (const option of options) option.textContent = names.of(option.value);
    options.sort((one, other) => one.textContent.localeCompare(other.textContent, "en"));
    select.append(...options);
  }
  button.disabled = false;

  function show(problems) {
    const words = new Map(problems);
    for (const input of inputs) {
      const place = form.querySelector(`[data-problem="${input.dataset.field}"]`);
      const said = words.get(input.dataset.field);
      place.textContent = said ? `This ${said}.` : "";
      place.hidden = !said;
      place.closest(".field").classList.toggle("has-error", Boolean(said));
      if (said) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    const first = inputs.find((input) => words.has(input.dataset.field));
    const folded = first?.closest("details");
    if (folded) folded.open = true;
    first?.focus();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    const cells = Object.fromEntries(inputs.map((input) => [input.dataset.field, input.value]));
    const { fields, problems } = personOf(rules, cells);
    show(problems);
    if (problems.length) return;
    button.disabled = true;
    progress.hidden = false;
    try {
      const codes = await codesOf(rules, fields, (done, of) => { bar.max = of; bar.value = done; });
      form.elements.codes.value = JSON.stringify(codes);
      for (const input of inputs) input.value = "";
      form.submit();
    } catch {
      button.disabled = false;
      progress.hidden = true;
      document.querySelector("[data-guid-insecure]").hidden = false;
    }
  });
  window.addEventListener("pageshow", () => {
    form.elements.codes.value = "";
    button.disabled = false;
    progress.hidden = true;
  });
}

if (typeof document !== "undefined") {
  const form = document.querySelector("form[data-guid]");
  if (form && globalThis.crypto?.subtle) mount(form);
  else if (form) document.querySelector("[data-guid-insecure]").hidden = false;
}
