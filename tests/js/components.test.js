// Components and their measurements are what a flood fill and all pairs of points give.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Components } from "../../dashboard/components/viewer/src/mask/components.js";
import { diametersOf } from "../../dashboard/components/viewer/src/mask/diameters.js";
import { flood } from "./flood.js";
import { randomCodes, randomOf } from "./random.js";

/** @param {number} seed */
function example(seed, width = 23, height = 17) {
  const random = randomOf(seed);
  const codes = randomCodes(random, width * height, 12);
  return { codes, width, height, header: { spacing_mm: null } };
}

test("areas, boxes and mean probabilities are those of a flood fill over eight neighbours", () => {
  for (const seed of [1, 2, 3, 4]) {
    const scene = example(seed);
    const { codes, width, height } = scene;
    for (const k of [0, 300, 500, 700, 900, 1000]) {
      const found = new Components(codes, /** @type {any} */ (scene), k);
      const expected = flood(Uint8Array.from(codes, (code) => Number(code > k)), width, height, 8)
        .map((pixels) => {
          const xs = pixels.map((i) => i % width);
          const ys = pixels.map((i) => Math.floor(i / width));
          const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs) + 1, Math.min(...ys), Math.max(...ys) + 1];
          const levels = pixels.reduce((sum, i) => sum + codes[i] - 1, 0);
          return {
            area: pixels.length,
            box: [top, left, bottom, right],
            probability: levels / pixels.length / 1000,
            atBorder: top === 0 || left === 0 || bottom === height || right === width,
          };
        })
        .sort((one, other) => other.area - one.area);
      const summary = found.summary();
      assert.deepEqual(summary.map(({ area, box, probability, atBorder }) => ({ area, box, probability, atBorder })), expected);
      assert.deepEqual(summary.map(({ number }) => number), expected.map((_, n) => n + 1));
    }
  }
});

test("a pixel belongs to a component exactly where it is foreground, and areas add up", () => {
  const scene = example(5);
  const found = new Components(scene.codes, /** @type {any} */ (scene), 600);
  const counts = new Map();
  for (let y = 0; y < scene.height; y++) {
    for (let x = 0; x < scene.width; x++) {
      const one = found.at(x, y);
      assert.equal(one !== undefined, scene.codes[y * scene.width + x] > 600);
      if (one) counts.set(one.number, (counts.get(one.number) ?? 0) + 1);
    }
  }
  for (const one of found.list) assert.equal(counts.get(one.number), one.area);
  for (const [x, y] of [[-1, 0], [0, -1], [scene.width, 0], [0, scene.height]]) assert.equal(found.at(x, y), undefined);
});

test("an empty mask has no components", () => {
  const scene = example(6);
  assert.deepEqual(new Components(scene.codes.fill(1), /** @type {any} */ (scene), 1).summary(), []);
});

/**
 * Rows of a random shape, one run in each, and the midpoints of all its pixel edges in millimetres.
 * @param {number} seed
 * @param {[number, number]} spacing
 */
function shape(seed, [rowMm, columnMm]) {
  const random = randomOf(seed);
  /** @type {[number, number, number][]} */
  const rows = [];
  for (let y = 3; y < 3 + 1 + Math.floor(random() * 9); y++) {
    const from = Math.floor(random() * 6);
    rows.push([y, from, from + 1 + Math.floor(random() * 8)]);
  }
  const points = rows.flatMap(([y, from, to]) =>
    Array.from({ length: to - from }, (_, n) => from + n).flatMap((x) =>
      [[x - 0.5, y], [x + 0.5, y], [x, y - 0.5], [x, y + 0.5]].map(([u, v]) => ({ x: u * columnMm, y: v * rowMm })),
    ),
  );
  return { rows, points };
}

test("the longest diameter is the greatest distance of two pixel edges", () => {
  for (let seed = 1; seed < 40; seed++) {
    /** @type {[number, number]} */
    const spacing = seed % 2 ? [1, 1] : [0.7, 1.3];
    const { rows, points } = shape(seed, spacing);
    let most = 0;
    for (const a of points) for (const b of points) most = Math.max(most, Math.hypot(a.x - b.x, a.y - b.y));
    const { longest, perpendicular } = diametersOf(rows, spacing);
    assert.ok(Math.abs(longest.length - most) < 1e-9);
    assert.ok(perpendicular.length > 0 && perpendicular.length <= longest.length + 1e-9);
    const [[a, b], [c, d]] = [longest.ends, perpendicular.ends].map((ends) =>
      ends.map((/** @type {{ x: number, y: number }} */ { x, y }) => ({ x: (x - 0.5) * spacing[1], y: (y - 0.5) * spacing[0] })),
    );
    assert.ok(Math.abs(Math.hypot(a.x - b.x, a.y - b.y) - longest.length) < 1e-9);
    assert.ok(Math.abs(Math.hypot(c.x - d.x, c.y - d.y) - perpendicular.length) < 1e-9);
    const dot = (a.x - b.x) * (c.x - d.x) + (a.y - b.y) * (c.y - d.y);
    assert.ok(Math.abs(dot) < 1e-6, "the two stand at right angles");
  }
});

test("lengths grow with the spacing, and a rectangle of 1 x n pixels is n long and 1 wide", () => {
  const { rows } = shape(7, [1, 1]);
  const [plain, doubled] = [diametersOf(rows, [1, 1]), diametersOf(rows, [2, 2])];
  assert.ok(Math.abs(doubled.longest.length - 2 * plain.longest.length) < 1e-9);
  const bar = diametersOf([[4, 2, 9]], [0.5, 1]);
  assert.ok(Math.abs(bar.longest.length - 7) < 1e-12);
  assert.ok(Math.abs(bar.perpendicular.length - 0.5) < 1e-9);
});
