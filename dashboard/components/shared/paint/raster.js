// The overlay. The work of a threshold change is one pass over the display pixels in view, so it
// does not depend on the size of the map; everything more expensive happens on zoom and pan only.

import { COLOR, rgba } from "./colors.js";
import { CODE_BITS, EDGE, STRIPE, TRUTH, colorTable } from "./pixel_colors.js";
import { sample, sampleAxis, spreadColumns, spreadRows } from "./sampling.js";

/** @import { PaintLook } from "./pixel_colors.js" */
/** @import { Place } from "../view.js" */

/** @import { Scene } from "../scene.js" */

/** @typedef {Pick<Scene, "width" | "height" | "codes" | "truth"> & { uncertainty?: Uint16Array | null }} Sampled */

/** Of every display pixel: what it shows, and the lowest and highest code around it. */
export class Raster {
  constructor() {
    this.capacity = 0;
    this.width = 0;
    this.height = 0;
    this.size = 0;
    this.radius = 1;
    this.columns = new Int32Array(0);
    this.rows = new Int32Array(0);
    /** @type {string | null} */
    this.shown = null; // the map that `shade` holds
    /** @type {ImageData | null} */
    this.pixels = null;
    this.code = new Uint16Array(0);
    this.low = new Uint16Array(0);
    this.high = new Uint16Array(0);
    this.lowRow = new Uint16Array(0);
    this.highRow = new Uint16Array(0);
    this.flags = new Uint16Array(0);
    this.shade = new Uint16Array(0);
    this.out = new Uint32Array(0);
  }

  makeRoom() {
    this.code = new Uint16Array(this.capacity);
    this.low = new Uint16Array(this.capacity);
    this.high = new Uint16Array(this.capacity);
    this.lowRow = new Uint16Array(this.capacity);
    this.highRow = new Uint16Array(this.capacity);
    this.flags = new Uint16Array(this.capacity);
    this.shade = new Uint16Array(this.capacity);
    this.out = new Uint32Array(this.capacity);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.width = width;
    this.height = height;
    this.size = width * height;
    if (this.size > this.capacity) {
      this.capacity = this.size;
      this.makeRoom();
    }
    this.pixels = this.size
      ? new ImageData(new Uint8ClampedArray(this.out.buffer, 0, this.size * 4), width, height)
      : null;
  }

  /**
   * Samples the scene at the view's place. Expensive: only after zoom, pan or resize.
   * @param {Sampled} scene
   * @param {Place} place
   * @param {Uint16Array} marks
   * @param {boolean} editing
   */
  gather(scene, place, marks, editing) {
    this.resize(place.visible.width, place.visible.height);
    if (!this.size) return;
    this.radius = place.density >= 1.5 ? 2 : 1;
    const { left, top } = place.visible;
    this.columns = sampleAxis(left, this.width, place.originX, place.scaleX, scene.width);
    this.rows = sampleAxis(top, this.height, place.originY, place.scaleY, scene.height);
    this.code.fill(0, 0, this.size);
    if (scene.truth) {
      sample(scene.truth, scene.width, this.columns, this.rows, this.code);
      this.spread(this.radius);
    }
    if (scene.truth || editing) this.markFlags(place, scene.truth !== null);
    else this.flags.fill(0, 0, this.size);
    this.shown = null;
    this.refresh(scene, marks);
  }

  /**
   * Samples the map anew where the view stays: after post-processing and corrections.
   * @param {Sampled} scene
   * @param {Uint16Array} marks
   */
  refresh(scene, marks) {
    if (!this.size) return;
    sample(marks, scene.width, this.columns, this.rows, this.code);
    this.spread(this.radius);
    const { code, flags, size } = this;
    for (let i = 0; i < size; i++) code[i] |= flags[i];
  }

  /**
   * The map that a heat map colours, sampled when it is first shown.
   * @param {Sampled} scene
   * @param {string} style
   */
  shadeOf(scene, style) {
    if (this.shown === style) return this.shade;
    const map = style === "heat" ? scene.codes : scene.uncertainty;
    if (!map) return this.code;
    sample(map, scene.width, this.columns, this.rows, this.shade);
    const { shade, flags, size } = this;
    for (let i = 0; i < size; i++) shade[i] |= flags[i];
    this.shown = style;
    return shade;
  }

  /**
   * Lowest and highest of `code` within the radius of each display pixel.
   * @param {number} radius
   */
  spread(radius) {
    const { code, low, high, lowRow, highRow, width, height } = this;
    spreadRows(code, code, lowRow, highRow, width, height);
    spreadColumns(lowRow, highRow, low, high, width, height);
    for (let again = 1; again < radius; again++) {
      spreadRows(low, high, lowRow, highRow, width, height);
      spreadColumns(lowRow, highRow, low, high, width, height);
    }
  }

  /**
   * Turns the sampled truth (0 or 1) in `code` into flags: truth, hatching, dashed contour.
   * @param {Place} place
   * @param {boolean} known
   */
  markFlags(place, known) {
    const { code, low, high, flags, width, height } = this;
    const dash = 7 * place.density;
    const stripe = 7 * place.density;
    for (let y = 0, i = 0; y < height; y++) {
      const row = y + place.visible.top;
      for (let x = 0; x < width; x++, i++) {
        const column = x + place.visible.left;
        let marked = code[i] ? TRUTH : 0;
        // False negatives are hatched one way, false positives the other.
        const slant = code[i] ? column + row : column - row + 65536 * stripe;
        if (slant % stripe < stripe * 0.4) marked |= STRIPE;
        // The phase runs unevenly along both axes, so that no straight edge lies in one gap.
        const phase = (column * 0.62 + row) % (2 * dash);
        if (known && low[i] !== high[i] && phase < dash * 1.1) marked |= EDGE;
        flags[i] = marked;
      }
    }
  }

  /**
   * One pass over the display pixels in view: the whole cost of a threshold change.
   * @param {CanvasRenderingContext2D} context
   * @param {Place} place
   * @param {Sampled} scene
   * @param {PaintLook} look
   * @param {number} k
   */
  paint(context, place, scene, look, k) {
    if (!this.size || !this.pixels) return;
    const table = colorTable(look, k);
    const shaded = look.style === "heat" || look.style === "uncertainty";
    const source = shaded ? this.shadeOf(scene, look.style) : this.code;
    const line = look.contour ? rgba(COLOR.prediction, look.lineAlpha) : 0;
    if (look.contour) {
      const halo = rgba([0, 0, 0], look.lineAlpha * 0.55);
      paintContour(this, source, table, k, line, halo, look.truth ? EDGE : 0);
    } else {
      paintFill(this, source, table);
    }
    context.putImageData(this.pixels, place.visible.left, place.visible.top);
  }
}

/**
 * @param {Raster} raster
 * @param {Uint16Array} source
 * @param {Uint32Array} table
 */
function paintFill(raster, source, table) {
  const { out, size } = raster;
  for (let i = 0; i < size; i++) out[i] = table[source[i]];
}

/**
 * @param {Raster} raster
 * @param {Uint16Array} source
 * @param {Uint32Array} table
 * @param {number} k
 * @param {number} line
 * @param {number} halo
 * @param {number} spared
 */
function paintContour(raster, source, table, k, line, halo, spared) {
  const { code, low, high, out, size } = raster;
  for (let i = 0; i < size; i++) {
    const here = code[i];
    let color = table[source[i]];
    if (low[i] <= k && high[i] > k && (here & spared) === 0) {
      color = (here & CODE_BITS) > k ? line : halo;
    }
    out[i] = color;
  }
}
