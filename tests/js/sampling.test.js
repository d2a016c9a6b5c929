// A map is sampled and spread over display pixels as its definition says.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sample, sampleAxis, spreadColumns, spreadRows } from "../../dashboard/components/shared/paint/sampling.js";
import { randomCodes, randomOf } from "./random.js";

test("samples of an axis never leave the map and never run backwards", () => {
  const random = randomOf(1);
  for (let n = 0; n < 200; n++) {
    const [scale, origin] = [0.05 + random() * 20, (random() - 0.5) * 100];
    const index = sampleAxis(3, 80, origin, scale, 17);
    index.forEach((at, i) => assert.ok(at >= 0 && at < 17 && (i === 0 || at >= index[i - 1])));
  }
});

test("at scale 1 a map is shown pixel for pixel", () => {
  const codes = randomCodes(randomOf(2), 6 * 5, 100);
  const out = new Uint16Array(30);
  sample(codes, 6, sampleAxis(0, 6, 0, 1, 6), sampleAxis(0, 5, 0, 1, 5), out);
  assert.deepEqual(out, codes);
});

test("at scale 3 every pixel is a block of 3 x 3", () => {
  const codes = randomCodes(randomOf(3), 4 * 3, 100);
  const out = new Uint16Array(12 * 9);
  sample(codes, 4, sampleAxis(0, 12, 0, 3, 4), sampleAxis(0, 9, 0, 3, 3), out);
  for (let y = 0; y < 9; y++) {
    for (let x = 0; x < 12; x++) {
      assert.equal(out[y * 12 + x], codes[Math.floor(y / 3) * 4 + Math.floor(x / 3)]);
    }
  }
});

test("rows and then columns give the least and greatest of the 3 x 3 around each pixel", () => {
  for (const [width, height] of [[1, 1], [1, 6], [7, 1], [2, 2], [9, 8]]) {
    const codes = randomCodes(randomOf(width * 10 + height), width * height, 1000);
    const [low, high, lowRow, highRow] = Array.from({ length: 4 }, () => new Uint16Array(codes.length));
    spreadRows(codes, codes, lowRow, highRow, width, height);
    spreadColumns(lowRow, highRow, low, high, width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const around = [];
        for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
          for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) around.push(codes[v * width + u]);
        }
        assert.equal(low[y * width + x], Math.min(...around));
        assert.equal(high[y * width + x], Math.max(...around));
      }
    }
  }
});
