// One model's pane: its image, its overlay, its threshold. All panes share one view.

import { paintImage } from "../../shared/paint/image.js";
import { STEPS } from "../../shared/levels.js";
import { clamp } from "../../shared/numbers.js";
import { Raster } from "../../shared/paint/raster.js";

/** @typedef {import("../../shared/scene.js").Scene} Scene */
/** @typedef {import("../../shared/view.js").Place} Place */
/** @typedef {{ overlay: boolean, truth: boolean, style: string }} Look */

export class Side {
  /**
   * @param {import("./compare.js").Comparison} comparison
   * @param {{ name: string, colour: string }} facts
   */
  constructor(comparison, { name, colour }) {
    this.comparison = comparison;
    this.raster = new Raster();
    this.scene = /** @type {Scene} */ (/** @type {unknown} */ (null)); // comes with `show`
    this.k = 0;
    /**
     * @template {keyof HTMLElementTagNameMap} Tag
     * @param {Tag} tag
     * @param {string} className
     * @param {HTMLElement} [parent]
     */
    const make = (tag, className, parent) => {
      const element = document.createElement(tag);
      if (className) element.className = className;
      parent?.append(element);
      return element;
    };
    this.root = make("article", "side");
    this.root.style.setProperty("--model", String(colour));
    const head = make("header", "name", this.root);
    make("i", "", head);
    make("b", "", head).textContent = name;
    head.title = name;
    this.score = make("span", "score", head);
    this.value = make("em", "");
    this.stage = make("div", "stage", this.root);
    this.image = make("canvas", "", this.stage);
    this.overlay = make("canvas", "", this.stage);
    this.context = /** @type {CanvasRenderingContext2D} */ (this.overlay.getContext("2d"));
    this.image.setAttribute("role", "img");
    this.overlay.setAttribute("aria-hidden", "true");
    const tune = make("div", "tune", this.root);
    const rule = make("div", "rule", tune);
    this.input = make("input", "", rule);
    Object.assign(this.input, { type: "range", min: "0", max: String(STEPS), step: "1" });
    this.input.setAttribute("aria-label", `Threshold of ${name}`);
    this.tick = make("i", "", rule);
    this.number = make("output", "figure", tune);
    this.snap = make("button", "snap", tune);
    this.snap.type = "button";
    this.name = name;
  }

  /**
   * @param {Scene} scene
   * @param {number} k
   * @param {string} figureTitle
   */
  show(scene, k, figureTitle) {
    this.scene = scene;
    const { header } = scene;
    this.tick.style.setProperty("--point", String(header.operating_point / STEPS));
    const point = (header.operating_point / STEPS).toFixed(3);
    this.snap.textContent = `${header.operating_point_name}: ${point}`;
    this.snap.title = `Back to ${point}`;
    this.stage.style.setProperty("--picture", String(header.width / (header.height * scene.aspect)));
    this.image.setAttribute("aria-label", `${header.title || "Image"} by ${this.name}`);
    this.score.replaceChildren(scene.tally.known ? `${figureTitle} ` : "", this.value);
    this.threshold(k);
  }

  /** @param {number} k */
  threshold(k) {
    this.k = clamp(Math.round(k), 0, STEPS);
    this.input.value = String(this.k);
    this.write();
  }

  write() {
    const { scene, k } = this;
    this.number.textContent = (k / STEPS).toFixed(3);
    this.input.setAttribute("aria-valuetext", (k / STEPS).toFixed(3));
    this.snap.setAttribute("aria-pressed", String(k === scene.header.operating_point));
    if (!scene.tally.known) return;
    /** @type {Record<string, number>} */
    const scores = scene.tally.scores(k);
    const score = scores[this.comparison.header?.metric ?? "dice"];
    this.value.textContent = Number.isNaN(score) ? "undefined" : score.toFixed(3);
  }

  /** @param {Place} place */
  drawPicture(place) {
    paintImage(this.image, this.scene, place);
    if (this.overlay.width !== place.width || this.overlay.height !== place.height) {
      this.overlay.width = place.width;
      this.overlay.height = place.height;
    } else {
      this.context.clearRect(0, 0, place.width, place.height);
    }
    this.raster.gather(this.scene, place, this.scene.codes, false);
  }

  /**
   * @param {Place} place
   * @param {Look} look
   */
  drawOverlay(place, look) {
    const known = this.scene.tally.known;
    const contour = look.style === "contour" && look.overlay;
    this.overlay.style.visibility = look.overlay || look.truth ? "visible" : "hidden";
    const shown = {
      // Without a prediction only the truth's line is drawn.
      style: look.overlay ? look.style : "contour",
      contour,
      truth: look.truth && known,
      alpha: look.style === "fill" ? 0.5 : 1,
      lineAlpha: 1,
      editing: false,
    };
    this.raster.paint(this.context, place, this.scene, shown, this.k);
  }
}
