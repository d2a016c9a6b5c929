// Corrections: every step can be undone, and what Python is sent describes the same mask.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ADDED, REMOVED, STEPS } from "../../dashboard/components/shared/levels.js";
import { Tally } from "../../dashboard/components/shared/tally.js";
import { MaskMap, PUT_IN, TAKEN_OUT } from "../../dashboard/components/viewer/src/mask/mask.js";
import { atOnce } from "./generators.js";
import { randomCodes, randomOf, wholeOf } from "./random.js";

const [WIDTH, HEIGHT] = [19, 14];

/** @param {() => number} random */
function newMask(random) {
  const codes = randomCodes(random, WIDTH * HEIGHT, 20);
  const truth = Uint8Array.from(codes, () => Number(random() < 0.4));
  const tally = new Tally(codes, truth);
  return new MaskMap(/** @type {any} */ ({ width: WIDTH, height: HEIGHT, codes, truth, tally, header: {} }));
}

/**
 * @param {MaskMap} mask
 * @param {() => number} random
 */
function draw(mask, random) {
  mask.begin(random() < 0.5 ? PUT_IN : TAKEN_OUT);
  for (let n = 0; n < 3; n++) {
    const from = wholeOf(random, -3, WIDTH);
    mask.span(wholeOf(random, -1, HEIGHT), from, from + wholeOf(random, 1, 8));
  }
  return mask.end();
}

/** @param {MaskMap} mask */
function assertConsistent(mask) {
  const { clean, edits, marks } = mask;
  const amount = [0, 0, 0];
  marks.forEach((/** @type {number} */ code, /** @type {number} */ i) => {
    const kind = edits?.[i] ?? 0;
    amount[kind]++;
    if (!mask.applied) return assert.equal(code, clean[i]);
    return assert.equal(code, kind === PUT_IN ? ADDED : kind === TAKEN_OUT ? REMOVED : clean[i]);
  });
  const recounted = new Tally(marks, mask.scene.truth);
  for (const k of [0, 333, 500, STEPS]) assert.deepEqual(mask.tally.at(k), recounted.at(k));
  if (edits) assert.deepEqual([mask.amount[PUT_IN], mask.amount[TAKEN_OUT]], [amount[PUT_IN], amount[TAKEN_OUT]]);
}

test("undoing all gives the map back, redoing all the corrected one", () => {
  const random = randomOf(1);
  const mask = newMask(random);
  const before = mask.marks.slice();
  const states = [before];
  for (let n = 0; n < 30; n++) {
    if (draw(mask, random)) states.push(mask.marks.slice());
    assertConsistent(mask);
  }
  for (let n = states.length - 2; n >= 0; n--) {
    assert.equal(mask.undo(), true);
    assert.deepEqual(mask.marks, states[n]);
    assertConsistent(mask);
  }
  assert.equal(mask.undo(), false);
  for (let n = 1; n < states.length; n++) {
    assert.equal(mask.redo(), true);
    assert.deepEqual(mask.marks, states[n]);
  }
  assert.equal(mask.redo(), false);
});

test("a new correction ends what could be redone", () => {
  const random = randomOf(2);
  const mask = newMask(random);
  while (!draw(mask, random));
  mask.undo();
  while (!draw(mask, random));
  assert.equal(mask.redo(), false);
});

test("a stroke outside the image or over itself is no step", () => {
  const mask = newMask(randomOf(3));
  mask.begin(PUT_IN);
  mask.span(-1, 0, 5);
  mask.span(HEIGHT, 0, 5);
  mask.span(2, WIDTH, WIDTH + 4);
  assert.equal(mask.end(), false);
  assert.equal(mask.corrected, false);
  assertConsistent(mask);
});

test("the runs that are sent bring the same corrections back", () => {
  const random = randomOf(4);
  for (let n = 0; n < 20; n++) {
    const mask = newMask(randomOf(5));
    for (let step = 0; step < 6; step++) draw(mask, random);
    const again = newMask(randomOf(5));
    again.load(mask.runs(PUT_IN), mask.runs(TAKEN_OUT));
    assert.deepEqual(again.marks, mask.marks);
    assertConsistent(again);
    for (const runs of [mask.runs(PUT_IN), mask.runs(TAKEN_OUT)]) {
      assert.equal(runs.length % 2, 0);
      assert.ok(runs.every((length, at) => length > 0 || at === 0));
    }
  }
});

test("switched off, corrections change nothing; cleared, they can be brought back", () => {
  const random = randomOf(6);
  const mask = newMask(random);
  const original = mask.marks.slice();
  for (let n = 0; n < 5; n++) draw(mask, random);
  const corrected = mask.marks.slice();
  mask.apply(false);
  assert.deepEqual(mask.marks, original);
  assertConsistent(mask);
  mask.apply(true);
  assert.deepEqual(mask.marks, corrected);
  assert.equal(mask.clear(), true);
  assert.deepEqual(mask.marks, original);
  assert.equal(mask.clear(), false);
  mask.undo();
  assert.deepEqual(mask.marks, corrected);
});

test("post-processing under corrections leaves corrected pixels as they are, and back gives the map", () => {
  const random = randomOf(7);
  const mask = newMask(random);
  const original = mask.marks.slice();
  for (let n = 0; n < 5; n++) draw(mask, random);
  assert.equal(atOnce(mask.cleaned(6, true)), true);
  assertConsistent(mask);
  assert.equal(atOnce(mask.cleaned(6, true)), false);
  atOnce(mask.cleaned(0, false));
  mask.clear();
  assert.deepEqual(mask.marks, original);
});
