// How a viewer looks before anyone has touched a switch.

/** @typedef {"contour" | "fill" | "heat" | "uncertainty"} Style */
/** @typedef {"brush" | "eraser" | "polygon"} Tool */

/** @type {Record<Style, number>} */
export const OPACITY = { contour: 100, fill: 45, heat: 60, uncertainty: 90 };

/**
 * @typedef {object} Look
 * @property {boolean} overlay
 * @property {boolean} truth
 * @property {Style} style
 * @property {Style} lastFlat what the heat map goes back to
 * @property {boolean} wipe
 * @property {number} wipeAt share of the width
 * @property {boolean} side
 * @property {boolean} components
 * @property {Tool | null} tool
 * @property {boolean} more
 */

/** @type {Look} */
export const LOOK = {
  overlay: true,
  truth: true,
  style: "contour",
  lastFlat: "contour",
  wipe: false,
  wipeAt: 0.5,
  side: false,
  components: false,
  tool: null,
  more: false,
};
