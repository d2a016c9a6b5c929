// From the map to the mask of the moment: post-processing, then what was put in and taken out manually.

import { ADDED, REMOVED } from "../../../shared/levels.js";
import { Tally } from "../../../shared/tally.js";
import { AreaTree } from "./area_tree.js";
import { fillHoles } from "./fill_holes.js";

export const PUT_IN = 1;
export const TAKEN_OUT = 2;
const STEPS_UNDONE = 200;

/** @typedef {{ kind: number, pixels: number[], before: number[] }} Stroke */
/** @typedef {{ area: number, holes: boolean }} PostProcessing */
/** @typedef {Pick<Scene, "codes" | "width" | "height" | "truth" | "tally">} Mapped */
/** @import { Scene } from "../../../shared/scene.js" */

/** The codes that are painted and counted, and every correction with its way back. */
export class MaskMap {
  /** @param {Mapped} scene */
  constructor(scene) {
    this.scene = scene;
    this.leastArea = 0;
    this.holes = false;
    /** @type {Uint16Array | null} */
    this.filled = null; // made when first asked for
    /** @type {Map<boolean, AreaTree>} */
    this.trees = new Map();
    this.clean = this.marks = scene.codes;
    this.tally = scene.tally;
    this.edits = new Uint8Array(0); // made for the first stroke
    this.amount = [0, 0, 0]; // pixels by kind of edit
    this.applied = true;
    /** @type {Stroke[]} */
    this.done = [];
    /** @type {Stroke[]} */
    this.undone = [];
    /** @type {Stroke | null} */
    this.stroke = null;
  }

  get cleans() {
    return this.leastArea > 1 || this.holes;
  }

  /**
   * Whether a post-processing is quick because what it needs was made before, or there is little to do.
   * @param {PostProcessing} wanted
   */
  prepared({ area, holes }) {
    const small = this.scene.codes.length < 300_000;
    return small || ((!holes || this.filled) && (area < 2 || this.trees.has(holes)));
  }

  /**
   * Work: sets the post-processing when all is ready for it; false where nothing changed.
   * @param {number} leastArea
   * @param {boolean} holes
   */
  *cleaned(leastArea, holes) {
    if (leastArea === this.leastArea && holes === this.holes) return false;
    const { codes, width, height } = this.scene;
    let clean = codes;
    if (holes) clean = this.filled ??= yield* fillHoles(codes, width, height);
    if (leastArea > 1) {
      if (!this.trees.has(holes)) {
        this.trees.clear(); // one at a time: they are the largest thing here
        this.trees.set(holes, yield* AreaTree.of(clean, width, height));
      }
      const tree = /** @type {AreaTree} */ (this.trees.get(holes));
      clean = yield* tree.dropSmall(leastArea);
    }
    Object.assign(this, { leastArea, holes, clean });
    this.rebuild();
    return true;
  }

  rebuild() {
    const { scene, clean, edits } = this;
    this.marks = clean;
    if (this.stroke || (this.applied && this.corrected)) {
      const marks = (this.marks = clean.slice());
      for (let i = 0; i < edits.length; i++) {
        if (edits[i]) marks[i] = edits[i] === PUT_IN ? ADDED : REMOVED;
      }
    }
    this.tally = this.marks === scene.codes ? scene.tally : new Tally(this.marks, scene.truth);
  }

  // ---- Corrections ----

  get corrected() {
    return this.amount[PUT_IN] + this.amount[TAKEN_OUT] > 0;
  }

  /** @param {number} kind */
  begin(kind) {
    if (!this.edits.length) this.edits = new Uint8Array(this.scene.codes.length);
    if (!this.applied) {
      this.applied = true;
      this.rebuild();
    }
    if (this.marks === this.clean) {
      this.marks = this.clean.slice();
      this.tally = this.tally.copy();
    }
    this.stroke = { kind, pixels: [], before: [] };
  }

  /**
   * Columns `from` up to `to`, without it, of row `y`.
   * @param {number} y
   * @param {number} from
   * @param {number} to
   */
  span(y, from, to) {
    const { edits, stroke } = this;
    const { width, height } = this.scene;
    if (!stroke || y < 0 || y >= height) return;
    const end = y * width + Math.min(to, width);
    for (let i = y * width + Math.max(from, 0); i < end; i++) {
      if (edits[i] === stroke.kind) continue;
      stroke.pixels.push(i);
      stroke.before.push(edits[i]);
      this.put(i, stroke.kind);
    }
  }

  end() {
    const { stroke } = this;
    this.stroke = null;
    this.tally.settle();
    if (!stroke || stroke.pixels.length === 0) return false;
    this.done.push(stroke);
    if (this.done.length > STEPS_UNDONE) this.done.shift();
    this.undone = [];
    return true;
  }

  /**
   * @param {number} i
   * @param {number} kind
   */
  put(i, kind) {
    const { edits, marks, clean, amount } = this;
    amount[edits[i]]--;
    amount[kind]++;
    edits[i] = kind;
    const code = kind === PUT_IN ? ADDED : kind === TAKEN_OUT ? REMOVED : clean[i];
    this.tally.move(i, marks[i], code);
    marks[i] = code;
  }

  /** Takes back the last correction; false where there is none. */
  undo() {
    return this.replay(this.done, this.undone, (stroke, n) => stroke.before[n]);
  }

  redo() {
    return this.replay(this.undone, this.done, (stroke) => stroke.kind);
  }

  /**
   * @param {Stroke[]} from
   * @param {Stroke[]} to
   * @param {(stroke: Stroke, n: number) => number} kindOf
   */
  replay(from, to, kindOf) {
    const stroke = from.pop();
    if (!stroke) return false;
    to.push(stroke);
    if (!this.applied || this.marks === this.clean) {
      this.applied = true;
      this.rebuild();
      if (this.marks === this.clean) this.marks = this.clean.slice();
      this.tally = this.tally.copy();
    }
    stroke.pixels.forEach((pixel, n) => this.put(pixel, kindOf(stroke, n)));
    this.tally.settle();
    return true;
  }

  /** Forgets all corrections, as one step that can be undone. */
  clear() {
    if (!this.corrected) return false;
    this.begin(0);
    const { width, height } = this.scene;
    for (let y = 0; y < height; y++) this.span(y, 0, width);
    return this.end();
  }

  /** @param {boolean} on */
  apply(on) {
    this.applied = on;
    this.rebuild();
  }

  // ---- Runs, as Python reads them ----

  /**
   * Pixels of one kind, row by row: how many not, how many, how many not, …
   * @param {number} kind
   */
  runs(kind) {
    const { edits } = this;
    if (!this.amount[kind]) return [];
    const runs = [];
    let last = 0;
    for (let i = 0; i < edits.length; i++) {
      const inside = edits[i] === kind;
      if (inside === runs.length % 2 > 0) continue;
      runs.push(i - last);
      last = i;
    }
    if (runs.length % 2) runs.push(edits.length - last);
    return runs;
  }

  /**
   * @param {number[]} added
   * @param {number[]} removed
   */
  load(added, removed) {
    for (const { kind, runs } of [{ kind: PUT_IN, runs: added }, { kind: TAKEN_OUT, runs: removed }]) {
      if (!runs.length) continue;
      this.begin(kind);
      for (let n = 0, at = 0; n + 1 < runs.length; n += 2) {
        at += runs[n];
        for (const end = at + runs[n + 1]; at < end; at++) this.put(at, kind);
      }
      this.stroke = null;
      this.tally.settle();
    }
  }
}
