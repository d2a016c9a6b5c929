// What tests and benchmarks may ask a viewer, at root.__isoline.

/** @import { Viewer } from "./viewer.js" */

/**
 * The mask row by row: how many pixels outside, how many inside, …
 * @param {Uint16Array} marks
 * @param {number} k
 */
function maskRuns(marks, k) {
  const runs = [];
  let last = 0;
  for (let i = 0; i < marks.length; i++) {
    if (marks[i] > k === runs.length % 2 > 0) continue;
    runs.push(i - last);
    last = i;
  }
  return [...runs, marks.length - last];
}

/** @param {Viewer} viewer */
export function hook(viewer) {
  return {
    get threshold() { return viewer.threshold; },
    get ready() { return viewer.scene !== null && !viewer.stale.view; },
    get token() { return viewer.header?.token; },
    get paintedAt() { return viewer.paintedAt; },
    get latencies() { return viewer.latencies; },
    get view() { return viewer.view.save(); },
    get look() { return { ...viewer.look }; },
    get window() { return viewer.window.save(); },
    get components() { return viewer.list.old ? null : (viewer.list.found?.summary() ?? null); },
    get mask() { return maskRuns(viewer.mask.marks, viewer.threshold); },
    get selected() { return viewer.list.selected?.number; },
    get brush() { return viewer.pen.size; },
    get cleaning() { return viewer.cleaning !== null; },
    get decision() { return viewer.decision(); },
    toScreen: (/** @type {number} */ x, /** @type {number} */ y) => viewer.view.toPane(x, y),
    counts: (/** @type {number} */ k) => viewer.mask.tally.at(k),
    setThreshold: (/** @type {number} */ k) => viewer.setThreshold(k, performance.now()),
  };
}
