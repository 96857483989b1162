// Points by WebGL2, or where the processor would do its work, by hand. A frame draws as many as it has time for: all where there is a graphics card, else some first (they
// are in no particular order, so that some look like all) and the others in the frames after.
import { Drawn, inkOf } from "./map_ink.js";

const VERTEX = `#version 300 es
layout(location = 0) in vec2 place;
layout(location = 1) in uint style;
uniform vec2 scale, offset;
uniform float size, alpha, dimmed;
uniform vec3 palette[32];
flat out vec4 colour;
void main() {
  uint slot = style & 127u;
  bool chosen = style > 127u;
  bool hidden = slot == 127u;
  gl_Position = hidden ? vec4(2.0, 2.0, 2.0, 1.0) : vec4(place * scale + offset, 0.0, 1.0);
  gl_PointSize = chosen ? size + 1.0 : size;
  float seen = chosen ? max(alpha, 0.85) : alpha * dimmed;
  colour = vec4(palette[slot & 31u] * seen, seen);
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
flat in vec4 colour;
uniform bool round;
out vec4 painted;
void main() {
  if (round) {
    vec2 from = gl_PointCoord - 0.5;
    if (dot(from, from) > 0.25) discard;
  }
  painted = colour;
}`;
const LEAST = 20000; // points of a frame
const MOVING = 30; // milliseconds that drawing them may take while the map is moved,
const STILL = 100; // and when it rests
const ANYWAY = 15; // milliseconds that a frame takes of no point at all

export function drawingOn(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: false, depth: false, preserveDrawingBuffer: true, failIfMajorPerformanceCaveat: false });
  if (!gl) return null;
  if (byProcessor(gl)) {
    const other = canvas.cloneNode(); // what has been one kind of canvas can be no other
    canvas.replaceWith(other);
    gl.getExtension("WEBGL_lose_context")?.loseContext();
    return new ByHand(other);
  }
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  return new Drawing(gl, program);
}

function byProcessor(gl) {
  const told = gl.getExtension("WEBGL_debug_renderer_info");
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

// The same as a drawing by WebGL, of what a worker draws.
class ByHand {
  constructor(canvas) {
    this.worker = new Worker("/static/map_splat.js", { type: "module" });
    this.worker.onmessage = () => this.onWhole();
    this.onWhole = () => {};
    const away = canvas.transferControlToOffscreen();
    this.worker.postMessage(["canvas", away], [away]);
  }

  load(positions) {
    const own = positions.slice(); // these are needed elsewhere too
    this.worker.postMessage(["load", own], [own.buffer]);
  }

  paint(style, shown, chosen) {
    this.worker.postMessage(["paint", style, shown, chosen], [style.buffer]);
  }

  colours(colours) {
    this.worker.postMessage(["colours", colours]);
  }

  look(...view) {
    this.worker.postMessage(["look", ...view]);
  }
}

class Drawing extends Drawn {
  constructor(gl, program) {
    super();
    this.gl = gl;
    this.at = (name) => gl.getUniformLocation(program, name);
    this.buffers = [gl.createBuffer(), gl.createBuffer()];
    this.rate = 4000; // points of a millisecond
    this.fence = null; // of the frame that is being drawn
    this.onWhole = () => {};
    this.warm();
  }

  // The program is made ready by the first point that it draws, which then need not wait for it.
  warm() {
    this.load(new Uint16Array(2));
    this.style(new Uint8Array([127]));
    this.gl.drawArrays(this.gl.POINTS, 0, 1);
    this.gl.flush();
    this.number = 0;
  }

  load(positions) {
    const { gl } = this;
    this.number = positions.length / 2;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[0]);
    gl.bufferData(gl.ARRAY_BUFFER, positions, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.UNSIGNED_SHORT, true, 0, 0);
  }

  paint(style, shown, chosen) {
    this.style(style);
    [this.shown, this.chosen, this.painted] = [shown, chosen, true];
    this.again();
  }

  style(style) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[1]);
    gl.bufferData(gl.ARRAY_BUFFER, style, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_BYTE, 0, 0);
  }

  colours(colours) {
    const numbers = colours.flatMap((one) => [1, 3, 5].map((from) => parseInt(one.slice(from, from + 2), 16) / 255));
    this.gl.uniform3fv(this.at("palette"), numbers);
  }

  next() {
    if (this.asked === null && !this.fence && this.view && this.painted) this.asked = requestAnimationFrame(() => this.frame());
  }

  frame() {
    this.asked = null;
    const { gl } = this;
    if (this.drawn === 0) this.begin();
    const time = this.drawn === 0 ? MOVING : STILL; // a view that has just changed may change again at once
    const some = Math.min(Math.max(LEAST, Math.ceil(this.rate * time)), this.number - this.drawn);
    gl.drawArrays(gl.POINTS, this.drawn, some);
    this.drawn += some;
    this.fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    this.wait(some, performance.now());
  }

  // No frame is begun before the one before it is drawn: they would pile up, and the map lag behind the hand.
  wait(some, began) {
    const { gl } = this;
    const state = gl.getSyncParameter(this.fence, gl.SYNC_STATUS);
    if (state !== gl.SIGNALED && !gl.isContextLost()) return setTimeout(() => this.wait(some, began), 2);
    gl.deleteSync(this.fence);
    this.fence = null;
    const took = performance.now() - began;
    if (some >= LEAST) this.rate = (this.rate + some / Math.max(took - ANYWAY, took / 4, 1)) / 2;
    if (this.drawn < this.number) this.next();
    else this.onWhole();
  }

  begin() {
    const { gl, view } = this;
    const { canvas } = gl;
    const [width, height] = [Math.round(view.width * view.ratio), Math.round(view.height * view.ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const [sx, sy] = [(2 * view.pixels) / view.width, (2 * view.pixels) / view.height];
    gl.uniform2f(this.at("scale"), sx, sy);
    gl.uniform2f(this.at("offset"), -view.x * sx, -view.y * sy);
    const { size, alpha } = inkOf(view, this.shown);
    gl.uniform1f(this.at("size"), size);
    gl.uniform1f(this.at("alpha"), alpha);
    gl.uniform1f(this.at("dimmed"), this.chosen ? 0.25 : 1);
    gl.uniform1i(this.at("round"), size > 3 ? 1 : 0);
  }
}
