// Exact counts at every threshold.

import { ADDED } from "./levels.js";

/**
 * Foreground, TP, FP and FN at every threshold, over the whole map at native resolution.
 *
 * Two histograms of codes and their suffix sums, made once: after that a count is a look-up.
 */
export class Tally {
  constructor(codes, truth) {
    this.all = new Float64Array(ADDED + 1);
    this.on = new Float64Array(ADDED + 1);
    for (let i = 0; i < codes.length; i++) this.all[codes[i]]++;
    if (truth) for (let i = 0; i < codes.length; i++) this.on[codes[i]] += truth[i];
    this.truth = truth;
    this.known = truth !== null;
    this.pixels = codes.length;
    this.settle();
  }

  copy() {
    const copied = Object.assign(Object.create(Tally.prototype), this);
    return Object.assign(copied, { all: this.all.slice(), on: this.on.slice() });
  }

  /** A pixel changed its code; `settle` when all have. */
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

  /** The four counts at threshold k; TP, FP and FN are null where the truth is not known. */
  at(k) {
    const foreground = this.foreground[k + 1];
    if (!this.known) return { foreground, tp: null, fp: null, fn: null };
    const tp = this.hits[k + 1];
    return { foreground, tp, fp: foreground - tp, fn: this.hits[0] - tp };
  }

  /** Dice, IoU, precision and recall at k; NaN where a denominator is zero. */
  scores(k) {
    const { tp, fp, fn } = this.at(k);
    return {
      dice: (2 * tp) / (2 * tp + fp + fn),
      iou: tp / (tp + fp + fn),
      precision: tp / (tp + fp),
      recall: tp / (tp + fn),
    };
  }
}

/** At every place the sum of it and all after it: pixels at or above each level. */
export function suffixSums(histogram) {
  const sums = histogram.slice();
  for (let at = sums.length - 2; at >= 0; at--) sums[at] += sums[at + 1];
  return sums;
}
