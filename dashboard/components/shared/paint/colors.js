// The colours of the product: one meaning each, safe for the colour-blind.

import { STEPS } from "../levels.js";
import { clamp } from "../numbers.js";

/** @typedef {[number, number, number]} Color red, green and blue, 0…255 */

/** @type {{ prediction: Color, truth: Color, hit: Color, extra: Color, missed: Color, uncertain: Color }} */
export const COLOR = {
  prediction: [0xf0, 0xe4, 0x42],
  truth: [0x56, 0xb4, 0xe9],
  hit: [0x00, 0x9e, 0x73],
  extra: [0xd5, 0x5e, 0x00],
  missed: [0x00, 0x72, 0xb2],
  uncertain: [0xcc, 0x79, 0xa7],
};

/**
 * @param {Color} color
 * @param {number} alpha
 */
export function rgba([red, green, blue], alpha) {
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Viridis by Smith and van der Walt: even lightness, safe for the colour-blind; 1001 colours. */
export const HEAT = (() => {
  const terms = [
    [0.2777273272, 0.0054073445, 0.3340998053],
    [0.1050930431, 1.4046135299, 1.3845901626],
    [-0.3308618287, 0.2148475595, 0.095095163],
    [-4.634230499, -5.7991009734, -19.3324409563],
    [6.2282699363, 14.1799333668, 56.6905526007],
    [4.7763849977, -13.7451453777, -65.3530326334],
    [-5.4354558559, 4.6458526122, 26.3124352496],
  ];
  const channel = (/** @type {number} */ k, /** @type {number} */ place) => {
    const value = terms.reduceRight((sum, term) => sum * (k / STEPS) + term[place], 0);
    return clamp(Math.round(value * 255), 0, 255);
  };
  return Array.from({ length: STEPS + 1 }, (_, k) => {
    return /** @type {Color} */ ([channel(k, 0), channel(k, 1), channel(k, 2)]);
  });
})();
