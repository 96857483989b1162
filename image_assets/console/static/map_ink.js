// As much ink as fits: few points are large, and where there are many they are small and seen through.
export function inkOf(view, shown) {
  const room = (view.pixels * view.pixels) / Math.max(shown, 1);
  return { size: Math.max(1.5, Math.min(9, Math.sqrt(room) * 0.35)) * view.ratio, alpha: Math.max(0.3, Math.min(0.85, room / 3)) };
}
