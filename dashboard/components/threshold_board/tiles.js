// The images beside the curves. A tile keeps its pixels sorted by level, so a step of the threshold
// recolours only the pixels it passes; tiles out of sight are painted when they come into it.

const STRIPE_PIXELS = 6;
const ALPHA = 0.6;
const TILE_GAP = 6; // as in board.css, where it is the padding too
const FEW_SIDE = 130;

class Tile {
  constructor(image, number) {
    Object.assign(this, { image, number, painted: null, visible: false });
    this.element = document.createElement("button");
    this.element.type = "button";
    this.element.className = "tile";
    this.element.innerHTML =
      '<span class="plane"><img alt="" decoding="async" /><canvas></canvas></span>' +
      '<span class="caption"><span class="name"></span><b class="figure"></b></span>';
    this.element.querySelector(".name").textContent = image.id;
    this.element.style.setProperty("--aspect", image.width / image.height);
    this.element.querySelector("img").src = URL.createObjectURL(image.picture);
    this.canvas = this.element.querySelector("canvas");
    this.score = this.element.querySelector("b");
  }

  /** Dear, and only for tiles that are seen: colours of every pixel, and their order by level. */
  prepare() {
    const { width, height, levels, truth } = this.image;
    Object.assign(this.canvas, { width, height });
    this.context = this.canvas.getContext("2d");
    this.out = new Uint32Array(width * height);
    this.pixels = new ImageData(new Uint8ClampedArray(this.out.buffer), width, height);
    this.first = new Uint32Array(STEPS + 2);
    for (let i = 0; i < levels.length; i++) this.first[levels[i] + 1]++;
    for (let k = 0; k <= STEPS; k++) this.first[k + 1] += this.first[k];
    const next = this.first.slice();
    this.order = new Uint32Array(levels.length);
    for (let i = 0; i < levels.length; i++) this.order[next[levels[i]]++] = i;
    this.kinds = new Uint8Array(levels.length);
    const step = Math.max(4, Math.round((STRIPE_PIXELS * width) / 180));
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const slant = truth[i] ? x + y : x - y + 65536 * step;
        this.kinds[i] = truth[i] + (slant % step < step * 0.4 ? 2 : 0);
      }
    }
  }

  edges() {
    const { width, height, levels, truth } = this.image;
    const size = levels.length;
    const spread = (map) => {
      const [low, high, lowRow, highRow] = Array.from({ length: 4 }, () => new Uint16Array(size));
      spreadRows(map, map, lowRow, highRow, width, height);
      spreadColumns(lowRow, highRow, low, high, width, height);
      return { low, high };
    };
    const reference = spread(truth);
    const dashed = new Uint8Array(size);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        dashed[i] = reference.low[i] !== reference.high[i] && (x * 0.62 + y) % 10 < 6;
      }
    }
    return { ...spread(levels), dashed };
  }

  paint(k, look) {
    if (!this.order) this.prepare();
    const before = this.painted;
    if (before && before.k === k && before.look === look) return;
    this.painted = { k, look };
    if (look === "errors") this.paintErrors(before?.look === look ? before.k : null, k);
    else if (look === "contour") this.paintContour(k);
    else this.out.fill(0);
    this.context.putImageData(this.pixels, 0, 0);
  }

  paintErrors(from, k) {
    const { out, order, first, kinds } = this;
    if (from === null) {
      for (let i = 0; i < first[k]; i++) out[order[i]] = MISSED[kinds[order[i]]];
      for (let i = first[k]; i < order.length; i++) out[order[i]] = MARKED[kinds[order[i]]];
    } else if (k > from) {
      for (let i = first[from]; i < first[k]; i++) out[order[i]] = MISSED[kinds[order[i]]];
    } else {
      for (let i = first[k]; i < first[from]; i++) out[order[i]] = MARKED[kinds[order[i]]];
    }
  }

  paintContour(k) {
    this.border ??= this.edges();
    const { out, border, image } = this;
    const { low, high, dashed } = border;
    for (let i = 0; i < out.length; i++) {
      if (low[i] < k && high[i] >= k) out[i] = image.levels[i] >= k ? LINE : HALO;
      else out[i] = dashed[i] ? DASH : 0;
    }
  }

  /** Dice at native resolution; NaN where prediction and truth are both empty. */
  dice(k) {
    const { tp, fp } = this.image;
    return (2 * tp[k]) / (tp[k] + fp[k] + tp[0]);
  }

  forget() {
    URL.revokeObjectURL(this.element.querySelector("img").src);
    this.element.remove();
  }
}

// By kind: background or truth, then the same where the hatching is drawn.
const MISSED = [0, rgba(COLOR.missed, ALPHA * 0.8), 0, rgba(COLOR.missed, 1)];
const MARKED = [
  rgba(COLOR.extra, ALPHA * 0.8), rgba(COLOR.hit, ALPHA * 0.75), rgba(COLOR.extra, 1), rgba(COLOR.hit, ALPHA * 0.75),
];
const LINE = rgba(COLOR.prediction, 1);
const HALO = rgba([0, 0, 0], 0.55);
const DASH = rgba(COLOR.truth, 1);

/** All tiles of a part, in an order that changes when the hand lets go. */
class Tiles {
  constructor(host, images, changed) {
    this.host = host;
    this.tiles = images.map((image, n) => new Tile(image, n));
    this.byElement = new Map(this.tiles.map((tile) => [tile.element, tile]));
    host.replaceChildren(...this.tiles.map((tile) => tile.element));
    this.watch = new IntersectionObserver((entries) => {
      for (const entry of entries) this.byElement.get(entry.target).visible = entry.isIntersecting;
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
    this.host.style.setProperty("--columns", best.columns);
  }

  paint(k, look) {
    for (const tile of this.tiles) {
      if (!tile.visible) continue;
      tile.paint(k, look);
      writeText(tile.score, figure(tile.dice(k)));
    }
  }

  /** Worst or best first; images without anything to find and nothing marked come last. */
  sort(by, k) {
    const sign = by === "worst" ? 1 : -1;
    const rank = (tile) => (by === "order" ? tile.number : sign * tile.dice(k));
    const place = (tile) => (Number.isNaN(rank(tile)) ? Infinity : rank(tile));
    const sorted = [...this.tiles].sort((a, b) => place(a) - place(b) || a.number - b.number);
    if (sorted.every((tile, n) => this.host.children[n] === tile.element)) return;
    this.host.replaceChildren(...sorted.map((tile) => tile.element));
    this.host.scrollTop = 0;
  }

  enlarge(element) {
    for (const tile of this.tiles) {
      const large = tile.element === element && !tile.element.classList.contains("large");
      tile.element.classList.toggle("large", large);
      tile.element.setAttribute("aria-pressed", large);
      if (large) requestAnimationFrame(() => this.host.scrollTo({ top: element.offsetTop - 4 }));
    }
  }

  close() {
    this.watch.disconnect();
    for (const tile of this.tiles) tile.forget();
  }
}
