// The page that searches by an image: one that is brought, or a loaded one by its id, which the address keeps.
import { printed, sent } from "./ask.js";

const bring = document.querySelector("#bring");
const by = document.querySelector("#by");
const told = document.querySelector("#told");
const asked = document.querySelector("#asked");
const answers = document.querySelector("#similar");
const mostBytes = Number(bring.dataset.mostBytes) * 0.9; // what comes around a file counts too
const TRIES = 20; // where the console says that it is busy, or still makes its index
let file = null; // what is searched by, where it is no loaded image
let turn = 0; // answers to questions that were followed by others are passed over
let at = 0;

bring.hidden = by.hidden = false;
bring.addEventListener("submit", (event) => event.preventDefault());
document.querySelector("#file").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = "";
});
addEventListener("paste", (event) => take(event.clipboardData.files));
addEventListener("dragover", (event) => {
  event.preventDefault();
  bring.classList.add("over");
});
addEventListener("dragleave", () => bring.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  bring.classList.remove("over");
  take(event.dataTransfer.files);
});
by.addEventListener("submit", (event) => {
  event.preventDefault();
  change();
});
by.addEventListener("change", change);
addEventListener("popstate", readAddress);

function take(files) {
  if (!files.length) return;
  [file] = files;
  by.elements.id.value = "";
  remember();
  search();
}

function change() {
  if (by.elements.id.value.trim()) file = null;
  remember();
  search();
}

function searchBy(id) {
  by.elements.id.value = id;
  change();
  scrollTo({ top: 0 });
}

function chosen() {
  const named = new URLSearchParams();
  for (const [name, value] of new FormData(by)) if (value.trim()) named.set(name, value.trim());
  return named;
}

function remember() {
  const address = `/search?${chosen()}`;
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
}

function readAddress() {
  const named = new URLSearchParams(location.search);
  for (const name of ["id", "category", "day", "k"]) {
    const field = by.elements[name];
    field.value = named.get(name) ?? (name === "k" ? "24" : "");
    if (field.value === "" && name === "k") field.value = "24";
  }
  if (by.elements.id.value) file = null;
  search();
}

async function search() {
  const mine = (turn += 1);
  const named = chosen();
  if (!file && !named.has("id")) return clear("");
  told.textContent = "…";
  if (file?.size > mostBytes) return clear(`It has ${file.size.toLocaleString("en")} bytes, which is too much`);
  if (file) named.delete("id");
  try {
    const answer = await answered(`/v1/neighbours?${named}`, file);
    if (mine !== turn) return;
    show(answer);
    answers.dataset.asked = `${named}`;
  } catch (error) {
    if (mine === turn) clear(error.message);
  }
}

async function answered(address, brought) {
  const request = brought
    ? { method: "POST", body: brought, headers: { "content-type": "application/octet-stream" } }
    : { method: "GET" };
  for (let tries = 1; ; tries += 1) {
    try {
      return await (await sent(address, request)).json();
    } catch (error) {
      if (!error.again || tries === TRIES) throw error;
      told.textContent = error.message;
      await new Promise((go) => setTimeout(go, 1000 * Number(error.again)));
    }
  }
}

function clear(message) {
  told.textContent = message;
  asked.hidden = true;
  delete answers.dataset.asked;
  answers.replaceChildren();
}

function show(answer) {
  const picture = asked.querySelector("img");
  if (picture.src.startsWith("blob:")) URL.revokeObjectURL(picture.src);
  picture.src = file ? URL.createObjectURL(file) : `/v1/images/${answer.image_id}/thumbnail`;
  const said = asked.querySelector("span");
  said.textContent = file ? `${printed(file.name)}. ` : "";
  if (answer.loaded) said.append(link(`/images/${answer.image_id}`, file ? "It is loaded" : "This image"), ", and not among these.");
  else said.append("It is not loaded.");
  asked.hidden = false;
  const number = answer.neighbours.length;
  told.textContent = number ? `${number} ${number === 1 ? "image" : "images"}, the most similar first` : "There are no such images.";
  answers.replaceChildren(...answer.neighbours.map(tile));
  at = 0;
}

function tile(one, place) {
  const item = document.createElement("li");
  item.dataset.id = one.image_id;
  item.tabIndex = place ? -1 : 0;
  const similarity = one.similarity.toFixed(3);
  item.setAttribute("aria-label", `${one.category}, ${one.day}, similarity ${similarity}`);
  const picture = document.createElement("span");
  picture.className = "picture";
  const image = document.createElement("img");
  image.loading = "lazy";
  image.alt = "";
  image.draggable = false;
  image.src = `/v1/images/${one.image_id}/thumbnail`;
  image.addEventListener("error", () => image.remove());
  picture.append(image);
  const about = document.createElement("span");
  about.className = "about";
  about.append(text(one.category), text(one.day, "soft"), text(`similarity ${similarity}`, "soft"));
  const open = link(`/images/${one.image_id}`, "⤢");
  open.className = "open";
  open.tabIndex = -1;
  open.setAttribute("aria-label", "Look at it");
  const like = document.createElement("button");
  like.textContent = "Like this";
  like.tabIndex = -1;
  like.addEventListener("click", () => searchBy(one.image_id));
  item.append(picture, about, open, like);
  item.addEventListener("focusin", () => (at = place));
  item.addEventListener("click", (event) => {
    if (!event.target.closest("a, button")) location.assign(open.href);
  });
  return item;
}

function text(content, kind = "") {
  const one = document.createElement("span");
  one.textContent = content;
  one.className = kind;
  return one;
}

function link(address, content) {
  const one = document.createElement("a");
  one.href = address;
  one.textContent = content;
  return one;
}

function columns() {
  const tiles = [...answers.children];
  const next = tiles.findIndex((one) => one.offsetTop !== tiles[0].offsetTop);
  return next === -1 ? tiles.length : next;
}

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, summary, a, button") || event.altKey || event.ctrlKey || event.metaKey) return;
  const tiles = answers.children;
  if (event.key === "b") history.back();
  else if (!tiles.length) return;
  else if (event.key === "Enter") location.assign(`/images/${tiles[at].dataset.id}`);
  else if (event.key === "s") searchBy(tiles[at].dataset.id);
  else {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns(), Home: -at, End: tiles.length - 1 - at };
    if (!(event.key in moves)) return;
    const place = answers.contains(document.activeElement) ? at + moves[event.key] : 0;
    if (place in tiles) {
      tiles[at].tabIndex = -1;
      tiles[place].tabIndex = 0;
      tiles[place].focus();
    }
  }
  event.preventDefault();
});

readAddress();
