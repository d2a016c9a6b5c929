// Numbers as people read them, and markup that text cannot break.

import assert from "node:assert/strict";
import { test } from "node:test";
import { areaText, clamp, lengthText, roundLength, threeDecimals } from "../../dashboard/components/shared/numbers.js";
import { escapeText, roundUp, signed } from "../../dashboard/components/threshold_board/src/text.js";
import { legendKeys } from "../../dashboard/components/viewer/src/legend.js";
import { randomOf } from "./random.js";

test("a score has three decimals, an undefined one a dash", () => {
  assert.equal(threeDecimals(0.9125), "0.912");
  assert.equal(threeDecimals(1), "1.000");
  for (const value of [NaN, Infinity, -Infinity]) assert.equal(threeDecimals(value), "–");
});

test("clamp keeps what is inside and never leaves the range", () => {
  const random = randomOf(1);
  for (let n = 0; n < 200; n++) {
    const [value, low] = [(random() - 0.5) * 10, (random() - 0.5) * 4];
    const high = low + random() * 4;
    const kept = clamp(value, low, high);
    assert.ok(kept >= low && kept <= high && (kept === value || value < low || value > high));
  }
});

test("the unit of an area depends on the whole image, not on the area", () => {
  const random = randomOf(2);
  for (let n = 0; n < 100; n++) {
    const whole = 10 ** (random() * 8 - 4);
    const units = [0, random() * whole, whole].map((area) => areaText(area, whole).split(" ")[1]);
    assert.equal(new Set(units).size, 1);
    assert.equal(units[0], whole >= 1 ? "mm²" : "µm²");
  }
  assert.equal(areaText(12.34, 100), "12.3 mm²");
  assert.equal(areaText(0.0005, 0.5), "500.0 µm²");
});

test("the length of a scale bar is 1, 2 or 5 times a power of ten, at most what there is room for", () => {
  const random = randomOf(3);
  for (let n = 0; n < 500; n++) {
    const room = 10 ** (random() * 10 - 5);
    const length = roundLength(room);
    assert.ok(length <= room * (1 + 1e-12) && length > room / 2.5 - 1e-12);
    const digit = Number(length.toExponential(9).split("e")[0]); // powers of ten are not exact
    assert.ok([1, 2, 5].includes(digit), String(length));
  }
});

test("a length is written in the largest unit that leaves a whole number", () => {
  assert.deepEqual([50, 10, 5, 1, 0.5, 0.002, 2e-6].map(lengthText), ["5 cm", "1 cm", "5 mm", "1 mm", "500 µm", "2 µm", "2 nm"]);
});

test("an axis ends at or above its greatest value, and not far above", () => {
  const random = randomOf(4);
  for (let n = 0; n < 300; n++) {
    const value = 10 ** (random() * 8 - 2);
    const end = roundUp(value);
    assert.ok(end >= value && end <= value * 1.5);
  }
  for (const value of [0, -1, NaN]) assert.equal(roundUp(value), 1);
});

test("a change carries its sign, none where there is none", () => {
  assert.deepEqual([1.234, -1.234, 0].map(signed), ["+1.23", "−1.23", "0.00"]);
});

test("escaped text holds no markup and reads as before", () => {
  const text = '<img src=x onerror="alert(1)"> & "more"';
  const escaped = escapeText(text);
  assert.doesNotMatch(escaped, /[<>"]/);
  assert.equal(escaped.replace(/&#\d+;/g, (/** @type {string} */ sign) => String.fromCharCode(Number(sign.slice(2, -1)))), text);
});

test("the legend explains exactly what is drawn", () => {
  for (const style of ["contour", "fill", "heat", "uncertainty"]) {
    for (const truth of [true, false]) {
      for (const known of [true, false]) {
        for (const corrected of [true, false]) {
          const keys = legendKeys(/** @type {any} */ ({ overlay: true, style, truth }), known, corrected);
          assert.equal(new Set(keys).size, keys.length);
          assert.equal(keys.includes("truth"), truth && known);
          assert.equal(keys.includes("hit"), style === "fill" && truth && known);
          assert.equal(keys.includes("line"), style !== "fill");
          assert.equal(keys.includes("added"), corrected && (style === "contour" || style === "fill"));
        }
      }
    }
  }
  assert.deepEqual(legendKeys(/** @type {any} */ ({ overlay: false, style: "fill", truth: true }), true, true), []);
});
