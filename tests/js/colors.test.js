// Colours of pixels by code and flags.

import assert from "node:assert/strict";
import { test } from "node:test";
import { COLOR, HEAT, rgba } from "../../dashboard/components/shared/paint/colors.js";
import { ADDED, REMOVED, STEPS } from "../../dashboard/components/shared/levels.js";
import { EDGE, STRIPE, TRUTH, colorTable } from "../../dashboard/components/shared/paint/pixel_colors.js";

test("a colour is packed as the bytes of an image: red, green, blue, alpha", () => {
  const bytes = new Uint8Array(Uint32Array.of(rgba([1, 2, 3], 1)).buffer);
  assert.deepEqual([...bytes], [1, 2, 3, 255]);
  assert.equal(rgba([255, 255, 255], 0) >>> 24, 0);
});

test("the heat map has a colour for each level, and each is lighter than the one 20 below", () => {
  assert.equal(HEAT.length, STEPS + 1);
  const lightness = HEAT.map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue);
  for (let k = 20; k <= STEPS; k++) assert.ok(lightness[k] > lightness[k - 20]);
});

const look = { style: "fill", alpha: 0.5, lineAlpha: 1, contour: false, truth: true, editing: false };
const table = (/** @type {object} */ changes, /** @type {number} */ k) =>
  colorTable(/** @type {any} */ ({ ...look, ...changes }), k).slice();
const opaque = (/** @type {number} */ color) => (color & 0xffffff) >>> 0;

test("a fill changes exactly at the threshold and shows errors by kind", () => {
  for (const k of [0, 1, 412, STEPS]) {
    const colors = table({}, k);
    for (let code = REMOVED; code <= ADDED; code++) {
      const inside = code > k;
      assert.equal(opaque(colors[code]), inside ? opaque(rgba(COLOR.extra, 1)) : 0);
      assert.equal(opaque(colors[code | TRUTH]), opaque(rgba(inside ? COLOR.hit : COLOR.missed, 1)));
    }
  }
});

test("errors are hatched, hits are not, and the reference contour lies over all", () => {
  const colors = table({}, 500);
  assert.notEqual(colors[600], colors[600 | STRIPE]);
  assert.notEqual(colors[400 | TRUTH], colors[400 | TRUTH | STRIPE]);
  assert.equal(colors[600 | TRUTH], colors[600 | TRUTH | STRIPE]);
  for (const code of [0, 400, 600, 1002]) assert.equal(colors[code | EDGE], rgba(COLOR.truth, 1));
});

test("without a reference mask foreground has one colour, and background none", () => {
  const colors = table({ truth: false }, 500);
  assert.deepEqual([colors[500], colors[501], colors[501 | TRUTH]], [0, rgba(COLOR.prediction, 0.5), rgba(COLOR.prediction, 0.5)]);
});

test("a contour and codes beyond the range leave the image bare", () => {
  const colors = table({ style: "contour" }, 500);
  for (let code = 0; code < 1024; code++) assert.equal(colors[code], 0);
  assert.equal(table({}, 500)[ADDED + 1], 0);
});
