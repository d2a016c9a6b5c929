// Filling holes at every threshold at once.

import { ADDED } from "../../../shared/levels.js";
import { inParts } from "./slices.js";

/**
 * Work: codes with holes filled, of all ways from the border the least of the highest on it.
 * @param {Uint16Array} codes
 * @param {number} width
 * @param {number} height
 */
export function* fillHoles(codes, width, height) {
  const size = width * height;
  const filled = new Uint16Array(size);
  const seen = new Uint8Array(size);
  const next = new Int32Array(size); // the buckets, as linked lists
  const first = new Int32Array(ADDED + 1).fill(-1);
  const push = (/** @type {number} */ pixel, /** @type {number} */ code) => {
    seen[pixel] = 1;
    filled[pixel] = code;
    next[pixel] = first[code];
    first[code] = pixel;
  };
  for (let pixel = 0; pixel < size; pixel++) {
    const x = pixel % width;
    if (x === 0 || x === width - 1 || pixel < width || pixel >= size - width) {
      push(pixel, codes[pixel]);
    }
  }
  yield;
  let code = 0;
  // Every pixel is taken once; behind the last one the search for a bucket ends.
  yield* inParts(size, (from, to) => {
    for (let taken = from; taken < to; taken++) {
      while (first[code] < 0) code++;
      const pixel = first[code];
      first[code] = next[pixel];
      const x = pixel % width;
      if (x > 0 && !seen[pixel - 1]) push(pixel - 1, Math.max(code, codes[pixel - 1]));
      if (x < width - 1 && !seen[pixel + 1]) push(pixel + 1, Math.max(code, codes[pixel + 1]));
      if (pixel >= width && !seen[pixel - width]) {
        push(pixel - width, Math.max(code, codes[pixel - width]));
      }
      if (pixel < size - width && !seen[pixel + width]) {
        push(pixel + width, Math.max(code, codes[pixel + width]));
      }
    }
  });
  return filled;
}
