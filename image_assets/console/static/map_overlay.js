// What lies over the points: lassos, the point under the pointer, an image's neighbours, names.
const FAR = 3; // names are shown up to this zoom

export class Overlay {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.at = null; // the point under the pointer
    this.near = []; // the image that is looked at, and its neighbours
    this.cross = false;
  }

  draw(view, lassos, names) {
    const { canvas, pen } = this;
    const [{ width, height }, ratio] = [view.size, devicePixelRatio || 1];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    }
    const style = getComputedStyle(canvas);
    const [ink, paper, mark, bad] = ["--ink", "--paper", "--mark", "--bad"].map((name) => style.getPropertyValue(name).trim());
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (view.zoom <= FAR) this.names(view, names, ink, paper);
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

  // The names that find room; who comes first has most images.
  names(view, names, ink, paper) {
    const { pen } = this;
    pen.font = "600 13px system-ui, 'DejaVu Sans', sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    const taken = [];
    for (const { name, at } of names) {
      const [x, y] = view.toScreen(at);
      const text = name.length > 24 ? `${name.slice(0, 23)}…` : name;
      const half = pen.measureText(text).width / 2 + 4;
      if (taken.some((one) => Math.abs(one.x - x) < one.half + half && Math.abs(one.y - y) < 18)) continue;
      taken.push({ x, y, half });
      pen.lineWidth = 4;
      pen.strokeStyle = paper;
      pen.strokeText(text, x, y);
      pen.fillStyle = ink;
      pen.fillText(text, x, y);
    }
  }
}
