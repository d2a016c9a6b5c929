// A tile that is recoloured step by step shows what a tile painted anew shows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { COLOR, rgba } from "../../dashboard/components/shared/paint/colors.js";
import { STEPS } from "../../dashboard/components/shared/levels.js";
import { TilePixels } from "../../dashboard/components/threshold_board/src/tile_pixels.js";
import { randomCodes, randomOf, wholeOf } from "./random.js";

/** @param {number} seed */
function maps(seed, width = 31, height = 22) {
  const random = randomOf(seed);
  const levels = randomCodes(random, width * height, 60).map((code) => code - 1);
  const truth = Uint8Array.from(levels, (level) => Number(random() < level / STEPS));
  return { width, height, levels, truth };
}

const opaque = (/** @type {number} */ color) => (color & 0xffffff) >>> 0;

test("any walk of the threshold ends in the picture of its last step", () => {
  const random = randomOf(1);
  const walked = new TilePixels(maps(2));
  /** @type {number | null} */
  let from = null;
  for (let n = 0; n < 60; n++) {
    const k = wholeOf(random, 0, STEPS);
    walked.paintErrors(from, k);
    const anew = new TilePixels(maps(2));
    anew.paintErrors(null, k);
    assert.deepEqual(walked.out, anew.out);
    from = k;
  }
});

test("hits, false positives and false negatives have their colours, true negatives none", () => {
  const { levels, truth, ...size } = maps(3);
  const pixels = new TilePixels({ levels, truth, ...size });
  for (const k of [0, 1, 350, 351, STEPS]) {
    pixels.paintErrors(null, k);
    levels.forEach((level, i) => {
      const inside = level >= k;
      /** @type {import("../../dashboard/components/shared/paint/colors.js").Color} */
      const expected = inside ? (truth[i] ? COLOR.hit : COLOR.extra) : truth[i] ? COLOR.missed : [0, 0, 0];
      assert.equal(opaque(pixels.out[i]), opaque(rgba(expected, 1)));
    });
  }
});

test("the contour lies only where both sides of the threshold meet", () => {
  const { levels, width, height } = maps(4);
  const pixels = new TilePixels({ levels, width, height, truth: new Uint8Array(levels.length) });
  for (const k of [0, 1, 400, STEPS]) {
    pixels.paintContour(k);
    levels.forEach((_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      const around = new Set();
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) around.add(levels[v * width + u] >= k);
      }
      assert.equal(pixels.out[i] !== 0, around.size === 2);
    });
  }
});
