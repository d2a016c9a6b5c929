// Correcting manually: brush, eraser and polygon, with mouse, finger, pen or the arrow keys.

import { writeText } from "../../shared/mounted.js";
import { clamp } from "../../shared/numbers.js";
import { PUT_IN, TAKEN_OUT } from "./mask/mask.js";
import { brushSpans, polygonSpans } from "./mask/shapes.js";

/** @import { On } from "../../shared/mounted.js" */
/** @import { Point } from "../../shared/view.js" */
/** @import { Viewer } from "./viewer.js" */

/** @type {Record<import("./look.js").Tool, number>} */
const TOOLS = { brush: PUT_IN, eraser: TAKEN_OUT, polygon: PUT_IN };
const LARGEST_BRUSH = 400;
const CLOSE_PIXELS = 10; // how near to its first corner a polygon closes

/** What the hand holds: where it is, whether it draws, and the polygon so far. */
export class Pen {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.size = 12;
    /** @type {Point | null} */
    this.at = null; // {x, y} in image pixels, not rounded
    this.drawing = false;
    /** @type {Point[]} */
    this.corners = [];
    this.last = { x: 0, y: 0 };
  }

  get tool() {
    return this.viewer.look.tool;
  }

  get mask() {
    return this.viewer.mask;
  }

  /** @param {number} size */
  resize(size) {
    this.size = clamp(Math.round(size), 1, LARGEST_BRUSH);
    const field = this.viewer.field("brush-size");
    field.value = String(brushPlace(this.size));
    field.setAttribute("aria-valuetext", `${this.size} pixels`);
    writeText(this.viewer.part("brush-text"), `${this.size} px`);
    this.viewer.changeNotes();
  }

  /**
   * One notch larger or smaller: a tenth, at least one pixel.
   * @param {number} notches
   */
  grow(notches) {
    const step = Math.max(1, Math.round(this.size / 10));
    this.resize(this.size + notches * step);
  }

  /** @param {Point} point */
  down(point) {
    this.at = point;
    if (!this.tool) return;
    if (this.tool === "polygon") return this.addCorner(point);
    this.mask.begin(TOOLS[this.tool]);
    this.drawing = true;
    this.last = pixelOf(point);
    this.draw(this.last);
  }

  /**
   * @param {Point} point
   * @param {boolean} held
   */
  move(point, held) {
    this.at = point;
    if (this.drawing) this.draw(pixelOf(point));
    else if (held && this.tool === "polygon") this.trail(point);
    this.viewer.changeNotes();
  }

  /** @param {Point} pixel */
  draw(pixel) {
    brushSpans(this.size, this.last, pixel, (y, from, to) => this.mask.span(y, from, to));
    this.last = pixel;
    this.viewer.changeMap();
  }

  /** The hand lets go: what was drawn is one step that can be undone. */
  up() {
    if (!this.drawing) return;
    this.drawing = false;
    if (this.mask.end()) this.viewer.corrected();
  }

  /** A second finger or Escape: the stroke so far is taken back. True where there was one. */
  cancel() {
    const something = this.drawing || this.corners.length > 0;
    if (this.drawing) {
      this.drawing = false;
      if (this.mask.end()) {
        this.mask.undo();
        this.mask.undone.pop();
        this.viewer.changeMap();
      }
    }
    this.corners = [];
    this.viewer.changeNotes();
    return something;
  }

  // ---- Polygon ----

  /**
   * A corner; on the first one it closes.
   * @param {Point} point
   */
  addCorner(point, { out = false } = {}) {
    const first = this.corners[0];
    const last = this.corners.at(-1);
    const near = (/** @type {Point | undefined} */ one) => one && this.distance(one, point) < CLOSE_PIXELS;
    if (this.corners.length > 2 && (near(first) || near(last))) return this.close({ out });
    if (!near(last)) this.corners.push(point);
    this.viewer.changeNotes();
  }

  /** @param {Point} point */
  trail(point) {
    const last = this.corners.at(-1);
    if (last && this.distance(last, point) > 4) this.corners.push(point);
  }

  /**
   * @param {Point} one
   * @param {Point} other
   */
  distance(one, other) {
    const { scale, image } = this.viewer.view;
    return Math.hypot((one.x - other.x) * scale, (one.y - other.y) * scale * image.aspect);
  }

  /** Puts the inside in, or takes it out. */
  close({ out = false } = {}) {
    if (this.corners.length < 3) return;
    this.mask.begin(out ? TAKEN_OUT : PUT_IN);
    polygonSpans(this.corners, (y, from, to) => this.mask.span(y, from, to));
    const changed = this.mask.end();
    this.corners = [];
    this.viewer.changeMap();
    if (changed) this.viewer.corrected();
  }

  // ---- Keyboard ----

  /**
   * Moves the cursor by image pixels; with the pen down it draws.
   * @param {number} dx
   * @param {number} dy
   */
  step(dx, dy) {
    const { width, height } = this.viewer.scene;
    const from = this.at ?? { x: this.viewer.view.x, y: this.viewer.view.y };
    const pixel = pixelOf(from);
    const to = { x: clamp(pixel.x + dx, 0, width - 1), y: clamp(pixel.y + dy, 0, height - 1) };
    const point = { x: to.x + 0.5, y: to.y + 0.5 };
    this.move(point, false);
    this.viewer.keepInView(point);
    return point;
  }

  /** Enter: pen down and up again; for a polygon the next corner. */
  enter({ out = false } = {}) {
    const at = this.at ?? this.step(0, 0);
    if (this.tool === "polygon") {
      if (out) this.close({ out });
      else this.addCorner(at);
    } else if (this.drawing) this.up();
    else this.down(at);
    this.viewer.changeNotes();
  }
}

/** @param {Point} point */
export function pixelOf({ x, y }) {
  return { x: Math.floor(x), y: Math.floor(y) };
}

/**
 * The slider of the brush's size grows by shares, so that small sizes can be met.
 * @param {number} size
 */
function brushPlace(size) {
  return (100 * Math.log(size)) / Math.log(LARGEST_BRUSH);
}

/**
 * @param {Viewer} viewer
 * @param {On} on
 */
export function listenToTools(viewer, on) {
  const size = viewer.field("brush-size");
  on(size, "input", () => viewer.pen.resize(LARGEST_BRUSH ** (Number(size.value) / 100)));
  const least = viewer.field("clean");
  const typed = viewer.field("clean-number");
  on(least, "input", () => viewer.setCleanUp(areaOfPlace(Number(least.value), viewer.scene)));
  on(least, "change", () => viewer.commit());
  on(typed, "change", () => {
    const value = Math.round(Number(typed.value));
    if (typed.value.trim() !== "" && value >= 0) viewer.setCleanUp(value);
    typed.value = String(viewer.wanted.area);
    viewer.commit();
  });
}

/**
 * Slider 0…100 to pixels: none, then by shares up to a tenth of the image.
 * @param {number} place
 * @param {{ codes: Uint16Array }} scene
 */
function areaOfPlace(place, scene) {
  const most = Math.max(10, scene.codes.length / 10);
  return place > 0 ? Math.round(most ** (place / 100)) : 0;
}

/**
 * @param {number} area
 * @param {{ codes: Uint16Array }} scene
 */
export function placeOfArea(area, scene) {
  const most = Math.max(10, scene.codes.length / 10);
  return area > 1 ? (100 * Math.log(area)) / Math.log(most) : area;
}
