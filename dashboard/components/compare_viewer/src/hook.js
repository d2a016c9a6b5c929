// What tests may ask a comparison, at root.__isoline.

/** What tests may ask, at root.__isoline. */
export function compareHook(comparison) {
  return {
    get ready() { return Boolean(comparison.painted) && !comparison.moved; },
    get thresholds() { return comparison.thresholds(); },
    get view() { return comparison.view.save(); },
    counts: (n, k) => comparison.sides[n].scene.tally.at(k),
    pixels: (n) => {
      const { width, height } = comparison.sides[n].overlay;
      const { data } = comparison.sides[n].overlay.getContext("2d").getImageData(0, 0, width, height);
      return data.reduce((sum, value, at) => sum + (at % 4 === 3 && value > 0), 0);
    },
  };
}
