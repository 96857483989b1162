// What takes long with a million points: which are shown, in which colour, how many have which value, which is nearest.
const CELLS = 256;
const HIDDEN = 127;
const CHOSEN = 128;

let number = 0;
let positions = null; // steps, x and y in turn
let columns = {}; // name → a number for each point
let chosen = null; // bits of the points that lassos hold, or null where there is no lasso
let order = null; // points cell by cell
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
  },
  // filters: column → whether each of its numbers is shown; slots: the place of the colour of each number of `colour`
  style(asked) {
    last = asked;
    paint();
  },
  choose({ bits }) {
    chosen = bits;
    if (last) mark();
  },
  nearest({ x, y, within, asked }) {
    postMessage({ said: "nearest", asked, ...nearest(x, y, within) });
  },
};

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
  mark();
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

// Says of what is shown what the lassos hold of it.
function mark() {
  let held = 0;
  const [made, bits] = [style, chosen];
  for (let point = 0; point < made.length; point += 1) {
    const own = made[point] & HIDDEN;
    if (own === HIDDEN) continue;
    const holds = bits !== null && ((bits[point >> 3] >> (point & 7)) & 1) === 1;
    made[point] = holds ? own | CHOSEN : own;
    held += Number(holds);
  }
  const told = { said: "style", style: made.slice(), shown, held: chosen ? held : null, round: last.round };
  postMessage(told, [told.style.buffer]);
}

function nearest(x, y, within) {
  if (style === null) return { point: -1 }; // nothing is shown yet
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
