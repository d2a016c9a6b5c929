// Planes through a volume, and the intensities on them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Plane } from "../../dashboard/components/volume_viewer/src/plane.js";
import { Intensities } from "../../dashboard/components/volume_viewer/src/intensities.js";
import { fullestVoxel, volumeText } from "../../dashboard/components/volume_viewer/src/summary.js";
import { LEVELS } from "../../dashboard/components/shared/levels.js";
import { randomCodes, randomOf, wholeOf } from "./random.js";

const SHAPE = [4, 5, 6];
const AXES = [[0, 1, 2], [1, 0, 2], [2, 0, 1], [2, 1, 0]];
const FLIPS = Array.from({ length: 8 }, (_, n) => [Boolean(n & 1), Boolean(n & 2), Boolean(n & 4)]);

/** @returns {any} */
function volume() {
  const random = randomOf(1);
  const codes = randomCodes(random, SHAPE[0] * SHAPE[1] * SHAPE[2], 1000);
  const sizes = SHAPE.map((whole) => Uint32Array.from({ length: whole * LEVELS }, () => wholeOf(random, 0, 3)));
  const header = { whole: SHAPE, spacing_mm: [2, 1, 0.5] };
  return { header, shape: SHAPE, steps: [1, 1, 1], strides: [30, 6, 1], codes, grey: codes, sizes };
}

/** @returns {Plane[]} */
function planes() {
  const shared = volume();
  return AXES.flatMap((axes) =>
    FLIPS.map((flips) => new Plane(shared, { name: "axial", axes, flips, sides: "LRAP" })),
  );
}

test("toVolume undoes toPlane for every voxel, order of axes and direction", () => {
  for (const plane of planes()) {
    for (let z = 0; z < SHAPE[0]; z++) {
      for (let y = 0; y < SHAPE[1]; y++) {
        for (let x = 0; x < SHAPE[2]; x++) assert.deepEqual(plane.toVolume(plane.toPlane([z, y, x])), [z, y, x]);
      }
    }
  }
});

test("a slice holds the voxels that toVolume names", () => {
  for (const plane of planes()) {
    const out = new Uint16Array(plane.width * plane.height);
    for (let slice = 0; slice < plane.depth; slice++) {
      plane.extract(plane.volume.codes, slice, out);
      for (let row = 0; row < plane.height; row++) {
        for (let column = 0; column < plane.width; column++) {
          const [z, y, x] = plane.toVolume({ slice, row, column });
          assert.equal(out[row * plane.width + column], plane.volume.codes[z * 30 + y * 6 + x]);
        }
      }
    }
  }
});

test("a projection is the greatest of all slices, whatever the array held before", () => {
  for (const plane of planes()) {
    const { codes } = plane.volume;
    const projected = plane.project(codes, new Uint16Array(plane.width * plane.height).fill(65535));
    const most = new Uint16Array(projected.length);
    for (let slice = 0; slice < plane.depth; slice++) {
      plane.extract(codes, slice, new Uint16Array(most.length)).forEach((/** @type {number} */ code, /** @type {number} */ i) => (most[i] = Math.max(most[i], code)));
    }
    assert.deepEqual(projected, most);
  }
});

test("sizes of slices are the counts at and above a level, in the direction of the plane", () => {
  for (const plane of planes()) {
    const counts = plane.volume.sizes[plane.axes[0]];
    for (let slice = 0; slice < plane.whole; slice++) {
      const row = plane.flips[0] ? plane.whole - 1 - slice : slice;
      for (const k of [0, 1, 500, 1000]) {
        const expected = counts.slice(row * LEVELS + k, (row + 1) * LEVELS).reduce((/** @type {number} */ sum, /** @type {number} */ n) => sum + n, 0);
        assert.equal(plane.sizeOf(slice, k), expected);
      }
    }
  }
});

test("a position outside is brought to the nearest voxel", () => {
  for (const plane of planes()) {
    const at = plane.toVolume({ slice: -3, row: 1e6, column: 2.7 });
    at.forEach((/** @type {number} */ value, /** @type {number} */ axis) => assert.ok(value >= 0 && value < SHAPE[axis]));
  }
});

test("a window spans black to white, never falls, and is clamped outside", () => {
  const grays = new Intensities(/** @type {any} */ ({ window: [40, 400], low: -1024, high: 3071, scale: 1, unit: "HU" }));
  const gray = (/** @type {number} */ value) => grays.table[value + 1024];
  assert.deepEqual([gray(-1000), gray(-160), gray(240), gray(3000)], [0, 0, 255, 255]);
  assert.ok(Math.abs(gray(40) - 127.5) <= 0.5);
  for (let code = 1; code < grays.table.length; code++) assert.ok(grays.table[code] >= grays.table[code - 1]);
});

test("intensities of 8 bits are shown as they are, and have no window", () => {
  const grays = new Intensities(/** @type {any} */ ({ window: null, low: 0, high: 255, scale: 1, unit: "" }));
  assert.equal(grays.adjustable, false);
  assert.deepEqual([...grays.table], Array.from({ length: 256 }, (_, code) => code));
});

test("a code is read out as its value with its unit", () => {
  const coding = { window: [0, 10], low: -1024, high: 3071, scale: 1, unit: "HU" };
  assert.equal(new Intensities(/** @type {any} */ (coding)).valueText(1064), "40 HU");
  assert.equal(new Intensities(/** @type {any} */ ({ ...coding, low: 0, scale: 0.1, unit: "" })).valueText(3), "0.3000");
});

test("the first position lies in the fullest slice of every axis", () => {
  const shared = volume();
  for (const flips of FLIPS) {
    const three = [[0, 1, 2], [1, 0, 2], [2, 0, 1]].map((axes) => new Plane(shared, { name: "axial", axes, flips, sides: "LRAP" }));
    const some = /** @type {any} */ ({ shape: SHAPE, planes: three, tally: { foreground: new Array(1003).fill(1) } });
    fullestVoxel(some, 700).forEach((at, axis) => {
      const sizes = Array.from({ length: SHAPE[axis] }, (_, n) => {
        return shared.sizes[axis].slice(n * LEVELS + 700, (n + 1) * LEVELS).reduce((/** @type {number} */ sum, /** @type {number} */ one) => sum + one, 0);
      });
      assert.equal(sizes[at], Math.max(...sizes));
    });
    const none = /** @type {any} */ ({ shape: SHAPE, planes: three, tally: { foreground: new Array(1003).fill(0) } });
    assert.deepEqual(fullestVoxel(none, 700), [2, 2, 3]);
  }
});

test("a volume is given in ml or, in a small image, in mm³; without a spacing as voxels alone", () => {
  assert.equal(volumeText(1500, 1e6, 2), "3.00 ml  ·  1,500 voxels");
  assert.equal(volumeText(1500, 1e4, 1), "1.500 ml  ·  1,500 voxels");
  assert.equal(volumeText(12, 500, 0.5), "6.00 mm³  ·  12 voxels");
  assert.equal(volumeText(12, 500, null), "12 voxels");
});
