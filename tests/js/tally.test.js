// Counts from histograms are the counts of the mask, at every threshold.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ADDED, REMOVED, STEPS } from "../../dashboard/components/shared/levels.js";
import { Tally } from "../../dashboard/components/shared/tally.js";
import { randomCodes, randomOf, wholeOf } from "./random.js";

/**
 * @param {Uint16Array} codes
 * @param {Uint8Array} truth
 * @param {number} k
 */
function counted(codes, truth, k) {
  const counts = { foreground: 0, tp: 0, fp: 0, fn: 0 };
  codes.forEach((code, i) => {
    const inside = code > k;
    if (inside) counts.foreground++;
    if (inside && truth[i]) counts.tp++;
    if (inside && !truth[i]) counts.fp++;
    if (!inside && truth[i]) counts.fn++;
  });
  return counts;
}

/** @param {() => number} random */
function example(random) {
  const codes = randomCodes(random, 400, 50);
  const truth = Uint8Array.from(codes, (code) => Number(random() < code / STEPS));
  return { codes, truth };
}

test("every threshold counts what a loop over the pixels counts", () => {
  const { codes, truth } = example(randomOf(1));
  const tally = new Tally(codes, truth);
  for (let k = 0; k <= STEPS; k++) assert.deepEqual(tally.at(k), counted(codes, truth, k));
});

test("at threshold 0 every pixel that was not removed is foreground", () => {
  const codes = Uint16Array.of(1, 1001, REMOVED, ADDED);
  assert.equal(new Tally(codes, null).at(0).foreground, 3);
  assert.equal(new Tally(codes, null).at(STEPS).foreground, 2);
});

test("pixels that move give the counts of the changed map, and leave the copied tally alone", () => {
  const random = randomOf(2);
  const { codes, truth } = example(random);
  const original = new Tally(codes, truth);
  const tally = original.copy();
  const changed = codes.slice();
  for (let n = 0; n < 300; n++) {
    const pixel = wholeOf(random, 0, codes.length - 1);
    const code = wholeOf(random, REMOVED, ADDED);
    tally.move(pixel, changed[pixel], code);
    changed[pixel] = code;
  }
  tally.settle();
  for (let k = 0; k <= STEPS; k += 7) {
    assert.deepEqual(tally.at(k), counted(changed, truth, k));
    assert.deepEqual(original.at(k), counted(codes, truth, k));
  }
});

test("[1, 1, 0, 0] against [0, 1, 1, 0] has Dice 0.5 and IoU 1/3", () => {
  const tally = new Tally(Uint16Array.of(900, 900, 10, 10), Uint8Array.of(0, 1, 1, 0));
  assert.deepEqual(tally.scores(500), { dice: 0.5, iou: 1 / 3, precision: 0.5, recall: 0.5 });
});

test("Dice follows from IoU, and lies between precision and recall", () => {
  const { codes, truth } = example(randomOf(3));
  const tally = new Tally(codes, truth);
  for (let k = 0; k <= STEPS; k += 13) {
    const { dice, iou, precision, recall } = tally.scores(k);
    if (!tally.at(k).foreground) continue;
    assert.ok(Math.abs(dice - (2 * iou) / (1 + iou)) < 1e-12);
    assert.ok(dice >= Math.min(precision, recall) - 1e-12);
    assert.ok(dice <= Math.max(precision, recall) + 1e-12);
  }
});

test("both masks empty: Dice and IoU are NaN; without a reference mask the counts are null", () => {
  const tally = new Tally(Uint16Array.of(1, 1), Uint8Array.of(0, 0));
  const { dice, iou, recall } = tally.scores(500);
  assert.deepEqual([dice, iou, recall], [NaN, NaN, NaN]);
  const unknown = new Tally(Uint16Array.of(800, 1), null);
  assert.deepEqual(unknown.at(500), { foreground: 1, tp: null, fp: null, fn: null });
});
