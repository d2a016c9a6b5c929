// Where the image lies in its pane: zoom, position, and the way between screen and pixel.

import { clamp } from "./numbers.js";

const MOST_PIXELS = 1.6e6; // display pixels per pane; beyond this a frame costs more than it shows
const LARGEST_SCALE = 48; // CSS pixels per image pixel

/** @typedef {{ x: number, y: number }} Point */

/**
 * Where the image lies on a canvas of its pane, in display pixels.
 * @typedef {{ width: number, height: number, density: number, scaleX: number, scaleY: number,
 *   originX: number, originY: number,
 *   visible: { left: number, top: number, width: number, height: number } }} Place
 */

/** @typedef {{ fitted: boolean, scale: number, x: number, y: number }} SavedView */

/** Zoom and position, in image pixels, of every pane of one viewer. */
export class View {
  constructor() {
    this.fitted = true;
    this.scale = 1; // CSS pixels per image column
    this.x = 0; // image column at the middle of the pane
    this.y = 0;
    this.pane = { width: 1, height: 1 };
    this.image = { width: 1, height: 1, aspect: 1 };
  }

  get fitScale() {
    const { width, height, aspect } = this.image;
    return Math.min(this.pane.width / width, this.pane.height / (height * aspect));
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.pane = { width: Math.max(1, width), height: Math.max(1, height) };
    this.settle();
  }

  /** @param {{ width: number, height: number, aspect: number }} scene */
  show(scene) {
    this.image = { width: scene.width, height: scene.height, aspect: scene.aspect };
    this.settle();
  }

  fit() {
    this.fitted = true;
    this.settle();
  }

  /**
   * Multiplies the zoom, holding still the image point under a pane position.
   * @param {number} factor
   * @param {number} left
   * @param {number} top
   */
  zoomAt(factor, left, top) {
    const before = this.toImage(left, top);
    this.fitted = false;
    this.scale *= factor;
    this.limitScale();
    const after = this.toImage(left, top);
    this.x += before.x - after.x;
    this.y += before.y - after.y;
    this.settle();
    if (this.scale <= this.fitScale * 1.001) this.fit();
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  panBy(dx, dy) {
    this.fitted = false;
    this.x -= dx / this.scale;
    this.y -= dy / (this.scale * this.image.aspect);
    this.settle();
  }

  /**
   * @param {number} left
   * @param {number} top
   */
  toImage(left, top) {
    return {
      x: this.x + (left - this.pane.width / 2) / this.scale,
      y: this.y + (top - this.pane.height / 2) / (this.scale * this.image.aspect),
    };
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  toPane(x, y) {
    return {
      x: (x - this.x) * this.scale + this.pane.width / 2,
      y: (y - this.y) * this.scale * this.image.aspect + this.pane.height / 2,
    };
  }

  limitScale() {
    const least = this.fitScale;
    this.scale = Math.min(Math.max(this.scale, least), Math.max(LARGEST_SCALE, least));
  }

  /** Keeps the image in the pane: whole where it is smaller, without a gap where larger. */
  settle() {
    const { width, height, aspect } = this.image;
    if (this.fitted) Object.assign(this, { scale: this.fitScale, x: width / 2, y: height / 2 });
    this.limitScale();
    const keep = (/** @type {number} */ at, /** @type {number} */ half, /** @type {number} */ size) => clamp(at, Math.min(half, size - half), Math.max(half, size - half));
    this.x = keep(this.x, this.pane.width / 2 / this.scale, width);
    this.y = keep(this.y, this.pane.height / 2 / (this.scale * aspect), height);
  }

  /** Display pixels per CSS pixel. */
  get density() {
    const area = this.pane.width * this.pane.height;
    return Math.min(window.devicePixelRatio || 1, 2, Math.sqrt(MOST_PIXELS / area));
  }

  /** The image's place on a canvas of the pane's size, in display pixels. */
  place() {
    const density = this.density;
    const width = Math.max(1, Math.round(this.pane.width * density));
    const height = Math.max(1, Math.round(this.pane.height * density));
    const scaleX = this.scale * density;
    const scaleY = scaleX * this.image.aspect;
    const originX = width / 2 - this.x * scaleX;
    const originY = height / 2 - this.y * scaleY;
    const left = clamp(Math.round(originX), 0, width);
    const top = clamp(Math.round(originY), 0, height);
    const right = clamp(Math.round(originX + this.image.width * scaleX), left, width);
    const bottom = clamp(Math.round(originY + this.image.height * scaleY), top, height);
    const visible = { left, top, width: right - left, height: bottom - top };
    return { width, height, density, scaleX, scaleY, originX, originY, visible };
  }

  save() {
    return { fitted: this.fitted, scale: this.scale, x: this.x, y: this.y };
  }

  /** @param {SavedView} saved */
  restore(saved) {
    Object.assign(this, saved);
    this.settle();
  }
}
