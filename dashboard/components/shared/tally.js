// Exact counts at every threshold.

import { ADDED } from "./levels.js";

/** @typedef {{ foreground: number, tp: number, fp: number, fn: number }} Counts */

/**
 * Foreground, TP, FP and FN at every threshold, over the whole map at native resolution.
 *
 * Two histograms of codes and their suffix sums, made once: after that a count is a look-up.
 */
export class Tally {
  /**
   * @param {Uint16Array} codes
   * @param {Uint8Array | null} truth
   */
  constructor(codes, truth) {
    this.all = new Float64Array(ADDED + 1);
    this.on = new Float64Array(ADDED + 1);
    for (let i = 0; i < codes.length; i++) this.all[codes[i]]++;
    if (truth) for (let i = 0; i < codes.length; i++) this.on[codes[i]] += truth[i];
    this.truth = truth;
    this.known = truth !== null;
    this.pixels = codes.length;
    this.foreground = suffixSums(this.all);
    this.hits = suffixSums(this.on);
  }

  copy() {
    const copied = Object.assign(Object.create(Tally.prototype), this);
    return Object.assign(copied, { all: this.all.slice(), on: this.on.slice() });
  }

  /**
   * A pixel changed its code; `settle` when all have.
   * @param {number} pixel
   * @param {number} from
   * @param {number} to
   */
  move(pixel, from, to) {
    this.all[from]--;
    this.all[to]++;
    if (!this.truth?.[pixel]) return;
    this.on[from]--;
    this.on[to]++;
  }

  settle() {
    this.foreground = suffixSums(this.all);
    this.hits = suffixSums(this.on);
  }

  /**
   * The four counts at threshold k; TP, FP and FN are null where the truth is not known.
   * @param {number} k
   */
  at(k) {
    const foreground = this.foreground[k + 1];
    if (!this.known) return { foreground, tp: null, fp: null, fn: null };
    const tp = this.hits[k + 1];
    return { foreground, tp, fp: foreground - tp, fn: this.hits[0] - tp };
  }

  /**
   * Dice, IoU, precision and recall at k; NaN where a denominator is zero.
   * @param {number} k
   */
  scores(k) {
    const { tp, fp, fn } = /** @type {Counts} */ (this.at(k));
    return {
      dice: (2 * tp) / (2 * tp + fp + fn),
      iou: tp / (tp + fp + fn),
      precision: tp / (tp + fp),
      recall: tp / (tp + fn),
    };
  }
}

/**
 * At every place the sum of it and all after it: pixels at or above each level.
 * @template {Uint32Array | Float64Array} T
 * @param {T} histogram
 * @returns {T}
 */
export function suffixSums(histogram) {
  const sums = /** @type {T} */ (histogram.slice());
  for (let at = sums.length - 2; at >= 0; at--) sums[at] += sums[at + 1];
  return sums;
}
