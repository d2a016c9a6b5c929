// The board: one threshold, and everything that follows it.

import { paintHistogram } from "../../shared/paint/histogram.js";
import { THRESHOLD_KEYS, hasModifier } from "../../shared/keys.js";
import { LEVELS, STEPS } from "../../shared/levels.js";
import { Mounted, writeText } from "../../shared/mounted.js";
import { listenToNumber } from "../../shared/number_field.js";
import { clamp } from "../../shared/numbers.js";
import { closest } from "../../shared/pointer.js";
import { listenToTrack } from "../../shared/track.js";
import { Chart, LINES } from "./charts.js";
import { areaChart, optimaChart, prChart, rocChart, scoresChart } from "./panels.js";
import { partOf } from "./parts.js";
import { escapeText, figure } from "./text.js";
import { Tiles } from "./tiles.js";

const COMMIT_DELAY_MS = 300;
/** @type {Record<string, string>} */
const LOOK_KEYS = { e: "errors", c: "contour" };
/** @type {Record<string, string>} */
const LEGENDS = {
  errors: '<span><i class="hit"></i>right</span><span><i class="extra"></i>too much</span><span><i class="missed"></i>missed</span>',
  contour: '<span><i class="line"></i>prediction</span><span><i class="dashes"></i>truth</span>',
  none: "",
};
const SAVE_ICON = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.5v7M5 7l3 3 3-3M3 13h10" /></svg>';

/**
 * What Python sends with every change; see `dashboard.components.threshold_board`.
 * @typedef {object} State
 * @property {string} token of the delivery with maps and curves
 * @property {string} key
 * @property {string} context what the threshold is chosen for
 * @property {number} k where to start
 * @property {{ k: number, name: string }[]} points named thresholds, the first to go back to
 * @property {string} block pooled or per_image
 * @property {string[]} figures
 */

/** @typedef {{ value: Float64Array, low: Float64Array, high: Float64Array, name: string, title: string, note: string }} Curve */
/** @typedef {{ threshold: number, look: string, sortBy: string, state: State }} Kept */

/** @type {Map<string, Kept>} */
const kept = new Map(); // how a board was left, by its key: Streamlit mounts it anew

/** @typedef {Mounted["on"]} On */

export class Board extends Mounted {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    // Both come with the first call of Streamlit; until `data` is there, nothing acts.
    this.state = /** @type {State} */ (/** @type {unknown} */ (null));
    this.data = /** @type {import("./parts.js").Part} */ (/** @type {unknown} */ (null));
    this.tiles = /** @type {Tiles} */ (/** @type {unknown} */ (undefined));
    /** @type {(name: string, value: object) => void} */
    this.send = () => {};
    this.reported = -1;
    this.wanted = "";
    this.optimaCaption = "";
    this.drawnWidth = 0;
    /** @type {number | undefined} */
    this.frame = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.commitTimer = undefined;
    /** @type {Curve[]} */
    this.cachedLines = [];
    /** @type {Element[][]} */
    this.cells = [];
    this.tally = { all: new Float64Array(0), on: new Float64Array(0), known: true };
    this.threshold = 0;
    this.typing = false;
    this.look = "errors";
    this.sortBy = "worst";
    /** @type {Record<string, Chart>} */
    this.charts = {};
    const { on } = this;
    listenToTrack(this, on);
    listenToNumber(this, on);
    this.listen(on);
    const always = this.elements("[data-saved-name], [data-tones]"); // on a board truth is known
    for (const element of always) element.hidden = false;
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(root);
  }

  /** @param {On} on */
  listen(on) {
    const { root } = this;
    for (const button of this.elements("[data-sort]")) {
      on(button, "click", () => this.sort(button.dataset.sort ?? ""));
    }
    for (const button of this.elements("[data-look]")) {
      on(button, "click", () => this.show(button.dataset.look ?? ""));
    }
    for (const button of this.elements("[data-save]")) {
      button.innerHTML = SAVE_ICON;
      on(button, "click", () => this.save(button.dataset.save ?? ""));
    }
    this.listenToButtons();
    on(this.part("tiles"), "click", (event) => {
      const tile = closest(event, ".tile");
      if (tile instanceof HTMLElement) this.tiles.enlarge(tile);
    });
    for (const plot of this.elements(".plot.drag")) this.listenToPlot(plot, on);
    on(root, "keydown", (/** @type {KeyboardEvent} */ event) => this.press(event));
  }

  /**
   * A chart over thresholds is a second slider.
   * @param {HTMLElement} plot
   * @param {On} on
   */
  listenToPlot(plot, on) {
    const name = plot.parentElement?.dataset.chart ?? "";
    /** @type {number | null} */
    let holding = null;
    const follow = (/** @type {PointerEvent} */ event) => this.setThreshold(this.charts[name].thresholdAt(event), event.timeStamp);
    on(plot, "pointerdown", (/** @type {PointerEvent} */ event) => {
      if (event.button !== 0 || holding !== null || !this.data) return;
      holding = event.pointerId;
      plot.setPointerCapture(event.pointerId);
      follow(event);
    });
    on(plot, "pointermove", (/** @type {PointerEvent} */ event) => {
      if (event.pointerId === holding) follow(event);
    });
    for (const type of ["pointerup", "pointercancel"]) {
      on(plot, type, (/** @type {PointerEvent} */ event) => {
        if (event.pointerId !== holding) return;
        holding = null;
        this.commit();
      });
    }
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (hasModifier(event) || !this.data) return;
    const target = event.composedPath()[0];
    if (!(target instanceof Element)) return;
    const step = THRESHOLD_KEYS[event.key];
    const scrolls = target.closest(".tiles") && step !== undefined;
    if (scrolls || (target.matches("input") && !["ArrowUp", "ArrowDown"].includes(event.key))) {
      if (event.key.length === 1) event.stopPropagation();
      return;
    }
    if (step !== undefined) {
      this.setThreshold(this.threshold + step * (event.shiftKey ? 10 : 1), event.timeStamp);
      this.commitSoon();
    } else if (!this.pressSwitch(event.key, target)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * Keys of the buttons; false where it is none of them.
   * @param {string} key
   * @param {Element} target
   */
  pressSwitch(key, target) {
    if (key === "r") this.act("snap");
    else if (key in LOOK_KEYS) this.show(LOOK_KEYS[key]);
    else if (key === " " && !target.matches("button")) this.show(this.look === "none" ? "errors" : "none");
    else return false;
    return true;
  }

  /** @param {string} action */
  act(action) {
    if (!this.data) return;
    const step = action === "less" ? -1 : action === "more" ? 1 : 0;
    this.setThreshold(step ? this.threshold + step : this.state.points[0].k, performance.now());
    this.commitSoon();
  }

  // ---- What Python says ----

  /**
   * @param {State} state
   * @param {(name: string, value: object) => void} send
   */
  async receive(state, send) {
    this.send = send;
    const before = this.state ?? kept.get(state.key)?.state;
    this.state = state;
    this.root.style.colorScheme = "";
    this.root.classList.toggle("waiting", this.data?.header.token !== state.token);
    const part = await partOf(state.token).promise;
    if (this.state !== state) return; // a newer one came meanwhile
    this.root.classList.remove("waiting");
    if (before?.context !== state.context) {
      this.threshold = state.k;
    } else if (!this.data) {
      this.threshold = kept.get(state.key)?.threshold ?? this.threshold;
    }
    this.reported = state.k;
    if (this.data !== part) this.open(part);
    this.draw();
    this.redraw();
    this.tiles.sort(this.sortBy, this.threshold);
    if (this.reported !== this.threshold) this.commit();
  }

  /** @param {import("./parts.js").Part} part */
  open(part) {
    this.data = part;
    this.tiles?.close();
    const look = kept.get(this.state.key);
    if (look) Object.assign(this, { look: look.look, sortBy: look.sortBy });
    this.tiles = new Tiles(this.part("tiles"), part.images, () => this.schedule());
    const [all, on] = [new Float64Array(STEPS + 2), new Float64Array(STEPS + 2)];
    for (const { tp, fp } of part.images) {
      for (let k = 0; k <= STEPS; k++) {
        const [hits, extra] = [tp[k] - (tp[k + 1] ?? 0), fp[k] - (fp[k + 1] ?? 0)];
        on[k + 1] += hits; // as the viewer's tally: a level and one
        all[k + 1] += hits + extra;
      }
    }
    this.tally = { all, on, known: true };
    const { images, header } = part;
    const shown = images.length;
    const more = header.n_images > shown ? `${shown} of ${header.n_images} images` : `${shown} images`;
    writeText(this.part("pictures-note"), `${more}, Dice of each at native resolution`);
    this.optimaCaption = this.optima(header.best.filter((k) => k >= 0));
    const panels = { scores: scoresChart, pr: prChart, roc: rocChart, area: areaChart, optima: optimaChart };
    for (const [name, panel] of Object.entries(panels)) {
      this.charts[name] = new Chart(this.part("chart", name), panel(this));
    }
  }

  /** @param {number[]} best */
  optima(best) {
    if (!best.length) return "No image has foreground";
    const sorted = [...best].sort((a, b) => a - b);
    const at = (/** @type {number} */ share) => (sorted[Math.round(share * (sorted.length - 1))] / STEPS).toFixed(3);
    return `A dot is an image. Half of them do best between ${at(0.25)} and ${at(0.75)}`;
  }

  // ---- Numbers ----

  /**
   * Value and band of a figure over the thresholds; `block` is pooled or per_image.
   * @param {string} block
   * @param {string} name
   * @returns {Curve}
   */
  curve(block, name) {
    const { curves, header } = this.data;
    const place = header.figures.findIndex((one) => one.name === name);
    const start = (place * 2 + (block === "pooled" ? 0 : 1)) * 3 * LEVELS;
    const row = (/** @type {number} */ n) => curves.subarray(start + n * LEVELS, start + (n + 1) * LEVELS);
    return { ...header.figures[place], value: row(0), low: row(1), high: row(2) };
  }

  lines() {
    const { block, figures } = this.state;
    const wanted = `${block} ${figures.join()} ${this.state.token}`;
    if (this.wanted !== wanted) {
      this.wanted = wanted;
      this.cachedLines = figures.map((name) => this.curve(block, name));
    }
    return this.cachedLines;
  }

  /**
   * @param {Chart} chart
   * @param {string} text
   */
  caption(chart, text) {
    writeText(/** @type {HTMLElement} */ (chart.host.querySelector("[data-caption]")), text);
  }

  // ---- Threshold ----

  /**
   * @param {number} k
   * @param {number} [inputTime]
   */
  setThreshold(k, inputTime) {
    const next = clamp(Math.round(k), 0, STEPS);
    if (!this.data || next === this.threshold) return;
    this.threshold = next;
    this.schedule(inputTime);
  }

  commit() {
    clearTimeout(this.commitTimer);
    if (!this.data || this.threshold === this.reported) return;
    this.reported = this.threshold;
    this.tiles.sort(this.sortBy, this.threshold);
    this.send("choice", { context: this.state.context, k: this.threshold });
  }

  commitSoon() {
    clearTimeout(this.commitTimer);
    this.commitTimer = setTimeout(() => this.commit(), COMMIT_DELAY_MS);
  }

  /** @param {string} by */
  sort(by) {
    this.sortBy = by;
    this.tiles?.sort(by, this.threshold);
    this.markButtons();
  }

  /** @param {string} look */
  show(look) {
    this.look = look;
    this.markButtons();
    this.schedule();
  }

  markButtons() {
    for (const button of this.elements("[data-sort]")) {
      button.setAttribute("aria-pressed", String(button.dataset.sort === this.sortBy));
    }
    for (const button of this.elements("[data-look]")) {
      button.setAttribute("aria-pressed", String(button.dataset.look === this.look));
    }
    this.part("legend").innerHTML = LEGENDS[this.look];
  }

  // ---- Frames ----

  resize() {
    if (!this.data || this.root.clientWidth === this.drawnWidth) return;
    this.draw();
    this.redraw();
  }

  /** Everything that does not move with the threshold. */
  draw() {
    const { root, state } = this;
    this.drawnWidth = root.clientWidth;
    const paper = getComputedStyle(root).backgroundColor.match(/[\d.]+/g) ?? [0, 0, 0];
    root.classList.toggle("light", Number(paper[0]) > 128);
    const [point, saved] = state.points;
    const track = this.part("track");
    this.part("saved").hidden = !saved;
    if (saved) track.style.setProperty("--saved", String(saved.k / STEPS));
    writeText(this.part("saved-name"), saved ? `${saved.name} ${(saved.k / STEPS).toFixed(3)}` : "");
    track.style.setProperty("--point", String(point.k / STEPS));
    writeText(this.part("point-name"), point.name);
    writeText(this.part("point"), (point.k / STEPS).toFixed(3));
    const [off, on] = ["off", "on"].map((name) => getComputedStyle(this.elements(`.tones .${name}`)[0]).backgroundColor);
    paintHistogram(this.canvas("histogram"), this.tally, { off, on });
    this.tiles.arrange();
    for (const chart of Object.values(this.charts)) chart.render();
    this.fillTable(point);
    const label = this.data.header.labels[state.block];
    for (const caption of this.elements("[data-caption]")) caption.title = this.data.header.labels.pooled.long;
    const convention = this.part("convention");
    writeText(convention, label.short);
    convention.title = label.long;
    convention.setAttribute("aria-label", label.long);
    this.markButtons();
  }

  /** @param {{ k: number }} point */
  fillTable(point) {
    writeText(this.part("point-column"), `At ${(point.k / STEPS).toFixed(3)}`);
    const rows = this.lines().map((line, n) => {
      const { color, dash } = LINES[n];
      const key = `<svg viewBox="0 0 22 8" aria-hidden="true"><path d="M0 4H22" style="stroke:${color};stroke-dasharray:${dash}"/></svg>`;
      return `<tr><th scope="row" title="${escapeText(line.note)}">${key}${escapeText(line.title)}</th><td></td><td></td><td>${figure(line.value[point.k])}</td></tr>`;
    });
    this.part("scores").innerHTML = rows.join("");
    this.cells = [...this.part("scores").children].map((row) => [row.children[1], row.children[2]]);
  }

  /**
   * Many events, one frame.
   * @param {number} [inputTime]
   */
  schedule(inputTime) {
    if (inputTime !== undefined) this.pendingInput ??= inputTime;
    this.frame ??= requestAnimationFrame(() => this.redraw());
  }

  redraw() {
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.frame = undefined;
    if (!this.data) return;
    const k = this.threshold;
    this.tiles.paint(k, this.look);
    for (const chart of Object.values(this.charts)) chart.place(chart, k);
    this.lines().forEach((line, n) => {
      const [here, band] = this.cells[n];
      writeText(here, figure(line.value[k]));
      writeText(band, Number.isFinite(line.low[k]) ? `${figure(line.low[k])}–${figure(line.high[k])}` : "–");
    });
    const value = (k / STEPS).toFixed(3);
    if (!this.typing) this.field("number").value = value;
    const track = this.part("track");
    track.style.setProperty("--at", String(k / STEPS));
    track.setAttribute("aria-valuenow", value);
    track.setAttribute("aria-valuetext", value);
    this.button("snap").classList.toggle("reached", k === this.state.points[0].k);
    this.noteLatency();
  }

  /** @param {string} name */
  save(name) {
    if (!this.data) return;
    const title = this.part("chart", name).querySelector("h4")?.textContent ?? name ?? "";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.charts[name].svg(title)], { type: "image/svg+xml" }));
    link.download = `${name}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  close() {
    const { threshold, look, sortBy, state } = this;
    if (state) kept.set(state.key, { threshold, look, sortBy, state });
    clearTimeout(this.commitTimer);
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.tiles?.close();
    this.sizes.disconnect();
    super.close();
  }
}
