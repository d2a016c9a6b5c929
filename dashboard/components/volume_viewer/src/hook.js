// What tests and benchmarks may ask a volume viewer, at root.__isoline.

/** @param {import("./volume.js").VolumeViewer} viewer */
export function volumeHook(viewer) {
  return {
    get ready() { return Boolean(viewer.volume) && viewer.frame === undefined; },
    get threshold() { return viewer.threshold; },
    get at() { return viewer.at; },
    get slices() { return viewer.panes.map((pane) => pane.wholeSlice); },
    get look() { return { ...viewer.look }; },
    get window() { return [viewer.intensities.center, viewer.intensities.width]; },
    get latencies() { return viewer.latencies; },
    get paintedAt() { return viewer.paintedAt; },
    voxels: (/** @type {number} */ k) => viewer.volume.tally.foreground[k + 1],
    sizes: (/** @type {number} */ n, /** @type {number} */ k) => Array.from({ length: viewer.panes[n].plane.whole }, (_, s) => viewer.panes[n].plane.sizeOf(s, k)),
    codes: (/** @type {number} */ n) => Array.from(viewer.panes[n].codes),
    values: (/** @type {number} */ n) => Array.from(viewer.panes[n].values),
    toScreen: (/** @type {number} */ n, /** @type {number} */ row, /** @type {number} */ column) => viewer.panes[n].view.toPane(column + 0.5, row + 0.5),
  };
}
