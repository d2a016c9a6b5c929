// What a viewer remembers when Streamlit unmounts it and mounts it again.

/** @import { SavedView } from "../../shared/view.js" */
/** @import { Look, Style } from "./look.js" */
/** @import { Stroke } from "./mask/mask.js" */

/**
 * How a viewer was left.
 * @typedef {object} Saved
 * @property {string} map
 * @property {number} start
 * @property {number} threshold
 * @property {Look} look
 * @property {Record<Style, number>} opacity
 * @property {SavedView} view
 * @property {{ center: number, width: number } | undefined} window
 */

/**
 * What was decided about a map.
 * @typedef {object} Decided
 * @property {number} k
 * @property {number} minimum_area_px
 * @property {boolean} fill_holes
 * @property {number[]} added runs of pixels
 * @property {number[]} removed
 * @property {Stroke[]} done
 */

const DECISIONS_KEPT = 64;

/** @type {Map<string, Saved>} by the viewer's key */
export const memory = new Map();

/** @type {Map<string, Decided>} by key and map: coming back to an image finds its corrections */
export const decided = new Map();

/**
 * @param {string} name
 * @param {Decided} decision
 */
export function keepDecision(name, decision) {
  decided.set(name, decision);
  const [oldest] = decided.keys();
  if (decided.size > DECISIONS_KEPT) decided.delete(oldest);
}
