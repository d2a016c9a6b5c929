// The images beside the curves; those out of sight are painted when they come into it.

import { writeText } from "../../shared/mounted.js";
import { figure } from "./text.js";
import { Tile } from "./tile.js";

const TILE_GAP = 6; // as in board.css, where it is the padding too
const FEW_SIDE = 130;

/** All tiles of a part, in an order that changes when the hand lets go. */
export class Tiles {
  /**
   * @param {HTMLElement} host
   * @param {import("./parts.js").BoardImage[]} images
   * @param {() => void} changed
   */
  constructor(host, images, changed) {
    this.host = host;
    this.tiles = images.map((image, n) => new Tile(image, n));
    /** @type {Map<Element, Tile>} */
    this.byElement = new Map(this.tiles.map((tile) => [tile.element, tile]));
    host.replaceChildren(...this.tiles.map((tile) => tile.element));
    this.watch = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const tile = this.byElement.get(target);
        if (tile) tile.visible = isIntersecting;
      }
      changed();
    }, { root: host, rootMargin: "40px" });
    for (const tile of this.tiles) this.watch.observe(tile.element);
  }

  /** All of them at once where they can be seen so; else rows to scroll through. */
  arrange() {
    const [width, height] = [this.host.clientWidth, this.host.clientHeight].map((side) => side - TILE_GAP);
    let best = { side: 0, columns: 1 };
    for (let columns = 1; columns <= this.tiles.length; columns++) {
      const rows = Math.ceil(this.tiles.length / columns);
      const side = Math.floor(Math.min(width / columns, height / rows)) - TILE_GAP;
      if (side > best.side) best = { side, columns };
    }
    this.host.classList.toggle("few", best.side >= FEW_SIDE);
    this.host.style.setProperty("--side", `${best.side}px`);
    this.host.style.setProperty("--columns", String(best.columns));
  }

  /**
   * @param {number} k
   * @param {string} look
   */
  paint(k, look) {
    for (const tile of this.tiles) {
      if (!tile.visible) continue;
      tile.paint(k, look);
      writeText(tile.score, figure(tile.dice(k)));
    }
  }

  /**
   * Worst or best first; images without anything to find and nothing marked come last.
   * @param {string} by
   * @param {number} k
   */
  sort(by, k) {
    const sign = by === "worst" ? 1 : -1;
    const rank = (/** @type {Tile} */ tile) => (by === "order" ? tile.number : sign * tile.dice(k));
    const place = (/** @type {Tile} */ tile) => (Number.isNaN(rank(tile)) ? Infinity : rank(tile));
    const sorted = [...this.tiles].sort((a, b) => place(a) - place(b) || a.number - b.number);
    if (sorted.every((tile, n) => this.host.children[n] === tile.element)) return;
    this.host.replaceChildren(...sorted.map((tile) => tile.element));
    this.host.scrollTop = 0;
  }

  /** @param {HTMLElement} element */
  enlarge(element) {
    for (const tile of this.tiles) {
      const large = tile.element === element && !tile.element.classList.contains("large");
      tile.element.classList.toggle("large", large);
      tile.element.setAttribute("aria-pressed", String(large));
      if (large) requestAnimationFrame(() => this.host.scrollTo({ top: element.offsetTop - 4 }));
    }
  }

  close() {
    this.watch.disconnect();
    for (const tile of this.tiles) tile.forget();
  }
}
