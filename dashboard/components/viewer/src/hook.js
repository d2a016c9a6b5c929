// What tests and benchmarks may ask a viewer, at root.__isoline.

/** The mask row by row: how many pixels outside, how many inside, … */
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
    get components() { return viewer.list.old ? null : viewer.list.found.summary(); },
    get mask() { return maskRuns(viewer.mask.marks, viewer.threshold); },
    get selected() { return viewer.list.selected?.number; },
    get brush() { return viewer.pen.size; },
    get cleaning() { return viewer.cleaning !== null; },
    get decision() { return viewer.decision(); },
    toScreen: (x, y) => viewer.view.toPane(x, y),
    counts: (k) => viewer.mask.tally.at(k),
    setThreshold: (k) => viewer.setThreshold(k, performance.now()),
  };
}
