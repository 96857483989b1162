// What both drawings of points have in common, that by WebGL and that by hand.
export class Drawn {
  constructor() {
    this.number = 0;
    this.shown = 0;
    this.drawn = 0; // of the view as it is
    this.asked = null; // the next frame
    this.view = null;
  }

  // view: the middle of what is seen, 0 … 1, and pixels of the screen for the whole side of the map
  look(view, width, height, ratio) {
    this.view = { ...view, width, height, ratio };
    this.again();
  }

  again() {
    this.drawn = 0;
    this.next();
  }
}

// As much ink as fits: few points are large, and where there are many they are small and seen through.
export function inkOf(view, shown) {
  const room = (view.pixels * view.pixels) / Math.max(shown, 1);
  return { size: Math.max(1.5, Math.min(9, Math.sqrt(room) * 0.35)) * view.ratio, alpha: Math.max(0.3, Math.min(0.85, room / 3)) };
}
