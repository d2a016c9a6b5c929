// Connected components of the mask and their measurements, as core.export.measure defines them: pixels
// join at edges and corners, the largest is number 1, lengths count from pixel edge to pixel edge.

import { STEPS } from "../../../shared/levels.js";
import { diametersOf } from "./diameters.js";

/**
 * Runs of foreground, joined row by row; what is found is enough to measure any component.
 * @param {Uint16Array} marks
 * @param {number} k
 * @param {number} width
 * @param {number} height
 */
function labelRuns(marks, k, width, height) {
  /** @type {number[]} */
  const begins = [];
  /** @type {number[]} */
  const ends = [];
  /** @type {number[]} */
  const owner = [];
  const firstOfRow = new Int32Array(height + 1);
  const find = (/** @type {number} */ start) => {
    let run = start;
    while (owner[run] !== run) run = owner[run] = owner[owner[run]];
    return run;
  };
  for (let y = 0; y < height; y++) {
    let above = y > 0 ? firstOfRow[y - 1] : 0;
    const aboveEnd = (firstOfRow[y] = begins.length);
    const stop = (y + 1) * width;
    for (let i = y * width; i < stop; i++) {
      if (marks[i] <= k) continue;
      const from = i;
      while (i < stop && marks[i] > k) i++;
      const [begin, end] = [from - y * width, i - y * width];
      const run = begins.length;
      begins.push(begin);
      ends.push(end);
      owner.push(run);
      while (above < aboveEnd && ends[above] < begin) above++;
      for (let n = above; n < aboveEnd && begins[n] <= end; n++) {
        const [one, other] = [find(n), find(run)];
        owner[Math.max(one, other)] = Math.min(one, other);
      }
    }
  }
  firstOfRow[height] = begins.length;
  return { begins, ends, firstOfRow, owner: Int32Array.from(owner, (_, run) => find(run)) };
}

/** @typedef {Pick<Scene, "width" | "height" | "codes"> & { header: { spacing_mm?: [number, number] | null } }} Measured */
/** @import { Scene } from "../../../shared/scene.js" */
/** @import { Lines } from "./diameters.js" */

/**
 * One component; rows are [y, begin, end].
 * @typedef {{ area: number, sum: number, top: number, bottom: number, left: number, right: number,
 *   rows: number[][], number: number, probability: number, atBorder: boolean, lines?: Lines }} Component
 */

/** The components of a mask: area, box, mean probability; diameters when asked for. */
export class Components {
  /**
   * @param {Uint16Array} marks
   * @param {Measured} scene
   * @param {number} k
   */
  constructor(marks, scene, k) {
    const { width, height, codes } = scene;
    const runs = labelRuns(marks, k, width, height);
    /** @type {Map<number, Component>} */
    const byOwner = new Map();
    /** @type {Component[]} */
    const all = [];
    for (let y = 0; y < height; y++) {
      for (let run = runs.firstOfRow[y]; run < runs.firstOfRow[y + 1]; run++) {
        const [begin, end, owner] = [runs.begins[run], runs.ends[run], runs.owner[run]];
        let one = byOwner.get(owner);
        if (!one) {
          one = { area: 0, sum: 0, top: y, bottom: y + 1, left: begin, right: end, rows: [], number: 0, probability: 0, atBorder: false };
          byOwner.set(owner, one);
          all.push(one);
        }
        one.area += end - begin;
        one.bottom = y + 1;
        if (begin < one.left) one.left = begin;
        if (end > one.right) one.right = end;
        let sum = 0;
        for (let i = y * width + begin; i < y * width + end; i++) sum += codes[i];
        one.sum += sum - (end - begin); // a code is a level and one
        const row = one.rows.at(-1);
        if (row && row[0] === y) row[2] = end;
        else one.rows.push([y, begin, end]);
      }
    }
    // Of equals the one whose first pixel comes first: the sort is stable.
    this.list = all.sort((a, b) => b.area - a.area);
    this.list.forEach((one, n) => {
      one.number = n + 1;
      one.probability = one.sum / one.area / STEPS;
      const gap = Math.min(one.top, one.left, height - one.bottom, width - one.right);
      one.atBorder = gap === 0;
    });
    this.runs = runs;
    this.byOwner = byOwner;
    this.width = width;
    this.height = height;
    this.spacing = scene.header.spacing_mm ?? null;
  }

  /**
   * The component of a pixel; undefined where there is none.
   * @param {number} x
   * @param {number} y
   */
  at(x, y) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return undefined;
    const { begins, ends, firstOfRow, owner } = this.runs;
    let low = firstOfRow[y];
    let high = firstOfRow[y + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle] <= x) low = middle + 1;
      else high = middle;
    }
    const inside = low < firstOfRow[y + 1] && begins[low] <= x;
    return inside ? this.byOwner.get(owner[low]) : undefined;
  }

  /** Everything measured, for tests. */
  summary() {
    return this.list.map((one) => {
      const { longest, perpendicular } = this.diameters(one);
      const { number, area, top, left, bottom, right, probability, atBorder } = one;
      const box = [top, left, bottom, right];
      return {
        number, area, box, probability, atBorder, longest: longest.length, ends: longest.ends,
        perpendicular: perpendicular.length,
      };
    });
  }

  /**
   * Longest diameter and the longest line at right angles to it; made once for a component.
   * @param {Component} one
   */
  diameters(one) {
    one.lines ??= diametersOf(one.rows, this.spacing ?? [1, 1]);
    return one.lines;
  }
}
