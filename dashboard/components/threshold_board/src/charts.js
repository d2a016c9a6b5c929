// Charts that follow the hand: the curves are drawn once, as SVG; what moves lies above them.

import { STEPS } from "../../shared/levels.js";
import { clamp } from "../../shared/numbers.js";

export const MARGIN = { left: 38, right: 12, top: 8, bottom: 30 };
export const LINES = [
  { color: "var(--line-0)", dash: "" },
  { color: "var(--line-1)", dash: "7 3" },
  { color: "var(--line-2)", dash: "2 3" },
  { color: "var(--line-3)", dash: "9 3 2 3" },
];

/** @typedef {{ low: number, high: number, name?: string, text?: (value: number) => string }} Axis */
/** @typedef {ArrayLike<number>} Values */

/**
 * What a chart shows.
 * @typedef {object} Panel
 * @property {(chart: Chart) => string} draw sets the axes and makes the SVG's content
 * @property {(chart: Chart, k: number) => void} place moves the marks to threshold k
 * @property {number} [height] in CSS pixels
 */

export class Chart {
  /**
   * `draw(chart)` makes the SVG's content, `place(chart, k)` moves the marks.
   * @param {HTMLElement} host
   * @param {Panel} panel
   */
  constructor(host, { draw, place, height = 190 }) {
    this.host = host;
    this.draw = draw;
    this.place = place;
    this.height = height;
    this.width = 0;
    /** @type {Axis} */
    this.x = { low: 0, high: 1, name: "" };
    /** @type {Axis} */
    this.y = { low: 0, high: 1 };
    /** @type {Map<string | number, HTMLElement>} */
    this.marks = new Map();
    this.plot = /** @type {HTMLElement} */ (host.querySelector(".plot"));
  }

  render() {
    this.width = Math.max(160, this.plot.clientWidth);
    this.plot.style.height = `${this.height}px`;
    this.marks.clear();
    const content = this.draw(this);
    this.plot.innerHTML =
      `<svg viewBox="0 0 ${this.width} ${this.height}" width="${this.width}" height="${this.height}" ` +
      `aria-hidden="true"><style>${CHART_STYLE}</style>${this.axes()}${content}</svg>`;
  }

  /** @param {number} value */
  toX(value) {
    const { left, right } = MARGIN;
    const share = (value - this.x.low) / (this.x.high - this.x.low);
    return left + share * (this.width - left - right);
  }

  /** @param {number} value */
  toY(value) {
    const { top, bottom } = MARGIN;
    const share = (value - this.y.low) / (this.y.high - this.y.low);
    return this.height - bottom - clamp(share, 0, 1) * (this.height - top - bottom);
  }

  axes() {
    const { x, y } = this;
    const ticks = (/** @type {Axis} */ { low, high }, /** @type {number} */ count) => Array.from({ length: count + 1 }, (_, n) => low + ((high - low) * n) / count);
    const floor = this.toY(y.low);
    const rows = ticks(y, 4).map((value) => {
      const at = this.toY(value);
      const text = y.text ? y.text(value) : value.toFixed(2);
      return `<path class="rule" d="M${this.toX(x.low)} ${at}H${this.toX(x.high)}"/><text class="tick-text" x="${MARGIN.left - 6}" y="${at + 3.5}" text-anchor="end">${text}</text>`;
    });
    const columns = ticks(x, 4).map((value, n) => {
      const anchor = n === 0 ? "start" : n === 4 ? "end" : "middle";
      return `<text class="tick-text" x="${this.toX(value)}" y="${floor + 13}" text-anchor="${anchor}">${value.toFixed(2)}</text>`;
    });
    const name = `<text class="axis-name" x="${(this.toX(x.low) + this.toX(x.high)) / 2}" y="${this.height - 3}" text-anchor="middle">${x.name}</text>`;
    return rows.join("") + columns.join("") + name;
  }

  /**
   * A path through points, broken where one is not a number.
   * @param {Values} xs
   * @param {Values} ys
   */
  path(xs, ys) {
    let text = "";
    let pen = "M";
    for (let n = 0; n < ys.length; n++) {
      if (Number.isNaN(ys[n]) || Number.isNaN(xs[n])) {
        pen = "M";
        continue;
      }
      text += `${pen}${this.toX(xs[n]).toFixed(1)} ${this.toY(ys[n]).toFixed(1)}`;
      pen = "L";
    }
    return text;
  }

  /**
   * @param {Values} xs
   * @param {Values} low
   * @param {Values} high
   */
  band(xs, low, high) {
    const up = [];
    const down = [];
    for (let n = 0; n < xs.length; n++) {
      if (Number.isNaN(low[n]) || Number.isNaN(high[n])) continue;
      up.push(`${this.toX(xs[n]).toFixed(1)} ${this.toY(high[n]).toFixed(1)}`);
      down.push(`${this.toX(xs[n]).toFixed(1)} ${this.toY(low[n]).toFixed(1)}`);
    }
    return up.length ? `M${up.join("L")}L${down.reverse().join("L")}Z` : "";
  }

  /**
   * An upright dashed line with a triangle at its foot: a named threshold.
   * @param {number} value
   * @param {string} name
   */
  upright(value, name) {
    const at = this.toX(value);
    const floor = this.toY(this.y.low);
    return `<g class="point"><title>${name}</title><path class="named" d="M${at} ${MARGIN.top}V${floor}"/><path class="foot" d="M${at - 5} ${floor + 6}L${at} ${floor - 1}L${at + 5} ${floor + 6}Z"/></g>`;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {string} name
   */
  diamond(x, y, name) {
    if (Number.isNaN(x) || Number.isNaN(y)) return "";
    return `<path class="foot" d="M${this.toX(x)} ${this.toY(y) - 6}l6 6l-6 6l-6 -6Z"><title>${name}</title></path>`;
  }

  /**
   * A mark above the curves, made when it is first moved.
   * @param {string | number} name
   * @param {string} kind
   */
  mark(name, kind, color = "") {
    const known = this.marks.get(name);
    if (known) return known;
    const element = document.createElement("i");
    element.className = `mark ${kind}`;
    if (color) element.style.color = color;
    this.plot.append(element);
    this.marks.set(name, element);
    return element;
  }

  /** @param {number} value */
  moveLine(value) {
    this.mark("line", "upright").style.transform = `translateX(${this.toX(value)}px)`;
  }

  /**
   * @param {string | number} name
   * @param {number} x
   * @param {number} y
   * @param {string} color
   */
  moveDot(name, x, y, color) {
    const dot = this.mark(name, "dot", color);
    const shown = !Number.isNaN(x) && !Number.isNaN(y);
    dot.style.visibility = shown ? "" : "hidden";
    if (shown) dot.style.transform = `translate(${this.toX(x)}px, ${this.toY(y)}px)`;
  }

  /** @param {PointerEvent} event */
  thresholdAt(event) {
    const box = this.plot.getBoundingClientRect();
    const inner = this.width - MARGIN.left - MARGIN.right;
    return Math.round(clamp((event.clientX - box.left - MARGIN.left) / inner, 0, 1) * STEPS);
  }

  /**
   * The chart alone, with the colours it is seen in.
   * @param {string} title
   */
  svg(title) {
    const drawn = /** @type {SVGElement} */ (this.plot.querySelector("svg"));
    const copy = /** @type {SVGElement} */ (drawn.cloneNode(true));
    const seen = getComputedStyle(this.plot);
    const names = ["--ink", "--paper", "--rule", "--quiet", "--accent", "--truth", "--truth-ink", "--line-0", "--line-1", "--line-2", "--line-3"];
    const colors = names.map((name) => `${name}:${seen.getPropertyValue(name)}`).join(";");
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("style", `${colors};background:var(--paper);font-family:sans-serif`);
    const name = document.createElementNS("http://www.w3.org/2000/svg", "title");
    name.textContent = title;
    copy.prepend(name);
    return new XMLSerializer().serializeToString(copy);
  }
}

const CHART_STYLE = `
  text { fill: var(--quiet); font-size: 11px; }
  path.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .band { opacity: 0.16; }
  path.rule { stroke: var(--rule); stroke-width: 1; opacity: 0.55; }
  path.named { fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-dasharray: 4 3; }
  path.foot { fill: var(--accent); stroke: var(--paper); stroke-width: 1; }
  path.reference { fill: none; stroke: var(--truth); stroke-width: 1.5; stroke-dasharray: 5 3; }
  path.chance { fill: none; stroke: var(--rule); stroke-width: 1.5; stroke-dasharray: 2 3; }
  .spot { fill: var(--line-0); opacity: 0.7; }
  .label { font-size: 12px; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
`;
