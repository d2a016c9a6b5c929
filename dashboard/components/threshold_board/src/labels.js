// Where the names of lines stand in a chart.

import { STEPS } from "../../shared/levels.js";
import { MARGIN } from "./charts.js";

/** @typedef {{ left: number, right: number, top: number, bottom: number }} Box */

/**
 * Where a line's name stands, beside it and clear of all lines, of the names before it and of the
 * named threshold; null where there is no such place.
 * @param {import("./charts.js").Chart} chart
 * @param {{ title: string, value: Float64Array }[]} lines
 * @param {number} n
 * @param {Box[]} taken
 */
export function labelPlace(chart, lines, n, taken) {
  const half = 3.5 * lines[n].title.length + 2;
  /** @type {(Box & { x: number, y: number, score: number }) | null} */
  let best = null;
  for (let k = 0; k <= STEPS; k += 10) {
    const x = chart.toX(k / STEPS);
    if (x - half < MARGIN.left || x + half > chart.width - MARGIN.right) continue;
    const spans = lines.map((line) => spanOf(chart, line.value, x - half, x + half));
    const own = spans[n];
    const others = [...spans, ...taken.filter((box) => box.left < x + half && box.right > x - half)];
    for (const y of [own.top - 12, own.bottom + 12]) {
      const [top, bottom] = [y - 8, y + 8];
      if (top < 0 || bottom > chart.height - MARGIN.bottom) continue;
      const room = Math.min(20, ...others.map((box) => Math.max(box.top - bottom, top - box.bottom)));
      const score = room - (own.bottom - own.top); // beside a level part of its line
      if (room >= 2 && score > (best === null ? -20 : best.score)) best = { x, y, top, bottom, left: x - half, right: x + half, score };
    }
  }
  return best;
}

/**
 * The heights that a line passes between two places of the x axis.
 * @param {import("./charts.js").Chart} chart
 * @param {Float64Array} values
 * @param {number} left
 * @param {number} right
 */
function spanOf(chart, values, left, right) {
  const span = { top: Infinity, bottom: -Infinity };
  for (let k = 0; k <= STEPS; k += 4) {
    const x = chart.toX(k / STEPS);
    if (x < left || x > right || Number.isNaN(values[k])) continue;
    const y = chart.toY(values[k]);
    span.top = Math.min(span.top, y);
    span.bottom = Math.max(span.bottom, y);
  }
  return span;
}
