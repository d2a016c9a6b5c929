// One viewer: its state, and how the parts above act on it.

import { STEPS } from "../../shared/levels.js";
import { readHeader } from "../../shared/message.js";
import { Mounted } from "../../shared/mounted.js";
import { listenToNumber } from "../../shared/number_field.js";
import { clamp } from "../../shared/numbers.js";
import { Raster } from "../../shared/paint/raster.js";
import { sceneOf } from "../../shared/scene.js";
import { listenToTrack } from "../../shared/track.js";
import { View } from "../../shared/view.js";
import { ACTIONS, canAct, markButtons } from "./actions.js";
import { MOST_CLEANED } from "./mask/area_tree.js";
import { PREPARING, drawOverlay, drawPicture, drawScores } from "./frame.js";
import { listenToKeys } from "./keys.js";
import { linked, shareView } from "./link.js";
import { ComponentList, listenToList } from "./list.js";
import { MaskMap, PUT_IN, TAKEN_OUT } from "./mask/mask.js";
import { drawNotes } from "./notes.js";
import { describeMask, describeScene, drawTrack } from "./panel.js";
import { LOOK, OPACITY } from "./look.js";
import { decided, keepDecision, memory } from "./memory.js";
import { listenToPicture } from "./pointer.js";
import { inSlices } from "./mask/slices.js";
import { Pen, listenToTools } from "./tools.js";
import { Windowing, listenToWindow } from "./window.js";

/** @import { Send } from "../../shared/mounted.js" */
/** @import { SceneHeader } from "../../shared/scene.js" */
/** @import { Point } from "../../shared/view.js" */
/** @import { Component } from "./mask/components.js" */
/** @import { Tool } from "./look.js" */
/** @import { Saved } from "./memory.js" */

const COMMIT_DELAY_MS = 300;

/** @import { PostProcessing } from "./mask/mask.js" */
/** @import { Place } from "../../shared/view.js" */
/** @import { Scene } from "../../shared/scene.js" */

export class Viewer extends Mounted {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    this.view = new View();
    this.raster = new Raster();
    // These come with the first image; until there is a scene, nothing acts.
    this.scene = /** @type {Scene} */ (/** @type {unknown} */ (null));
    this.mask = /** @type {MaskMap} */ (/** @type {unknown} */ (undefined));
    this.place = /** @type {Place} */ (/** @type {unknown} */ (undefined));
    this.header = /** @type {SceneHeader} */ (/** @type {unknown} */ (undefined));
    /** @type {Send} */
    this.send = () => {};
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.commitTimer = undefined;
    /** @type {number | undefined} */
    this.frame = undefined;
    this.trackWidth = 0;
    this.shared = false; // whether the view came from a linked viewer
    this.threshold = 0;
    this.reported = "";
    this.typing = false;
    this.look = { ...LOOK };
    this.opacity = { ...OPACITY };
    /** @type {(PostProcessing & { commit: boolean }) | null} */
    this.cleaning = null; // the post-processing that is being made, while there is one
    this.stale = { view: true, map: true, overlay: true, notes: true };
    this.pen = new Pen(this);
    this.list = new ComponentList(this);
    this.window = new Windowing(this);
    linked.add(this);
    const { on } = this;
    listenToTrack(this, on);
    listenToNumber(this, on);
    listenToPicture(this, on);
    listenToKeys(this, on);
    listenToTools(this, on);
    listenToList(this, on);
    listenToWindow(this, on);
    this.listenToButtons();
    on(this.field("opacity"), "input", () => {
      this.opacity[this.look.style] = Number(this.field("opacity").value);
      this.repaint();
    });
    on(document, "fullscreenchange", () => markButtons(this));
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.part("stage"));
    this.sizes.observe(this.part("track"));
  }

  /** @param {MouseEvent} event */
  paneOf(event) {
    const pane = event.target instanceof Element ? event.target.closest(".pane") : null;
    if (pane || !this.look.side) return pane ?? this.part("pane", "main");
    const bare = this.part("pane", "bare").getBoundingClientRect();
    const inBare = event.clientX <= bare.right && event.clientY <= bare.bottom;
    return this.part("pane", inBare ? "bare" : "main");
  }

  /**
   * Takes what Python sent; decodes only content it has not seen.
   * @param {Uint8Array} bytes
   * @param {Send} send
   */
  async receive(bytes, send) {
    this.send = send;
    const { header, body } = readHeader(bytes);
    this.root.style.setProperty("--stage-height", `${header.stage_height}px`);
    if (this.header?.token === header.token) return this.restart(header);
    if (this.scene) this.remember();
    this.header = header;
    this.root.classList.add("waiting");
    /** @type {Scene} */
    let scene;
    try {
      scene = await sceneOf(header, body);
    } catch {
      if (this.header !== header) return;
      this.header = /** @type {SceneHeader} */ (/** @type {unknown} */ (undefined));
      return this.say("This image could not be decoded. Reload the page to try again.");
    }
    const mask = new MaskMap(scene);
    const wanted = () => this.header?.token === header.token; // no newer one came meanwhile
    const { minimum_area_px, fill_holes } = decided.get(`${header.key} ${header.map}`) ?? header;
    await inSlices(mask.cleaned(minimum_area_px, fill_holes), wanted);
    if (!wanted()) return;
    this.root.classList.remove("waiting");
    this.open(scene, mask, memory.get(header.key));
  }

  /** @param {SceneHeader} header */
  restart(header) {
    const moved = header.start !== this.header.start;
    this.header = header;
    if (moved && this.scene && header.start !== JSON.parse(this.reported).k) {
      this.setThreshold(header.start);
      this.reported = this.signature();
      if (this.reported !== this.startSignature()) this.report();
    }
    this.remember();
    if (this.scene) drawTrack(this);
  }

  /**
   * Shows a mask, cleaned as it was decided, and its scene.
   * @param {Scene} scene
   * @param {MaskMap} mask
   * @param {Saved | undefined} saved
   */
  open(scene, mask, saved) {
    const { header } = this;
    this.cleaning = null;
    this.scene = scene;
    this.mask = mask;
    this.list.forget();
    this.pen.cancel();
    this.pen.at = null;
    this.threshold = header.start;
    this.view.fitted = true;
    this.view.show(scene);
    if (saved) Object.assign(this.look, saved.look, { tool: null });
    if (saved) Object.assign(this.opacity, saved.opacity);
    if (this.look.style === "uncertainty" && !scene.uncertainty) this.look.style = "contour";
    const same = saved?.map === header.map && saved.start === header.start;
    if (same) {
      this.threshold = saved.threshold;
      this.view.restore(saved.view);
    }
    const before = decided.get(`${header.key} ${header.map}`);
    if (before) this.mask.load(before.added, before.removed);
    if (before) this.mask.done = before.done;
    this.window.open(scene, same ? saved.window : undefined);
    this.reported = this.signature();
    // Leaving a page makes Streamlit forget a widget's value; the image is what was chosen.
    if (this.reported !== this.startSignature()) this.report();
    describeScene(this);
    describeMask(this);
    this.applyLook();
    drawTrack(this);
    this.resize();
  }

  remember() {
    if (!this.mask || this.waits) return;
    const { map, start, key } = this.header;
    const { threshold, look, opacity, mask } = this;
    const [view, window] = [this.view.save(), this.window.save()];
    memory.set(key, { map, start, threshold, look: { ...look }, opacity, view, window });
    const { area: minimum_area_px, holes: fill_holes } = this.wanted;
    const decision = { ...this.decision(true), minimum_area_px, fill_holes };
    keepDecision(`${key} ${map}`, { ...decision, done: mask.done });
  }

  close() {
    if (this.scene) this.remember();
    this.cleaning = null;
    linked.delete(this);
    clearTimeout(this.commitTimer);
    this.list.forget();
    cancelAnimationFrame(this.frame ?? 0);
    this.sizes.disconnect();
    // What is still being decoded is not wanted any more.
    this.header = /** @type {SceneHeader} */ (/** @type {unknown} */ (undefined));
    super.close();
  }

  /** Whether what is on show is still the image before the one that Python sent. */
  get waits() {
    return this.scene.header.token !== this.header?.token;
  }

  // ---- Threshold ----

  /**
   * @param {number} k
   * @param {number} [inputTime]
   */
  setThreshold(k, inputTime) {
    const next = clamp(Math.round(k), 0, STEPS);
    if (!this.scene || next === this.threshold) return;
    this.threshold = next;
    this.stale.overlay = true;
    this.list.spoil();
    this.schedule(inputTime);
  }

  /** Tells Python, which makes the page run again; only when something has changed. */
  commit() {
    clearTimeout(this.commitTimer);
    if (!this.scene || this.waits) return;
    if (this.cleaning) return void (this.cleaning.commit = true);
    if (this.signature() === this.reported) return;
    this.reported = this.signature();
    this.remember();
    this.report();
  }

  /** All that makes a mask of the map; corrections that are switched off only when `all`. */
  decision(all = false) {
    const { mask, threshold } = this;
    const runs = (/** @type {number} */ kind) => (all || mask.applied ? mask.runs(kind) : []);
    return {
      k: threshold,
      minimum_area_px: mask.leastArea,
      fill_holes: mask.holes,
      added: runs(PUT_IN),
      removed: runs(TAKEN_OUT),
    };
  }

  signature() {
    return JSON.stringify(this.decision());
  }

  /** What Python takes for granted as long as it was reported nothing. */
  startSignature() {
    const { start: k, minimum_area_px, fill_holes } = this.header;
    return JSON.stringify({ k, minimum_area_px, fill_holes, added: [], removed: [] });
  }

  report() {
    const { map, start } = this.header;
    this.send("choice", { map, start, ...this.decision() });
  }

  commitSoon() {
    clearTimeout(this.commitTimer);
    this.commitTimer = setTimeout(() => this.commit(), COMMIT_DELAY_MS);
  }

  // ---- Post-processing and corrections ----

  /**
   * The post-processing that the hand asked for last; the mask may still be on its way to it.
   * @returns {PostProcessing}
   */
  get wanted() {
    return this.cleaning ?? { area: this.mask.leastArea, holes: this.mask.holes };
  }

  /** @param {number} area */
  setCleanUp(area, holes = this.wanted.holes) {
    if (!this.scene || this.scene.tally.pixels > MOST_CLEANED) return;
    const running = this.cleaning;
    const commit = running?.commit ?? false;
    this.cleaning = { area: Math.min(area, this.scene.tally.pixels), holes, commit };
    describeMask(this);
    markButtons(this);
    if (running) return;
    if (!this.mask.prepared(this.cleaning)) this.say(PREPARING);
    this.clean();
  }

  /** Many moves of the slider, one post-processing after the other, until the last one is reached. */
  async clean() {
    const { mask } = this;
    /** @type {PostProcessing | undefined} */
    let made;
    while (this.mask === mask && this.cleaning && made !== this.cleaning) {
      const aim = (made = this.cleaning);
      // What is made for one area serves every other.
      const useful = () => this.mask === mask && this.cleaning?.holes === aim.holes;
      if (await inSlices(mask.cleaned(aim.area, aim.holes), useful)) this.changeMap();
    }
    if (this.mask !== mask || !this.cleaning) return;
    const { commit } = this.cleaning;
    this.cleaning = null;
    describeMask(this);
    markButtons(this);
    this.changeMap();
    if (commit) this.commit();
  }

  /** A correction is done, undone or switched: show it and tell Python. */
  corrected() {
    this.changeMap();
    describeMask(this);
    markButtons(this);
    this.commitSoon();
  }

  /** @param {Tool | null} tool */
  useTool(tool) {
    this.pen.cancel();
    this.look.tool = this.look.tool === tool ? null : tool;
    this.part("stage").classList.toggle("tooled", this.look.tool !== null);
    this.pen.resize(this.pen.size);
    this.part("stage").focus({ preventScroll: true });
  }

  /**
   * Pans so that an image point can be seen.
   * @param {Point} point
   */
  keepInView({ x, y }) {
    const half = this.view.pane.width / 2 / this.view.scale;
    const tall = this.view.pane.height / 2 / (this.view.scale * this.view.image.aspect);
    const over = (/** @type {number} */ at, /** @type {number} */ middle, /** @type {number} */ reach) => Math.sign(at - middle) * Math.max(0, Math.abs(at - middle) - reach);
    const [dx, dy] = [over(x, this.view.x, half * 0.9), over(y, this.view.y, tall * 0.9)];
    if (!dx && !dy) return;
    this.view.panBy(-dx * this.view.scale, -dy * this.view.scale * this.view.image.aspect);
    this.changeView();
  }

  /** @param {Component} box */
  showBox({ left, right, top, bottom }) {
    this.keepInView({ x: (left + right) / 2, y: (top + bottom) / 2 });
  }

  // ---- Switches ----

  /** @param {string} action */
  act(action) {
    if (!this.scene || !canAct(this, action)) return;
    const focused = this.root.contains(this.activeElement);
    ACTIONS[action](this, this.look);
    if (["less", "more", "snap"].includes(action)) this.commitSoon();
    else this.applyLook();
    if (focused) this.keepFocus();
  }

  /** What had the focus may just have been hidden; the keys must keep working. */
  keepFocus() {
    const active = this.activeElement;
    if (!active?.checkVisibility()) this.part("stage").focus({ preventScroll: true });
  }

  escape() {
    const wasOpen = !this.part("keys").hidden;
    this.part("keys").hidden = true;
    this.keepFocus();
    if (!wasOpen && !this.pen.cancel() && this.look.tool) {
      this.useTool(null);
      this.applyLook();
    }
    if (this.root.classList.contains("full")) this.toggleFull();
    markButtons(this);
  }

  async toggleFull() {
    await super.toggleFull();
    markButtons(this);
  }

  /** @param {number} share */
  setWipe(share) {
    this.look.wipeAt = clamp(share, 0, 1);
    this.placeWipe();
  }

  placeWipe() {
    const { wipe, wipeAt } = this.look;
    const handle = this.part("wipe");
    const percent = Math.round(wipeAt * 100);
    handle.hidden = !wipe;
    handle.style.left = `${wipeAt * 100}%`;
    handle.setAttribute("aria-valuenow", String(percent));
    handle.setAttribute("aria-valuetext", `${percent} % of the width shows the bare image`);
    for (const name of ["overlay", "notes"]) {
      this.canvas(name).style.clipPath = wipe ? `inset(0 0 0 ${wipeAt * 100}%)` : "";
    }
  }

  applyLook() {
    const { look } = this;
    this.part("pane", "bare").hidden = !look.side;
    this.part("pane-name").hidden = !look.side;
    this.part("stage").classList.toggle("side", look.side);
    this.canvas("overlay").style.visibility = look.overlay ? "" : "hidden";
    this.field("opacity").value = String(this.opacity[look.style]);
    this.part("strip", "more").hidden = !look.more;
    this.part("strip", "edit").hidden = look.tool === null;
    this.part("list").hidden = !look.components;
    if (look.components && this.list.old) this.list.measure();
    this.placeWipe();
    markButtons(this);
    this.resize();
  }

  // ---- Frames ----

  resize() {
    const pane = this.part("pane", "main");
    this.view.resize(pane.clientWidth, pane.clientHeight);
    if (!this.scene) return;
    const width = this.part("track").clientWidth;
    if (width !== this.trackWidth) drawTrack(this);
    this.changeView();
  }

  changeView() {
    this.stale.view = true;
    this.schedule();
  }

  /** The mask changed at this threshold: by post-processing or manually. */
  changeMap() {
    this.stale.map = true;
    this.list.spoil();
    this.schedule();
  }

  changeNotes() {
    this.stale.notes = true;
    this.schedule();
  }

  repaint() {
    this.stale.overlay = true;
    this.schedule();
  }

  /**
   * Many events, one frame.
   * @param {number} [inputTime]
   */
  schedule(inputTime) {
    if (inputTime !== undefined) this.pendingInput ??= inputTime;
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = undefined;
    if (!this.scene) return;
    const { view, map, overlay, notes } = this.stale;
    if (view && !this.shared) shareView(this);
    this.shared = false;
    if (view) drawPicture(this);
    else if (map) this.raster.refresh(this.scene, this.mask.marks);
    if (view || map || overlay) drawOverlay(this);
    if (view || map || notes || this.look.components) drawNotes(this);
    this.stale = { view: false, map: false, overlay: false, notes: false };
    drawScores(this);
    this.noteLatency();
  }
}
