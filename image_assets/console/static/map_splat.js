// Points drawn pixel by pixel, where WebGL too would be done by the processor: that takes it ten times as long. A worker,
// so that the page follows the hand meanwhile.
import { Drawn, inkOf } from "./map_ink.js";

const MOVING = 8; // milliseconds that drawing points may take of a frame while the map is moved,
const STILL = 30; // and when it rests: what is asked for meanwhile waits for a frame
const AT_ONCE = 20000; // points between two looks at the clock
const HIDDEN = 127;
const CHOSEN = 128;

class Splat extends Drawn {
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.palette = [];
    this.took = 0; // by the frame before
    this.image = null;
  }

  load(positions) {
    this.positions = positions;
    this.number = positions.length / 2;
  }

  paint(style, shown, chosen) {
    [this.style, this.shown, this.chosen] = [style, shown, chosen];
    this.again();
  }

  colours(colours) {
    this.palette = colours.map((one) => [1, 3, 5].map((from) => parseInt(one.slice(from, from + 2), 16)));
  }

  // As long as a frame took, the processor is left to others: the page, and whoever else is there.
  next() {
    if (this.asked === null && this.view && this.style) this.asked = setTimeout(() => requestAnimationFrame(() => this.frame()), this.took);
  }

  frame() {
    this.asked = null;
    const began = performance.now();
    const until = began + (this.drawn === 0 ? MOVING : STILL);
    if (this.drawn === 0) this.begin();
    do {
      const to = Math.min(this.drawn + AT_ONCE, this.number);
      this.dots(this.drawn, to);
      this.drawn = to;
    } while (this.drawn < this.number && performance.now() < until);
    this.put();
    this.took = Math.min(performance.now() - began, 60);
    if (this.drawn < this.number) this.next();
    else postMessage("whole");
  }

  begin() {
    const { canvas, view } = this;
    const [width, height] = [Math.max(Math.round(view.width * view.ratio), 1), Math.max(Math.round(view.height * view.ratio), 1)];
    if (!this.image || canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      this.image = new ImageData(width, height);
      this.ink = new Uint8Array(4 * width * height); // red, green, blue, each as much as is covered, and how much that is
    }
    this.ink.fill(0);
    const { size, alpha } = inkOf(view, this.shown);
    this.sizes = [size, size + 1];
    // The colours of each style, those that are chosen after the others.
    this.paints = [alpha * (this.chosen ? 0.25 : 1), Math.max(alpha, 0.85)].map((seen) => {
      return Uint8Array.from({ length: 128 }, (_, place) => Math.round((this.palette[place >> 2]?.[place & 3] ?? ((place & 3) === 3 ? 255 : 0)) * seen));
    });
  }

  dots(from, to) {
    const { ink, positions, style, sizes, view, paints } = this;
    const { width, height } = this.image;
    const scale = (view.pixels * view.ratio) / 65535;
    const [left, top] = [width / 2 - view.x * view.pixels * view.ratio, height / 2 + view.y * view.pixels * view.ratio];
    const round = sizes[0] > 3;
    for (let point = from; point < to; point += 1) {
      const own = style[point];
      if ((own & HIDDEN) === HIDDEN) continue;
      const chosen = own >= CHOSEN ? 1 : 0;
      const half = sizes[chosen] / 2;
      const [x, y] = [positions[2 * point] * scale + left - 0.5, top - positions[2 * point + 1] * scale - 0.5];
      const [x0, x1] = [Math.max(Math.ceil(x - half), 0), Math.min(Math.ceil(x + half), width)];
      const [y0, y1] = [Math.max(Math.ceil(y - half), 0), Math.min(Math.ceil(y + half), height)];
      if (x0 >= x1 || y0 >= y1) continue;
      const [paint, at] = [paints[chosen], 4 * (own & 31)];
      const [red, green, blue, seen] = [paint[at], paint[at + 1], paint[at + 2], paint[at + 3]];
      const rest = 256 - seen;
      for (let row = y0; row < y1; row += 1) {
        for (let column = x0; column < x1; column += 1) {
          if (round && (column - x) ** 2 + (row - y) ** 2 > half * half) continue;
          const pixel = 4 * (row * width + column);
          ink[pixel] = red + ((ink[pixel] * rest + 128) >> 8);
          ink[pixel + 1] = green + ((ink[pixel + 1] * rest + 128) >> 8);
          ink[pixel + 2] = blue + ((ink[pixel + 2] * rest + 128) >> 8);
          ink[pixel + 3] = seen + ((ink[pixel + 3] * rest + 128) >> 8);
        }
      }
    }
  }

  // A picture's colours are not yet as much as is covered.
  put() {
    const { ink, image: { data } } = this;
    for (let pixel = 0; pixel < ink.length; pixel += 4) {
      const seen = ink[pixel + 3];
      if (seen === 0) {
        data[pixel + 3] = 0;
        continue;
      }
      const by = 255 / seen;
      data[pixel] = ink[pixel] * by;
      data[pixel + 1] = ink[pixel + 1] * by;
      data[pixel + 2] = ink[pixel + 2] * by;
      data[pixel + 3] = seen;
    }
    this.pen.putImageData(this.image, 0, 0);
  }
}

let splat = null;
onmessage = ({ data: [act, ...given] }) => {
  if (act === "canvas") splat = new Splat(...given);
  else splat[act](...given);
};
