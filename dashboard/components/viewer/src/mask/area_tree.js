// Post-processing at every threshold at once. Filling holes and dropping what is small commute with
// thresholding, so each is done once on the codes, and a threshold stays a look-up: the result
// above k is exactly the mask at k, cleaned as core.threshold.postprocessing does (holes first; components join
// through all eight neighbours, holes reach the border through four).

import { ADDED } from "../../../shared/levels.js";
import { inParts } from "./slices.js";

export const MOST_CLEANED = 2 ** 24; // pixels; the tree takes twelve bytes for each

const STEP_X = [-1, 0, 1, -1, 1, -1, 0, 1];
const STEP_Y = [-1, -1, -1, 0, 0, 1, 1, 1];

/**
 * Work: pixels by falling code, by counting.
 * @param {Uint16Array} codes
 */
function* byFallingCode(codes) {
  const start = new Int32Array(ADDED + 2);
  yield* inParts(codes.length, (from, to) => {
    for (let i = from; i < to; i++) start[codes[i]]++;
  });
  for (let code = ADDED, at = 0; code >= 0; code--) [start[code], at] = [at, at + start[code]];
  const order = new Int32Array(codes.length);
  yield* inParts(codes.length, (from, to) => {
    for (let i = from; i < to; i++) order[start[codes[i]]++] = i;
  });
  return order;
}

/**
 * The components of every threshold as one tree (a max-tree, by union-find in falling order):
 * made once for a map, after that each minimum area is a single pass.
 */
export class AreaTree {
  /**
   * @param {Uint16Array} codes
   * @param {Int32Array} order
   * @param {Int32Array} parent
   * @param {Int32Array} area
   */
  constructor(codes, order, parent, area) {
    this.codes = codes;
    this.order = order;
    this.parent = parent;
    this.area = area;
  }

  /**
   * Work: the tree of a map.
   * @param {Uint16Array} codes
   * @param {number} width
   * @param {number} height
   */
  static *of(codes, width, height) {
    const size = width * height;
    const order = yield* byFallingCode(codes);
    const parent = new Int32Array(size);
    const area = new Int32Array(size);
    const root = new Int32Array(size).fill(-1);
    yield* inParts(size, (from, to) => {
      for (let at = from; at < to; at++) {
        const pixel = order[at];
        const x = pixel % width;
        parent[pixel] = root[pixel] = pixel;
        area[pixel] = 1;
        for (let n = 0; n < 8; n++) {
          const beside = STEP_X[n];
          if ((x === 0 && beside < 0) || (x === width - 1 && beside > 0)) continue;
          let other = pixel + STEP_Y[n] * width + beside;
          if (other < 0 || other >= size || root[other] < 0) continue;
          while (root[other] !== other) other = root[other] = root[root[other]];
          if (other === pixel) continue;
          parent[other] = root[other] = pixel;
          area[pixel] += area[other];
        }
      }
    });
    // Each pixel hangs on the head of its own plateau or of the one below.
    yield* inParts(size, (from, to) => {
      for (let at = size - 1 - from; at > size - 1 - to; at--) {
        const pixel = order[at];
        const above = parent[pixel];
        if (codes[parent[above]] === codes[above]) parent[pixel] = parent[above];
      }
    });
    return new AreaTree(codes, order, parent, area);
  }

  /**
   * Work: codes without what is smaller than `least` pixels.
   * @param {number} least
   */
  *dropSmall(least) {
    const { codes, order, parent, area } = this;
    const size = codes.length;
    const kept = new Uint16Array(size);
    yield* inParts(size, (from, to) => {
      for (let at = size - 1 - from; at > size - 1 - to; at--) {
        const pixel = order[at];
        const above = parent[pixel];
        const head = above === pixel || codes[above] !== codes[pixel];
        if (head && area[pixel] >= least) kept[pixel] = codes[pixel];
        else kept[pixel] = above === pixel ? 0 : kept[above];
      }
    });
    return kept;
  }
}
