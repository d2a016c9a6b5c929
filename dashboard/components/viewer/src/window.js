// Window and level: which raw values the gray scale spans, where an image holds more than 8 bits.

import { writeText } from "../../shared/mounted.js";
import { clamp } from "../../shared/numbers.js";
import { AS_OPENED, presetOf, showPresets } from "../../shared/presets.js";
import { halvings } from "../../shared/scene.js";

/** @import { On } from "../../shared/mounted.js" */
/** @import { Scene } from "../../shared/scene.js" */
/** @import { Viewer } from "./viewer.js" */

/**
 * The raw values as gray, `center - width / 2` black and `center + width / 2` white.
 * @param {Scene} scene
 * @param {Float32Array} raw
 * @param {number} center
 * @param {number} width
 */
function windowedImage(scene, raw, center, width) {
  const canvas = document.createElement("canvas");
  canvas.width = scene.width;
  canvas.height = scene.height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(scene.width, scene.height);
  const { data } = image;
  const low = center - width / 2;
  const gain = 255 / width;
  for (let i = 0, at = 0; i < raw.length; i++, at += 4) {
    data[at] = data[at + 1] = data[at + 2] = (raw[i] - low) * gain; // rounds and clamps
    data[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * @param {Scene} scene
 * @param {number} value
 */
export function rawText(scene, value) {
  const { high, low, unit } = scene.header.raw;
  const digits = high - low > 20 ? 0 : high - low > 2 ? 2 : 4;
  return `${value.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
}

export class Windowing {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.scene = /** @type {Scene} */ (/** @type {unknown} */ (undefined)); // comes with `open`
    this.start = { center: 0, width: 1 };
    this.span = { low: 0, high: 1, range: 1 };
    this.center = 0;
    this.width = 1;
    this.pending = false;
  }

  /**
   * Begins with the file's own window and its presets.
   * @param {Scene} scene
   * @param {{ center: number, width: number } | undefined} saved
   */
  open(scene, saved) {
    this.scene = scene;
    const box = this.viewer.part("presets");
    box.replaceChildren();
    if (!scene.raw) return;
    const { center, width, low, high, presets } = scene.header.raw;
    this.start = { center, width };
    this.span = { low, high, range: Math.max(high - low, 1e-6) };
    const named = presets.map(([name, ...window]) => presetOf(name, window));
    const opened = presetOf(AS_OPENED, [center, width], "What the model saw: ");
    showPresets(box, [opened, ...named], (middle, wide) => this.set(middle, wide));
    const { center: middle, width: wide } = saved ?? this.start;
    this.set(middle, wide, { quiet: !saved });
  }

  /**
   * Sets the window; `quiet` where the image already shows it.
   * @param {number} center
   * @param {number} width
   */
  set(center, width, { quiet = false } = {}) {
    const { low, high, range } = this.span;
    this.center = clamp(center, low - range, high + range);
    this.width = clamp(width, range / 1000, 3 * range);
    this.pending = !quiet;
    const { viewer } = this;
    for (const { name, value, from, to } of [
      { name: "center", value: this.center, from: low - range / 2, to: high + range / 2 },
      { name: "width", value: this.width, from: range / 1000, to: 2 * range },
    ]) {
      const field = viewer.field("level", name);
      Object.assign(field, { min: from, max: to, step: "any", value });
      field.setAttribute("aria-valuetext", rawText(this.scene, value));
      writeText(viewer.part("level-text", name), rawText(this.scene, value));
    }
    if (!quiet) viewer.changeView();
  }

  /**
   * A drag with the right button: sideways is width, up and down is center.
   * @param {number} dx
   * @param {number} dy
   */
  drag(dx, dy) {
    const step = Math.max(this.width, this.span.range / 200) / 300;
    this.set(this.center + dy * step, this.width + dx * step);
  }

  /** Makes the image, at most once a frame. */
  apply() {
    if (!this.pending || !this.scene.raw) return;
    this.pending = false;
    this.scene.pyramid = halvings(windowedImage(this.scene, this.scene.raw, this.center, this.width));
  }

  save() {
    return this.scene?.raw ? { center: this.center, width: this.width } : undefined;
  }
}

/**
 * @param {Viewer} viewer
 * @param {On} on
 */
export function listenToWindow(viewer, on) {
  const [center, width] = ["center", "width"].map((name) => viewer.field("level", name));
  on(center, "input", () => viewer.window.set(Number(center.value), viewer.window.width));
  on(width, "input", () => viewer.window.set(viewer.window.center, Number(width.value)));
}
