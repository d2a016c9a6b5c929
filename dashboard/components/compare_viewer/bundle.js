// Generated from compare_viewer/src/main.js by "make js"; edit the sources, not this file.
// Sources: sha256 3127ee4cce1681747fad28f9e9706910a45b6de7e9aceee5e42f08ceeeedec09

// shared/mounted.js
var LATENCIES_KEPT = 2e3;
function writeText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
var Mounted = class {
  /** @param {Root} root */
  constructor(root) {
    this.root = root;
    this.parts = /* @__PURE__ */ new Map();
    this.latencies = [];
    this.paintedAt = 0;
    this.pendingInput = null;
    this.listening = new AbortController();
    this.on = (target, type, act, options) => target.addEventListener(type, act, { passive: false, signal: this.listening.signal, ...options });
  }
  /**
   * The element with attribute data-<name>, or with data-<name>="<value>".
   * @param {string} name
   * @param {string} [value]
   */
  part(name, value) {
    const selector = value === void 0 ? `[data-${name}]` : `[data-${name}="${value}"]`;
    const known = this.parts.get(selector);
    if (known?.isConnected) return known;
    const found = (
      /** @type {HTMLElement} */
      this.root.querySelector(selector)
    );
    this.parts.set(selector, found);
    return found;
  }
  /** @param {string} name */
  canvas(name) {
    return (
      /** @type {HTMLCanvasElement} */
      this.part("canvas", name)
    );
  }
  /**
   * @param {string} name
   * @param {string} [value]
   */
  field(name, value) {
    return (
      /** @type {HTMLInputElement} */
      this.part(name, value)
    );
  }
  /** @param {string} action */
  button(action) {
    return (
      /** @type {HTMLButtonElement} */
      this.part("action", action)
    );
  }
  /**
   * What a button or key does, by name; each viewer has its own.
   * @param {string} _action
   */
  act(_action) {
  }
  /**
   * All elements that a selector matches.
   * @param {string} selector
   * @returns {NodeListOf<HTMLElement>}
   */
  elements(selector) {
    return this.root.querySelectorAll(selector);
  }
  /** What has the focus in the document or shadow root that the viewer is in. */
  get activeElement() {
    return (
      /** @type {Document | ShadowRoot} */
      this.root.getRootNode().activeElement
    );
  }
  listenToButtons() {
    for (const button of this.elements("[data-action]")) {
      this.on(button, "click", () => this.act(button.dataset.action ?? ""));
    }
  }
  /** @param {string} text */
  say(text) {
    const message = this.part("message");
    writeText(message, text);
    message.hidden = text === "";
  }
  /** @returns {Promise<void>} */
  async toggleFull() {
    if (document.fullscreenElement) return void document.exitFullscreen();
    if (this.root.classList.contains("full")) return void this.root.classList.remove("full");
    await this.root.requestFullscreen().catch(() => this.root.classList.add("full"));
  }
  /** From the oldest unpainted input to the first task after its frame. */
  noteLatency() {
    const input = this.pendingInput;
    this.pendingInput = null;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      this.paintedAt = performance.now();
      if (input === null) return;
      this.latencies.push(this.paintedAt - input);
      if (this.latencies.length > LATENCIES_KEPT) this.latencies.shift();
    };
    channel.port2.postMessage(null);
  }
  /** Ends all listening; a subclass first keeps what a remount shall find again. */
  close() {
    this.listening.abort();
    delete this.root.__isoline;
  }
};
function mount(component, Kind, hook) {
  const root = (
    /** @type {Root} */
    component.parentElement.querySelector(".isoline")
  );
  const viewer = root.viewer ??= new Kind(root);
  root.__isoline ??= hook(viewer);
  const call = viewer.call = /* @__PURE__ */ Symbol();
  viewer.receive(component.data, component.setStateValue);
  return () => {
    if (viewer.call !== call) return;
    viewer.close();
    delete root.viewer;
  };
}

// compare_viewer/src/hook.js
function compareHook(comparison) {
  return {
    get ready() {
      return Boolean(comparison.painted) && !comparison.moved;
    },
    get thresholds() {
      return comparison.thresholds();
    },
    get view() {
      return comparison.view.save();
    },
    counts: (n, k) => comparison.sides[n].scene.tally.at(k),
    pixels: (n) => {
      const { context, overlay } = comparison.sides[n];
      const { data } = context.getImageData(0, 0, overlay.width, overlay.height);
      return data.reduce((sum, value, at) => sum + Number(at % 4 === 3 && value > 0), 0);
    }
  };
}

// shared/message.js
function readHeader(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { header, body: bytes.subarray(4 + length) };
}
async function inflate(bytes) {
  const stream = new Blob([
    /** @type {Uint8Array<ArrayBuffer>} */
    bytes
  ]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// shared/levels.js
var STEPS = 1e3;
var REMOVED = 0;
var ADDED = STEPS + 2;
var LEVELS = STEPS + 1;

// shared/tally.js
var Tally = class _Tally {
  /**
   * @param {Uint16Array} codes
   * @param {Uint8Array | null} truth
   */
  constructor(codes, truth) {
    this.all = new Float64Array(ADDED + 1);
    this.on = new Float64Array(ADDED + 1);
    for (let i = 0; i < codes.length; i++) this.all[codes[i]]++;
    if (truth) for (let i = 0; i < codes.length; i++) this.on[codes[i]] += truth[i];
    this.truth = truth;
    this.known = truth !== null;
    this.pixels = codes.length;
    this.foreground = suffixSums(this.all);
    this.hits = suffixSums(this.on);
  }
  copy() {
    const copied = Object.assign(Object.create(_Tally.prototype), this);
    return Object.assign(copied, { all: this.all.slice(), on: this.on.slice() });
  }
  /**
   * A pixel changed its code; `settle` when all have.
   * @param {number} pixel
   * @param {number} from
   * @param {number} to
   */
  move(pixel, from, to) {
    this.all[from]--;
    this.all[to]++;
    if (!this.truth?.[pixel]) return;
    this.on[from]--;
    this.on[to]++;
  }
  settle() {
    this.foreground = suffixSums(this.all);
    this.hits = suffixSums(this.on);
  }
  /**
   * The four counts at threshold k; TP, FP and FN are null where the truth is not known.
   * @param {number} k
   */
  at(k) {
    const foreground = this.foreground[k + 1];
    if (!this.known) return { foreground, tp: null, fp: null, fn: null };
    const tp = this.hits[k + 1];
    return { foreground, tp, fp: foreground - tp, fn: this.hits[0] - tp };
  }
  /**
   * Dice, IoU, precision and recall at k; NaN where a denominator is zero.
   * @param {number} k
   */
  scores(k) {
    const { tp, fp, fn } = (
      /** @type {Counts} */
      this.at(k)
    );
    return {
      dice: 2 * tp / (2 * tp + fp + fn),
      iou: tp / (tp + fp + fn),
      precision: tp / (tp + fp),
      recall: tp / (tp + fn)
    };
  }
};
function suffixSums(histogram) {
  const sums = (
    /** @type {T} */
    histogram.slice()
  );
  for (let at = sums.length - 2; at >= 0; at--) sums[at] += sums[at + 1];
  return sums;
}

// shared/scene.js
function halvings(bitmap) {
  const pyramid = [bitmap];
  let last = bitmap;
  while (Math.min(last.width, last.height) > 256) {
    const half = document.createElement("canvas");
    half.width = Math.ceil(last.width / 2);
    half.height = Math.ceil(last.height / 2);
    const context = (
      /** @type {CanvasRenderingContext2D} */
      half.getContext("2d")
    );
    context.imageSmoothingQuality = "high";
    context.drawImage(last, 0, 0, half.width, half.height);
    pyramid.push(half);
    last = half;
  }
  return pyramid;
}
async function decodeScene(header, body) {
  const blob = (name) => {
    const [offset, length] = header.blobs[name];
    return body.subarray(offset, offset + length);
  };
  const map = async (name) => header.blobs[name] ? inflate(blob(name)) : null;
  const [levels, reference, deviation, values, bitmap] = await Promise.all([
    inflate(blob("levels")),
    map("truth"),
    map("uncertainty"),
    map("raw"),
    createImageBitmap(new Blob([
      /** @type {Uint8Array<ArrayBuffer>} */
      blob("image")
    ], { type: "image/png" }))
  ]);
  const { width, height } = header;
  const codes = new Uint16Array(levels);
  const truth = reference && new Uint8Array(reference);
  const uncertainty = deviation && new Uint16Array(deviation);
  const raw = values && new Float32Array(values);
  if (codes.length !== width * height) throw new Error("the level map has the wrong size");
  for (let i = 0; i < codes.length; i++) codes[i]++;
  const [rows, columns] = header.spacing_mm ?? [1, 1];
  const tally = new Tally(codes, truth);
  const pyramid = halvings(bitmap);
  const aspect = rows / columns;
  return { header, width, height, aspect, codes, truth, uncertainty, raw, tally, pyramid };
}
var SCENES_KEPT = 4;
var decoded = /* @__PURE__ */ new Map();
function sceneOf(header, body) {
  const promise = decoded.get(header.token) ?? decodeScene(header, body);
  decoded.delete(header.token);
  decoded.set(header.token, promise);
  promise.catch(() => decoded.delete(header.token));
  const [oldest] = decoded.keys();
  if (decoded.size > SCENES_KEPT) decoded.delete(oldest);
  return promise;
}

// shared/numbers.js
function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
var WHOLE = new Intl.NumberFormat("en-US");

// shared/view.js
var MOST_PIXELS = 16e5;
var LARGEST_SCALE = 48;
var View = class {
  constructor() {
    this.fitted = true;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.pane = { width: 1, height: 1 };
    this.image = { width: 1, height: 1, aspect: 1 };
  }
  get fitScale() {
    const { width, height, aspect } = this.image;
    return Math.min(this.pane.width / width, this.pane.height / (height * aspect));
  }
  /**
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.pane = { width: Math.max(1, width), height: Math.max(1, height) };
    this.settle();
  }
  /** @param {{ width: number, height: number, aspect: number }} scene */
  show(scene) {
    this.image = { width: scene.width, height: scene.height, aspect: scene.aspect };
    this.settle();
  }
  fit() {
    this.fitted = true;
    this.settle();
  }
  /**
   * Multiplies the zoom, holding still the image point under a pane position.
   * @param {number} factor
   * @param {number} left
   * @param {number} top
   */
  zoomAt(factor, left, top) {
    const before = this.toImage(left, top);
    this.fitted = false;
    this.scale *= factor;
    this.limitScale();
    const after = this.toImage(left, top);
    this.x += before.x - after.x;
    this.y += before.y - after.y;
    this.settle();
    if (this.scale <= this.fitScale * 1.001) this.fit();
  }
  /**
   * @param {number} dx
   * @param {number} dy
   */
  panBy(dx, dy) {
    this.fitted = false;
    this.x -= dx / this.scale;
    this.y -= dy / (this.scale * this.image.aspect);
    this.settle();
  }
  /**
   * @param {number} left
   * @param {number} top
   */
  toImage(left, top) {
    return {
      x: this.x + (left - this.pane.width / 2) / this.scale,
      y: this.y + (top - this.pane.height / 2) / (this.scale * this.image.aspect)
    };
  }
  /**
   * @param {number} x
   * @param {number} y
   */
  toPane(x, y) {
    return {
      x: (x - this.x) * this.scale + this.pane.width / 2,
      y: (y - this.y) * this.scale * this.image.aspect + this.pane.height / 2
    };
  }
  limitScale() {
    const least = this.fitScale;
    this.scale = Math.min(Math.max(this.scale, least), Math.max(LARGEST_SCALE, least));
  }
  /** Keeps the image in the pane: whole where it is smaller, without a gap where larger. */
  settle() {
    const { width, height, aspect } = this.image;
    if (this.fitted) Object.assign(this, { scale: this.fitScale, x: width / 2, y: height / 2 });
    this.limitScale();
    const keep = (at, half, size) => clamp(at, Math.min(half, size - half), Math.max(half, size - half));
    this.x = keep(this.x, this.pane.width / 2 / this.scale, width);
    this.y = keep(this.y, this.pane.height / 2 / (this.scale * aspect), height);
  }
  /** Display pixels per CSS pixel. */
  get density() {
    const area = this.pane.width * this.pane.height;
    return Math.min(window.devicePixelRatio || 1, 2, Math.sqrt(MOST_PIXELS / area));
  }
  /** The image's place on a canvas of the pane's size, in display pixels. */
  place() {
    const density = this.density;
    const width = Math.max(1, Math.round(this.pane.width * density));
    const height = Math.max(1, Math.round(this.pane.height * density));
    const scaleX = this.scale * density;
    const scaleY = scaleX * this.image.aspect;
    const originX = width / 2 - this.x * scaleX;
    const originY = height / 2 - this.y * scaleY;
    const left = clamp(Math.round(originX), 0, width);
    const top = clamp(Math.round(originY), 0, height);
    const right = clamp(Math.round(originX + this.image.width * scaleX), left, width);
    const bottom = clamp(Math.round(originY + this.image.height * scaleY), top, height);
    const visible = { left, top, width: right - left, height: bottom - top };
    return { width, height, density, scaleX, scaleY, originX, originY, visible };
  }
  save() {
    return { fitted: this.fitted, scale: this.scale, x: this.x, y: this.y };
  }
  /** @param {SavedView} saved */
  restore(saved) {
    Object.assign(this, saved);
    this.settle();
  }
};

// shared/pointer.js
function positionIn(element, event) {
  const box = element.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}
function wheelDelta(event) {
  return event.deltaMode ? event.deltaY * 33 : event.deltaY || event.deltaX;
}
function zoomByWheel(view, event, at) {
  view.zoomAt(Math.exp(-clamp(wheelDelta(event), -240, 240) * 22e-4), at.x, at.y);
}
function pinch(view, before, now, other) {
  const span = (a, b) => Math.max(10, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
  view.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
  view.zoomAt(span(now, other) / span(before, other), middle.x, middle.y);
}

// compare_viewer/src/pointer.js
function listenToSide(comparison, side) {
  const { view, on } = comparison;
  const { stage } = side;
  const held = /* @__PURE__ */ new Map();
  const position = (event) => positionIn(stage, event);
  on(stage, "pointerdown", (event) => {
    if (event.button > 1) return;
    held.set(event.pointerId, position(event));
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("held");
  });
  on(stage, "pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const now = position(event);
    const others = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (others.length === 0) view.panBy(now.x - before.x, now.y - before.y);
    else if (others.length === 1) pinch(view, before, now, others[0]);
    held.set(event.pointerId, now);
    comparison.redraw();
  });
  const release = (event) => {
    held.delete(event.pointerId);
    if (!held.size) stage.classList.remove("held");
  };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  on(stage, "dblclick", (event) => {
    const at = position(event);
    if (view.fitted) view.zoomAt(2, at.x, at.y);
    else view.fit();
    comparison.redraw();
  });
  on(stage, "wheel", (event) => {
    event.preventDefault();
    zoomByWheel(view, event, position(event));
    comparison.redraw();
  });
}

// shared/paint/image.js
function paintImage(canvas, scene, place) {
  if (canvas.width !== place.width || canvas.height !== place.height) {
    canvas.width = place.width;
    canvas.height = place.height;
  }
  const context = (
    /** @type {CanvasRenderingContext2D} */
    canvas.getContext("2d", { alpha: false })
  );
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#0b0d0f";
  context.fillRect(0, 0, place.width, place.height);
  context.setTransform(place.scaleX, 0, 0, place.scaleY, place.originX, place.originY);
  context.imageSmoothingEnabled = place.scaleX < 2 * place.density;
  context.imageSmoothingQuality = "medium";
  const shrink = Math.max(0, Math.floor(-Math.log2(place.scaleX)));
  const picture = scene.pyramid[Math.min(shrink, scene.pyramid.length - 1)];
  context.drawImage(picture, 0, 0, scene.width, scene.height);
}

// shared/paint/colors.js
var COLOR = {
  prediction: [240, 228, 66],
  truth: [86, 180, 233],
  hit: [0, 158, 115],
  extra: [213, 94, 0],
  missed: [0, 114, 178],
  uncertain: [204, 121, 167]
};
function rgba([red, green, blue], alpha) {
  return (Math.round(alpha * 255) << 24 | blue << 16 | green << 8 | red) >>> 0;
}
var HEAT = (() => {
  const terms = [
    [0.2777273272, 0.0054073445, 0.3340998053],
    [0.1050930431, 1.4046135299, 1.3845901626],
    [-0.3308618287, 0.2148475595, 0.095095163],
    [-4.634230499, -5.7991009734, -19.3324409563],
    [6.2282699363, 14.1799333668, 56.6905526007],
    [4.7763849977, -13.7451453777, -65.3530326334],
    [-5.4354558559, 4.6458526122, 26.3124352496]
  ];
  const channel = (k, place) => {
    const value = terms.reduceRight((sum, term) => sum * (k / STEPS) + term[place], 0);
    return clamp(Math.round(value * 255), 0, 255);
  };
  return Array.from({ length: STEPS + 1 }, (_, k) => {
    return (
      /** @type {Color} */
      [channel(k, 0), channel(k, 1), channel(k, 2)]
    );
  });
})();

// shared/paint/pixel_colors.js
var CODE_BITS = 1023;
var TRUTH = 1024;
var STRIPE = 2048;
var EDGE = 4096;
var CODES = 8192;
var table = new Uint32Array(CODES);
function colorTable(look, k) {
  const dash = rgba(COLOR.truth, look.lineAlpha);
  for (let code = 0; code < CODES; code++) {
    table[code] = look.truth && code & EDGE ? dash : fillColor(look, code, k);
  }
  return table;
}
function fillColor(look, code, k) {
  const value = code & CODE_BITS;
  if (value > ADDED) return 0;
  if (look.style === "heat") return rgba(HEAT[clamp(value - 1, 0, STEPS)], look.alpha);
  if (look.style === "uncertainty") {
    return rgba(COLOR.uncertain, look.alpha * Math.min(1, value / (look.mostUncertain ?? STEPS)));
  }
  if (look.editing && (value === ADDED || value === REMOVED)) {
    const striped = code & STRIPE ? 0.6 : 0.2;
    return rgba(value === ADDED ? [255, 255, 255] : [0, 0, 0], striped);
  }
  if (look.style === "contour") return 0;
  return decisionColor(look, code, value > k);
}
function decisionColor(look, code, foreground) {
  if (!look.truth) return foreground ? rgba(COLOR.prediction, look.alpha) : 0;
  if (foreground && code & TRUTH) return rgba(COLOR.hit, look.alpha);
  if (!foreground && !(code & TRUTH)) return 0;
  const alpha = code & STRIPE ? Math.min(1, look.alpha * 1.7) : look.alpha * 0.75;
  return rgba(foreground ? COLOR.extra : COLOR.missed, alpha);
}

// shared/paint/sampling.js
function sampleAxis(first, length, origin, scale, limit) {
  const index = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    index[i] = clamp(Math.floor((first + i + 0.5 - origin) / scale), 0, limit - 1);
  }
  return index;
}
function sample(map, mapWidth, columns, rows, out) {
  const width = columns.length;
  for (let y = 0, last = -1; y < rows.length; y++) {
    const start = y * width;
    if (rows[y] === last) {
      out.copyWithin(start, start - width, start);
      continue;
    }
    last = rows[y];
    const base = last * mapWidth;
    for (let x = 0; x < width; x++) out[start + x] = map[base + columns[x]];
  }
}
function spreadRows(lowIn, highIn, lowOut, highOut, width, height) {
  for (let y = 0; y < height; y++) {
    const start = y * width;
    const end = start + width - 1;
    for (let i = start; i <= end; i++) {
      const before = i > start ? i - 1 : i;
      const after = i < end ? i + 1 : i;
      let low = lowIn[i];
      let high = highIn[i];
      if (lowIn[before] < low) low = lowIn[before];
      if (lowIn[after] < low) low = lowIn[after];
      if (highIn[before] > high) high = highIn[before];
      if (highIn[after] > high) high = highIn[after];
      lowOut[i] = low;
      highOut[i] = high;
    }
  }
}
function spreadColumns(lowIn, highIn, lowOut, highOut, width, height) {
  for (let y = 0; y < height; y++) {
    const start = y * width;
    const up = y > 0 ? -width : 0;
    const down = y < height - 1 ? width : 0;
    for (let i = start; i < start + width; i++) {
      let low = lowIn[i];
      let high = highIn[i];
      if (lowIn[i + up] < low) low = lowIn[i + up];
      if (lowIn[i + down] < low) low = lowIn[i + down];
      if (highIn[i + up] > high) high = highIn[i + up];
      if (highIn[i + down] > high) high = highIn[i + down];
      lowOut[i] = low;
      highOut[i] = high;
    }
  }
}

// shared/paint/raster.js
var Raster = class {
  constructor() {
    this.capacity = 0;
    this.width = 0;
    this.height = 0;
    this.size = 0;
    this.radius = 1;
    this.columns = new Int32Array(0);
    this.rows = new Int32Array(0);
    this.shown = null;
    this.pixels = null;
    this.code = new Uint16Array(0);
    this.low = new Uint16Array(0);
    this.high = new Uint16Array(0);
    this.lowRow = new Uint16Array(0);
    this.highRow = new Uint16Array(0);
    this.flags = new Uint16Array(0);
    this.shade = new Uint16Array(0);
    this.out = new Uint32Array(0);
  }
  makeRoom() {
    this.code = new Uint16Array(this.capacity);
    this.low = new Uint16Array(this.capacity);
    this.high = new Uint16Array(this.capacity);
    this.lowRow = new Uint16Array(this.capacity);
    this.highRow = new Uint16Array(this.capacity);
    this.flags = new Uint16Array(this.capacity);
    this.shade = new Uint16Array(this.capacity);
    this.out = new Uint32Array(this.capacity);
  }
  /**
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.width = width;
    this.height = height;
    this.size = width * height;
    if (this.size > this.capacity) {
      this.capacity = this.size;
      this.makeRoom();
    }
    this.pixels = this.size ? new ImageData(new Uint8ClampedArray(this.out.buffer, 0, this.size * 4), width, height) : null;
  }
  /**
   * Samples the scene at the view's place. Expensive: only after zoom, pan or resize.
   * @param {Sampled} scene
   * @param {Place} place
   * @param {Uint16Array} marks
   * @param {boolean} editing
   */
  gather(scene, place, marks, editing) {
    this.resize(place.visible.width, place.visible.height);
    if (!this.size) return;
    this.radius = place.density >= 1.5 ? 2 : 1;
    const { left, top } = place.visible;
    this.columns = sampleAxis(left, this.width, place.originX, place.scaleX, scene.width);
    this.rows = sampleAxis(top, this.height, place.originY, place.scaleY, scene.height);
    this.code.fill(0, 0, this.size);
    if (scene.truth) {
      sample(scene.truth, scene.width, this.columns, this.rows, this.code);
      this.spread(this.radius);
    }
    if (scene.truth || editing) this.markFlags(place, scene.truth !== null);
    else this.flags.fill(0, 0, this.size);
    this.shown = null;
    this.refresh(scene, marks);
  }
  /**
   * Samples the map anew where the view stays: after post-processing and corrections.
   * @param {Sampled} scene
   * @param {Uint16Array} marks
   */
  refresh(scene, marks) {
    if (!this.size) return;
    sample(marks, scene.width, this.columns, this.rows, this.code);
    this.spread(this.radius);
    const { code, flags, size } = this;
    for (let i = 0; i < size; i++) code[i] |= flags[i];
  }
  /**
   * The map that a heat map colours, sampled when it is first shown.
   * @param {Sampled} scene
   * @param {string} style
   */
  shadeOf(scene, style) {
    if (this.shown === style) return this.shade;
    const map = style === "heat" ? scene.codes : scene.uncertainty;
    if (!map) return this.code;
    sample(map, scene.width, this.columns, this.rows, this.shade);
    const { shade, flags, size } = this;
    for (let i = 0; i < size; i++) shade[i] |= flags[i];
    this.shown = style;
    return shade;
  }
  /**
   * Lowest and highest of `code` within the radius of each display pixel.
   * @param {number} radius
   */
  spread(radius) {
    const { code, low, high, lowRow, highRow, width, height } = this;
    spreadRows(code, code, lowRow, highRow, width, height);
    spreadColumns(lowRow, highRow, low, high, width, height);
    for (let again = 1; again < radius; again++) {
      spreadRows(low, high, lowRow, highRow, width, height);
      spreadColumns(lowRow, highRow, low, high, width, height);
    }
  }
  /**
   * Turns the sampled truth (0 or 1) in `code` into flags: truth, hatching, dashed contour.
   * @param {Place} place
   * @param {boolean} known
   */
  markFlags(place, known) {
    const { code, low, high, flags, width, height } = this;
    const dash = 7 * place.density;
    const stripe = 7 * place.density;
    for (let y = 0, i = 0; y < height; y++) {
      const row = y + place.visible.top;
      for (let x = 0; x < width; x++, i++) {
        const column = x + place.visible.left;
        let marked = code[i] ? TRUTH : 0;
        const slant = code[i] ? column + row : column - row + 65536 * stripe;
        if (slant % stripe < stripe * 0.4) marked |= STRIPE;
        const phase = (column * 0.62 + row) % (2 * dash);
        if (known && low[i] !== high[i] && phase < dash * 1.1) marked |= EDGE;
        flags[i] = marked;
      }
    }
  }
  /**
   * One pass over the display pixels in view: the whole cost of a threshold change.
   * @param {CanvasRenderingContext2D} context
   * @param {Place} place
   * @param {Sampled} scene
   * @param {PaintLook} look
   * @param {number} k
   */
  paint(context, place, scene, look, k) {
    if (!this.size || !this.pixels) return;
    const table2 = colorTable(look, k);
    const shaded = look.style === "heat" || look.style === "uncertainty";
    const source = shaded ? this.shadeOf(scene, look.style) : this.code;
    const line = look.contour ? rgba(COLOR.prediction, look.lineAlpha) : 0;
    if (look.contour) {
      const halo = rgba([0, 0, 0], look.lineAlpha * 0.55);
      paintContour(this, source, table2, k, line, halo, look.truth ? EDGE : 0);
    } else {
      paintFill(this, source, table2);
    }
    context.putImageData(this.pixels, place.visible.left, place.visible.top);
  }
};
function paintFill(raster, source, table2) {
  const { out, size } = raster;
  for (let i = 0; i < size; i++) out[i] = table2[source[i]];
}
function paintContour(raster, source, table2, k, line, halo, spared) {
  const { code, low, high, out, size } = raster;
  for (let i = 0; i < size; i++) {
    const here = code[i];
    let color = table2[source[i]];
    if (low[i] <= k && high[i] > k && (here & spared) === 0) {
      color = (here & CODE_BITS) > k ? line : halo;
    }
    out[i] = color;
  }
}

// compare_viewer/src/side.js
var Side = class {
  /**
   * @param {import("./compare.js").Comparison} comparison
   * @param {{ name: string, colour: string }} facts
   */
  constructor(comparison, { name, colour }) {
    this.comparison = comparison;
    this.raster = new Raster();
    this.scene = /** @type {Scene} */
    /** @type {unknown} */
    null;
    this.k = 0;
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
    this.context = /** @type {CanvasRenderingContext2D} */
    this.overlay.getContext("2d");
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
      editing: false
    };
    this.raster.paint(this.context, place, this.scene, shown, this.k);
  }
};

// compare_viewer/src/compare.js
var COMMIT_MS = 300;
var remembered = /* @__PURE__ */ new Map();
var Comparison = class extends Mounted {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    this.view = new View();
    this.header = /** @type {Header | undefined} */
    void 0;
    this.send = () => {
    };
    this.sides = [];
    this.look = { overlay: true, truth: true, style: "contour" };
    this.place = this.view.place();
    this.stale = /* @__PURE__ */ new Set();
    this.moved = false;
    this.painted = false;
    this.frame = void 0;
    this.timer = void 0;
    this.listenToButtons();
    this.on(root, "keydown", (event) => this.key(event));
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
    const header = (
      /** @type {Header} */
      message.header
    );
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
        })
      );
    } catch {
      this.header = void 0;
      return this.say("This image could not be decoded. Reload the page to try again.");
    }
    if (this.header?.token !== header.token) return;
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
    if (this.frame !== void 0) cancelAnimationFrame(this.frame);
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
    const keys = { " ": "overlay", t: "truth", c: switched, 0: "fit", "+": "zoomIn", "-": "zoomOut" };
    const action = keys[event.key.toLowerCase()];
    if (!action || event.key === " " && /** @type {Element} */
    event.target.closest("button")) return;
    event.preventDefault();
    this.act(action);
  }
  mark() {
    const { look } = this;
    const pressed = {
      overlay: look.overlay,
      truth: look.truth,
      contour: look.style === "contour",
      fill: look.style === "fill"
    };
    for (const [action, on] of Object.entries(pressed)) {
      this.button(action).setAttribute("aria-pressed", String(on));
    }
    const contour = look.overlay && look.style === "contour";
    const errors = look.overlay && look.style === "fill" && look.truth;
    const fill = look.overlay && look.style === "fill" && !look.truth;
    const shown = { contour, truth: look.truth, errors, fill };
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
      this.frame = void 0;
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
};

// compare_viewer/src/main.js
var main_default = (component) => mount(component, Comparison, compareHook);
export {
  main_default as default
};
