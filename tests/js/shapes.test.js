// Strokes and polygons cover exactly the pixels whose centre lies inside.

import assert from "node:assert/strict";
import { test } from "node:test";
import { brushSpans, polygonSpans } from "../../dashboard/components/viewer/src/mask/shapes.js";
import { randomOf, wholeOf } from "./random.js";

const SIZE = 40;

/**
 * The pixels that a rasterizer covers, each counted once for every span that holds it.
 * @param {(span: (y: number, from: number, to: number) => void) => void} draw
 */
function covered(draw) {
  const counts = new Uint8Array(SIZE * SIZE);
  draw((y, from, to) => {
    assert.ok(to > from, "a span holds at least one pixel");
    for (let x = from; x < to; x++) counts[y * SIZE + x]++;
  });
  return counts;
}

test("a stroke covers the pixels within half its width of the line, in one span a row", () => {
  const random = randomOf(1);
  for (let n = 0; n < 60; n++) {
    const size = wholeOf(random, 1, 14);
    const [a, b] = [0, 1].map(() => ({ x: wholeOf(random, 8, SIZE - 9), y: wholeOf(random, 8, SIZE - 9) }));
    const counts = covered((span) => brushSpans(size, a, b, span));
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const along = length && Math.min(1, Math.max(0, ((x - a.x) * (b.x - a.x) + (y - a.y) * (b.y - a.y)) / length ** 2));
        const far = Math.hypot(x - a.x - along * (b.x - a.x), y - a.y - along * (b.y - a.y)) - size / 2;
        if (Math.abs(far) < 1e-9) continue; // on the rim rounding decides
        assert.equal(counts[y * SIZE + x], Number(far < 0), `brush ${size} at ${x}, ${y}`);
      }
    }
  }
});

test("a brush of one pixel covers one pixel, whichever way a stroke is drawn it covers the same", () => {
  const counts = covered((span) => brushSpans(1, { x: 5, y: 6 }, { x: 5, y: 6 }, span));
  assert.equal(counts.reduce((sum, n) => sum + n), 1);
  assert.equal(counts[6 * SIZE + 5], 1);
  const [a, b] = [{ x: 9, y: 11 }, { x: 27, y: 20 }];
  assert.deepEqual(covered((span) => brushSpans(7, a, b, span)), covered((span) => brushSpans(7, b, a, span)));
});

/**
 * Even and odd crossings of a ray, written another way than the product does.
 * @param {{ x: number, y: number }[]} corners
 * @param {number} x
 * @param {number} y
 */
function inside(corners, x, y) {
  let odd = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [p, q] = [corners[i], corners[j]];
    if (p.y > y !== q.y > y && x < ((q.x - p.x) * (y - p.y)) / (q.y - p.y) + p.x) odd = !odd;
  }
  return odd;
}

test("a polygon covers the pixels whose centre is inside, also where it crosses itself", () => {
  const random = randomOf(2);
  for (let n = 0; n < 80; n++) {
    const corners = Array.from({ length: wholeOf(random, 3, 9) }, () => ({ x: random() * SIZE, y: random() * (SIZE - 1) }));
    const counts = covered((span) => polygonSpans(corners, span));
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        assert.equal(counts[y * SIZE + x], Number(inside(corners, x + 0.5, y + 0.5)), `${n}: ${x}, ${y}`);
      }
    }
  }
});

test("two polygons that share an edge leave no gap and no pixel twice", () => {
  const random = randomOf(3);
  for (let n = 0; n < 40; n++) {
    const [top, bottom] = [wholeOf(random, 2, 37), wholeOf(random, 2, 37)]; // pixel edges and centres alike
    const [a, b, c, d] = [{ x: 0, y: 0 }, { x: SIZE, y: 0 }, { x: SIZE, y: SIZE }, { x: 0, y: SIZE }];
    const [e, f] = [{ x: top + 0.5, y: 0 }, { x: bottom, y: SIZE }];
    const counts = covered((span) => {
      polygonSpans([a, e, f, d], span);
      polygonSpans([e, b, c, f], span);
    });
    assert.ok(counts.every((count) => count === 1));
  }
});

test("a polygon without area covers nothing", () => {
  const counts = covered((span) => polygonSpans([{ x: 3, y: 3 }, { x: 20, y: 9 }], span));
  assert.ok(counts.every((count) => count === 0));
});
