// One plane on the screen: its slice, the contour on it, and the lines where the others cut it.

import { paintImage } from "../../shared/paint/image.js";
import { STEPS } from "../../shared/levels.js";
import { writeText } from "../../shared/mounted.js";
import { lengthText, roundLength } from "../../shared/numbers.js";
import { writeSides } from "../../shared/orientation.js";
import { Raster } from "../../shared/paint/raster.js";
import { View } from "../../shared/view.js";

/** @typedef {import("./plane.js").Plane} Plane */
/** @typedef {import("./plane.js").Voxels} Voxels */

/** @typedef {"slice" | "view" | "overlay"} Part what of a pane is out of date */

/** @type {Record<string, number>} */
const OPACITY_OF = { contour: 1, fill: 0.45, heat: 0.6 };

export class PlanePane {
  /**
   * @param {import("./volume.js").VolumeViewer} viewer
   * @param {HTMLElement} element
   */
  constructor(viewer, element) {
    this.viewer = viewer;
    this.element = element;
    this.stage = this.part("stage");
    this.view = new View();
    this.place = this.view.place();
    this.raster = new Raster();
    this.stale = { slice: true, view: true, overlay: true };
    /** @type {number | "projection" | null} */
    this.shownSlice = null;
    /** @type {{ codes: Voxels, values: Voxels } | null} */
    this.projected = null;
    // Set by `open`, before anything is drawn.
    this.plane = /** @type {Plane} */ (/** @type {unknown} */ (null));
    this.codes = new Uint16Array();
    /** @type {Voxels} */
    this.values = new Uint8Array();
    this.picture = document.createElement("canvas");
    this.context = /** @type {CanvasRenderingContext2D} */ (this.picture.getContext("2d"));
    this.pixels = new ImageData(1, 1);
    this.scene = this.sceneOf({ width: 1, height: 1, aspect: 1 });
  }

  /**
   * The element with attribute data-<name>; which kind it is, the markup says.
   * @param {string} name
   * @returns {any}
   */
  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  /** @param {{ width: number, height: number, aspect: number }} plane */
  sceneOf({ width, height, aspect }) {
    return { width, height, aspect, truth: null, uncertainty: null, codes: this.codes, pyramid: [this.picture] };
  }

  /** @param {Plane} plane */
  open(plane) {
    this.plane = plane;
    const { width, height } = plane;
    this.codes = new Uint16Array(width * height);
    const { grey } = plane.volume;
    this.values = grey instanceof Uint8Array ? new Uint8Array(width * height) : new Uint16Array(width * height);
    Object.assign(this.picture, { width, height });
    this.pixels = new ImageData(width, height);
    this.scene = this.sceneOf(plane);
    this.view.fitted = true;
    this.view.show(this.scene);
    this.projected = null;
    this.shownSlice = null;
    this.spoil("slice");
    writeSides(this.part("sides"), plane.sides);
    this.stage.setAttribute("aria-label", `${this.title} plane: arrows up and down change the slice`);
  }

  get title() {
    return this.plane.name[0].toUpperCase() + this.plane.name.slice(1);
  }

  get slice() {
    return this.plane.toPlane(this.viewer.at).slice;
  }

  /** The slice as people count it, in the whole volume. */
  get wholeSlice() {
    const { flips, step, whole } = this.plane;
    const along = this.viewer.at[this.plane.axes[0]] * step;
    return flips[0] ? whole - 1 - along : along;
  }

  resize() {
    this.view.resize(this.stage.clientWidth, this.stage.clientHeight);
    this.spoil("view");
  }

  /** @param {Part} what */
  spoil(what) {
    this.stale[what] = true;
  }

  /** Takes the slice under the cross, or the projection along all. */
  gatherSlice() {
    const { viewer, plane, codes, values } = this;
    const { volume } = plane;
    const wanted = viewer.look.projection ? "projection" : this.slice;
    if (wanted === this.shownSlice) return;
    this.shownSlice = wanted;
    if (wanted === "projection") {
      this.projected ??= {
        codes: plane.project(volume.codes, codes.slice()),
        values: plane.project(volume.grey, values.slice()),
      };
      codes.set(this.projected.codes);
      values.set(this.projected.values);
    } else {
      plane.extract(volume.codes, wanted, codes);
      plane.extract(volume.grey, wanted, values);
    }
    this.paintPicture();
    this.spoil("view");
  }

  paintPicture() {
    const { table } = this.viewer.intensities;
    const { data } = this.pixels;
    for (let i = 0, to = 0; i < this.values.length; i++, to += 4) {
      data[to] = data[to + 1] = data[to + 2] = table[this.values[i]];
      data[to + 3] = 255;
    }
    this.context.putImageData(this.pixels, 0, 0);
  }

  draw() {
    if (!this.stage.clientWidth) return;
    if (this.stale.slice) this.gatherSlice();
    const { view, overlay } = this.stale;
    if (view) this.drawPicture();
    if (view || overlay) this.drawOverlay();
    this.placeCross();
    this.stale = { slice: false, view: false, overlay: false };
  }

  drawPicture() {
    const place = (this.place = this.view.place());
    paintImage(this.part("image"), this.scene, place);
    const canvas = this.part("overlay");
    Object.assign(canvas, { width: place.width, height: place.height });
    this.raster.gather(this.scene, place, this.codes, false);
  }

  drawOverlay() {
    const { look, threshold } = this.viewer;
    const canvas = this.part("overlay");
    canvas.style.visibility = look.overlay ? "" : "hidden";
    const alpha = OPACITY_OF[look.style];
    this.raster.paint(
      canvas.getContext("2d"),
      this.place,
      this.scene,
      { style: look.style, alpha, lineAlpha: 1, contour: look.style !== "fill", truth: false },
      threshold,
    );
  }

  /** Lines where the other two planes lie; a gap in the middle leaves the point free. */
  placeCross() {
    const { row, column } = this.plane.toPlane(this.viewer.at);
    const { x, y } = this.view.toPane(column + 0.5, row + 0.5);
    this.element.style.setProperty("--cross-x", `${x}px`);
    this.element.style.setProperty("--cross-y", `${y}px`);
    this.part("cross").hidden = !this.viewer.look.cross || this.viewer.look.projection;
    const { projection } = this.viewer.look;
    const place = projection ? "projection" : `${this.wholeSlice + 1} / ${this.plane.whole}`;
    writeText(this.part("plane-name"), `${this.title} ${place}`);
    this.placeScale();
  }

  placeScale() {
    const bar = this.part("scale");
    const known = this.viewer.header.voxel_mm3 !== null;
    bar.hidden = !known;
    if (!known) return;
    const pixelsPerMm = this.view.scale / this.plane.column_mm;
    const length = roundLength(Math.min(120, this.view.pane.width / 4) / pixelsPerMm);
    bar.firstElementChild.style.width = `${length * pixelsPerMm}px`;
    writeText(bar.lastElementChild, lengthText(length));
  }

  /**
   * The voxel under a pane position; null outside the image.
   * @param {{ x: number, y: number }} position
   */
  voxelAt({ x, y }) {
    const point = this.view.toImage(x, y);
    const outside = point.x < 0 || point.y < 0 || point.x >= this.plane.width || point.y >= this.plane.height;
    return outside ? null : this.plane.toVolume({ slice: this.slice, row: point.y, column: point.x });
  }

  /**
   * Grey value and probability under a position.
   * @param {{ x: number, y: number } | null} at
   */
  readOut(at) {
    const chip = this.part("readout");
    const point = at ? this.view.toImage(at.x, at.y) : { x: -1, y: -1 };
    const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
    chip.hidden = !at || x < 0 || y < 0 || x >= this.plane.width || y >= this.plane.height;
    if (chip.hidden) return;
    const i = y * this.plane.width + x;
    const p = ((this.codes[i] - 1) / STEPS).toFixed(3);
    writeText(chip, `p ${p}  ${this.viewer.intensities.valueText(this.values[i])}`);
  }
}
