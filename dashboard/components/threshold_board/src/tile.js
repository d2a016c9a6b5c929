// One validation image with its errors. Its pixels stay sorted by level, so a step of the threshold
// recolours only the pixels it passes.

import { COLOR, rgba } from "../../shared/colors.js";
import { STEPS } from "../../shared/levels.js";
import { spreadColumns, spreadRows } from "../../shared/sampling.js";

const STRIPE_PIXELS = 6;
const ALPHA = 0.6;

export class Tile {
  constructor(image, number) {
    Object.assign(this, { image, number, painted: null, visible: false });
    this.element = document.createElement("button");
    this.element.type = "button";
    this.element.className = "tile";
    this.element.innerHTML =
      '<span class="plane"><img alt="" decoding="async" /><canvas></canvas></span>' +
      '<span class="caption"><span class="name"></span><b class="figure"></b></span>';
    this.element.querySelector(".name").textContent = image.id;
    this.element.style.setProperty("--aspect", image.width / image.height);
    this.element.querySelector("img").src = URL.createObjectURL(image.picture);
    this.canvas = this.element.querySelector("canvas");
    this.score = this.element.querySelector("b");
  }

  /** Dear, and only for tiles that are seen: colours of every pixel, and their order by level. */
  prepare() {
    const { width, height, levels, truth } = this.image;
    Object.assign(this.canvas, { width, height });
    this.context = this.canvas.getContext("2d");
    this.out = new Uint32Array(width * height);
    this.pixels = new ImageData(new Uint8ClampedArray(this.out.buffer), width, height);
    this.first = new Uint32Array(STEPS + 2);
    for (let i = 0; i < levels.length; i++) this.first[levels[i] + 1]++;
    for (let k = 0; k <= STEPS; k++) this.first[k + 1] += this.first[k];
    const next = this.first.slice();
    this.order = new Uint32Array(levels.length);
    for (let i = 0; i < levels.length; i++) this.order[next[levels[i]]++] = i;
    this.kinds = new Uint8Array(levels.length);
    const step = Math.max(4, Math.round((STRIPE_PIXELS * width) / 180));
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const slant = truth[i] ? x + y : x - y + 65536 * step;
        this.kinds[i] = truth[i] + (slant % step < step * 0.4 ? 2 : 0);
      }
    }
  }

  edges() {
    const { width, height, levels, truth } = this.image;
    const size = levels.length;
    const spread = (map) => {
      const [low, high, lowRow, highRow] = Array.from({ length: 4 }, () => new Uint16Array(size));
      spreadRows(map, map, lowRow, highRow, width, height);
      spreadColumns(lowRow, highRow, low, high, width, height);
      return { low, high };
    };
    const reference = spread(truth);
    const dashed = new Uint8Array(size);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        dashed[i] = reference.low[i] !== reference.high[i] && (x * 0.62 + y) % 10 < 6;
      }
    }
    return { ...spread(levels), dashed };
  }

  paint(k, look) {
    if (!this.order) this.prepare();
    const before = this.painted;
    if (before && before.k === k && before.look === look) return;
    this.painted = { k, look };
    if (look === "errors") this.paintErrors(before?.look === look ? before.k : null, k);
    else if (look === "contour") this.paintContour(k);
    else this.out.fill(0);
    this.context.putImageData(this.pixels, 0, 0);
  }

  paintErrors(from, k) {
    const { out, order, first, kinds } = this;
    if (from === null) {
      for (let i = 0; i < first[k]; i++) out[order[i]] = MISSED[kinds[order[i]]];
      for (let i = first[k]; i < order.length; i++) out[order[i]] = MARKED[kinds[order[i]]];
    } else if (k > from) {
      for (let i = first[from]; i < first[k]; i++) out[order[i]] = MISSED[kinds[order[i]]];
    } else {
      for (let i = first[k]; i < first[from]; i++) out[order[i]] = MARKED[kinds[order[i]]];
    }
  }

  paintContour(k) {
    this.border ??= this.edges();
    const { out, border, image } = this;
    const { low, high, dashed } = border;
    for (let i = 0; i < out.length; i++) {
      if (low[i] < k && high[i] >= k) out[i] = image.levels[i] >= k ? LINE : HALO;
      else out[i] = dashed[i] ? DASH : 0;
    }
  }

  /** Dice at native resolution; NaN where prediction and truth are both empty. */
  dice(k) {
    const { tp, fp } = this.image;
    return (2 * tp[k]) / (tp[k] + fp[k] + tp[0]);
  }

  forget() {
    URL.revokeObjectURL(this.element.querySelector("img").src);
    this.element.remove();
  }
}

// By kind: background or truth, then the same where the hatching is drawn.
const MISSED = [0, rgba(COLOR.missed, ALPHA * 0.8), 0, rgba(COLOR.missed, 1)];
const MARKED = [
  rgba(COLOR.extra, ALPHA * 0.8), rgba(COLOR.hit, ALPHA * 0.75), rgba(COLOR.extra, 1), rgba(COLOR.hit, ALPHA * 0.75),
];
const LINE = rgba(COLOR.prediction, 1);
const HALO = rgba([0, 0, 0], 0.55);
const DASH = rgba(COLOR.truth, 1);
