// The live preview: asks for a mail, shows it, and asks again when the files change.

import { Findings, made } from "./findings.js";
import { Frames } from "./frames.js";

const $ = (id) => document.getElementById(id);
const TABS = ["mail", "text", "source", "message"];
const SCHEMES = ["light", "dark", "both"];
const wish = { reader: "", language: "", list: "" };
const picked = new Map();
let view = null;
let tab = "mail";
let asking = 0;
let generation = -1;

const frames = new Frames($("frames"), (element) => findings.pick(element));
const findings = new Findings($("findings"), $("summary"), goTo);

async function ask(what, content = {}) {
  const answer = await fetch(`api/${what}`, { method: "POST", body: JSON.stringify(content) });
  const told = await answer.json();
  if (!answer.ok) throw new Error([told.message, told.hint].filter(Boolean).join("; "));
  return told;
}

// --- what is shown ----------------------------------------------------------------------------------------------------

async function refresh() {
  const own = ++asking;
  try {
    const { state, view: found } = await ask("view", wish);
    performance.mark("answered");
    if (own !== asking) return;
    showState(state);
    if (found) await showView(found, own);
    else $("frames").replaceChildren(made("p", "Nothing to show yet: mend the files first.", { class: "empty" }));
  } catch (error) {
    if (own === asking) say(error.message, "lost");
  }
}

function showState(state) {
  generation = state.generation;
  document.title = `${state.name} – preview`;
  $("name").textContent = state.name;
  document.body.classList.toggle("stale", state.troubles.length > 0);
  showTroubles(state.troubles);
  wish.reader ||= state.reader;
  const readers = [...state.readers, ...picked.values()].filter(
    (each, index, all) => all.findIndex((other) => other.key === each.key) === index);
  options($("reader"), [["Made up", readers.filter((each) => !each.real)], ["Subscribers", readers.filter((each) => each.real)]], wish.reader);
  const own = state.languages.find((each) => each.tag === state.language)?.name || state.language;
  options($("language"), [["", [{ key: "", label: `${own} (its own)` },
    ...state.languages.filter((each) => each.tag !== state.language).map((each) => ({ key: each.tag, label: each.name }))]]], wish.language);
  options($("list"), [["", [{ key: "", label: "the reader's" }, ...state.lists.map((each) => ({ key: each.name, label: each.title || each.name }))]]], wish.list);
}

function options(select, groups, chosen) {
  const children = groups.filter(([, each]) => each.length).flatMap(([label, each]) => {
    const made_of = each.map(({ key, label: words }) => new Option(words, key, false, key === chosen));
    if (!label) return made_of;
    const group = made("optgroup", "", { label });
    group.append(...made_of);
    return [group];
  });
  select.replaceChildren(...children);
}

function showTroubles(troubles) {
  const box = $("troubles");
  box.hidden = !troubles.length;
  box.replaceChildren(...troubles.map((each) => {
    const part = made("div");
    part.append(made("h2", each.message));
    if (each.file) part.append(made("p", each.line ? `${each.file}:${each.line}` : each.file, { class: "where" }));
    if (each.hint) part.append(made("p", each.hint));
    if (each.around.length) part.append(lines(each.around, [], each.line));
    return part;
  }));
}

async function showView(found, own) {
  const { compiling, writing } = found.milliseconds;
  view = found;
  say(found.current ? `follows the files; compiled in ${compiling} ms` : "the files have a mistake: this is the mail before it", found.current ? "" : "wrong");
  $("rtl").checked = found.direction === "rtl";
  frames.from = found.frames;
  frames.show(found.number, `Mail to ${found.reader.label}`);
  $("inbox").replaceChildren(row(found, "light"), row(found, "dark"));
  showSize(found);
  $("facts").replaceChildren(made("p", `hash ${found.hash}, written in ${writing} ms`));
  if (tab !== "mail") showPart();
  const { number, findings: told, recipients, approvals } = await ask("checks", { number: found.number });
  if (own !== asking || number !== view.number) return;
  findings.show(told);
  frames.found(told);
  $("facts").append(made("p", `goes to ${recipients.toLocaleString("en")} ${recipients === 1 ? "person" : "people"}`), ...approvals.map((each, index) => made("p", index ? each : `approvals: ${each}`)));
  if (tab !== "mail") showPart();
  document.dispatchEvent(new CustomEvent("checked", { detail: { number } }));
}

function row(found, scheme) {
  const box = made("div", "", { class: `row ${scheme}`, dir: "auto" });
  box.append(
    made("span", [...found.sender][0] || "?", { class: "who", "aria-hidden": "true" }), made("b", found.sender), made("time", "09:41"),
    made("span", found.subject, { class: "subject", dir: "auto" }), made("span", found.snippet, { class: "snippet", dir: "auto" }));
  return box;
}

function showSize(found) {
  const share = Math.round((found.bytes / found.clipped) * 100);
  const over = found.bytes > found.clipped;
  const words = `HTML ${found.bytes.toLocaleString("en")} bytes: ${share} % of the ${found.clipped.toLocaleString("en")} that Gmail shows`;
  const meter = made("meter", "", { min: 0, max: found.clipped, high: found.clipped * 0.88, low: found.clipped * 0.6, optimum: 0,
    value: Math.min(found.bytes, found.clipped), "aria-label": "Size of the HTML" });
  $("size").replaceChildren(meter, made("p", over ? `${words}; the end is cut off` : words),
    made("p", `whole message ${found.raw.toLocaleString("en")} bytes`));
}

function say(words, kind) {
  $("status").textContent = words;
  $("status").className = kind;
}

// --- text, source, message --------------------------------------------------------------------------------------------

function lines(numbered, marked, chosen) {
  const box = made("pre", "", { class: "lines", tabindex: "0" });
  box.append(...numbered.map(({ line, text }) => {
    const code = made("code", text || " ", { "data-line": line });
    code.classList.toggle("marked", marked.includes(line));
    code.classList.toggle("chosen", line === chosen);
    return code;
  }));
  return box;
}

async function showPart(chosen = 0) {
  const own = view;
  const name = tab;
  if (!own) return;
  const answer = await fetch(`part/${own.number}/${name}`);
  const text = await answer.text();
  if (own !== view || name !== tab) return;
  const part = { text: "text", source: "html", message: "headers" }[name];
  const marked = findings.findings.filter((each) => each.part === part && each.line).map((each) => each.line);
  const before = $(`panel-${name}`).firstElementChild?.scrollTop || 0;
  const box = lines(text.split(/\r?\n/).map((each, index) => ({ line: index + 1, text: each })), marked, chosen);
  $(`panel-${name}`).replaceChildren(box);
  if (chosen) box.querySelector(".chosen")?.scrollIntoView({ block: "center" });
  else box.scrollTop = before;
}

function goTo(where, finding) {
  if (!where) return;
  showTab(where, where === "mail" ? 0 : finding.line);
  if (where === "mail") frames.choose(finding.element);
}

function showTab(name, line = 0) {
  tab = name;
  for (const each of TABS) {
    const chosen = each === name;
    $(`tab-${each}`).setAttribute("aria-selected", String(chosen));
    $(`tab-${each}`).tabIndex = chosen ? 0 : -1;
    $(`panel-${each}`).hidden = !chosen;
  }
  if (name === "mail") frames.fit();
  else showPart(line);
}

// --- what somebody does -----------------------------------------------------------------------------------------------

for (const [id, key] of [["reader", "reader"], ["language", "language"], ["list", "list"]]) {
  $(id).addEventListener("change", () => { wish[key] = $(id).value; refresh(); });
}
for (const name of ["width", "scheme"]) {
  for (const input of document.querySelectorAll(`input[name=${name}]`)) {
    input.addEventListener("change", () => { frames.wanted[name] = input.value; if (view) frames.show(view.number, frames.title); });
  }
}
$("no-images").addEventListener("change", () => {
  frames.wanted.images = !$("no-images").checked;
  if (view) frames.show(view.number, frames.title);
});
$("marks").addEventListener("change", () => { frames.marking = $("marks").checked; frames.found(findings.findings); });
$("rtl").addEventListener("change", () => { wish.language = $("rtl").checked ? "ar" : ""; refresh(); });
$("again").addEventListener("click", () => { say("reading everything…", ""); ask("again").catch((error) => say(error.message, "lost")); });
$("help").addEventListener("click", () => $("keys").showModal());
for (const each of TABS) $(`tab-${each}`).addEventListener("click", () => showTab(each));
$("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  showTab(TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length]);
  $(`tab-${tab}`).focus();
});

let typed = 0;
let at = -1;
$("search").addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(search, 120);
});
$("search").addEventListener("keydown", (event) => {
  const items = [...$("matches").children];
  if (event.key === "Escape") close();
  else if (event.key === "Enter" && items.length) items[Math.max(at, 0)].click();
  else if (["ArrowDown", "ArrowUp"].includes(event.key) && items.length) {
    at = (at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length;
    items.forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    $("search").setAttribute("aria-activedescendant", items[at].id);
  } else return;
  event.preventDefault();
});
$("search").addEventListener("blur", () => setTimeout(close, 200));

async function search() {
  const text = $("search").value.trim();
  if (!text) return close();
  const { text: asked, readers } = await ask("people", { text }).catch(() => ({ text, readers: [] }));
  if (asked !== $("search").value.trim()) return;
  at = -1;
  $("matches").replaceChildren(...readers.map((each, index) => {
    const item = made("li", each.label, { role: "option", id: `match-${index}`, "aria-selected": "false" });
    item.addEventListener("mousedown", (event) => event.preventDefault());
    item.addEventListener("click", () => { picked.set(each.key, each); wish.reader = each.key; $("search").value = ""; close(); refresh(); });
    return item;
  }));
  if (!readers.length) say("nobody on these lists is found by that", "");
  $("matches").hidden = !readers.length;
  $("search").setAttribute("aria-expanded", String(readers.length > 0));
}

function close() {
  $("matches").hidden = true;
  $("matches").replaceChildren();
  $("search").setAttribute("aria-expanded", "false");
  $("search").removeAttribute("aria-activedescendant");
}

function choose(name, value) {
  const input = document.querySelector(`input[name=${name}][value=${value}]`);
  input.checked = true;
  input.dispatchEvent(new Event("change"));
}

function step(by) {
  const select = $("reader");
  select.selectedIndex = (select.selectedIndex + by + select.options.length) % select.options.length;
  select.dispatchEvent(new Event("change"));
}

const KEYS = {
  b: () => choose("width", "both"), p: () => choose("width", "phone"), d: () => choose("width", "desktop"),
  c: () => choose("scheme", SCHEMES[(SCHEMES.indexOf(frames.wanted.scheme) + 1) % SCHEMES.length]),
  i: () => $("no-images").click(), r: () => $("rtl").click(), m: () => $("marks").click(),
  n: () => findings.choose(findings.at + 1), N: () => findings.choose(findings.at < 0 ? -1 : findings.at - 1),
  "[": () => step(-1), "]": () => step(1), u: () => $("again").click(),
  "/": () => $("search").focus(), "?": () => $("keys").showModal(),
};
TABS.forEach((name, index) => { KEYS[String(index + 1)] = () => showTab(name); });

document.addEventListener("keydown", (event) => {
  if (!$("use-keys").checked || event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  if (event.target.closest?.("input[type=search], select, [contenteditable]")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// --- changes ----------------------------------------------------------------------------------------------------------

const events = new EventSource("api/events");
events.addEventListener("changed", (event) => {
  if (JSON.parse(event.data).generation === generation) return;
  performance.mark("changed");
  refresh();
});
events.addEventListener("error", () => say("the preview has ended; start it again in the terminal", "lost"));
