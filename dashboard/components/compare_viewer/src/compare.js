// The sides together: one view, one hand, one place to tell Python.

import { readHeader } from "../../shared/message.js";
import { Mounted } from "../../shared/mounted.js";
import { sceneOf } from "../../shared/scene.js";
import { View } from "../../shared/view.js";
import { listenToSide } from "./pointer.js";
import { Side } from "./side.js";

const COMMIT_MS = 300;

/** @typedef {import("./side.js").Look} Look */
/** @typedef {import("../../shared/scene.js").Scene} Scene */

/**
 * What Python sends; see `dashboard.components.compare_viewer`.
 * @typedef {object} Header
 * @property {string} key
 * @property {string} token
 * @property {number[]} start threshold of each side
 * @property {string} metric
 * @property {string} figure_title
 * @property {{ name: string, colour: string, at: [number, number] }[]} sides
 */

/** @type {Map<string, { token: string, thresholds: number[], look: Look, view: ReturnType<View["save"]> }>} */
const remembered = new Map(); // by key: what a remount finds again

export class Comparison extends Mounted {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    this.view = new View();
    this.header = /** @type {Header | undefined} */ (undefined);
    /** @type {(name: string, value: object) => void} */
    this.send = () => {};
    /** @type {Side[]} */
    this.sides = [];
    /** @type {Look} */
    this.look = { overlay: true, truth: true, style: "contour" };
    this.place = this.view.place();
    /** @type {Set<Side>} */
    this.stale = new Set();
    this.moved = false;
    this.painted = false;
    /** @type {number | undefined} */
    this.frame = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.listenToButtons();
    this.on(root, "keydown", (/** @type {KeyboardEvent} */ event) => this.key(event));
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.part("sides"));
  }

  /**
   * @param {Uint8Array} bytes
   * @param {(name: string, value: object) => void} send
   */
  async receive(bytes, send) {
    this.send = send;
    const message = readHeader(bytes);
    const { body } = message;
    const header = /** @type {Header} */ (message.header);
    if (this.header?.token === header.token) {
      const moved = JSON.stringify(header.start) !== JSON.stringify(this.header.start);
      const title = header.metric !== this.header.metric;
      this.header = header;
      const reported = JSON.stringify(header.start) === JSON.stringify(this.thresholds());
      if (moved && !reported) header.start.forEach((k, n) => this.setThreshold(n, k));
      if (title) this.sides.forEach((side) => side.show(side.scene, side.k, header.figure_title));
      return;
    }
    if (this.header) this.remember();
    this.header = header;
    this.root.classList.add("waiting");
    let scenes;
    try {
      scenes = await Promise.all(
        header.sides.map(({ at: [offset, length] }) => {
          const scene = readHeader(body.subarray(offset, offset + length));
          return sceneOf(scene.header, scene.body);
        }),
      );
    } catch {
      this.header = undefined;
      return this.say("This image could not be decoded. Reload the page to try again.");
    }
    if (this.header?.token !== header.token) return; // a newer one came meanwhile
    this.root.classList.remove("waiting");
    this.open(scenes, header);
  }

  /**
   * @param {Scene[]} scenes
   * @param {Header} header
   */
  open(scenes, header) {
    const saved = remembered.get(header.key);
    const same = saved?.token === header.token ? saved : null;
    if (saved) Object.assign(this.look, saved.look);
    this.sides = header.sides.map((facts) => new Side(this, facts));
    this.part("sides").replaceChildren(...this.sides.map((side) => side.root));
    this.part("title").textContent = scenes[0].header.title;
    this.view.fitted = true;
    this.view.show(scenes[0]);
    if (same) this.view.restore(same.view);
    this.sides.forEach((side, n) => {
      side.show(scenes[n], same ? same.thresholds[n] : header.start[n], header.figure_title);
      this.on(side.input, "input", () => this.setThreshold(n, Number(side.input.value)));
      this.on(side.input, "change", () => this.tellSoon());
      this.on(side.snap, "click", () => {
        this.setThreshold(n, side.scene.header.operating_point);
        this.tellSoon();
      });
      listenToSide(this, side);
    });
    this.mark();
    this.resize();
  }

  thresholds() {
    return this.sides.map((side) => side.k);
  }

  remember() {
    if (!this.header || !this.sides.length) return;
    const { token, key } = this.header;
    const thresholds = this.thresholds();
    remembered.set(key, { token, thresholds, look: { ...this.look }, view: this.view.save() });
  }

  close() {
    this.remember();
    clearTimeout(this.timer);
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    super.close();
  }

  /**
   * @param {number} n
   * @param {number} k
   */
  setThreshold(n, k) {
    const side = this.sides[n];
    side.threshold(k);
    this.stale.add(side);
    this.schedule();
  }

  /** Python hears of thresholds when the hand has let go: they stand in the page's address. */
  tellSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.remember();
      this.send("choice", { token: this.header?.token, thresholds: this.thresholds() });
    }, COMMIT_MS);
  }

  /** @param {string} action */
  act(action) {
    const { look, view } = this;
    if (action === "overlay" || action === "truth") look[action] = !look[action];
    else if (action === "contour" || action === "fill") look.style = action;
    else if (action === "fit") view.fit();
    else view.zoomAt(action === "zoomIn" ? 1.5 : 1 / 1.5, view.pane.width / 2, view.pane.height / 2);
    this.mark();
    this.redraw();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const switched = this.look.style === "contour" ? "fill" : "contour";
    /** @type {Record<string, string>} */
    const keys = { " ": "overlay", t: "truth", c: switched, 0: "fit", "+": "zoomIn", "-": "zoomOut" };
    const action = keys[event.key.toLowerCase()];
    if (!action || (event.key === " " && /** @type {Element} */ (event.target).closest("button"))) return;
    event.preventDefault();
    this.act(action);
  }

  mark() {
    const { look } = this;
    const pressed = {
      overlay: look.overlay,
      truth: look.truth,
      contour: look.style === "contour",
      fill: look.style === "fill",
    };
    for (const [action, on] of Object.entries(pressed)) {
      this.button(action).setAttribute("aria-pressed", String(on));
    }
    const contour = look.overlay && look.style === "contour";
    const errors = look.overlay && look.style === "fill" && look.truth;
    const fill = look.overlay && look.style === "fill" && !look.truth;
    /** @type {Record<string, boolean>} */
    const shown = { contour, truth: look.truth, errors, fill };
    /** @type {NodeListOf<HTMLElement>} */
    const notes = this.root.querySelectorAll("[data-shown]");
    for (const note of notes) {
      note.hidden = !shown[note.dataset.shown ?? ""];
    }
  }

  resize() {
    const stage = this.sides[0]?.stage;
    if (!stage?.clientWidth) return;
    this.view.resize(stage.clientWidth, stage.clientHeight);
    this.redraw();
  }

  redraw() {
    this.moved = true;
    this.schedule();
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  draw() {
    if (this.moved) {
      this.place = this.view.place();
      for (const side of this.sides) side.drawPicture(this.place);
      this.part("zoom").textContent = `${Math.round(this.view.scale * 100)}%`;
      this.root.classList.toggle("zoomed", !this.view.fitted);
    }
    for (const side of this.moved ? this.sides : this.stale) side.drawOverlay(this.place, this.look);
    this.moved = false;
    this.stale.clear();
    this.painted = true;
  }
}
