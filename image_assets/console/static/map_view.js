// Where one looks on the map: moved by mouse, fingers, wheel and keys; and the line that a lasso draws.
const CLICK = 4; // pixels that a click may move
const ROOM = 0.92; // of the screen, for the whole map

export class View {
  constructor(plane, extent, told) {
    this.plane = plane;
    this.extent = extent; // of the map's points, 0 … 1 of its side
    this.told = told; // onMove, onHover, onClick, onLasso, onLine
    this.middle = { x: 0.5, y: 0.5 };
    this.zoom = 1;
    this.tool = "move";
    this.turning = false; // whether what is dragged turns, and is not moved
    this.fingers = new Map();
    this.line = null;
    this.listen();
  }

  get size() {
    return { width: this.plane.clientWidth, height: this.plane.clientHeight };
  }

  get pixels() {
    const { width, height } = this.size;
    return Math.min(width / this.extent[0], height / this.extent[1]) * ROOM * this.zoom;
  }

  toScreen([x, y]) {
    const { width, height } = this.size;
    return [width / 2 + (x - this.middle.x) * this.pixels, height / 2 - (y - this.middle.y) * this.pixels];
  }

  toMap([left, top]) {
    const { width, height } = this.size;
    return [this.middle.x + (left - width / 2) / this.pixels, this.middle.y - (top - height / 2) / this.pixels];
  }

  look(middle, zoom) {
    this.middle = middle;
    this.zoom = Math.max(0.5, Math.min(2000, zoom));
    this.told.onMove();
  }

  shift(right, up) {
    this.look({ x: this.middle.x + right / this.pixels, y: this.middle.y + up / this.pixels }, this.zoom);
  }

  // Nearer or further, so that what lies at a place of the screen stays there.
  zoomBy(factor, at = [this.size.width / 2, this.size.height / 2]) {
    const before = this.toMap(at);
    this.zoom = Math.max(0.5, Math.min(2000, this.zoom * factor));
    const after = this.toMap(at);
    this.look({ x: this.middle.x + before[0] - after[0], y: this.middle.y + before[1] - after[1] }, this.zoom);
  }

  listen() {
    const { plane } = this;
    const here = (event) => {
      const box = plane.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    plane.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.target.closest("a, button")) return;
      plane.setPointerCapture(event.pointerId);
      this.fingers.set(event.pointerId, here(event));
      this.begun = this.fingers.size === 1 ? here(event) : null;
      this.line = this.tool === "move" || this.fingers.size > 1 ? null : [here(event)];
      this.told.onHover(null);
    });
    plane.addEventListener("pointermove", (event) => {
      if (!this.fingers.has(event.pointerId)) return this.told.onHover(event.pointerType === "touch" ? null : here(event));
      this.drag(event.pointerId, here(event));
    });
    const end = (event) => {
      const was = this.fingers.get(event.pointerId);
      if (!this.fingers.delete(event.pointerId)) return;
      const [line, still] = [this.line, this.begun && distance(this.begun, was) <= CLICK];
      this.line = null;
      if (event.type === "pointercancel") return this.told.onLine();
      if (still) this.told.onClick(here(event));
      else if (line) this.told.onLasso(line, this.tool === "sub");
      if (!still) this.begun = null;
    };
    plane.addEventListener("pointerup", end);
    plane.addEventListener("pointercancel", end);
    plane.addEventListener("pointerleave", () => this.told.onHover(null));
    plane.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : event.ctrlKey ? 0.01 : 0.0018)), here(event));
    }, { passive: false });
    plane.addEventListener("dblclick", (event) => this.zoomBy(2, here(event)));
  }

  drag(finger, now) {
    const before = this.fingers.get(finger);
    if (this.fingers.size === 2) {
      const [other] = [...this.fingers].filter(([one]) => one !== finger).map(([, place]) => place);
      const middle = [(other[0] + now[0]) / 2, (other[1] + now[1]) / 2];
      this.fingers.set(finger, now);
      this.shift((before[0] - now[0]) / 2, (now[1] - before[1]) / 2);
      return this.zoomBy(distance(other, now) / Math.max(distance(other, before), 1), middle);
    }
    this.fingers.set(finger, now);
    if (this.line) {
      if (distance(this.line.at(-1), now) >= 3) this.line.push(now);
      return this.told.onLine();
    }
    if (this.begun && distance(this.begun, now) <= CLICK) return;
    this.begun = null;
    if (this.turning) this.told.onTurn(now[0] - before[0], now[1] - before[1]);
    else this.shift(before[0] - now[0], now[1] - before[1]);
  }
}

function distance(one, other) {
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}

// Fewer corners, none of which is further than `within` from the line as it was drawn (Douglas and Peucker, 1973).
export function simpler(line, within = 0.75) {
  if (line.length < 4) return line;
  const kept = new Set([0, line.length - 1]);
  const parts = [[0, line.length - 1]];
  while (parts.length) {
    const [from, to] = parts.pop();
    let [furthest, off] = [-1, within];
    for (let place = from + 1; place < to; place += 1) {
      const away = fromLine(line[place], line[from], line[to]);
      if (away > off) [furthest, off] = [place, away];
    }
    if (furthest === -1) continue;
    kept.add(furthest);
    parts.push([from, furthest], [furthest, to]);
  }
  return line.filter((_, place) => kept.has(place));
}

function fromLine(point, from, to) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy);
  if (length === 0) return distance(point, from);
  const along = Math.max(0, Math.min(1, ((point[0] - from[0]) * dx + (point[1] - from[1]) * dy) / (length * length)));
  return distance(point, [from[0] + along * dx, from[1] + along * dy]);
}
