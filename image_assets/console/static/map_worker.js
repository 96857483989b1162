// What takes long with a million points: which are shown, in which colour, how many have which value, which is nearest.
const CELLS = 256;
const HIDDEN = 127;
const CHOSEN = 128;
const EYE = 3; // how far from the middle it is, of the furthest point's distance

let number = 0;
let positions = null; // steps, x and y in turn, as they are seen
let flat = null; // the same on the plane, with its grid
let deep = null; // in space: x, y and z of each point from the middle, none further than 1
let columns = {}; // name → a number for each point
let chosen = null; // bits of the points that lassos hold, or null where there is no lasso
let certain = true; // whether the console has said so of the points themselves, or it was found here of their steps
let order = null; // points cell by cell, where somebody asked for them
let starts = null; // where each cell's points begin in it
let style = null; // what is drawn of each point: the place of its colour, hidden or not, chosen or not
let shown = 0;
let last = null;

onmessage = ({ data }) => acts[data.do](data);

const acts = {
  load({ points, places, numbers }) {
    number = points;
    positions = places;
    columns = numbers;
    chosen = last = null;
    sort();
    flat = { positions, order, starts };
  },
  // depth: steps of the third coordinate; side: what they take of the square's side
  deepen({ depth, side }) {
    deep = inSpace(depth, side);
  },
  // The points as they are seen from a side, in degrees around the upright axis and from above; null: from the front, as a plane.
  turn({ turn }) {
    if (turn) {
      positions = seenFrom(...turn);
      order = null;
    } else ({ positions, order, starts } = flat);
    const own = positions.slice();
    postMessage({ said: "turned", positions: own }, [own.buffer]);
  },
  // filters: column → whether each of its numbers is shown; slots: the place of the colour of each number of `colour`
  style(asked) {
    last = asked;
    paint();
  },
  choose({ bits }) {
    chosen = bits;
    certain = true;
    if (last) mark(false);
  },
  guess({ lassos }) {
    chosen = heldBy(lassos);
    certain = false;
    if (last) mark(true);
  },
  nearest({ x, y, within, asked }) {
    postMessage({ said: "nearest", asked, ...nearest(x, y, within) });
  },
};

function inSpace(depth, side) {
  const made = new Float32Array(3 * number);
  let furthest = 0;
  for (let point = 0; point < number; point += 1) {
    const [x, y, z] = [positions[2 * point] / 65535 - 0.5, positions[2 * point + 1] / 65535 - 0.5, (depth[point] / 65535 - 0.5) * side];
    made.set([x, y, z], 3 * point);
    furthest = Math.max(furthest, x * x + y * y + z * z);
  }
  const scale = 1 / Math.sqrt(furthest || 1);
  return made.map((one) => one * scale);
}

// What is near is seen larger, so that it is told from what is far; all of it stays within the square.
function seenFrom(around, above) {
  const [sa, ca, sb, cb] = [around, above].flatMap((one) => [Math.sin((one * Math.PI) / 180), Math.cos((one * Math.PI) / 180)]);
  const made = new Uint16Array(2 * number);
  for (let point = 0; point < number; point += 1) {
    const [x, y, z] = [deep[3 * point], deep[3 * point + 1], deep[3 * point + 2]];
    const [right, away] = [x * ca + z * sa, z * ca - x * sa];
    const [up, near] = [y * cb - away * sb, away * cb + y * sb];
    const scale = (32767 * Math.sqrt(EYE * EYE - 1)) / (EYE - near);
    made[2 * point] = 32767.5 + right * scale;
    made[2 * point + 1] = 32767.5 + up * scale;
  }
  return made;
}

function sort() {
  const cell = (point) => ((positions[2 * point + 1] >> 8) << 8) | (positions[2 * point] >> 8);
  starts = new Uint32Array(CELLS * CELLS + 1);
  for (let point = 0; point < number; point += 1) starts[cell(point) + 1] += 1;
  for (let one = 0; one < CELLS * CELLS; one += 1) starts[one + 1] += starts[one];
  const next = starts.slice(0, -1);
  order = new Uint32Array(number);
  for (let point = 0; point < number; point += 1) order[next[cell(point)]++] = point;
}

function paint() {
  const { colour, slots, filters, sizes, round } = last;
  const names = Object.keys(filters);
  const failed = new Uint8Array(number); // how many filters leave a point out, and which was the last of them
  const by = new Uint8Array(number);
  names.forEach((name, place) => {
    const [numbers, shown] = [columns[name], filters[name]];
    for (let point = 0; point < number; point += 1) {
      if (!shown[numbers[point]]) {
        failed[point] += 1;
        by[point] = place;
      }
    }
  });
  const drawn = columns[colour];
  let left = 0;
  const made = new Uint8Array(failed.length);
  for (let point = 0; point < made.length; point += 1) {
    made[point] = failed[point] ? HIDDEN : slots[drawn[point]];
    left += Number(!failed[point]);
  }
  [style, shown] = [made, left];
  mark(true);
  // Of each column, counted without its own filter: what a value would bring if it were shown.
  const counts = {};
  for (const name of Object.keys(columns)) {
    const [numbers, own, counted] = [columns[name], names.indexOf(name), new Uint32Array(sizes[name])];
    for (let point = 0; point < number; point += 1) {
      if (failed[point] === 0 || (failed[point] === 1 && by[point] === own)) counted[numbers[point]] += 1;
    }
    counts[name] = counted;
  }
  postMessage({ said: "counts", counts, round });
}

// Says of what is shown what the lassos hold of it; where that is as it was, only that it is certain by now.
function mark(anyway) {
  let [held, changed] = [0, anyway || chosen === null];
  const [made, bits] = [style, chosen];
  for (let point = 0; point < made.length; point += 1) {
    const before = made[point];
    const own = before & HIDDEN;
    if (own === HIDDEN) continue;
    const holds = bits !== null && ((bits[point >> 3] >> (point & 7)) & 1) === 1;
    const now = holds ? own | CHOSEN : own;
    if (now !== before) {
      made[point] = now;
      changed = true;
    }
    if (holds) held += 1;
  }
  const told = { said: "style", shown, held: chosen ? held : null, round: last.round, certain };
  if (!changed) return postMessage({ ...told, said: "certain" });
  told.style = made.slice();
  postMessage(told, [told.style.buffer]);
}

// A bit of each point that lassos hold, by its step. Of a cell that no edge touches all points lie inside or outside.
function heldBy(lassos) {
  const bits = new Uint8Array((number + 7) >> 3).fill(lassos[0].takesAway ? 255 : 0);
  for (const { takesAway, corners } of lassos) {
    const set = (point) => {
      if (takesAway) bits[point >> 3] &= ~(1 << (point & 7));
      else bits[point >> 3] |= 1 << (point & 7);
    };
    const edges = corners.map((corner, place) => [...corner, ...corners[(place + 1) % corners.length]]).filter(([, y, , to]) => y !== to);
    const { positions, order, starts } = flat;
    const touched = touchedBy(corners);
    for (let row = 0; row < CELLS; row += 1) {
      const [low, high] = [row << 8, (row + 1) << 8];
      const some = edges.filter(([, y, , to]) => Math.min(y, to) <= high && Math.max(y, to) >= low);
      if (!some.length) continue;
      for (let cell = row * CELLS; cell < (row + 1) * CELLS; cell += 1) {
        const [from, to] = [starts[cell], starts[cell + 1]];
        if (from === to) continue;
        if (touched[cell]) {
          for (let place = from; place < to; place += 1) {
            const point = order[place];
            if (inside(positions[2 * point], positions[2 * point + 1], some)) set(point);
          }
        } else if (inside(((cell & 255) << 8) + 128, low + 128, some)) {
          for (let place = from; place < to; place += 1) set(order[place]);
        }
      }
    }
  }
  return bits;
}

function inside(x, y, edges) {
  let found = false;
  for (const [x0, y0, x1, y1] of edges) {
    if (y0 > y !== y1 > y && x < ((x1 - x0) / (y1 - y0)) * (y - y0) + x0) found = !found;
  }
  return found;
}

// The cells that an edge passes through or next to.
function touchedBy(corners) {
  const touched = new Uint8Array(CELLS * CELLS);
  const touch = (x, y) => {
    const [column, row] = [Math.floor(x / 256), Math.floor(y / 256)];
    for (let up = Math.max(row - 1, 0); up <= Math.min(row + 1, CELLS - 1); up += 1) {
      for (let right = Math.max(column - 1, 0); right <= Math.min(column + 1, CELLS - 1); right += 1) touched[up * CELLS + right] = 1;
    }
  };
  corners.forEach(([x0, y0], place) => {
    const [x1, y1] = corners[(place + 1) % corners.length];
    const [first, last] = onMap(x0, y0, x1, y1);
    if (first > last) return;
    const [x, y, right, up] = [x0 + first * (x1 - x0), y0 + first * (y1 - y0), (last - first) * (x1 - x0), (last - first) * (y1 - y0)];
    const steps = Math.ceil(Math.max(Math.abs(right), Math.abs(up)) / 128) + 1;
    for (let step = 0; step <= steps; step += 1) touch(x + (right * step) / steps, y + (up * step) / steps);
  });
  return touched;
}

// From where to where an edge lies on the map and a cell around it, 0 … 1 of it (Liang and Barsky, 1984).
function onMap(x0, y0, x1, y1) {
  let [first, last] = [0, 1];
  for (const [from, along] of [[x0, x1 - x0], [y0, y1 - y0]]) {
    const bounds = [-256, (CELLS + 1) * 256];
    if (along === 0) {
      if (from < bounds[0] || from > bounds[1]) return [1, 0];
      continue;
    }
    const [one, other] = bounds.map((bound) => (bound - from) / along).sort((a, b) => a - b);
    [first, last] = [Math.max(first, one), Math.min(last, other)];
  }
  return [first, last];
}

function nearest(x, y, within) {
  if (style === null) return { point: -1 }; // nothing is shown yet
  if (order === null) sort();
  let [best, distance] = [-1, within * within];
  const clip = (value) => Math.max(0, Math.min(CELLS - 1, value >> 8));
  for (let row = clip(y - within); row <= clip(y + within); row += 1) {
    const [from, to] = [starts[row * CELLS + clip(x - within)], starts[row * CELLS + clip(x + within) + 1]];
    for (let place = from; place < to; place += 1) {
      const point = order[place];
      if ((style[point] & HIDDEN) === HIDDEN) continue;
      const [dx, dy] = [positions[2 * point] - x, positions[2 * point + 1] - y];
      const here = dx * dx + dy * dy;
      if (here < distance || (here === distance && point < best)) [best, distance] = [point, here];
    }
  }
  return { point: best, x: positions[2 * best], y: positions[2 * best + 1] };
}
