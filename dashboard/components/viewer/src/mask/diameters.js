// Longest diameter of a component, and the longest line at right angles to it.

/** @import { Point } from "../../../shared/view.js" */

/** @typedef {{ length: number, ends: Point[] }} Line in millimetres; its ends in pixels */
/** @typedef {{ longest: Line, perpendicular: Line }} Lines */

/**
 * Corners of the convex hull of the midpoints of all pixel edges, scaled to millimetres.
 * @param {number[][]} rows
 * @param {[number, number]} spacing
 */
function hullOf(rows, [rowMm, columnMm]) {
  // Pixel centres at whole numbers; in half rows, the outermost points on either side.
  const first = rows[0][0];
  const count = 2 * rows.length + 1;
  const left = new Float64Array(count).fill(Infinity);
  const right = new Float64Array(count).fill(-Infinity);
  const widen = (/** @type {number} */ at, /** @type {number} */ from, /** @type {number} */ to) => {
    left[at] = Math.min(left[at], from);
    right[at] = Math.max(right[at], to);
  };
  for (const [y, begin, end] of rows) {
    const at = 2 * (y - first);
    widen(at, begin, end - 1);
    widen(at + 1, begin - 0.5, end - 0.5);
    widen(at + 2, begin, end - 1);
  }
  const turn = (/** @type {Point} */ a, /** @type {Point} */ b, /** @type {Point} */ c) => (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  const chain = (/** @type {Float64Array} */ edge, /** @type {number} */ sign) => {
    /** @type {Point[]} */
    const kept = [];
    edge.forEach((x, at) => {
      const point = { x: x * columnMm, y: (first - 0.5 + at / 2) * rowMm };
      while (kept.length > 1 && sign * turn(kept[kept.length - 2], kept[kept.length - 1], point) <= 0) kept.pop();
      kept.push(point);
    });
    return kept;
  };
  const [one, other] = [chain(left, -1), chain(right, 1)];
  return [...one, ...other.reverse()].filter((point, n, all) => {
    const before = all[n > 0 ? n - 1 : all.length - 1];
    return n === 0 || point.x !== before.x || point.y !== before.y;
  });
}

/**
 * @param {number[][]} rows
 * @param {[number, number]} spacing
 */
export function diametersOf(rows, spacing) {
  const hull = hullOf(rows, spacing);
  let [a, b, most] = [hull[0], hull[0], -1];
  for (let i = 0; i < hull.length; i++) {
    for (let j = i + 1; j < hull.length; j++) {
      const squared = (hull[i].x - hull[j].x) ** 2 + (hull[i].y - hull[j].y) ** 2;
      if (squared > most) [a, b, most] = [hull[i], hull[j], squared];
    }
  }
  const longest = Math.sqrt(most);
  const along = { x: (b.x - a.x) / longest, y: (b.y - a.y) / longest };
  const places = hull.map(({ x, y }) => ({
    t: (x - a.x) * along.x + (y - a.y) * along.y,
    s: (y - a.y) * along.x - (x - a.x) * along.y,
  }));
  // The chord's length changes its slope at corners only.
  const sides = [1, -1].map((sign) => {
    const points = places.filter(({ s }) => sign * s >= -1e-9 * longest);
    return points.sort((one, other) => one.t - other.t);
  });
  let across = { length: -1, t: 0, high: 0, low: 0 };
  for (const { t } of places) {
    const [high, low] = sides.map((points) => heightAt(points, t));
    if (high - low > across.length) across = { length: high - low, t, high, low };
  }
  const ends = [across.low, across.high].map((s) => ({
    x: a.x + across.t * along.x - s * along.y,
    y: a.y + across.t * along.y + s * along.x,
  }));
  const inPixels = (/** @type {Point} */ { x, y }) => ({ x: x / spacing[1] + 0.5, y: y / spacing[0] + 0.5 });
  return {
    longest: { length: longest, ends: [a, b].map(inPixels) },
    perpendicular: { length: across.length, ends: ends.map(inPixels) },
  };
}

/**
 * @param {{ s: number, t: number }[]} points
 * @param {number} t
 */
function heightAt(points, t) {
  let n = points.findIndex((point) => point.t >= t);
  if (n < 0) n = points.length - 1;
  const [before, after] = [points[Math.max(n - 1, 0)], points[n]];
  if (after.t - before.t < 1e-12) return after.s;
  return before.s + ((t - before.t) / (after.t - before.t)) * (after.s - before.s);
}
