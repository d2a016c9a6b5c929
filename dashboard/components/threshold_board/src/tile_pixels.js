// The pixels of a tile: sorted by level, so that a step of the threshold recolours only the pixels
// it passes; and the contours on them.

import { COLOR, rgba } from "../../shared/paint/colors.js";
import { STEPS } from "../../shared/levels.js";
import { spreadColumns, spreadRows } from "../../shared/paint/sampling.js";

/** @typedef {Pick<import("./parts.js").BoardImage, "width" | "height" | "levels" | "truth">} Maps */

const STRIPE_PIXELS = 6;
const ALPHA = 0.6;

// By kind: background or ground truth, then the same where the hatching is drawn.
const MISSED = [0, rgba(COLOR.missed, ALPHA * 0.8), 0, rgba(COLOR.missed, 1)];
const MARKED = [
  rgba(COLOR.extra, ALPHA * 0.8), rgba(COLOR.hit, ALPHA * 0.75), rgba(COLOR.extra, 1), rgba(COLOR.hit, ALPHA * 0.75),
];
const LINE = rgba(COLOR.prediction, 1);
const HALO = rgba([0, 0, 0], 0.55);
const DASH = rgba(COLOR.truth, 1);

export class TilePixels {
  /** @param {Maps} maps */
  constructor(maps) {
    const { width, height, levels } = maps;
    this.maps = maps;
    this.out = new Uint32Array(width * height); // colours on show
    this.first = new Uint32Array(STEPS + 2); // place in `order` of the first pixel of each level
    for (let i = 0; i < levels.length; i++) this.first[levels[i] + 1]++;
    for (let k = 0; k <= STEPS; k++) this.first[k + 1] += this.first[k];
    const next = this.first.slice();
    this.order = new Uint32Array(levels.length);
    for (let i = 0; i < levels.length; i++) this.order[next[levels[i]]++] = i;
    this.kinds = kindsOf(maps);
    /** @type {ReturnType<typeof edgesOf> | null} */
    this.edges = null; // made when first shown
  }

  /**
   * Hits and errors at threshold k.
   * @param {number | null} from the threshold that was painted before, null for everything
   * @param {number} k
   */
  paintErrors(from, k) {
    const { out, order, first, kinds } = this;
    if (from === null) {
      for (let i = 0; i < first[k]; i++) out[order[i]] = MISSED[kinds[order[i]]];
      for (let i = first[k]; i < order.length; i++) out[order[i]] = MARKED[kinds[order[i]]];
    } else if (k > from) {
      for (let i = first[from]; i < first[k]; i++) out[order[i]] = MISSED[kinds[order[i]]];
    } else {
      for (let i = first[k]; i < first[from]; i++) out[order[i]] = MARKED[kinds[order[i]]];
    }
  }

  /** @param {number} k */
  paintContour(k) {
    this.edges ??= edgesOf(this.maps);
    const { out, maps } = this;
    const { low, high, dashed } = this.edges;
    for (let i = 0; i < out.length; i++) {
      if (low[i] < k && high[i] >= k) out[i] = maps.levels[i] >= k ? LINE : HALO;
      else out[i] = dashed[i] ? DASH : 0;
    }
  }
}

/**
 * Of each pixel: ground truth or not, and whether hatching is drawn on it.
 * @param {Maps} maps
 */
function kindsOf({ width, height, truth }) {
  const kinds = new Uint8Array(width * height);
  const step = Math.max(4, Math.round((STRIPE_PIXELS * width) / 180));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const slant = truth[i] ? x + y : x - y + 65536 * step;
      kinds[i] = truth[i] + (slant % step < step * 0.4 ? 2 : 0);
    }
  }
  return kinds;
}

/**
 * Lowest and highest level around each pixel, and where the reference contour has a dash.
 * @param {Maps} maps
 */
function edgesOf({ width, height, levels, truth }) {
  const spread = (/** @type {Uint16Array | Uint8Array} */ map) => {
    const [low, high, lowRow, highRow] = Array.from({ length: 4 }, () => new Uint16Array(map.length));
    spreadRows(map, map, lowRow, highRow, width, height);
    spreadColumns(lowRow, highRow, low, high, width, height);
    return { low, high };
  };
  const reference = spread(truth);
  const dashed = new Uint8Array(levels.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      dashed[i] = Number(reference.low[i] !== reference.high[i] && (x * 0.62 + y) % 10 < 6);
    }
  }
  return { ...spread(levels), dashed };
}
