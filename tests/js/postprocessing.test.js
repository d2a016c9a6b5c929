// Post-processing of the whole map at once is post-processing of the mask at every threshold.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ADDED } from "../../dashboard/components/shared/levels.js";
import { AreaTree } from "../../dashboard/components/viewer/src/mask/area_tree.js";
import { fillHoles } from "../../dashboard/components/viewer/src/mask/fill_holes.js";
import { flood } from "./flood.js";
import { atOnce } from "./generators.js";
import { randomCodes, randomOf, wholeOf } from "./random.js";

const SHAPES = [[1, 1], [1, 9], [9, 1], [2, 2], [13, 11], [16, 16]];

/**
 * The mask above `k` without holes: whatever background does not reach the border, four ways.
 * @param {Uint16Array} codes
 * @param {number} width
 * @param {number} height
 * @param {number} k
 */
function filledMask(codes, width, height, k) {
  const holes = flood(Uint8Array.from(codes, (code) => Number(code <= k)), width, height, 4);
  const mask = Uint8Array.from(codes, (code) => Number(code > k));
  for (const pixels of holes) {
    const open = pixels.some((i) => i < width || i >= width * (height - 1) || i % width === 0 || i % width === width - 1);
    if (!open) for (const i of pixels) mask[i] = 1;
  }
  return mask;
}

test("filled codes above any threshold are the mask with its holes filled", () => {
  const random = randomOf(1);
  for (const [width, height] of SHAPES) {
    for (const levels of [1, 3, 200]) {
      const codes = randomCodes(random, width * height, levels);
      const filled = atOnce(fillHoles(codes, width, height));
      for (const k of new Set([0, ...codes])) {
        const mask = Uint8Array.from(filled, (code) => Number(code > k));
        assert.deepEqual(mask, filledMask(codes, width, height, k));
      }
    }
  }
});

test("filling twice changes nothing more, and no code falls", () => {
  const codes = randomCodes(randomOf(2), 20 * 15, 40);
  const filled = atOnce(fillHoles(codes, 20, 15));
  assert.deepEqual(atOnce(fillHoles(filled, 20, 15)), filled);
  assert.ok(filled.every((code, i) => code >= codes[i] && code <= ADDED));
});

/**
 * The mask above `k` without components of fewer than `least` pixels.
 * @param {Uint16Array} codes
 * @param {number} width
 * @param {number} height
 * @param {number} k
 * @param {number} least
 */
function largeMask(codes, width, height, k, least) {
  const mask = new Uint8Array(codes.length);
  const components = flood(Uint8Array.from(codes, (code) => Number(code > k)), width, height, 8);
  for (const i of components.filter((pixels) => pixels.length >= least).flat()) mask[i] = 1;
  return mask;
}

test("codes without small components are the mask without them, at every threshold and area", () => {
  const random = randomOf(3);
  for (const [width, height] of SHAPES) {
    for (const levels of [1, 4, 200]) {
      const codes = randomCodes(random, width * height, levels);
      const tree = atOnce(AreaTree.of(codes, width, height));
      for (const least of [1, 2, 3, wholeOf(random, 4, 30), width * height + 1]) {
        const kept = atOnce(tree.dropSmall(least));
        for (const k of new Set([0, ...codes])) {
          const mask = Uint8Array.from(kept, (code) => Number(code > k));
          assert.deepEqual(mask, largeMask(codes, width, height, k, least));
        }
      }
    }
  }
});

test("a least area of one pixel keeps the map; a larger one than the image removes all", () => {
  const codes = randomCodes(randomOf(4), 12 * 12, 30);
  const tree = atOnce(AreaTree.of(codes, 12, 12));
  assert.deepEqual(atOnce(tree.dropSmall(1)), codes);
  assert.ok(atOnce(tree.dropSmall(145)).every((code) => code === 0));
});
