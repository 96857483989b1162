// What lies over the points: lassos, the point under the pointer, an image's neighbours, names.
const FAR = 3; // names of categories are shown up to this zoom
const SMALL = 6; // pixels of a region's radius that are too few for its name
const LONGEST = 26; // letters

export class Overlay {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.at = null; // the point under the pointer
    this.near = []; // the image that is looked at, and its neighbours
    this.cross = false;
  }

  draw(view, lassos, names, regions) {
    const { canvas, pen } = this;
    const [{ width, height }, ratio] = [view.size, devicePixelRatio || 1];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    }
    const style = getComputedStyle(canvas);
    const [ink, paper, mark, bad] = ["--ink", "--paper", "--mark", "--bad"].map((name) => style.getPropertyValue(name).trim());
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const taken = [];
    if (view.zoom <= FAR) this.names(view, names, "600 13px", [ink, paper], taken);
    this.names(view, regions, "500 11.5px", [ink, paper], taken);
    canvas.dataset.names = taken.map((one) => one.name).join("|");
    for (const lasso of lassos) this.outline(lasso.corners.map((place) => view.toScreen(place)), lasso.takesAway ? bad : mark, true);
    if (view.line) this.outline(view.line, view.tool === "sub" ? bad : mark, false);
    this.near.forEach((place, number) => this.ring(view.toScreen(place), number ? 5 : 9, ink, paper));
    if (this.at) this.ring(view.toScreen(this.at), 7, mark, paper);
    if (this.cross) this.aim(width / 2, height / 2, ink, paper);
  }

  outline(corners, colour, closed) {
    const { pen } = this;
    pen.beginPath();
    for (const [x, y] of corners) pen.lineTo(x, y);
    if (closed) pen.closePath();
    pen.lineWidth = 2;
    pen.setLineDash(closed ? [6, 4] : []);
    pen.strokeStyle = colour;
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 0.08;
    pen.fillStyle = colour;
    pen.fill();
    pen.globalAlpha = 1;
  }

  ring([x, y], size, ink, paper) {
    const { pen } = this;
    for (const [width, colour] of [[5, paper], [2, ink]]) {
      pen.beginPath();
      pen.arc(x, y, size, 0, 2 * Math.PI);
      pen.lineWidth = width;
      pen.strokeStyle = colour;
      pen.stroke();
    }
  }

  aim(x, y, ink, paper) {
    const { pen } = this;
    for (const [width, colour] of [[4, paper], [1.5, ink]]) {
      pen.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        pen.moveTo(x + 4 * dx, y + 4 * dy);
        pen.lineTo(x + 12 * dx, y + 12 * dy);
      }
      pen.lineWidth = width;
      pen.strokeStyle = colour;
      pen.stroke();
    }
  }

  // The names that find room beside those before them; who comes first has most images. That of a region fades as it
  // becomes too small to be seen, or as large as the screen.
  names(view, names, font, [ink, paper], taken) {
    const { pen } = this;
    const { width, height } = view.size;
    pen.font = `${font} system-ui, 'DejaVu Sans', sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    for (const { name, at, radius } of names) {
      const [x, y] = view.toScreen(at);
      const seen = radius === undefined ? 1 : fading(radius * view.pixels, Math.min(width, height));
      if (seen < 0.4 || x < 0 || y < 0 || x > width || y > height) continue;
      const text = name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
      const half = pen.measureText(text).width / 2 + 4;
      if (taken.some((one) => Math.abs(one.x - x) < one.half + half && Math.abs(one.y - y) < 18)) continue;
      taken.push({ name, x, y, half });
      pen.globalAlpha = seen;
      pen.lineWidth = 4;
      pen.strokeStyle = paper;
      pen.strokeText(text, x, y);
      pen.fillStyle = ink;
      pen.fillText(text, x, y);
    }
    pen.globalAlpha = 1;
  }
}

// How clearly a region's name is seen, 0 … 1, by the pixels of its radius and of the screen.
function fading(radius, screen) {
  const near = (screen * 0.9 - radius) / (screen * 0.4);
  return Math.max(0, Math.min(1, (radius - SMALL) / SMALL, near));
}
