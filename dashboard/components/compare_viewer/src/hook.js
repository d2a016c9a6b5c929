// What tests may ask a comparison, at root.__isoline.

/** @param {import("./compare.js").Comparison} comparison */
export function compareHook(comparison) {
  return {
    get ready() { return Boolean(comparison.painted) && !comparison.moved; },
    get thresholds() { return comparison.thresholds(); },
    get view() { return comparison.view.save(); },
    counts: (/** @type {number} */ n, /** @type {number} */ k) => comparison.sides[n].scene.tally.at(k),
    pixels: (/** @type {number} */ n) => {
      const { context, overlay } = comparison.sides[n];
      const { data } = context.getImageData(0, 0, overlay.width, overlay.height);
      return data.reduce((sum, value, at) => sum + Number(at % 4 === 3 && value > 0), 0);
    },
  };
}
