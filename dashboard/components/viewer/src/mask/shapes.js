// Which pixels a stroke or a polygon covers: those whose centre lies inside.

import { clamp } from "../../../shared/numbers.js";

/** @import { Point } from "../../../shared/view.js" */

/** @typedef {(y: number, from: number, to: number) => void} Span columns `from` up to `to` of row `y` */

/**
 * A round brush of `size` pixels drawn from one pixel to the next; calls span(y, from, to).
 * @param {number} size
 * @param {Point} start
 * @param {Point} end
 * @param {Span} span
 */
export function brushSpans(size, start, end, span) {
  const radius = size / 2;
  const [dx, dy] = [end.x - start.x, end.y - start.y];
  const length2 = dx * dx + dy * dy;
  const reach = Math.ceil(radius);
  const [left, right] = [Math.min(start.x, end.x) - reach, Math.max(start.x, end.x) + reach];
  for (let y = Math.min(start.y, end.y) - reach; y <= Math.max(start.y, end.y) + reach; y++) {
    let from = Infinity;
    let to = -Infinity;
    for (let x = left; x <= right; x++) {
      const along = length2 ? ((x - start.x) * dx + (y - start.y) * dy) / length2 : 0;
      const part = clamp(along, 0, 1);
      const [offX, offY] = [x - start.x - part * dx, y - start.y - part * dy];
      if (offX * offX + offY * offY > radius * radius) continue;
      from = Math.min(from, x);
      to = x + 1;
    }
    if (to > from) span(y, from, to); // a capsule is convex: one run in each row
  }
}

/**
 * The inside of a polygon (corners in image pixels), by even and odd crossings.
 * @param {Point[]} corners
 * @param {Span} span
 */
export function polygonSpans(corners, span) {
  const rows = corners.map(({ y }) => y);
  const last = Math.floor(Math.max(...rows));
  for (let y = Math.floor(Math.min(...rows)); y <= last; y++) {
    /** @type {number[]} */
    const crossings = [];
    corners.forEach((one, n) => {
      const other = corners[(n + 1) % corners.length];
      const middle = y + 0.5;
      if (one.y <= middle === other.y <= middle) return;
      crossings.push(one.x + ((middle - one.y) * (other.x - one.x)) / (other.y - one.y));
    });
    crossings.sort((a, b) => a - b);
    for (let n = 0; n + 1 < crossings.length; n += 2) {
      const [from, to] = [Math.ceil(crossings[n] - 0.5), Math.ceil(crossings[n + 1] - 0.5)];
      if (to > from) span(y, from, to);
    }
  }
}
