// What pointers and wheels mean, the same in every viewer.

export function pinch(view, before, now, other) {
  const span = (a, b) => Math.max(10, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
  view.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
  view.zoomAt(span(now, other) / span(before, other), middle.x, middle.y);
}
