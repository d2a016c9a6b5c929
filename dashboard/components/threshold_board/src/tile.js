// One validation image with its errors, its name and its Dice.

import { TilePixels } from "./tile_pixels.js";

export class Tile {
  /**
   * @param {import("./parts.js").BoardImage} image
   * @param {number} number
   */
  constructor(image, number) {
    this.image = image;
    this.number = number;
    this.visible = false;
    /** @type {{ k: number, look: string } | null} */
    this.painted = null;
    /** @type {TilePixels | null} */
    this.pixels = null; // expensive, so only for tiles that are seen
    this.element = document.createElement("button");
    this.element.type = "button";
    this.element.className = "tile";
    this.element.innerHTML =
      '<span class="plane"><img alt="" decoding="async" /><canvas></canvas></span>' +
      '<span class="caption"><span class="name"></span><b class="figure"></b></span>';
    this.part(".name").textContent = image.id;
    this.element.style.setProperty("--aspect", String(image.width / image.height));
    this.picture = /** @type {HTMLImageElement} */ (this.part("img"));
    this.picture.src = URL.createObjectURL(image.picture);
    this.canvas = /** @type {HTMLCanvasElement} */ (this.part("canvas"));
    this.score = this.part("b");
  }

  /**
   * @param {string} selector
   * @returns {HTMLElement}
   */
  part(selector) {
    return /** @type {HTMLElement} */ (this.element.querySelector(selector));
  }

  /**
   * @param {number} k
   * @param {string} look
   */
  paint(k, look) {
    const { width, height } = this.image;
    if (!this.pixels) Object.assign(this.canvas, { width, height });
    const pixels = (this.pixels ??= new TilePixels(this.image));
    const before = this.painted;
    if (before && before.k === k && before.look === look) return;
    this.painted = { k, look };
    if (look === "errors") pixels.paintErrors(before?.look === look ? before.k : null, k);
    else if (look === "contour") pixels.paintContour(k);
    else pixels.out.fill(0);
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    context.putImageData(new ImageData(new Uint8ClampedArray(pixels.out.buffer), width, height), 0, 0);
  }

  /**
   * Dice at native resolution; NaN where prediction and ground truth are both empty.
   * @param {number} k
   */
  dice(k) {
    const { tp, fp } = this.image;
    return (2 * tp[k]) / (tp[k] + fp[k] + tp[0]);
  }

  forget() {
    URL.revokeObjectURL(this.picture.src);
    this.element.remove();
  }
}
