// Numbers and maps that are the same in every run, for tests of properties.

import { STEPS } from "../../dashboard/components/shared/levels.js";

/** Numbers from 0 up to 1 by mulberry32; the same seed gives the same numbers. */
export function randomOf(/** @type {number} */ seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from `low` to `high`, both included. */
export function wholeOf(/** @type {() => number} */ random, /** @type {number} */ low, /** @type {number} */ high) {
  return low + Math.floor(random() * (high - low + 1));
}

/**
 * Codes (a level and one) of a random map. Few distinct levels make plateaus, and with them
 * components and holes; many make every pixel its own.
 * @param {() => number} random
 * @param {number} size
 * @param {number} levels how many distinct levels
 */
export function randomCodes(random, size, levels) {
  const step = Math.max(1, Math.floor(STEPS / levels));
  return Uint16Array.from({ length: size }, () => Math.min(STEPS, wholeOf(random, 0, levels) * step) + 1);
}
