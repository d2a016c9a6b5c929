// The volume viewer: its state, and how the parts above act on it.

import { paintHistogram } from "../../shared/paint/histogram.js";
import { STEPS } from "../../shared/levels.js";
import { readHeader } from "../../shared/message.js";
import { Mounted, writeText } from "../../shared/mounted.js";
import { listenToNumber } from "../../shared/number_field.js";
import { WHOLE, clamp } from "../../shared/numbers.js";
import { AS_OPENED, presetOf, showPresets } from "../../shared/presets.js";
import { listenToTrack } from "../../shared/track.js";
import { VOLUME_ACTIONS } from "./actions.js";
import { volumeOf } from "./decode.js";
import { listenToPlane } from "./hand.js";
import { Intensities } from "./intensities.js";
import { listenToVolumeKeys } from "./keys.js";
import { PlanePane } from "./pane.js";
import { describeRibbon, listenToRibbon, paintRibbon } from "./ribbon.js";
import { fullestVoxel, volumeText } from "./summary.js";

/**
 * What is on; `lastFlat` is what the heat map goes back to.
 * @typedef {{ overlay: boolean, style: "contour" | "fill" | "heat", lastFlat: "contour" | "fill",
 *   projection: boolean, cross: boolean }} Look
 */

/** @typedef {import("./decode.js").VolumeHeader} Header */

/**
 * What a remount finds again.
 * @typedef {object} Saved
 * @property {string} map
 * @property {number} start
 * @property {number} threshold
 * @property {number[]} at
 * @property {[number, number] | null} window
 * @property {number[]} shape
 * @property {string | undefined} big name of the plane that was large
 * @property {Look} look
 */

/** @type {Look} */
const VOLUME_LOOK = { overlay: true, style: "contour", lastFlat: "contour", projection: false, cross: true };
const TELL_DELAY_MS = 300;
/** @type {Map<string, Saved>} */
const rememberedVolumes = new Map(); // by key: what Streamlit's unmounting would forget

export class VolumeViewer extends Mounted {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    this.look = { ...VOLUME_LOOK };
    this.threshold = 0;
    this.typing = false;
    this.at = [0, 0, 0];
    /** @type {import("../../shared/mounted.js").Send} */
    this.send = () => {};
    // The three come with the first volume; until `volume` is there, nothing acts.
    this.header = /** @type {Header} */ (/** @type {unknown} */ (undefined));
    this.volume = /** @type {import("./decode.js").OpenVolume} */ (/** @type {unknown} */ (undefined));
    this.intensities = /** @type {Intensities} */ (/** @type {unknown} */ (undefined));
    this.reported = -1;
    this.trackWidth = 0;
    this.ribbonsOld = true;
    /** @type {number | undefined} */
    this.frame = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.tellTimer = undefined;
    const { on } = this;
    const first = this.part("plane");
    for (let n = 1; n < 3; n++) first.parentElement?.append(first.cloneNode(true));
    /** @type {NodeListOf<HTMLElement>} */
    const planes = root.querySelectorAll("[data-plane]");
    this.panes = [...planes].map((element) => new PlanePane(this, element));
    this.active = this.panes[0];
    for (const pane of this.panes) {
      listenToPlane(this, pane, on);
      listenToRibbon(this, pane, on);
      on(pane.part("enlarge"), "click", () => this.enlarge(pane));
    }
    listenToTrack(this, on);
    listenToNumber(this, on);
    listenToVolumeKeys(this, on);
    this.listenToButtons();
    on(document, "fullscreenchange", () => this.markButtons());
    this.sizes = new ResizeObserver(() => this.resize());
    for (const pane of this.panes) this.sizes.observe(pane.stage);
    this.sizes.observe(this.part("track"));
  }

  /**
   * @param {Uint8Array} bytes
   * @param {import("../../shared/mounted.js").Send} send
   */
  async receive(bytes, send) {
    this.send = send;
    const message = readHeader(bytes);
    const { body } = message;
    const header = /** @type {Header} */ (message.header);
    this.root.style.setProperty("--stage-height", `${header.stage_height}px`);
    if (this.header?.token === header.token) {
      this.header = header;
      return;
    }
    this.header = header;
    this.root.classList.add("waiting");
    let volume;
    try {
      volume = await volumeOf(header, body);
    } catch {
      if (this.header !== header) return;
      this.header = /** @type {any} */ (undefined); // so that the same message is decoded again
      return this.say("This volume could not be decoded. Reload the page to try again.");
    }
    if (this.header.token !== header.token) return; // a newer one came meanwhile
    this.root.classList.remove("waiting");
    this.open(volume, rememberedVolumes.get(header.key));
  }

  /**
   * @param {import("./decode.js").OpenVolume} volume
   * @param {Saved | undefined} saved
   */
  open(volume, saved) {
    const { header } = this;
    this.volume = volume;
    this.intensities = new Intensities(header.grey);
    if (saved) Object.assign(this.look, saved.look);
    const same = saved?.map === header.map && saved.start === header.start ? saved : null;
    this.threshold = same?.threshold ?? header.start;
    const fits = saved && saved.shape.join() === volume.shape.join();
    this.at = fits ? saved.at : fullestVoxel(volume, this.threshold);
    if (same?.window && this.intensities.adjustable) this.intensities.set(...same.window);
    this.panes.forEach((pane, n) => pane.open(volume.planes[n]));
    const big = this.panes.find(({ plane }) => plane.name === saved?.big) ?? this.panes[0];
    this.reported = header.start;
    if (this.reported !== this.threshold) this.report();
    this.describe();
    this.enlarge(big);
    this.drawTrack();
    this.resize();
  }

  remember() {
    if (!this.volume) return;
    const { map, start, key } = this.header;
    const { threshold, at, intensities } = this;
    /** @type {[number, number] | null} */
    const window = intensities.adjustable ? [intensities.center, intensities.width] : null;
    const { shape } = this.volume;
    const big = this.panes.find(({ element }) => element.classList.contains("big"))?.plane.name;
    rememberedVolumes.set(key, { map, start, threshold, at, window, shape, big, look: { ...this.look } });
  }

  close() {
    this.remember();
    clearTimeout(this.tellTimer);
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    super.close();
  }

  describe() {
    const { header } = this;
    writeText(this.part("title"), header.title);
    this.part("title").title = header.title;
    writeText(this.part("point-name"), header.operating_point_name);
    writeText(this.part("point"), (header.operating_point / STEPS).toFixed(3));
    writeText(/** @type {HTMLElement} */ (this.root.querySelector(".tones span")), "Voxels by probability (log)");
    const thin = header.steps.some((step) => step > 1);
    this.part("thinned").hidden = !thin;
    if (thin) {
      writeText(this.part("thinned"), `Shown thinned by ${header.steps.join(" x ")}; figures are of all voxels`);
    }
    const box = this.part("presets");
    box.replaceChildren();
    if (!header.grey.window) return;
    /** @type {[string, number, number][]} */
    const presets = [[AS_OPENED, ...header.grey.window], ...header.presets];
    const named = presets.map(([name, ...window]) => presetOf(name, window, "Grey window: "));
    showPresets(box, named, (center, width) => this.setWindow(center, width));
  }

  // ---- What the hand does ----

  /**
   * @param {number} k
   * @param {number} [inputTime]
   */
  setThreshold(k, inputTime) {
    const next = clamp(Math.round(k), 0, STEPS);
    if (!this.volume || next === this.threshold) return;
    this.threshold = next;
    for (const pane of this.panes) pane.spoil("overlay");
    this.ribbonsOld = true;
    this.schedule(inputTime);
  }

  /**
   * Puts the cross on a voxel; the planes through it follow.
   * @param {number[] | null} at
   * @param {number} [inputTime]
   */
  moveTo(at, inputTime) {
    if (!at || at.join() === this.at.join()) return;
    this.at = at;
    for (const pane of this.panes) pane.spoil("slice");
    this.schedule(inputTime);
  }

  /**
   * @param {PlanePane} pane
   * @param {number} slice
   */
  showSlice(pane, slice) {
    const place = pane.plane.toPlane(this.at);
    const next = { ...place, slice: clamp(slice, 0, pane.plane.depth - 1) };
    this.moveTo(pane.plane.toVolume(next), performance.now());
  }

  /**
   * @param {number} center
   * @param {number} width
   */
  setWindow(center, width) {
    this.intensities.set(center, width);
    for (const pane of this.panes) {
      pane.paintPicture();
      pane.spoil("view");
    }
    this.schedule();
  }

  /**
   * A drag with the right button: sideways is width, up and down is center.
   * @param {number} dx
   * @param {number} dy
   */
  level(dx, dy) {
    if (!this.intensities.adjustable) return;
    const step = this.intensities.width / 300;
    this.setWindow(this.intensities.center + dy * step, this.intensities.width + dx * step);
  }

  /** @param {PlanePane} pane */
  changeView(pane) {
    pane.spoil("view");
    this.schedule();
  }

  /** @param {PlanePane} pane */
  enlarge(pane) {
    for (const one of this.panes) one.element.classList.toggle("big", one === pane);
    this.resize();
  }

  /** @param {string} action */
  act(action) {
    if (!this.volume || !(action in VOLUME_ACTIONS)) return;
    VOLUME_ACTIONS[action](this, this.look);
    if (["less", "more", "snap"].includes(action)) this.commitSoon();
    for (const pane of this.panes) {
      pane.spoil("slice");
      pane.spoil("overlay");
    }
    this.markButtons();
    this.schedule();
  }

  escape() {
    const open = !this.part("keys").hidden || this.root.classList.contains("full");
    this.part("keys").hidden = true;
    if (this.root.classList.contains("full")) this.toggleFull();
    this.markButtons();
    return open;
  }

  async toggleFull() {
    await super.toggleFull();
    this.markButtons();
  }

  markButtons() {
    const { look } = this;
    const pressed = {
      overlay: look.overlay,
      contour: look.style === "contour",
      fill: look.style === "fill",
      heat: look.style === "heat",
      projection: look.projection,
      cross: look.cross,
      full: this.root.matches(":fullscreen, .full"),
      help: !this.part("keys").hidden,
    };
    for (const [action, state] of Object.entries(pressed)) {
      this.button(action).setAttribute("aria-pressed", String(state));
    }
  }

  // ---- Telling Python ----

  commit() {
    clearTimeout(this.tellTimer);
    if (!this.volume || this.threshold === this.reported) return;
    this.report();
  }

  commitSoon() {
    clearTimeout(this.tellTimer);
    this.tellTimer = setTimeout(() => this.commit(), TELL_DELAY_MS);
  }

  report() {
    this.reported = this.threshold;
    this.remember();
    const { map, start } = this.header;
    const plain = { minimum_area_px: 0, fill_holes: false, added: [], removed: [] };
    this.send("choice", { map, start, k: this.threshold, ...plain });
  }

  // ---- Frames ----

  resize() {
    if (!this.volume) return;
    for (const pane of this.panes) pane.resize();
    this.ribbonsOld = true;
    const width = this.part("track").clientWidth;
    if (width !== this.trackWidth) this.drawTrack();
    this.markButtons();
    this.schedule();
  }

  /** @param {number} [inputTime] */
  schedule(inputTime) {
    if (inputTime !== undefined) this.pendingInput ??= inputTime;
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = undefined;
    if (!this.volume) return;
    for (const pane of this.panes) pane.draw();
    const color = getComputedStyle(this.elements(".ribbon-color")[0]).backgroundColor;
    for (const pane of this.panes) {
      if (this.ribbonsOld) paintRibbon(pane, color);
      describeRibbon(pane);
    }
    this.ribbonsOld = false;
    this.drawMeasurements();
    this.noteLatency();
  }

  drawTrack() {
    const track = this.part("track");
    this.trackWidth = track.clientWidth;
    track.style.setProperty("--point", String(this.header.operating_point / STEPS));
    const off = getComputedStyle(this.elements(".tones .off")[0]).backgroundColor;
    paintHistogram(this.canvas("histogram"), this.volume.tally, { off, on: off });
  }

  drawMeasurements() {
    const { threshold: k, volume } = this;
    const value = (k / STEPS).toFixed(3);
    const foreground = volume.tally.foreground[k + 1];
    const share = `${((100 * foreground) / volume.tally.voxels).toFixed(2)} %`;
    if (!this.typing) this.field("number").value = value;
    writeText(this.part("value", "volume"), volumeText(foreground, volume.tally.voxels, this.header.voxel_mm3));
    writeText(this.part("value", "share"), share);
    const track = this.part("track");
    track.style.setProperty("--at", String(k / STEPS));
    track.setAttribute("aria-valuenow", value);
    track.setAttribute("aria-valuetext", `${value}, ${share} of the volume`);
    const { plane, wholeSlice } = this.panes[0];
    const size = plane.sizeOf(wholeSlice, k);
    writeText(this.part("slice-name"), `In ${plane.name} slice ${wholeSlice + 1}`);
    writeText(this.part("value", "slice"), `${WHOLE.format(size)} px`);
    this.say(foreground ? "" : `No voxel reaches ${value}`);
    const snapped = k === this.header.operating_point;
    this.button("snap").classList.toggle("reached", snapped);
  }
}
