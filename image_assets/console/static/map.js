// The map: what it is made of comes from the console, where one looks and what is chosen is in the address.
import { ask, sent } from "./ask.js";
import { drawingOn } from "./map_draw.js";
import { Legend, slotOf } from "./map_legend.js";
import { Overlay } from "./map_overlay.js";
import { Marks } from "./map_marks.js";
import { Space, draggedBy } from "./map_space.js";
import { Panel } from "./map_panel.js";
import { STEPS, addressOf, cornersOf, filtersOn, lassoText, selectionOf, stateIn } from "./map_state.js";
import { View, simpler } from "./map_view.js";

const extent = document.querySelector("#map").dataset.extent.split(" ").map(Number);
const REACH = 12; // pixels around the pointer in which a point is found
const root = document.querySelector("#map");
const plane = root.querySelector("#plane");
const picture = plane.querySelector("#density");
const told = root.querySelector("#told");
const bar = root.querySelector("#bar");

let state = stateIn(location.search);
let described = null; // what the columns are
let ready = false; // the worker has them
let early = null; // the colour in which all points were drawn before
let kept = null; // when the address is written
let round = 0; // of what was asked of the worker
let painted = ""; // by what colour and filters
let held = null; // how many points the lassos hold
let shown = 0;
let certain = true; // whether that is what the console says too
let regions = []; // their names and places
let hover = 0; // of what was asked of the worker, what still counts

const drawing = root.dataset.drawing === "none" ? null : drawingOn(plane.querySelector("#points"));
const worker = new Worker("/static/map_worker.js");
const overlay = new Overlay(plane.querySelector("#lines"));
const panel = new Panel(root, (image) => change(() => (state.image = image)));
const legend = new Legend(root.querySelector("#legend"), (act) => change(act));
const marks = new Marks(bar, () => ({ query: { map: selectionOf(state) }, expected: held ?? shown }), fail);
const view = new View(plane, extent, { onMove: moved, onHover: hovered, onClick: clicked, onLasso: lassoed, onLine: lines, onTurn: (right, down) => turnTo(draggedBy(state.turn, right, down)) });
const space = new Space(root, worker, async () => new Uint16Array(await (await sent(`/v1/map/columns/depth?version=${root.dataset.version}`, {})).arrayBuffer()));

root.classList.toggle("flat", !drawing);
if (drawing) drawing.onWhole = () => root.classList.add("drawn");

// Places: on the map, 0 … 1 of its side, and in steps

const unitOf = ([x, y]) => [(x - described.corner[0]) / described.side, (y - described.corner[1]) / described.side];
const mapOf = ([x, y]) => [described.corner[0] + x * described.side, described.corner[1] + y * described.side];

// What is there

async function begin() {
  say("Loading …");
  const { version } = root.dataset;
  const load = async (name) => (await sent(`/v1/map/columns/${name}?version=${version}`, {})).arrayBuffer();
  const numbersOf = async (name) => new (described.columns[name].bytes === 1 ? Uint8Array : Uint16Array)(await load(name));
  // What is drawn first is asked for before all else.
  const places = load("positions");
  places.catch(() => {}); // told of below
  described = await (await sent("/v1/map", {})).json();
  if (!described.points) return say("There is no map yet: a run makes one of ten images and more.");
  if (!described.columns[state.colour]) state.colour = "category";
  panel.version = described.version;
  legend.describe(described);
  legend.show(state);
  lookAsSaid();
  const first = numbersOf(state.colour);
  const names = Object.keys(described.columns);
  const others = Promise.all(names.map((name) => (name === state.colour ? first : numbersOf(name))));
  const [positions, colours] = [new Uint16Array(await places), await first];
  drawing?.load(positions);
  drawing?.colours([...described.palette, described.grey]);
  if (!selectionOf(state)) {
    const [slots, style] = [slotsOf(state.colour), new Uint8Array(described.points)];
    for (let point = 0; point < style.length; point += 1) style[point] = slots[colours[point]];
    drawing?.paint(style, described.points, false);
    early = state.colour;
  }
  const numbers = await others;
  const columns = Object.fromEntries(names.map((name, place) => [name, numbers[place]]));
  const given = [positions.buffer, ...numbers.map((one) => one.buffer)];
  worker.postMessage({ do: "load", points: described.points, places: positions, numbers: columns }, given);
  ready = true;
  if (!described.depth || !drawing) state.turn = null;
  space.button.hidden = !described.depth || !drawing;
  apply();
  nameRegions().catch(() => {}); // the map does without them
}

async function nameRegions() {
  const told = await (await sent(`/v1/map/regions?version=${described.version}`, {})).json();
  regions = told.regions.map((one) => ({ name: one.name, category: one.category.name, at: unitOf([one.x, one.y]), radius: one.radius / described.side }));
  root.dataset.regions = regions.length;
  lines();
}

function slotsOf(name) {
  const column = described.columns[name];
  return Uint8Array.from({ length: legend.sizes[name] }, (_, number) => slotOf(column, number, described.palette.length));
}

worker.onmessage = ({ data }) => {
  if (data.said === "nearest") return found(data);
  if (data.said === "turned") {
    drawing.load(data.positions);
    moved();
    return space.turned();
  }
  if (data.round !== round) return;
  if (data.said === "counts") return legend.count(data.counts);
  [held, shown, certain] = [data.held, data.shown, data.certain];
  if (data.said === "certain") return tellSelection();
  // What is drawn already is not drawn once more.
  if (early !== state.colour || held !== null || shown !== described.points) drawing?.paint(data.style, shown, held !== null);
  early = null;
  told.hidden = true;
  root.dataset.shown = shown;
  tellSelection();
  if (!drawing) flatPicture();
};

// Something of the state is another: it is shown, asked for and written into the address.
function change(act) {
  act();
  history.pushState(null, "", addressOf(state));
  apply();
}

function apply() {
  if (!ready) return;
  if (!described.columns[state.colour]) state.colour = "category";
  inSpace();
  choose(); // first, so that a lasso that is gone is not drawn once more
  paint();
  legend.show(state);
  marks.forget();
  panel.show(state.image, selectionOf(state, false)).then((places) => {
    overlay.near = places.map((place) => unitOf(place));
    lines();
  }, fail);
  lines();
}

function paint() {
  const wanted = `${state.colour}?${selectionOf(state, false)}`;
  if (wanted === painted) return;
  [painted, round] = [wanted, round + 1];
  const filters = {};
  for (const [name, values] of Object.entries(filtersOn(state))) filters[name] = legend.shows(name, values);
  worker.postMessage({ do: "style", colour: state.colour, slots: slotsOf(state.colour), filters, sizes: legend.sizes, round });
}

let asked = ""; // what was chosen with, so that the same is not asked again
async function choose() {
  const text = state.lassos.length ? selectionOf(state) : "";
  if (text === asked) return;
  asked = text;
  if (!text) return worker.postMessage({ do: "choose", bits: null });
  // What is seen at once is found here, of steps; what is done with it waits for the console, which knows the points.
  const inSteps = (corner) => unitOf(corner).map((one) => one * STEPS);
  worker.postMessage({ do: "guess", lassos: state.lassos.map((one) => ({ takesAway: one.startsWith("sub"), corners: cornersOf(one).map(inSteps) })) });
  try {
    const answer = await ask("/v1/map:select", "POST", { map: text, version: described.version });
    const bits = new Uint8Array(await answer.arrayBuffer());
    if (text === asked) worker.postMessage({ do: "choose", bits }, [bits.buffer]);
  } catch (error) {
    asked = "";
    fail(error);
  }
}

// Seen in space the map is turned, not moved, and no lasso can be drawn around what lies one behind the other.
function inSpace() {
  const { turn } = state;
  if (turn && view.tool !== "move") takeTool("move");
  view.turning = turn !== null;
  view.extent = turn ? [1, 1] : extent;
  for (const one of root.querySelectorAll('[data-tool="add"], [data-tool="sub"], [data-do="inView"]')) one.disabled = turn !== null;
  space.turn(turn, described.depth).catch(fail);
}

function turnTo(turn) {
  state.turn = turn;
  inSpace();
  moved();
}

function say(text) {
  told.textContent = text;
  told.hidden = false;
}

function fail(error) {
  say(error.message);
}

function tellSelection() {
  const number = held ?? shown;
  const some = number.toLocaleString("en");
  bar.querySelector("#count").textContent = held === null ? `all ${some} shown` : `${some} selected`;
  root.querySelector("#number").textContent = `${shown.toLocaleString("en")} of ${described.points.toLocaleString("en")} images`;
  const text = selectionOf(state);
  const link = bar.querySelector("#gallery");
  link.href = text ? `/gallery?${new URLSearchParams({ map: text })}` : "/gallery";
  link.toggleAttribute("aria-disabled", number === 0);
  for (const one of bar.querySelectorAll("[data-format], [data-mark]:not([data-mark=undo])")) one.disabled = number === 0 || !certain;
  bar.querySelector('[data-do="clear"]').disabled = !state.lassos.length;
  root.dataset.held = held ?? "";
  root.dataset.certain = certain;
}

// Where one looks

function lookAsSaid() {
  const { view: said } = state;
  if (!said) return view.look({ x: 0.5, y: 0.5 }, 1);
  const [x, y] = unitOf([said.x, said.y]);
  view.look({ x, y }, said.zoom);
}

function moved() {
  const { width, height } = view.size;
  drawing?.look({ ...view.middle, pixels: view.pixels }, width, height, Math.min(devicePixelRatio || 1, 2));
  const [left, top] = view.toScreen([0, 1]);
  picture.style.transform = `translate(${left}px, ${top}px) scale(${view.pixels / picture.width})`;
  lines();
  if (!described) return;
  const whole = view.zoom === 1 && view.middle.x === 0.5 && view.middle.y === 0.5;
  const [x, y] = mapOf([view.middle.x, view.middle.y]);
  state.view = whole ? null : { x, y, zoom: view.zoom };
  clearTimeout(kept);
  kept = setTimeout(() => history.replaceState(null, "", addressOf(state)), 250);
}

function lines() {
  const [inPlane, near] = [described && !state.turn, overlay.near];
  if (!inPlane) overlay.near = [];
  const lassos = inPlane ? state.lassos.map((text) => ({ takesAway: text.startsWith("sub"), corners: cornersOf(text).map(unitOf) })) : [];
  const names = inPlane && state.colour === "category" ? described.named.map((one) => ({ name: one.category, at: unitOf([one.x, one.y]) })) : [];
  const seen = !inPlane ? [] : regions.filter((one) => legend.isShown("category", one.category) && legend.isShown("region", one.name));
  overlay.draw(view, lassos, names.filter((one) => legend.isShown("category", one.name)), seen);
  overlay.near = near;
}

function flatPicture() {
  const said = new URLSearchParams({ colour: state.colour, map: selectionOf(state, state.lassos.length > 0), version: described.version });
  const address = `/v1/map/density.png?${said}`;
  if (picture.getAttribute("src") !== address) picture.src = address;
}

// What is under the pointer

function hovered(place) {
  if (!described || place === null) {
    hover += 1;
    overlay.at = null;
    panel.hover(null);
    return lines();
  }
  hover += 1;
  nearestTo(place, hover);
}

function nearestTo(place, why) {
  const [x, y] = view.toMap(place).map((one) => Math.round(one * STEPS));
  worker.postMessage({ do: "nearest", x, y, within: Math.ceil((REACH / view.pixels) * STEPS), asked: why });
}

function found({ point, x, y, asked: why }) {
  if (why === "click") return open(point);
  if (why !== hover) return;
  overlay.at = point === -1 ? null : [x / STEPS, y / STEPS];
  panel.hover(point === -1 ? null : point, view.toScreen(overlay.at ?? [0, 0]), view.size);
  plane.classList.toggle("found", point !== -1 && view.tool === "move");
  lines();
}

async function open(point) {
  if (point === -1) return state.image && change(() => (state.image = null));
  try {
    const { image_id: image } = await panel.facts(point);
    change(() => (state.image = image));
  } catch (error) {
    fail(error);
  }
}

function clicked(place) {
  if (described) nearestTo(place, "click");
}

function lassoed(line, takesAway) {
  const corners = simpler(line).map((place) => mapOf(view.toMap(place)));
  if (corners.length < 3 || !described) return lines();
  change(() => state.lassos.push(lassoText(takesAway, corners)));
}

function allInView() {
  const { width, height } = view.size;
  const corners = [[0, 0], [width, 0], [width, height], [0, height]];
  change(() => state.lassos.push(lassoText(view.tool === "sub", corners.map((place) => mapOf(view.toMap(place))))));
}

async function save(format) {
  const text = selectionOf(state);
  try {
    const answer = await ask("/v1/images:export", "POST", { query: { map: text }, expected: held ?? shown, format });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = /filename="(.*?)"/.exec(answer.headers.get("content-disposition"))[1];
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    fail(error);
  }
}

// Buttons and keys

function takeTool(name) {
  view.tool = name;
  plane.dataset.tool = name;
  for (const one of root.querySelectorAll("[data-tool]")) {
    if (one !== plane) one.setAttribute("aria-pressed", String(one.dataset.tool === name));
  }
}

const acts = {
  in: () => view.zoomBy(1.5),
  out: () => view.zoomBy(1 / 1.5),
  whole: () => view.look({ x: 0.5, y: 0.5 }, 1),
  inView: () => described && !state.turn && allInView(),
  space: () => described?.depth && drawing && change(() => (state.turn = state.turn ? null : [30, 20])),
  clear: () => state.lassos.length && change(() => (state.lassos = [])),
  last: () => state.lassos.length && change(() => state.lassos.pop()),
  move: () => takeTool("move"),
  add: () => state.turn || takeTool(view.tool === "add" ? "move" : "add"),
  sub: () => state.turn || takeTool(view.tool === "sub" ? "move" : "sub"),
  close: () => change(() => (state.image = null)),
  pick: () => clicked([view.size.width / 2, view.size.height / 2]),
  escape: () => {
    if (view.tool !== "move") takeTool("move");
    else if (state.image) acts.close();
    else acts.clear();
  },
};
const keys = { "+": "in", "=": "in", "-": "out", 0: "whole", 3: "space", v: "inView", l: "add", m: "move", s: "sub", z: "last", Escape: "escape", Enter: "pick" };

root.addEventListener("click", (event) => {
  const pressed = event.target.closest("button");
  if (!pressed) return;
  if (pressed.dataset.tool) takeTool(pressed.dataset.tool);
  else if (pressed.dataset.do) acts[pressed.dataset.do]();
  else if (pressed.dataset.format) save(pressed.dataset.format);
});
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.closest("input, select, summary, a, button") && (event.key === "Enter" || event.key === " ")) return;
  if (event.target.closest("select, #legend") && event.key.startsWith("Arrow")) return;
  const far = event.shiftKey ? 160 : 40;
  const shifts = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
  if (shifts[event.key] && state.turn) turnTo(draggedBy(state.turn, shifts[event.key][0] / 2, -shifts[event.key][1] / 2));
  else if (shifts[event.key]) view.shift(...shifts[event.key]);
  else if (keys[event.key]) acts[keys[event.key]]();
  else return;
  overlay.cross = document.activeElement === plane;
  lines();
  event.preventDefault();
});
plane.addEventListener("focus", () => {
  overlay.cross = plane.matches(":focus-visible");
  lines();
});
plane.addEventListener("blur", () => {
  overlay.cross = false;
  lines();
});

window.addEventListener("popstate", () => {
  state = stateIn(location.search);
  if (described) lookAsSaid();
  apply();
});
new ResizeObserver(() => moved()).observe(plane);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", lines);
bar.querySelector("form.token")?.addEventListener("submit", (event) => (event.target.elements.to.value = addressOf(state).replace(/^\?/, "/map?")));
takeTool("move");
moved();
// Until here a click would be lost.
root.querySelector("#tools").inert = bar.inert = false;
begin().catch(fail);
