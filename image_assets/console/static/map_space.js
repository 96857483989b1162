// A map in space: which side it is seen from. The worker turns the points, one turn after the other.
const DEGREES = 0.4; // of a turn for a pixel that is dragged

export class Space {
  constructor(root, worker, load) {
    this.button = root.querySelector('[data-do="space"]');
    this.root = root;
    this.worker = worker;
    this.load = load; // the steps of the third coordinate
    this.loaded = null;
    this.wanted = null; // the turn that is asked for while another is under way
    this.busy = false;
    this.seen = null;
  }

  // Shows the points from a side; null: as a plane.
  async turn(turn, side) {
    const text = String(turn);
    this.button.setAttribute("aria-pressed", String(turn !== null));
    this.root.classList.toggle("space", turn !== null);
    if (this.seen === text || (turn === null && this.seen === null)) return;
    this.seen = turn === null ? null : text;
    this.wanted = { turn };
    if (turn) {
      this.loaded ??= this.load().then((depth) => this.worker.postMessage({ do: "deepen", depth, side }, [depth.buffer]));
      await this.loaded;
    }
    this.next();
  }

  next() {
    if (this.busy || !this.wanted) return;
    this.worker.postMessage({ do: "turn", ...this.wanted });
    [this.wanted, this.busy] = [null, true];
  }

  turned() {
    this.busy = false;
    this.root.dataset.seen = this.seen ?? "";
    this.next();
  }
}

// The turn after something was dragged so far.
export function draggedBy([around, above], right, down) {
  return [(around + right * DEGREES) % 360, Math.max(-90, Math.min(90, above + down * DEGREES))];
}
