// What the map shows is in its address: colour, view, filters, lassos and the image that is looked at.
export const STEPS = 65535;

export function stateIn(search) {
  const said = new URLSearchParams(search);
  const state = { colour: said.get("colour") ?? "category", view: null, filters: {}, off: new Set(), lassos: [], image: said.get("image"), turn: null };
  const turn = (said.get("turn") ?? "").split("_").map(Number);
  if (turn.length === 2 && turn.every(Number.isFinite)) state.turn = turn;
  const at = (said.get("at") ?? "").split("_").map(Number);
  if (at.length === 3 && at.every(Number.isFinite) && at[2] > 0) state.view = { x: at[0], y: at[1], zoom: at[2] };
  for (const [name, value] of said) {
    if (name === "off") state.off.add(value);
    else if (name === "lasso") state.lassos.push(value);
    else if (["category", "prediction", "verdict", "day", "quality", "region"].includes(name)) (state.filters[name] ??= new Set()).add(value);
  }
  return state;
}

function withFilters(said, filters, lassos) {
  for (const [name, values] of Object.entries(filters)) {
    for (const value of values.size ? values : [""]) said.append(name, value);
  }
  for (const lasso of lassos) said.append("lasso", lasso);
  return said;
}

export function addressOf(state) {
  const said = new URLSearchParams();
  if (state.colour !== "category") said.set("colour", state.colour);
  if (state.view) said.set("at", [state.view.x, state.view.y].map((one) => Number(one.toPrecision(7))).concat(Number(state.view.zoom.toPrecision(4))).join("_"));
  withFilters(said, state.filters, state.lassos);
  for (const name of state.off) said.append("off", name);
  if (state.image) said.set("image", state.image);
  if (state.turn) said.set("turn", state.turn.map(Math.round).join("_"));
  return said.size ? `?${said}` : location.pathname;
}

// What the console is asked for: filters that are off do not count.
export function filtersOn(state) {
  return Object.fromEntries(Object.entries(state.filters).filter(([name]) => !state.off.has(name)));
}

export function selectionOf(state, withLassos = true) {
  return String(withFilters(new URLSearchParams(), filtersOn(state), withLassos ? state.lassos : []));
}

export function lassoText(takesAway, corners) {
  return [takesAway ? "sub" : "add", ...corners.flat().map((one) => Number(one.toPrecision(7)))].join("_");
}

export function cornersOf(text) {
  const numbers = text.split("_").slice(1).map(Number);
  return numbers.flatMap((one, place) => (place % 2 ? [] : [[one, numbers[place + 1]]]));
}
