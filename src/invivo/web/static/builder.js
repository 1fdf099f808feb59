/* The query builder: a tree of groups and conditions beside the text that says the same. The archive itself reads and
   writes the text; this file only shows boxes. */
import { make, icon } from "./icon.js";

const OPERATORS = {
  is: "is", "is-not": "is not", like: "is like (* and ?)", "<": "less than", "<=": "at most", ">": "more than",
  ">=": "at least", between: "between", has: "has any value", empty: "has no value",
};
const ORDERED = ["is", "is-not", "<", "<=", ">", ">=", "between", "has", "empty"];
const DAYS = ["is", "<", "<=", ">", ">=", "between", "has", "empty"];
const CHOSEN = ["is", "is-not"];
const PLAIN = ["is", "is-not", "like", "has", "empty"];
const ANY = Object.keys(OPERATORS);
const LEVELS = {
  subject: "the subject has a series with", study: "the study has a series with",
  referring: "a series refers to this one, with", referred: "this refers to a series with",
};
const NUMBERS = ["number", "count", "day"];

const root = document.querySelector("[data-builder]");
const tree = root.querySelector("[data-tree]");
const box = root.querySelector("textarea");
const told = root.querySelector("[data-told]");
const built = JSON.parse(root.dataset.built);
const known = new Map(built.fields.map((field) => [field.name, field]));
let top = asGroup(built.outline);
let asked = null;
let timer = 0;
let boxes = 0;

function asGroup(node) {
  if (!node) return { kind: "all", parts: [] };
  return node.kind === "all" || node.kind === "any" ? node : { kind: "all", parts: [node] };
}

const condition = () => ({ kind: "field", field: "", operator: "is", values: [] });
const small = (text, sign, act) => {
  const button = make("button", { type: "button", class: "button quiet small" }, icon(sign, 16), text);
  button.addEventListener("click", act);
  return button;
};

function chooser(label, options, value, change) {
  const select = make("select", { "aria-label": label });
  for (const [name, words] of options) select.append(make("option", { value: name, selected: name === value }, words));
  select.addEventListener("change", () => change(select.value));
  return select;
}

/* A text field with proposals of the archive under it. */
function proposing(label, value, placeholder, ask, take) {
  boxes += 1;
  const list = make("datalist", { id: `b-list-${boxes}` });
  const input = make("input", { "aria-label": label, placeholder, value, list: list.id, autocomplete: "off" });
  let waiting = 0;
  let last = "";
  const propose = async () => {
    const address = ask(input.value.trim());
    if (!address || address === last) return;
    last = address;
    try {
      const answer = await fetch(address);
      if (!answer.ok) return;
      const found = await answer.json();
      list.replaceChildren(...found.map((one) => make("option", { value: one.value }, one.note)));
      for (const one of found) {
        if (one.type && !known.has(one.value)) known.set(one.value, { name: one.value, title: one.note, type: one.type, unit: one.unit, choices: one.choices });
      }
    } catch { /* no proposals then */ }
  };
  input.addEventListener("focus", propose);
  input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(propose, 200); take(input.value); });
  return make("span", { class: "builder-box" }, input, list);
}

function operatorsOf(node) {
  const field = known.get(node.field);
  const type = field?.type ?? node.type;
  if (field?.choices?.length) return CHOSEN;
  if (NUMBERS.includes(type)) return ORDERED;
  if (type === "date") return DAYS;
  return field ? PLAIN : ANY;
}

function valuesOf(node) {
  const field = known.get(node.field);
  const unit = field?.unit ?? node.unit ?? "";
  if (node.operator === "has" || node.operator === "empty") return [];
  if (field?.choices?.length) {
    return [chooser("Value", [["", "choose"], ...field.choices.map((one) => [one, one])], node.values[0] ?? "", (value) => { node.values = value ? [value] : []; changed(); })];
  }
  const valued = (place, label) => proposing(label, node.values[place] ?? "", unit || "value",
    (start) => node.field && `/search/values.json?${new URLSearchParams({ field: node.field, q: start })}`,
    (value) => { node.values[place] = value; changed(); });
  if (node.operator === "between") return [valued(0, "from"), make("span", { "aria-hidden": "true" }, "–"), valued(1, "to")];
  const several = node.operator === "is" || node.operator === "is-not";
  const shown = several ? Math.max(1, node.values.length) : 1;
  const found = [];
  for (let place = 0; place < shown; place += 1) {
    if (place) found.push(make("span", { class: "muted" }, "or"));
    found.push(valued(place, place ? "or value" : "value"));
  }
  if (several && node.values.some(Boolean)) found.push(small("or", "plus", () => { node.values.push(""); show(); }));
  return unit && !several ? [...found, make("span", { class: "muted" }, unit)] : found;
}

/* The boxes of a condition are filled in place, so that whoever tabs on, or holds a list open, stays where they are. */
function shownField(node, remove) {
  const title = make("span", { class: "builder-title muted" });
  const values = make("span", { class: "builder-values" });
  const operator = chooser("How", [], node.operator, (value) => { node.operator = value; values.replaceChildren(...valuesOf(node)); changed(); });
  let stale = true;
  const fill = () => {
    if (!stale) return;
    stale = false;
    title.textContent = known.get(node.field)?.title ?? node.title ?? "";
    title.hidden = !title.textContent;
    operator.replaceChildren(...operatorsOf(node).map((one) => make("option", { value: one, selected: one === node.operator }, OPERATORS[one])));
    const from = [...values.querySelectorAll("input, select, button")].indexOf(document.activeElement);
    values.replaceChildren(...valuesOf(node));
    if (from >= 0) [...values.querySelectorAll("input, select, button")][from]?.focus();
  };
  const name = proposing("Field or attribute", node.field, "modality, EchoTime, (0018,0081)…",
    (start) => `/search/fields.json?${new URLSearchParams({ q: start })}`,
    (value) => {
      node.field = value;
      const possible = operatorsOf(node);
      if (!possible.includes(node.operator)) node.operator = possible[0];
      changed();
    });
  // Once the focus has come to where it was sent, for before it is nowhere, and before a key reaches the box there.
  name.querySelector("input").addEventListener("change", () => { stale = true; setTimeout(fill); });
  fill();
  const row = make("li", { class: "builder-row", "data-node": true }, name, title, operator, values, remove, make("p", { class: "builder-fault", hidden: true }));
  row.addEventListener("focusin", (event) => { if (!name.contains(event.target)) fill(); });
  return row;
}

function shownText(node, remove) {
  const input = make("input", { "aria-label": "Words anywhere", value: node.text, placeholder: "words anywhere; nodul* is a beginning" });
  input.addEventListener("input", () => { node.text = input.value; changed(); });
  const phrase = make("input", { type: "checkbox", checked: node.is_phrase });
  phrase.addEventListener("change", () => { node.is_phrase = phrase.checked; changed(); });
  return make("li", { class: "builder-row", "data-node": true }, make("span", { class: "builder-title" }, "Words"),
    make("span", { class: "builder-box" }, input), make("label", { class: "check" }, phrase, "in this order"), remove, make("p", { class: "builder-fault", hidden: true }));
}

/* What stands around a group: not, or a series of the same subject. */
function around(node, owner, place) {
  const replace = (made) => { owner.parts[place] = made; show(); changed(); };
  const now = node.kind === "with" ? node.level : "not";
  const pick = chooser("How the group counts", [["", "all of this holds"], ["not", "none of this holds"], ...Object.entries(LEVELS)], now, (value) => {
    if (!value) replace(asGroup(node.part));
    else if (value === "not") replace({ kind: "not", part: node.part });
    else replace({ kind: "with", level: value, part: node.part });
  });
  node.part = asGroup(node.part);
  return make("li", { class: "builder-around" }, pick, shownGroup(node.part, null, removing(owner, place)));
}

const removing = (owner, place) => small("Remove", "close", () => { owner.parts.splice(place, 1); show(); changed(); });

function shownNode(owner, place) {
  const node = owner.parts[place];
  const remove = removing(owner, place);
  if (node.kind === "field") return shownField(node, remove);
  if (node.kind === "text") return shownText(node, remove);
  if (node.kind === "not" || node.kind === "with") return around(node, owner, place);
  const pick = chooser("How the group counts", [["", "this holds"], ["not", "none of this holds"], ...Object.entries(LEVELS)], "", (value) => {
    owner.parts[place] = value === "not" ? { kind: "not", part: node } : { kind: "with", level: value, part: node };
    show(); changed();
  });
  return make("li", { class: "builder-around" }, pick, shownGroup(node, owner, remove));
}

function shownGroup(node, owner, remove) {
  const add = (made) => () => { node.parts.push(made()); show(); changed(); };
  const kind = chooser("Group", [["all", "all of"], ["any", "any of"]], node.kind, (value) => { node.kind = value; changed(); });
  const list = make("ul", { class: "builder-group plain" });
  node.parts.forEach((_, place) => list.append(shownNode(node, place)));
  return make("div", { class: "builder-frame" },
    make("div", { class: "toolbar" }, kind, make("span", { class: "muted" }, node.parts.length ? "these hold" : "nothing yet: everything is found"), make("span", { class: "push" }, remove ?? "")),
    list,
    make("div", { class: "actions" }, small("Condition", "plus", add(condition)), small("Words", "plus", add(() => ({ kind: "text", text: "", is_phrase: false }))),
      small("Group", "plus", add(() => ({ kind: "any", parts: [condition(), condition()] }))),
      small("Subject that has…", "plus", add(() => ({ kind: "with", level: "subject", part: { kind: "all", parts: [condition()] } })))));
}

function show() {
  const from = [...tree.querySelectorAll("input, select, button")].indexOf(document.activeElement);
  tree.replaceChildren(shownGroup(top, null, null));
  if (from >= 0) [...tree.querySelectorAll("input, select, button")][from]?.focus();
}

/* The nodes in the order in which the page shows them, each with its way through the tree. */
function* waysOf(node, way) {
  if (node.kind === "field" || node.kind === "text") yield way.join(".");
  else if (node.parts) for (const [place, part] of node.parts.entries()) yield* waysOf(part, [...way, place]);
  else yield* waysOf(node.part, [...way, 0]);
}

function tell(answer) {
  const words = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
  told.textContent = answer.fault ? answer.fault.message : `${words(answer.series, "series", "series")} of ${words(answer.subjects, "subject", "subjects")}`;
  told.classList.toggle("is-fault", Boolean(answer.fault));
  const faults = new Map((answer.faults ?? []).map((one) => [one.path.join("."), one.message]));
  const ways = [...waysOf(top, [])];
  [...tree.querySelectorAll("[data-node]")].forEach((row, place) => {
    const message = faults.get(ways[place]);
    const line = row.querySelector(".builder-fault");
    line.hidden = !message;
    line.textContent = message ?? "";
  });
}

async function ask(parameters, act) {
  asked?.abort();
  asked = new AbortController();
  try {
    const answer = await fetch(`/search/outline.json?${new URLSearchParams(parameters)}`, { signal: asked.signal });
    const found = await answer.json();
    if (answer.ok) act(found);
    else told.textContent = found.detail ?? found.message ?? "This cannot be asked.";
  } catch (failure) {
    if (failure.name !== "AbortError") told.textContent = "The archive does not answer; try again.";
  }
}

function changed() {
  clearTimeout(timer);
  timer = setTimeout(() => ask({ outline: JSON.stringify(top) }, (answer) => { box.value = answer.text; tell(answer); }), 250);
}

box.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => ask({ q: box.value }, (answer) => {
    if (answer.outline) { top = asGroup(answer.outline); show(); }
    tell(answer);
  }), 400);
});
if (!built.fault && top.parts.length === 0) top.parts.push(condition());
show();
tree.hidden = false;
