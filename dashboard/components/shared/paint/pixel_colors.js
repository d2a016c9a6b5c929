// The colour of a display pixel, from its code and flags.

import { COLOR, HEAT, rgba } from "./colors.js";
import { ADDED, REMOVED, STEPS } from "../levels.js";
import { clamp } from "../numbers.js";

// One number says all about a display pixel: its code in the low ten bits, then these flags.
export const CODE_BITS = 1023;
export const TRUTH = 1024;
export const STRIPE = 2048; // where the hatching of a wrong or corrected pixel is drawn
export const EDGE = 4096; // where a dash of the truth's contour is drawn
const CODES = 8192;

/**
 * How the overlay is drawn.
 * @typedef {object} PaintLook
 * @property {string} style contour, fill, heat or uncertainty
 * @property {number} alpha of fill and maps
 * @property {number} lineAlpha of contours
 * @property {boolean} contour
 * @property {boolean} truth whether the reference mask is drawn
 * @property {boolean} [editing] whether corrections are distinguished
 * @property {number} [mostUncertain] the level of the full colour
 */

const table = new Uint32Array(CODES);

/**
 * Colour of every code at threshold k: 8192 entries, a few microseconds.
 * @param {PaintLook} look
 * @param {number} k
 */
export function colorTable(look, k) {
  const dash = rgba(COLOR.truth, look.lineAlpha);
  for (let code = 0; code < CODES; code++) {
    table[code] = look.truth && code & EDGE ? dash : fillColor(look, code, k);
  }
  return table;
}

/**
 * @param {PaintLook} look
 * @param {number} code
 * @param {number} k
 */
function fillColor(look, code, k) {
  const value = code & CODE_BITS;
  if (value > ADDED) return 0;
  if (look.style === "heat") return rgba(HEAT[clamp(value - 1, 0, STEPS)], look.alpha);
  if (look.style === "uncertainty") {
    return rgba(COLOR.uncertain, look.alpha * Math.min(1, value / (look.mostUncertain ?? STEPS)));
  }
  if (look.editing && (value === ADDED || value === REMOVED)) {
    // What the hand put in is light, what it took out is dark; both hatched.
    const striped = code & STRIPE ? 0.6 : 0.2;
    return rgba(value === ADDED ? [255, 255, 255] : [0, 0, 0], striped);
  }
  if (look.style === "contour") return 0;
  return decisionColor(look, code, value > k);
}

/**
 * The colour of a decided pixel: prediction alone, or hit, miss and false alarm.
 * @param {PaintLook} look
 * @param {number} code
 * @param {boolean} foreground
 */
function decisionColor(look, code, foreground) {
  if (!look.truth) return foreground ? rgba(COLOR.prediction, look.alpha) : 0;
  if (foreground && code & TRUTH) return rgba(COLOR.hit, look.alpha);
  if (!foreground && !(code & TRUTH)) return 0;
  // Hatched, and each in its own direction, so that colour is not the only difference.
  const alpha = code & STRIPE ? Math.min(1, look.alpha * 1.7) : look.alpha * 0.75;
  return rgba(foreground ? COLOR.extra : COLOR.missed, alpha);
}
