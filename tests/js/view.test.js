// Zoom and position: the way from the screen to the image and back.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { View } from "../../dashboard/components/shared/view.js";
import { pinch } from "../../dashboard/components/shared/pointer.js";
import { randomOf } from "./random.js";

before(() => {
  Object.assign(globalThis, { window: { devicePixelRatio: 1.5 } });
});

/** @param {() => number} random */
function randomView(random) {
  const view = new View();
  view.resize(100 + random() * 900, 100 + random() * 700);
  view.show(/** @type {any} */ ({ width: 20 + Math.floor(random() * 2000), height: 20 + Math.floor(random() * 2000), aspect: 0.3 + random() * 3 }));
  return view;
}

/**
 * @param {number} one
 * @param {number} other
 */
const near = (one, other) => assert.ok(Math.abs(one - other) < 1e-6 * Math.max(1, Math.abs(one)), `${one} and ${other}`);

/** @param {View} view */
function assertInside(view) {
  const { width, height, aspect } = view.image;
  const [corner, end] = [view.toPane(0, 0), view.toPane(width, height)];
  // No gap where the image is larger than the pane, no overhang where it is smaller.
  for (const [from, to, size] of [[corner.x, end.x, view.pane.width], [corner.y, end.y, view.pane.height]]) {
    if (to - from >= size) assert.ok(from <= 1e-6 && to >= size - 1e-6);
    else assert.ok(from >= -1e-6 && to <= size + 1e-6);
  }
  assert.ok(view.scale >= view.fitScale - 1e-9);
  assert.ok(aspect > 0);
}

test("toPane undoes toImage, however the view was moved", () => {
  const random = randomOf(1);
  for (let n = 0; n < 100; n++) {
    const view = randomView(random);
    view.zoomAt(1 + random() * 20, random() * view.pane.width, random() * view.pane.height);
    view.panBy((random() - 0.5) * 500, (random() - 0.5) * 500);
    const [left, top] = [random() * view.pane.width, random() * view.pane.height];
    const { x, y } = view.toImage(left, top);
    const back = view.toPane(x, y);
    near(back.x, left);
    near(back.y, top);
    assertInside(view);
  }
});

test("a fitted view shows the whole image in the middle, and stays fitted when the pane changes", () => {
  const random = randomOf(2);
  for (let n = 0; n < 50; n++) {
    const view = randomView(random);
    for (const [width, height] of [[view.pane.width, view.pane.height], [333, 777]]) {
      view.resize(width, height);
      const [corner, end] = [view.toPane(0, 0), view.toPane(view.image.width, view.image.height)];
      near(corner.x + end.x, width);
      near(corner.y + end.y, height);
      near(Math.min(corner.x, corner.y) + 1, 1);
    }
  }
});

test("zooming deep in holds still the point under the pointer", () => {
  const view = new View();
  view.resize(800, 600);
  view.show(/** @type {any} */ ({ width: 1000, height: 1000, aspect: 1 }));
  view.zoomAt(8, 400, 300);
  const random = randomOf(3);
  for (let n = 0; n < 30; n++) {
    const [left, top] = [random() * 800, random() * 600];
    const was = view.toImage(left, top);
    view.zoomAt(1.1, left, top);
    const now = view.toImage(left, top);
    near(now.x, was.x);
    near(now.y, was.y);
  }
});

test("zooming out all the way fits; zooming in has an end", () => {
  const view = randomView(randomOf(4));
  view.zoomAt(1e9, 10, 10);
  assert.ok(view.scale <= Math.max(48, view.fitScale));
  view.zoomAt(1e-9, 10, 10);
  assert.equal(view.fitted, true);
});

test("what was saved is what is restored", () => {
  const random = randomOf(5);
  const view = randomView(random);
  view.zoomAt(5, 50, 60);
  const saved = view.save();
  view.fit();
  view.restore(saved);
  assert.deepEqual(view.save(), saved);
});

test("the place on the canvas is inside it, whatever the zoom", () => {
  const random = randomOf(6);
  for (let n = 0; n < 100; n++) {
    const view = randomView(random);
    view.zoomAt(random() * 30, random() * 500, random() * 500);
    const { width, height, visible, density } = view.place();
    assert.ok(visible.left >= 0 && visible.top >= 0 && visible.width >= 0 && visible.height >= 0);
    assert.ok(visible.left + visible.width <= width && visible.top + visible.height <= height);
    assert.ok(density <= 1.5 && width * height < 1.7e6);
  }
});

test("two fingers that move alike pan; two that part zoom by the ratio of their distances", () => {
  const view = new View();
  view.resize(800, 600);
  view.show(/** @type {any} */ ({ width: 4000, height: 4000, aspect: 1 }));
  view.zoomAt(10, 400, 300);
  const { scale } = view;
  pinch(view, { x: 350, y: 300 }, { x: 300, y: 300 }, { x: 450, y: 300 });
  near(view.scale, scale * 1.5);
});
