import { printed, sent } from "./ask.js";

const form = document.querySelector("#bring");
const told = document.querySelector("#told");
const table = document.querySelector("#answers");
const body = table.querySelector("tbody");
const choice = document.querySelector("#model"); // where there are two models
const tools = document.querySelector("#tools");
// What a form needs beside the files themselves.
const [mostBytes, mostImages] = [Number(form.dataset.mostBytes) * 0.9, Math.min(Number(form.dataset.mostImages), 32)];
const AT_ONCE = 8e6; // small requests show their answers early
const TRIES = 20; // where the console says that it is busy, or still loads the model
const answers = [];
const waiting = [];
let working = false;
let done = 0;

form.hidden = false;
document.querySelector("#files").addEventListener("change", event => {
  bring(event.target.files);
  event.target.value = "";
});
addEventListener("paste", event => bring(event.clipboardData.files));
addEventListener("dragover", event => {
  event.preventDefault();
  form.classList.add("over");
});
addEventListener("dragleave", () => form.classList.remove("over"));
addEventListener("drop", event => {
  event.preventDefault();
  form.classList.remove("over");
  bring(event.dataTransfer.files);
});
form.addEventListener("submit", event => event.preventDefault());
document.querySelector("#csv").addEventListener("click", download);
document.querySelector("#clear").addEventListener("click", () => {
  for (const image of body.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  body.replaceChildren();
  answers.length = 0;
  table.hidden = tools.hidden = true;
  told.textContent = "";
});

async function bring(files) {
  waiting.push(...files);
  if (working || !waiting.length) return;
  working = true;
  done = 0;
  while (waiting.length) {
    const part = nextPart();
    told.textContent = `${done} of ${done + part.length + waiting.length} …`;
    for (const [place, answer] of (await classified(part)).entries()) show(part[place], answer);
    done += part.length;
  }
  working = false;
  told.textContent = summary();
}

function nextPart() {
  const part = [waiting.shift()];
  let bytes = part[0].size;
  while (waiting.length && part.length < mostImages && bytes + waiting[0].size <= AT_ONCE) {
    bytes += waiting[0].size;
    part.push(waiting.shift());
  }
  return part;
}

async function classified(part) {
  if (part[0].size > mostBytes) return [{ error: { message: `It has ${part[0].size.toLocaleString()} bytes, which is too much` } }];
  const asked = new FormData();
  for (const file of part) asked.append("file", file, file.name);
  for (let tries = 1; ; tries += 1) {
    try {
      return (await (await sent(`/v1/classify:batch?top=3&nearest=3&place=1${choice ? `&model=${choice.value}` : ""}`, { method: "POST", body: asked })).json()).answers;
    } catch (error) {
      if (!error.again || tries === TRIES) return part.map(() => ({ error: { message: error.message } }));
      await new Promise(go => setTimeout(go, 1000 * Number(error.again)));
    }
  }
}

function show(file, answer) {
  answers.push({ name: file.name, ...answer });
  const row = body.insertRow();
  const picture = document.createElement("img");
  picture.src = URL.createObjectURL(file);
  picture.alt = "";
  picture.addEventListener("error", () => picture.remove());
  row.insertCell().append(picture);
  cell(row, printed(file.name), "named");
  if (answer.error) {
    const said = cell(row, printed(answer.error.message), "bad");
    said.colSpan = 7;
  } else {
    cell(row, answer.unknown ? "unknown" : answer.category, answer.unknown ? "warn" : "");
    cell(row, percent(answer.probability), "number");
    cell(row, answer.categories.filter(one => answer.unknown || one.category !== answer.category).slice(0, 2)
      .map(one => `${one.category} ${percent(one.probability)}`).join(", "), "soft");
    row.append(likeOnes(answer.nearest));
    row.append(onMap(answer));
    cell(row, toKnow(answer).join("; "), "");
    cell(row, `${answer.model.asset} ${answer.model.sha256.slice(0, 12)}`, "soft");
  }
  table.hidden = tools.hidden = false;
}

// The image itself is never among them.
function likeOnes(nearest) {
  const one = document.createElement("td");
  one.className = "like";
  for (const { image_id: id, category, similarity } of nearest) {
    const link = document.createElement("a");
    link.href = `/images/${id}`;
    link.title = `${category}, similarity ${similarity.toFixed(3)}`;
    const image = document.createElement("img");
    image.src = `/v1/images/${id}/thumbnail`;
    image.alt = link.title;
    link.append(image);
    one.append(link, " ");
  }
  return one;
}

// A small picture of the map, and on it the place of the image.
function onMap({ place, image_id: id, nearest }) {
  const one = document.createElement("td");
  if (!place) return one;
  const link = document.createElement("a");
  link.className = "spot";
  const shown = place.on_map ? id : nearest[0]?.image_id;
  link.href = shown ? `/map?image=${shown}` : "/map";
  link.title = `${place.on_map ? "On the map" : "About here on the map"}${place.region ? `: ${place.region}` : ""}`;
  const picture = document.createElement("img");
  picture.src = "/v1/map/density.png";
  picture.alt = `${link.title}; ${percent(place.across)} from the left, ${percent(place.up)} from below`;
  const dot = document.createElement("i");
  dot.style.left = `${100 * place.across}%`;
  dot.style.bottom = `${100 * place.up}%`;
  link.append(picture, dot);
  one.append(link, place.region ?? "");
  return one;
}

function toKnow(answer) {
  const said = [...answer.quality];
  if (answer.unknown) said.unshift(answer.familiarity == null ? "too uncertain" : "unlike what the model was trained on");
  if (answer.familiarity == null) said.push("this model cannot say whether it is like what it was trained on");
  if (answer.seen_in_training) said.push("the model was trained with it: no test of the model; it is not among what is most like it");
  return said;
}

function cell(row, text, kind) {
  const one = row.insertCell();
  one.textContent = text;
  one.className = kind;
  return one;
}

function percent(share) {
  return share == null ? "" : `${(100 * share).toFixed(1)} %`;
}

function summary() {
  const wrong = answers.filter(one => one.error).length;
  const strange = answers.filter(one => one.unknown).length;
  const few = [wrong && `${wrong} could not be answered`, strange && `${strange} unknown`].filter(Boolean);
  return `${answers.length} ${answers.length === 1 ? "image" : "images"}${few.length ? `: ${few.join(", ")}` : ""}`;
}

function download() {
  const rows = answers.map(one => one.error
    ? [one.name, "", "", "", "", "", "", one.error.message]
    : [one.name, one.image_id, one.category, one.probability, one.unknown, one.model.asset, one.model.sha256, ""]);
  const text = [["file", "image_id", "category", "probability", "unknown", "asset", "model", "error"], ...rows]
    .map(row => row.map(quoted).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${text}\r\n`], { type: "text/csv" }));
  link.download = "classified.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

function quoted(value) {
  // A name that begins so would be a formula to spreadsheets.
  const text = String(value ?? "").replace(/^(?=[=+\-@\t\r\n＝＋－＠])/, typeof value === "number" ? "" : "'");
  return `"${text.replaceAll('"', '""')}"`;
}
