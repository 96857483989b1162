// The gallery: selecting, marking with a preview, undoing. The page is whole without it, but for these.
import { ask } from "./ask.js";
import { button, changes, line, meant, meanwhile } from "./marking.js";

const bar = document.querySelector("#bar");
const says = document.querySelector("#says");
const count = document.querySelector("#count");
const category = document.querySelector("#category");
const askFirst = document.querySelector("#ask");
const undoButton = bar.querySelector('[data-do="undo"]');
const mayWrite = undoButton !== null;

let found = document.querySelector("#found");
let tiles = [];
const selected = new Set();
let whole = false; // all of the query is selected, also what is on other pages
let at = 0;
let anchor = 0;
let proposed = null; // what is asked about
let busy = false;

bar.hidden = false;

// Tiles

function readTiles(focusAt) {
  found = document.querySelector("#found");
  tiles = [...found.querySelectorAll(".grid > li")];
  selected.clear();
  whole = false;
  anchor = at = Math.max(0, Math.min(focusAt, tiles.length - 1));
  tiles.forEach((tile, place) => {
    tile.addEventListener("click", (event) => onClick(event, place));
    tile.addEventListener("dblclick", () => open(place));
    tile.addEventListener("focus", () => (at = place));
  });
  show();
}

function show() {
  tiles.forEach((tile, place) => {
    tile.setAttribute("aria-selected", String(whole || selected.has(tile.dataset.id)));
    tile.tabIndex = place === at ? 0 : -1;
  });
  const number = whole ? Number(found.dataset.total) : selected.size;
  count.textContent = number === 0 ? "none selected" : `${number.toLocaleString("en")} selected`;
}

function go(place, event) {
  if (place < 0 || place >= tiles.length) return;
  at = place;
  if (event.shiftKey) selectTo(place);
  else anchor = place;
  show();
  tiles[place].focus();
}

function selectTo(place) {
  const [from, to] = [Math.min(anchor, place), Math.max(anchor, place)];
  if (whole) dropAll();
  for (const tile of tiles.slice(from, to + 1)) selected.add(tile.dataset.id);
}

function toggle(place) {
  if (whole) dropAll();
  const id = tiles[place].dataset.id;
  if (!selected.delete(id)) selected.add(id);
  anchor = place;
}

function dropAll() {
  whole = false;
  selected.clear();
}

function onClick(event, place) {
  if (event.target.closest("a")) return;
  at = place;
  const touched = matchMedia("(pointer: coarse)").matches;
  if (event.shiftKey) selectTo(place);
  else if (event.ctrlKey || event.metaKey || touched) toggle(place);
  else {
    const only = selected.size === 1 && selected.has(tiles[place].dataset.id) && !whole;
    dropAll();
    if (!only) selected.add(tiles[place].dataset.id);
    anchor = place;
  }
  show();
  tiles[place].focus();
}

function open(place) {
  if (tiles[place]) location.assign(`/images/${tiles[place].dataset.id}`);
}

function columns() {
  const top = tiles[0]?.offsetTop;
  const next = tiles.findIndex((tile) => tile.offsetTop !== top);
  return next === -1 ? tiles.length : next;
}

// What is said

function selection() {
  if (whole) {
    const { queue, day, category: arrived, map, where, total } = found.dataset;
    const query = { queue, day: day || null, category: arrived || null, map: map || null, where: where || null };
    return { query, expected: Number(total) };
  }
  const ids = selected.size ? [...selected] : tiles[at] ? [tiles[at].dataset.id] : [];
  return ids.length ? { images: ids } : null;
}

function say(...parts) {
  says.replaceChildren(...parts.map((part) => (typeof part === "string" ? line(part) : part)));
  says.hidden = parts.length === 0;
}

async function propose(what, named) {
  const chosen = selection();
  if (!mayWrite || !chosen || busy) return;
  const asked = { ...chosen, what, since: found.dataset.since, ...(what === "label" ? { category: named } : {}) };
  if (!askFirst.checked) return apply(asked);
  await guarded(async () => {
    const preview = await (await ask("/v1/marks:preview", "POST", asked)).json();
    proposed = asked;
    const row = document.createElement("div");
    row.className = "row";
    row.append(button("Agree", () => apply(asked), true), button("Cancel", cancel));
    say(`${preview.images.toLocaleString("en")} ${preview.images === 1 ? "image" : "images"} ${meant(asked)}?`, ...meanwhile(preview, "would count"), ...changes(preview), row);
  });
}

function cancel() {
  proposed = null;
  say();
  tiles[at]?.focus();
}

async function apply(asked) {
  await guarded(async () => {
    const batch = await (await ask("/v1/marks", "POST", asked)).json();
    proposed = null;
    remember(batch.batch);
    const stays = found.dataset.leaves === "no";
    const last = Math.max(-1, ...tiles.map((tile, place) => (selected.has(tile.dataset.id) ? place : -1)));
    const first = tiles.findIndex((tile) => selected.has(tile.dataset.id));
    await refresh(stays ? (last === -1 ? at + 1 : last + 1) : first === -1 ? at : first);
    const told = `${batch.images.toLocaleString("en")} ${batch.images === 1 ? "image" : "images"} ${meant(asked)}, from the next run on.`;
    say(told, ...meanwhile(batch, "counts; Undo gives theirs back"));
  });
}

async function undo() {
  const batch = sessionStorage.getItem("batch");
  if (!mayWrite || !batch || busy) return;
  await guarded(async () => {
    const back = await (await ask(`/v1/marks/${encodeURIComponent(batch)}`, "DELETE")).json();
    remember(null);
    await refresh(at);
    say(`Taken back: what was said of ${back.images.toLocaleString("en")} ${back.images === 1 ? "image" : "images"}.`);
  });
}

function remember(batch) {
  if (batch) sessionStorage.setItem("batch", batch);
  else sessionStorage.removeItem("batch");
  if (mayWrite) undoButton.disabled = !batch;
}

async function refresh(focusAt) {
  const text = await (await ask(location.href, "GET")).text();
  const page = new DOMParser().parseFromString(text, "text/html");
  found.replaceWith(page.querySelector("#found"));
  const all = page.querySelector('[data-do="whole"]').textContent;
  bar.querySelector('[data-do="whole"]').textContent = all;
  readTiles(focusAt);
  tiles[at]?.focus();
}

async function save(format) {
  const chosen = selection();
  if (!chosen || busy) return;
  await guarded(async () => {
    const answer = await ask("/v1/images:export", "POST", { ...chosen, format });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = /filename="(.*?)"/.exec(answer.headers.get("content-disposition"))[1];
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

async function guarded(act) {
  busy = true;
  bar.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (error) {
    proposed = null;
    say(error.message);
  } finally {
    busy = false;
    bar.removeAttribute("aria-busy");
  }
}

// Keys and buttons

const acts = {
  label: () => propose("label", category.value),
  exclude: () => propose("exclude"),
  check: () => propose("check"),
  undo,
  whole: () => {
    whole = true;
    show();
  },
  page: () => {
    whole = false;
    for (const tile of tiles) selected.add(tile.dataset.id);
    show();
  },
  none: () => {
    if (proposed) return cancel();
    dropAll();
    say();
    show();
  },
  csv: () => save("csv"),
  parquet: () => save("parquet"),
  agree: () => (proposed ? apply(proposed) : open(at)),
  select: () => {
    if (tiles.length) toggle(at);
    show();
  },
  after: () => document.querySelector("#after")?.click(),
  before: () => document.querySelector("#before")?.click(),
};
const keys = {
  l: "label", x: "exclude", c: "check", u: "undo", q: "whole", a: "page", Escape: "none", Enter: "agree", " ": "select",
  n: "after", p: "before",
};

bar.addEventListener("click", (event) => acts[event.target.dataset?.do]?.());

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input:not([type=checkbox]), select, summary, a") || event.altKey || event.ctrlKey || event.metaKey) return;
  const pressed = event.target.closest("button, input");
  if (pressed && (event.key === "Enter" || event.key === " ")) return; // they know these keys themselves
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns(), Home: -at, End: tiles.length - 1 - at };
  if (event.key in moves) go(at + moves[event.key], event);
  else if (/^[1-9]$/.test(event.key) && mayWrite && category.options[event.key - 1]) {
    category.selectedIndex = event.key - 1;
    propose("label", category.value);
  } else if (keys[event.key]) acts[keys[event.key]]();
  else return;
  event.preventDefault();
});

for (const choice of document.querySelectorAll(".filters select")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}
if (mayWrite) {
  askFirst.checked = localStorage.getItem("ask") !== "no";
  askFirst.addEventListener("change", () => localStorage.setItem("ask", askFirst.checked ? "yes" : "no"));
}
remember(sessionStorage.getItem("batch"));
readTiles(0);
tiles[0]?.focus({ preventScroll: true });
