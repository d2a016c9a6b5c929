// The table of components, and the way from a row to the image and back.

import { writeText } from "../../shared/mounted.js";
import { WHOLE, clamp } from "../../shared/numbers.js";
import { Components } from "./mask/components.js";
import { MOST_NUMBERED } from "./notes.js";

/** @import { On } from "../../shared/mounted.js" */
/** @import { Point } from "../../shared/view.js" */
/** @import { Component } from "./mask/components.js" */
/** @import { Viewer } from "./viewer.js" */

const SHORTEST_WAIT_MS = 50;

export class ComponentList {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Components | null} */
    this.found = null;
    /** @type {Component | undefined} */
    this.selected = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.old = true;
    this.cost = 0;
    /** @type {Point | null} */
    this.anchor = null; // a pixel of the selected component: numbers change, places stay
    /** @type {Component | null} */
    this.hovered = null;
    /** @type {HTMLTableRowElement[]} */
    this.rows = [];
  }

  /** The mask has changed: measure soon, however often it changes until then. */
  spoil() {
    this.old = true;
    if (!this.viewer.look.components || this.timer) return;
    this.viewer.part("list").classList.toggle("old", this.cost > SHORTEST_WAIT_MS);
    const wait = Math.max(SHORTEST_WAIT_MS, 4 * this.cost);
    this.timer = setTimeout(() => this.measure(), wait);
  }

  measure() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { viewer } = this;
    if (!viewer.scene || !viewer.look.components) return;
    const started = performance.now();
    this.found = new Components(viewer.mask.marks, viewer.scene, viewer.threshold);
    this.cost = performance.now() - started;
    this.old = false;
    this.viewer.part("list").classList.remove("old");
    this.hovered = null;
    this.selected = this.anchor ? this.found.at(this.anchor.x, this.anchor.y) : undefined;
    this.show();
    viewer.changeNotes();
  }

  forget() {
    clearTimeout(this.timer);
    this.timer = undefined;
    Object.assign(this, { found: null, old: true, anchor: null, selected: undefined, hovered: null });
  }

  /** @param {Component | undefined} one */
  select(one, { scroll = false, center = false } = {}) {
    this.selected = one;
    this.anchor = one ? { x: one.rows[0][1], y: one.rows[0][0] } : null;
    this.mark();
    const row = one && this.rows[one.number - 1];
    if (row && scroll) row.scrollIntoView({ block: "nearest" });
    if (one && center) this.viewer.showBox(one);
    this.viewer.changeNotes();
  }

  /**
   * The next component of the table, or the one before.
   * @param {number} step
   */
  move(step) {
    if (!this.found?.list.length) return;
    const last = Math.min(this.found.list.length, MOST_NUMBERED);
    const number = clamp((this.selected?.number ?? (step > 0 ? 0 : last + 1)) + step, 1, last);
    this.select(this.found.list[number - 1], { scroll: true, center: true });
  }

  /** @param {Component | null} one */
  hover(one) {
    if (one === this.hovered) return;
    this.hovered = one;
    this.mark();
    this.viewer.changeNotes();
  }

  // ---- Table ----

  show() {
    const { viewer, found } = this;
    if (!found) return;
    const { header } = viewer.scene;
    const shown = found.list.slice(0, MOST_NUMBERED);
    const body = viewer.part("list-body");
    while (this.rows.length < shown.length) this.rows.push(this.newRow(body));
    this.rows.forEach((row, n) => {
      row.hidden = n >= shown.length;
      if (!row.hidden) this.fill(row, shown[n], found);
    });
    writeText(viewer.part("list-area"), header.pixel_area_mm2 ? this.areaUnit() : "Area, px");
    writeText(viewer.part("list-length"), header.spacing_mm ? `Diameters, ${this.lengthUnit()}` : "Diameters, px");
    const count = found.list.length;
    const more = count > shown.length ? `; the largest ${MOST_NUMBERED} are listed` : "";
    const noun = count === 1 ? "component" : "components";
    writeText(viewer.part("list-count"), `${WHOLE.format(count)} ${noun}${more}`);
    viewer.part("list-table").hidden = count === 0;
    this.mark();
  }

  /** @param {HTMLElement} body */
  newRow(body) {
    const row = document.createElement("tr");
    for (let n = 0; n < 5; n++) row.append(document.createElement(n ? "td" : "th"));
    row.cells[0].scope = "row";
    row.tabIndex = -1;
    body.append(row);
    return row;
  }

  /**
   * @param {HTMLTableRowElement} row
   * @param {Component} one
   * @param {Components} found
   */
  fill(row, one, found) {
    const { header } = this.viewer.scene;
    const lines = found.diameters(one);
    const unit = header.spacing_mm ? this.lengthScale() : 1;
    const area = header.pixel_area_mm2;
    const texts = [
      String(one.number),
      area ? figureText(one.area * area * this.areaScale()) : WHOLE.format(one.area),
      `${figureText(lines.longest.length * unit)} × ${figureText(lines.perpendicular.length * unit)}`,
      one.probability.toFixed(3),
      one.atBorder ? "yes" : "",
    ];
    texts.forEach((text, n) => writeText(row.children[n], text));
    row.title = `${WHOLE.format(one.area)} px${one.atBorder ? ", touches the border of the image" : ""}`;
  }

  /** One unit for the whole table: the one in which the image's area was given. */
  areaScale() {
    const { header, tally } = this.viewer.scene;
    return tally.pixels * (header.pixel_area_mm2 ?? 0) >= 1 ? 1 : 1e6;
  }

  areaUnit() {
    return this.areaScale() === 1 ? "Area, mm²" : "Area, µm²";
  }

  lengthScale() {
    return this.areaScale() === 1 ? 1 : 1e3;
  }

  lengthUnit() {
    return this.areaScale() === 1 ? "mm" : "µm";
  }

  /** Marks rows; one row can be reached with Tab, the arrows continue from there. */
  mark() {
    const reached = this.selected?.number ?? 1;
    this.rows.forEach((row, n) => {
      row.tabIndex = n + 1 === reached ? 0 : -1;
      row.setAttribute("aria-selected", String(n + 1 === this.selected?.number));
      row.classList.toggle("hovered", n + 1 === this.hovered?.number);
    });
  }

  /** @param {Event} event */
  rowOf(event) {
    const row = event.target instanceof Element ? event.target.closest("tbody tr") : null;
    return row instanceof HTMLTableRowElement ? this.found?.list[this.rows.indexOf(row)] : undefined;
  }
}

/** @param {number} value */
function figureText(value) {
  const digits = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 1 ? 2 : 3;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString("en-US", options);
}

/**
 * @param {Viewer} viewer
 * @param {On} on
 */
export function listenToList(viewer, on) {
  const { list } = viewer;
  const body = viewer.part("list-body");
  on(body, "pointerover", (event) => list.hover(list.rowOf(event) ?? null));
  on(body, "pointerleave", () => list.hover(null));
  on(body, "focusin", (event) => {
    const one = list.rowOf(event);
    if (one && one !== list.selected) list.select(one, { center: true });
  });
  on(body, "click", (event) => {
    const one = list.rowOf(event);
    if (one) list.select(one, { center: true });
  });
  on(body, "keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    list.move(step);
    if (list.selected) list.rows[list.selected.number - 1].focus();
    event.preventDefault();
  });
}
