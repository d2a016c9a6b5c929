// Generated from viewer/src/main.js by "make js"; edit the sources, not this file.
// Sources: sha256 d10de34a91ced0de4b6780b0b630f9e6f88fd68d30e71eb615ba4c19a306c295

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
function mount(component, Kind, hook2) {
  const root = (
    /** @type {Root} */
    component.parentElement.querySelector(".isoline")
  );
  const viewer = root.viewer ??= new Kind(root);
  root.__isoline ??= hook2(viewer);
  const call = viewer.call = /* @__PURE__ */ Symbol();
  viewer.receive(component.data, component.setStateValue);
  return () => {
    if (viewer.call !== call) return;
    viewer.close();
    delete root.viewer;
  };
}

// viewer/src/hook.js
function maskRuns(marks, k) {
  const runs = [];
  let last = 0;
  for (let i = 0; i < marks.length; i++) {
    if (marks[i] > k === runs.length % 2 > 0) continue;
    runs.push(i - last);
    last = i;
  }
  return [...runs, marks.length - last];
}
function hook(viewer) {
  return {
    get threshold() {
      return viewer.threshold;
    },
    get ready() {
      return viewer.scene !== null && !viewer.stale.view;
    },
    get token() {
      return viewer.header?.token;
    },
    get paintedAt() {
      return viewer.paintedAt;
    },
    get latencies() {
      return viewer.latencies;
    },
    get view() {
      return viewer.view.save();
    },
    get look() {
      return { ...viewer.look };
    },
    get window() {
      return viewer.window.save();
    },
    get components() {
      return viewer.list.old ? null : viewer.list.found?.summary() ?? null;
    },
    get mask() {
      return maskRuns(viewer.mask.marks, viewer.threshold);
    },
    get selected() {
      return viewer.list.selected?.number;
    },
    get brush() {
      return viewer.pen.size;
    },
    get cleaning() {
      return viewer.cleaning !== null;
    },
    get decision() {
      return viewer.decision();
    },
    toScreen: (x, y) => viewer.view.toPane(x, y),
    counts: (k) => viewer.mask.tally.at(k),
    setThreshold: (k) => viewer.setThreshold(k, performance.now())
  };
}

// shared/levels.js
var STEPS = 1e3;
var REMOVED = 0;
var ADDED = STEPS + 2;
var LEVELS = STEPS + 1;

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

// shared/number_field.js
function listenToNumber(viewer, on) {
  const field = viewer.field("number");
  const read = () => {
    const text = field.value.trim().replace(",", ".");
    const value = text === "" ? NaN : Number(text);
    const valid = value >= 0 && value <= 1;
    viewer.part("hint").textContent = valid ? "" : "Type a number from 0 to 1";
    if (valid) viewer.setThreshold(Math.round(value * STEPS));
    return valid;
  };
  const finish = () => {
    if (!viewer.typing) return;
    viewer.typing = false;
    if (read()) viewer.commit();
    field.value = (viewer.threshold / STEPS).toFixed(3);
  };
  on(field, "focus", () => field.select());
  on(field, "input", () => {
    viewer.typing = true;
    viewer.part("hint").textContent = "";
  });
  on(field, "blur", finish);
  on(field, "keydown", (event) => {
    if (event.key === "Enter") {
      finish();
      field.select();
    }
    if (event.key === "Escape") {
      viewer.typing = false;
      viewer.part("hint").textContent = "";
      field.value = (viewer.threshold / STEPS).toFixed(3);
    }
  });
}

// shared/numbers.js
function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
var WHOLE = new Intl.NumberFormat("en-US");
function threeDecimals(value) {
  return Number.isFinite(value) ? value.toFixed(3) : "–";
}
function areaText(mm2, whole_mm2) {
  const [value, unit] = whole_mm2 >= 1 ? [mm2, "mm²"] : [mm2 * 1e6, "µm²"];
  const digits = value >= 1e3 ? 0 : value >= 10 ? 1 : 3;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${value.toLocaleString("en-US", options)} ${unit}`;
}
function lengthText(mm) {
  const units = [
    { size: 10, name: "cm" },
    { size: 1, name: "mm" },
    { size: 1e-3, name: "µm" },
    { size: 1e-6, name: "nm" }
  ];
  const unit = units.find(({ size }) => mm >= 0.999 * size) ?? units[units.length - 1];
  return `${Number((mm / unit.size).toPrecision(1))} ${unit.name}`;
}
function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  const factor = longest / power;
  return power * (factor >= 5 ? 5 : factor >= 2 ? 2 : 1);
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

// shared/track.js
function listenToTrack(viewer, on) {
  const track = viewer.part("track");
  const levelAt = (event) => {
    const box = track.getBoundingClientRect();
    return Math.round(clamp((event.clientX - box.left) / box.width, 0, 1) * STEPS);
  };
  let holding = null;
  on(track, "pointerdown", (event) => {
    if (event.button !== 0 || holding !== null) return;
    holding = event.pointerId;
    track.setPointerCapture(event.pointerId);
    track.focus({ preventScroll: true });
    viewer.setThreshold(levelAt(event), event.timeStamp);
    event.preventDefault();
  });
  on(track, "pointermove", (event) => {
    if (event.pointerId === holding) viewer.setThreshold(levelAt(event), event.timeStamp);
  });
  const release = (event) => {
    if (event.pointerId !== holding) return;
    holding = null;
    viewer.commit();
  };
  on(track, "pointerup", release);
  on(track, "pointercancel", release);
  let travel = 0;
  on(track, "wheel", (event) => {
    event.preventDefault();
    travel += event.deltaMode ? -event.deltaY * 40 : -(event.deltaY || event.deltaX);
    const notches = Math.trunc(travel / 40);
    travel -= notches * 40;
    if (Math.abs(notches) < 1) return;
    const step = Math.sign(notches) * Math.min(Math.abs(notches), 3) * (event.shiftKey ? 10 : 1);
    viewer.setThreshold(viewer.threshold + step, event.timeStamp);
    viewer.commitSoon();
  });
}

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

// viewer/src/legend.js
function legendKeys(look, truthKnown, corrected) {
  if (!look.overlay) return [];
  const truth = look.truth && truthKnown;
  const by = { contour: [], fill: [], heat: ["heat"], uncertainty: ["uncertainty"] }[look.style];
  const hand = corrected && by.length === 0 ? ["added", "removed"] : [];
  if (look.style !== "fill") return [...by, "line", ...truth ? ["truth"] : [], ...hand];
  return [...truth ? ["hit", "extra", "missed", "truth"] : ["mask"], ...hand];
}

// viewer/src/actions.js
var toggled = (look, style) => look.style === style ? look.lastFlat : style;
var zoomBy = (viewer, factor) => {
  const { width, height } = viewer.view.pane;
  viewer.view.zoomAt(factor, width / 2, height / 2);
};
var stepTable = (viewer, rows) => {
  viewer.look.components = true;
  if (viewer.list.old) viewer.list.measure();
  viewer.list.move(rows);
};
var ACTIONS = {
  overlay: (_, look) => look.overlay = !look.overlay,
  truth: (_, look) => look.truth = !look.truth,
  contour: (_, look) => look.style = look.lastFlat = "contour",
  fill: (_, look) => look.style = look.lastFlat = "fill",
  contourOrFill: (_, look) => {
    look.style = look.lastFlat = look.style === "contour" ? "fill" : "contour";
  },
  heat: (_, look) => look.style = toggled(look, "heat"),
  uncertainty: (_, look) => look.style = toggled(look, "uncertainty"),
  components: (_, look) => look.components = !look.components,
  nextComponent: (viewer) => stepTable(viewer, 1),
  lastComponent: (viewer) => stepTable(viewer, -1),
  edit: (viewer, look) => viewer.useTool(look.tool ?? "brush"),
  brush: (viewer) => viewer.useTool("brush"),
  eraser: (viewer) => viewer.useTool("eraser"),
  polygon: (viewer) => viewer.useTool("polygon"),
  smaller: (viewer) => viewer.pen.grow(-1),
  larger: (viewer) => viewer.pen.grow(1),
  undo: (viewer) => viewer.mask.undo() && viewer.corrected(),
  redo: (viewer) => viewer.mask.redo() && viewer.corrected(),
  clear: (viewer) => viewer.mask.clear() && viewer.corrected(),
  corrections: (viewer) => {
    viewer.mask.apply(!viewer.mask.applied);
    viewer.corrected();
  },
  holes: (viewer) => {
    viewer.setCleanUp(viewer.wanted.area, !viewer.wanted.holes);
    viewer.commitSoon();
  },
  options: (_, look) => look.more = !look.more,
  wipe: (_, look) => [look.wipe, look.side] = [!look.wipe, false],
  side: (_, look) => [look.side, look.wipe] = [!look.side, false],
  zoomIn: (viewer) => zoomBy(viewer, 1.25),
  zoomOut: (viewer) => zoomBy(viewer, 0.8),
  fit: (viewer) => viewer.view.fit(),
  less: (viewer) => viewer.setThreshold(viewer.threshold - 1),
  more: (viewer) => viewer.setThreshold(viewer.threshold + 1),
  snap: (viewer) => viewer.setThreshold(viewer.header.operating_point),
  full: (viewer) => viewer.toggleFull(),
  help: (viewer) => viewer.part("keys").hidden = !viewer.part("keys").hidden
};
function canAct({ scene, mask, pen }, action) {
  if (action === "truth") return scene.tally.known;
  if (action === "uncertainty") return scene.uncertainty !== null;
  if (action === "corrections") return mask.corrected;
  return !(pen.drawing && ["undo", "redo", "clear"].includes(action));
}
function markButtons(viewer) {
  const { look, mask } = viewer;
  const pressed = {
    overlay: look.overlay,
    truth: look.truth,
    contour: look.style === "contour",
    fill: look.style === "fill",
    heat: look.style === "heat",
    uncertainty: look.style === "uncertainty",
    components: look.components,
    edit: look.tool !== null,
    brush: look.tool === "brush",
    eraser: look.tool === "eraser",
    polygon: look.tool === "polygon",
    corrections: mask?.applied ?? true,
    holes: mask ? viewer.wanted.holes : false,
    options: look.more,
    wipe: look.wipe,
    side: look.side,
    full: viewer.root.matches(":fullscreen, .full"),
    help: !viewer.part("keys").hidden
  };
  for (const [action, state] of Object.entries(pressed)) {
    viewer.button(action).setAttribute("aria-pressed", String(state));
  }
  viewer.button("options").setAttribute("aria-expanded", String(look.more));
  const byHand = look.tool !== null && mask?.corrected && mask.applied;
  const shown = legendKeys(look, viewer.scene?.tally.known, byHand);
  for (const entry of viewer.elements("[data-key]")) {
    entry.hidden = !shown.includes(entry.dataset.key ?? "");
  }
  viewer.part("legend").hidden = shown.length === 0;
}

// viewer/src/mask/slices.js
var SLICE_MS = 8;
async function inSlices(work, wanted) {
  const channel = new MessageChannel();
  try {
    while (wanted()) {
      const end = performance.now() + SLICE_MS;
      do {
        const { done, value } = work.next();
        if (done) return value;
      } while (performance.now() < end);
      await new Promise((next) => {
        channel.port1.onmessage = next;
        channel.port2.postMessage(null);
      });
    }
    return void 0;
  } finally {
    channel.port1.close();
  }
}
function* inParts(count, part) {
  const step = 1 << 13;
  for (let from = 0; from < count; from += step) {
    part(from, Math.min(from + step, count));
    yield;
  }
}

// viewer/src/mask/area_tree.js
var MOST_CLEANED = 2 ** 24;
var STEP_X = [-1, 0, 1, -1, 1, -1, 0, 1];
var STEP_Y = [-1, -1, -1, 0, 0, 1, 1, 1];
function* byFallingCode(codes) {
  const start = new Int32Array(ADDED + 2);
  yield* inParts(codes.length, (from, to) => {
    for (let i = from; i < to; i++) start[codes[i]]++;
  });
  for (let code = ADDED, at = 0; code >= 0; code--) [start[code], at] = [at, at + start[code]];
  const order = new Int32Array(codes.length);
  yield* inParts(codes.length, (from, to) => {
    for (let i = from; i < to; i++) order[start[codes[i]]++] = i;
  });
  return order;
}
var AreaTree = class _AreaTree {
  /**
   * @param {Uint16Array} codes
   * @param {Int32Array} order
   * @param {Int32Array} parent
   * @param {Int32Array} area
   */
  constructor(codes, order, parent, area) {
    this.codes = codes;
    this.order = order;
    this.parent = parent;
    this.area = area;
  }
  /**
   * Work: the tree of a map.
   * @param {Uint16Array} codes
   * @param {number} width
   * @param {number} height
   */
  static *of(codes, width, height) {
    const size = width * height;
    const order = yield* byFallingCode(codes);
    const parent = new Int32Array(size);
    const area = new Int32Array(size);
    const root = new Int32Array(size).fill(-1);
    yield* inParts(size, (from, to) => {
      for (let at = from; at < to; at++) {
        const pixel = order[at];
        const x = pixel % width;
        parent[pixel] = root[pixel] = pixel;
        area[pixel] = 1;
        for (let n = 0; n < 8; n++) {
          const beside = STEP_X[n];
          if (x === 0 && beside < 0 || x === width - 1 && beside > 0) continue;
          let other = pixel + STEP_Y[n] * width + beside;
          if (other < 0 || other >= size || root[other] < 0) continue;
          while (root[other] !== other) other = root[other] = root[root[other]];
          if (other === pixel) continue;
          parent[other] = root[other] = pixel;
          area[pixel] += area[other];
        }
      }
    });
    yield* inParts(size, (from, to) => {
      for (let at = size - 1 - from; at > size - 1 - to; at--) {
        const pixel = order[at];
        const above = parent[pixel];
        if (codes[parent[above]] === codes[above]) parent[pixel] = parent[above];
      }
    });
    return new _AreaTree(codes, order, parent, area);
  }
  /**
   * Work: codes without what is smaller than `least` pixels.
   * @param {number} least
   */
  *dropSmall(least) {
    const { codes, order, parent, area } = this;
    const size = codes.length;
    const kept = new Uint16Array(size);
    yield* inParts(size, (from, to) => {
      for (let at = size - 1 - from; at > size - 1 - to; at--) {
        const pixel = order[at];
        const above = parent[pixel];
        const head = above === pixel || codes[above] !== codes[pixel];
        if (head && area[pixel] >= least) kept[pixel] = codes[pixel];
        else kept[pixel] = above === pixel ? 0 : kept[above];
      }
    });
    return kept;
  }
};

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

// shared/paint/histogram.js
var BAR_PIXELS = 3;
function paintHistogram(canvas, tally, style) {
  const density = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * density);
  const height = Math.round(canvas.clientHeight * density);
  if (!width || !height) return;
  canvas.width = width;
  canvas.height = height;
  const bars = Math.max(1, Math.min(STEPS, Math.floor(width / (BAR_PIXELS * density))));
  const off = new Float64Array(bars);
  const on = new Float64Array(bars);
  for (let k = 0; k <= STEPS; k++) {
    const bar = Math.min(bars - 1, Math.floor(k / STEPS * bars));
    off[bar] += tally.all[k + 1] - tally.on[k + 1];
    on[bar] += tally.on[k + 1];
  }
  const most = Math.log1p(Math.max(...off, ...on));
  const context = (
    /** @type {CanvasRenderingContext2D} */
    canvas.getContext("2d")
  );
  const draw = (counts, color) => {
    context.fillStyle = color;
    for (let bar = 0; bar < bars; bar++) {
      const left = Math.round(bar / bars * width);
      const right = Math.round((bar + 1) / bars * width);
      const tall = Math.log1p(counts[bar]) / most * height;
      context.fillRect(left, height - tall, right - left, tall);
    }
  };
  context.clearRect(0, 0, width, height);
  draw(off, style.off);
  if (tally.known) draw(on, style.on);
}

// shared/orientation.js
var SIDE_NAMES = { R: "right", L: "left", A: "anterior", P: "posterior", S: "superior", I: "inferior" };
function writeSides(box, sides = "") {
  box.hidden = !sides;
  [...box.children].forEach((letter, n) => writeText(letter, sides[n] ?? ""));
  const [left, , top] = [...sides].map((letter) => SIDE_NAMES[letter]);
  box.setAttribute("aria-label", `Patient's ${left} at the left, ${top} at the top`);
}

// viewer/src/mask/fill_holes.js
function* fillHoles(codes, width, height) {
  const size = width * height;
  const filled = new Uint16Array(size);
  const seen = new Uint8Array(size);
  const next = new Int32Array(size);
  const first = new Int32Array(ADDED + 1).fill(-1);
  const push = (pixel, code2) => {
    seen[pixel] = 1;
    filled[pixel] = code2;
    next[pixel] = first[code2];
    first[code2] = pixel;
  };
  for (let pixel = 0; pixel < size; pixel++) {
    const x = pixel % width;
    if (x === 0 || x === width - 1 || pixel < width || pixel >= size - width) {
      push(pixel, codes[pixel]);
    }
  }
  yield;
  let code = 0;
  yield* inParts(size, (from, to) => {
    for (let taken = from; taken < to; taken++) {
      while (first[code] < 0) code++;
      const pixel = first[code];
      first[code] = next[pixel];
      const x = pixel % width;
      if (x > 0 && !seen[pixel - 1]) push(pixel - 1, Math.max(code, codes[pixel - 1]));
      if (x < width - 1 && !seen[pixel + 1]) push(pixel + 1, Math.max(code, codes[pixel + 1]));
      if (pixel >= width && !seen[pixel - width]) {
        push(pixel - width, Math.max(code, codes[pixel - width]));
      }
      if (pixel < size - width && !seen[pixel + width]) {
        push(pixel + width, Math.max(code, codes[pixel + width]));
      }
    }
  });
  return filled;
}

// viewer/src/mask/mask.js
var PUT_IN = 1;
var TAKEN_OUT = 2;
var STEPS_UNDONE = 200;
var MaskMap = class {
  /** @param {Mapped} scene */
  constructor(scene) {
    this.scene = scene;
    this.leastArea = 0;
    this.holes = false;
    this.filled = null;
    this.trees = /* @__PURE__ */ new Map();
    this.clean = this.marks = scene.codes;
    this.tally = scene.tally;
    this.edits = new Uint8Array(0);
    this.amount = [0, 0, 0];
    this.applied = true;
    this.done = [];
    this.undone = [];
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
    const small = this.scene.codes.length < 3e5;
    return small || (!holes || this.filled) && (area < 2 || this.trees.has(holes));
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
        this.trees.clear();
        this.trees.set(holes, yield* AreaTree.of(clean, width, height));
      }
      const tree = (
        /** @type {AreaTree} */
        this.trees.get(holes)
      );
      clean = yield* tree.dropSmall(leastArea);
    }
    Object.assign(this, { leastArea, holes, clean });
    this.rebuild();
    return true;
  }
  rebuild() {
    const { scene, clean, edits } = this;
    this.marks = clean;
    if (this.stroke || this.applied && this.corrected) {
      const marks = this.marks = clean.slice();
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
};

// viewer/src/mask/shapes.js
function brushSpans(size, start, end, span) {
  const radius = size / 2;
  const [dx, dy] = [end.x - start.x, end.y - start.y];
  const length2 = dx * dx + dy * dy;
  const reach = Math.ceil(radius);
  const [left, right] = [Math.min(start.x, end.x) - reach, Math.max(start.x, end.x) + reach];
  for (let y = Math.min(start.y, end.y) - reach; y <= Math.max(start.y, end.y) + reach; y++) {
    let from = Infinity;
    let to = -Infinity;
    for (let x = left; x <= right; x++) {
      const along = length2 ? ((x - start.x) * dx + (y - start.y) * dy) / length2 : 0;
      const part = clamp(along, 0, 1);
      const [offX, offY] = [x - start.x - part * dx, y - start.y - part * dy];
      if (offX * offX + offY * offY > radius * radius) continue;
      from = Math.min(from, x);
      to = x + 1;
    }
    if (to > from) span(y, from, to);
  }
}
function polygonSpans(corners, span) {
  const rows = corners.map(({ y }) => y);
  const last = Math.floor(Math.max(...rows));
  for (let y = Math.floor(Math.min(...rows)); y <= last; y++) {
    const crossings = [];
    corners.forEach((one, n) => {
      const other = corners[(n + 1) % corners.length];
      const middle = y + 0.5;
      if (one.y <= middle === other.y <= middle) return;
      crossings.push(one.x + (middle - one.y) * (other.x - one.x) / (other.y - one.y));
    });
    crossings.sort((a, b) => a - b);
    for (let n = 0; n + 1 < crossings.length; n += 2) {
      const [from, to] = [Math.ceil(crossings[n] - 0.5), Math.ceil(crossings[n + 1] - 0.5)];
      if (to > from) span(y, from, to);
    }
  }
}

// viewer/src/tools.js
var TOOLS = { brush: PUT_IN, eraser: TAKEN_OUT, polygon: PUT_IN };
var LARGEST_BRUSH = 400;
var CLOSE_PIXELS = 10;
var Pen = class {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.size = 12;
    this.at = null;
    this.drawing = false;
    this.corners = [];
    this.last = { x: 0, y: 0 };
  }
  get tool() {
    return this.viewer.look.tool;
  }
  get mask() {
    return this.viewer.mask;
  }
  /** @param {number} size */
  resize(size) {
    this.size = clamp(Math.round(size), 1, LARGEST_BRUSH);
    const field = this.viewer.field("brush-size");
    field.value = String(brushPlace(this.size));
    field.setAttribute("aria-valuetext", `${this.size} pixels`);
    writeText(this.viewer.part("brush-text"), `${this.size} px`);
    this.viewer.changeNotes();
  }
  /**
   * One notch larger or smaller: a tenth, at least one pixel.
   * @param {number} notches
   */
  grow(notches) {
    const step = Math.max(1, Math.round(this.size / 10));
    this.resize(this.size + notches * step);
  }
  /** @param {Point} point */
  down(point) {
    this.at = point;
    if (!this.tool) return;
    if (this.tool === "polygon") return this.addCorner(point);
    this.mask.begin(TOOLS[this.tool]);
    this.drawing = true;
    this.last = pixelOf(point);
    this.draw(this.last);
  }
  /**
   * @param {Point} point
   * @param {boolean} held
   */
  move(point, held) {
    this.at = point;
    if (this.drawing) this.draw(pixelOf(point));
    else if (held && this.tool === "polygon") this.trail(point);
    this.viewer.changeNotes();
  }
  /** @param {Point} pixel */
  draw(pixel) {
    brushSpans(this.size, this.last, pixel, (y, from, to) => this.mask.span(y, from, to));
    this.last = pixel;
    this.viewer.changeMap();
  }
  /** The hand lets go: what was drawn is one step that can be undone. */
  up() {
    if (!this.drawing) return;
    this.drawing = false;
    if (this.mask.end()) this.viewer.corrected();
  }
  /** A second finger or Escape: the stroke so far is taken back. True where there was one. */
  cancel() {
    const something = this.drawing || this.corners.length > 0;
    if (this.drawing) {
      this.drawing = false;
      if (this.mask.end()) {
        this.mask.undo();
        this.mask.undone.pop();
        this.viewer.changeMap();
      }
    }
    this.corners = [];
    this.viewer.changeNotes();
    return something;
  }
  // ---- Polygon ----
  /**
   * A corner; on the first one it closes.
   * @param {Point} point
   */
  addCorner(point, { out = false } = {}) {
    const first = this.corners[0];
    const last = this.corners.at(-1);
    const near = (one) => one && this.distance(one, point) < CLOSE_PIXELS;
    if (this.corners.length > 2 && (near(first) || near(last))) return this.close({ out });
    if (!near(last)) this.corners.push(point);
    this.viewer.changeNotes();
  }
  /** @param {Point} point */
  trail(point) {
    const last = this.corners.at(-1);
    if (last && this.distance(last, point) > 4) this.corners.push(point);
  }
  /**
   * @param {Point} one
   * @param {Point} other
   */
  distance(one, other) {
    const { scale, image } = this.viewer.view;
    return Math.hypot((one.x - other.x) * scale, (one.y - other.y) * scale * image.aspect);
  }
  /** Puts the inside in, or takes it out. */
  close({ out = false } = {}) {
    if (this.corners.length < 3) return;
    this.mask.begin(out ? TAKEN_OUT : PUT_IN);
    polygonSpans(this.corners, (y, from, to) => this.mask.span(y, from, to));
    const changed = this.mask.end();
    this.corners = [];
    this.viewer.changeMap();
    if (changed) this.viewer.corrected();
  }
  // ---- Keyboard ----
  /**
   * Moves the cursor by image pixels; with the pen down it draws.
   * @param {number} dx
   * @param {number} dy
   */
  step(dx, dy) {
    const { width, height } = this.viewer.scene;
    const from = this.at ?? { x: this.viewer.view.x, y: this.viewer.view.y };
    const pixel = pixelOf(from);
    const to = { x: clamp(pixel.x + dx, 0, width - 1), y: clamp(pixel.y + dy, 0, height - 1) };
    const point = { x: to.x + 0.5, y: to.y + 0.5 };
    this.move(point, false);
    this.viewer.keepInView(point);
    return point;
  }
  /** Enter: pen down and up again; for a polygon the next corner. */
  enter({ out = false } = {}) {
    const at = this.at ?? this.step(0, 0);
    if (this.tool === "polygon") {
      if (out) this.close({ out });
      else this.addCorner(at);
    } else if (this.drawing) this.up();
    else this.down(at);
    this.viewer.changeNotes();
  }
};
function pixelOf({ x, y }) {
  return { x: Math.floor(x), y: Math.floor(y) };
}
function brushPlace(size) {
  return 100 * Math.log(size) / Math.log(LARGEST_BRUSH);
}
function listenToTools(viewer, on) {
  const size = viewer.field("brush-size");
  on(size, "input", () => viewer.pen.resize(LARGEST_BRUSH ** (Number(size.value) / 100)));
  const least = viewer.field("clean");
  const typed = viewer.field("clean-number");
  on(least, "input", () => viewer.setCleanUp(areaOfPlace(Number(least.value), viewer.scene)));
  on(least, "change", () => viewer.commit());
  on(typed, "change", () => {
    const value = Math.round(Number(typed.value));
    if (typed.value.trim() !== "" && value >= 0) viewer.setCleanUp(value);
    typed.value = String(viewer.wanted.area);
    viewer.commit();
  });
}
function areaOfPlace(place, scene) {
  const most = Math.max(10, scene.codes.length / 10);
  return place > 0 ? Math.round(most ** (place / 100)) : 0;
}
function placeOfArea(area, scene) {
  const most = Math.max(10, scene.codes.length / 10);
  return area > 1 ? 100 * Math.log(area) / Math.log(most) : area;
}

// shared/presets.js
var AS_OPENED = "As opened";
function presetOf(name, [center, width], prefix = "") {
  return { name, center, width, title: `${prefix}center ${center}, width ${width}` };
}
function showPresets(box, presets, set) {
  box.replaceChildren(
    ...presets.map(({ name, title, center, width }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.title = title;
      button.addEventListener("click", () => set(center, width));
      return button;
    })
  );
}

// viewer/src/window.js
function windowedImage(scene, raw, center, width) {
  const canvas = document.createElement("canvas");
  canvas.width = scene.width;
  canvas.height = scene.height;
  const context = (
    /** @type {CanvasRenderingContext2D} */
    canvas.getContext("2d")
  );
  const image = context.createImageData(scene.width, scene.height);
  const { data } = image;
  const low = center - width / 2;
  const gain = 255 / width;
  for (let i = 0, at = 0; i < raw.length; i++, at += 4) {
    data[at] = data[at + 1] = data[at + 2] = (raw[i] - low) * gain;
    data[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
function rawText(scene, value) {
  const { high, low, unit } = scene.header.raw;
  const digits = high - low > 20 ? 0 : high - low > 2 ? 2 : 4;
  return `${value.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
}
var Windowing = class {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.scene = /** @type {Scene} */
    /** @type {unknown} */
    void 0;
    this.start = { center: 0, width: 1 };
    this.span = { low: 0, high: 1, range: 1 };
    this.center = 0;
    this.width = 1;
    this.pending = false;
  }
  /**
   * Begins with the file's own window and its presets.
   * @param {Scene} scene
   * @param {{ center: number, width: number } | undefined} saved
   */
  open(scene, saved) {
    this.scene = scene;
    const box = this.viewer.part("presets");
    box.replaceChildren();
    if (!scene.raw) return;
    const { center, width, low, high, presets } = scene.header.raw;
    this.start = { center, width };
    this.span = { low, high, range: Math.max(high - low, 1e-6) };
    const named = presets.map(([name, ...window2]) => presetOf(name, window2));
    const opened = presetOf(AS_OPENED, [center, width], "What the model saw: ");
    showPresets(box, [opened, ...named], (middle2, wide2) => this.set(middle2, wide2));
    const { center: middle, width: wide } = saved ?? this.start;
    this.set(middle, wide, { quiet: !saved });
  }
  /**
   * Sets the window; `quiet` where the image already shows it.
   * @param {number} center
   * @param {number} width
   */
  set(center, width, { quiet = false } = {}) {
    const { low, high, range } = this.span;
    this.center = clamp(center, low - range, high + range);
    this.width = clamp(width, range / 1e3, 3 * range);
    this.pending = !quiet;
    const { viewer } = this;
    for (const { name, value, from, to } of [
      { name: "center", value: this.center, from: low - range / 2, to: high + range / 2 },
      { name: "width", value: this.width, from: range / 1e3, to: 2 * range }
    ]) {
      const field = viewer.field("level", name);
      Object.assign(field, { min: from, max: to, step: "any", value });
      field.setAttribute("aria-valuetext", rawText(this.scene, value));
      writeText(viewer.part("level-text", name), rawText(this.scene, value));
    }
    if (!quiet) viewer.changeView();
  }
  /**
   * A drag with the right button: sideways is width, up and down is center.
   * @param {number} dx
   * @param {number} dy
   */
  drag(dx, dy) {
    const step = Math.max(this.width, this.span.range / 200) / 300;
    this.set(this.center + dy * step, this.width + dx * step);
  }
  /** Makes the image, at most once a frame. */
  apply() {
    if (!this.pending || !this.scene.raw) return;
    this.pending = false;
    this.scene.pyramid = halvings(windowedImage(this.scene, this.scene.raw, this.center, this.width));
  }
  save() {
    return this.scene?.raw ? { center: this.center, width: this.width } : void 0;
  }
};
function listenToWindow(viewer, on) {
  const [center, width] = ["center", "width"].map((name) => viewer.field("level", name));
  on(center, "input", () => viewer.window.set(Number(center.value), viewer.window.width));
  on(width, "input", () => viewer.window.set(viewer.window.center, Number(width.value)));
}

// viewer/src/panel.js
function describeScene(viewer) {
  const { header, tally } = viewer.scene;
  writeText(viewer.part("title"), header.title);
  viewer.part("title").title = header.title;
  const size = `${header.width} by ${header.height} pixels`;
  viewer.canvas("image").setAttribute("aria-label", `${header.title || "Image"}, ${size}`);
  for (const box of viewer.elements("[data-sides]")) writeSides(box, header.sides);
  viewer.button("truth").hidden = !tally.known;
  viewer.button("uncertainty").hidden = !viewer.scene.uncertainty;
  if (header.uncertainty) {
    writeText(viewer.part("uncertain-most"), (header.uncertainty.most / STEPS).toFixed(3));
    writeText(viewer.part("uncertain-name"), header.uncertainty.name);
  }
  viewer.part("window").hidden = !viewer.scene.raw;
  viewer.field("clean").disabled = tally.pixels > MOST_CLEANED;
  for (const element of viewer.elements("[data-score], [data-tones]")) {
    element.hidden = !tally.known;
  }
  writeText(viewer.part("point-name"), header.operating_point_name);
  writeText(viewer.part("point"), (header.operating_point / STEPS).toFixed(3));
}
function describeMask(viewer) {
  const { mask, scene } = viewer;
  const area = scene.header.pixel_area_mm2;
  const { area: least } = viewer.wanted;
  viewer.field("clean").value = String(placeOfArea(least, scene));
  viewer.field("clean").setAttribute("aria-valuetext", `${least} pixels`);
  if (viewer.activeElement !== viewer.field("clean-number")) {
    viewer.field("clean-number").value = String(least);
  }
  const physical = area && least ? ` = ${areaText(least * area, scene.tally.pixels * area)}` : "";
  writeText(viewer.part("clean-text"), `px${physical}`);
  const [, added, removed] = mask.amount;
  const counts = `+${WHOLE.format(added)} px, −${WHOLE.format(removed)} px manually`;
  writeText(viewer.part("by-hand"), mask.corrected ? counts : "Nothing corrected yet");
  viewer.button("undo").disabled = mask.done.length === 0;
  viewer.button("redo").disabled = mask.undone.length === 0;
  for (const name of ["corrections", "clear"]) viewer.button(name).disabled = !mask.corrected;
  const notes = [];
  if (mask.leastArea > 1) notes.push(`components under ${WHOLE.format(mask.leastArea)} px dropped`);
  if (mask.holes) notes.push("holes filled");
  if (mask.corrected) notes.push(mask.applied ? "corrected manually" : "corrections switched off");
  writeText(viewer.part("state"), notes.join(" · "));
  viewer.part("state-box").hidden = notes.length === 0;
}
function drawTrack(viewer) {
  const track = viewer.part("track");
  viewer.trackWidth = track.clientWidth;
  track.style.setProperty("--point", String(viewer.header.operating_point / STEPS));
  const [off, on] = ["off", "on"].map((name) => {
    return getComputedStyle(viewer.elements(`.tones .${name}`)[0]).backgroundColor;
  });
  paintHistogram(viewer.canvas("histogram"), viewer.scene.tally, { off, on });
}
function drawScaleBar(viewer) {
  const bar = viewer.part("scale");
  const spacing = viewer.scene.header.spacing_mm;
  bar.hidden = !spacing;
  if (!spacing) return;
  const pixelsPerMm = viewer.view.scale / spacing[1];
  const length = roundLength(Math.min(160, viewer.view.pane.width / 4) / pixelsPerMm);
  const [line, text] = (
    /** @type {HTMLCollectionOf<HTMLElement>} */
    bar.children
  );
  line.style.width = `${length * pixelsPerMm}px`;
  writeText(text, lengthText(length));
}
function readOut(viewer, at) {
  const chip = viewer.part("readout");
  const { scene } = viewer;
  const point = at && scene ? viewer.view.toImage(at.x, at.y) : { x: -1, y: -1 };
  const x = Math.floor(point.x);
  const y = Math.floor(point.y);
  chip.hidden = !scene || x < 0 || y < 0 || x >= scene.width || y >= scene.height;
  if (chip.hidden) return;
  const pixel = y * scene.width + x;
  const pad = (value) => String(value).padStart(4, " ");
  const parts = [`x ${pad(x)}`, `y ${pad(y)}`, `p ${((scene.codes[pixel] - 1) / STEPS).toFixed(3)}`];
  if (scene.uncertainty) parts.push(`± ${(scene.uncertainty[pixel] / STEPS).toFixed(3)}`);
  if (scene.raw) parts.push(`${pad(rawText(scene, scene.raw[pixel]))}`);
  writeText(chip, parts.join("  "));
}

// viewer/src/scores.js
function figures(scene, tally, k) {
  const { foreground } = tally.at(k);
  const area = scene.header.pixel_area_mm2;
  const pixels = `${WHOLE.format(foreground)} px`;
  const texts = {
    area: area ? `${areaText(foreground * area, tally.pixels * area)}  ·  ${pixels}` : pixels,
    share: `${(100 * foreground / tally.pixels).toFixed(2)} %`
  };
  if (tally.known) {
    for (const [name, value] of Object.entries(tally.scores(k))) {
      texts[name] = threeDecimals(value);
    }
  }
  return texts;
}
function remark(scene, tally, k) {
  const { foreground } = tally.at(k);
  const threshold = (k / STEPS).toFixed(3);
  if (foreground === 0 && scene.tally.at(k).foreground > 0) {
    return `Nothing is left at ${threshold} after post-processing and corrections`;
  }
  if (foreground === 0) {
    let highest = STEPS;
    while (highest > 0 && !scene.tally.all[highest + 1]) highest--;
    return `No pixel reaches ${threshold}; the highest probability is ${(highest / STEPS).toFixed(3)}`;
  }
  if (foreground === tally.pixels) return `Every pixel reaches ${threshold}`;
  return "";
}

// viewer/src/frame.js
var PREPARING = "Preparing the post-processing";
function drawPicture(viewer) {
  const place = viewer.place = viewer.view.place();
  viewer.window.apply();
  paintImage(viewer.canvas("image"), viewer.scene, place);
  if (viewer.look.side) paintImage(viewer.canvas("bare"), viewer.scene, place);
  const overlay = viewer.canvas("overlay");
  if (overlay.width !== place.width || overlay.height !== place.height) {
    overlay.width = place.width;
    overlay.height = place.height;
  } else {
    overlay.getContext("2d")?.clearRect(0, 0, place.width, place.height);
  }
  viewer.raster.gather(viewer.scene, place, viewer.mask.marks, viewer.look.tool !== null);
  drawScaleBar(viewer);
}
function drawOverlay(viewer) {
  const { style } = viewer.look;
  const alpha = viewer.opacity[style] / 100;
  const look = {
    style,
    alpha,
    lineAlpha: style === "contour" ? alpha : 1,
    contour: style !== "fill",
    truth: viewer.look.truth && viewer.scene.tally.known,
    editing: viewer.look.tool !== null,
    mostUncertain: viewer.header.uncertainty?.most
  };
  const context = (
    /** @type {CanvasRenderingContext2D} */
    viewer.canvas("overlay").getContext("2d")
  );
  viewer.raster.paint(context, viewer.place, viewer.scene, look, viewer.threshold);
}
function drawScores(viewer) {
  const { scene, threshold, mask } = viewer;
  const value = (threshold / STEPS).toFixed(3);
  if (!viewer.typing) viewer.field("number").value = value;
  const texts = figures(scene, mask.tally, threshold);
  for (const [name, text] of Object.entries(texts)) writeText(viewer.part("value", name), text);
  const unprepared = viewer.cleaning && !mask.prepared(viewer.cleaning);
  viewer.say(unprepared ? PREPARING : remark(scene, mask.tally, threshold));
  const track = viewer.part("track");
  track.style.setProperty("--at", String(threshold / STEPS));
  track.setAttribute("aria-valuenow", String(value));
  track.setAttribute("aria-valuetext", `${value}, ${texts.share} of the image`);
  writeText(viewer.part("zoom"), `${Math.round(viewer.view.scale * 100)}%`);
  const snapped = threshold === viewer.header.operating_point;
  viewer.button("snap").classList.toggle("reached", snapped);
}

// shared/keys.js
var THRESHOLD_KEYS = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 100,
  PageDown: -100,
  Home: -STEPS,
  End: STEPS
};
function hasModifier(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}
function isMeantFor(root, event) {
  if (hasModifier(event)) return false;
  if (event.composedPath().includes(root)) return true;
  const scrolls = event.key.length > 1 || event.key === " ";
  return !scrolls && document.activeElement === document.body && root.matches(":hover");
}
function keepCharacters(root, on) {
  for (const type of ["keydown", "keypress", "keyup"]) {
    on(root, type, (event) => {
      if (event.key?.length === 1 && !event.ctrlKey && !event.metaKey) event.stopPropagation();
    });
  }
}
var KEYS_IN_TEXT = ["ArrowUp", "ArrowDown", "PageUp", "PageDown"];
function pressThreshold(viewer, event) {
  const step = THRESHOLD_KEYS[event.key];
  if (step === void 0) return false;
  const far = event.shiftKey && Math.abs(step) === 1 ? 10 : 1;
  viewer.typing = false;
  viewer.setThreshold(viewer.threshold + step * far, event.timeStamp);
  viewer.commitSoon();
  return true;
}

// viewer/src/keys.js
var ACTION_KEYS = {
  " ": "overlay",
  t: "truth",
  h: "heat",
  c: "contourOrFill",
  w: "wipe",
  s: "side",
  f: "full",
  n: "components",
  ".": "nextComponent",
  ",": "lastComponent",
  u: "uncertainty",
  m: "options",
  b: "brush",
  e: "eraser",
  p: "polygon",
  "[": "smaller",
  "]": "larger",
  x: "corrections",
  r: "snap",
  0: "fit",
  "+": "zoomIn",
  "=": "zoomIn",
  "-": "zoomOut",
  "?": "help"
};
var PAN_KEYS = { i: [0, 1], k: [0, -1], j: [1, 0], l: [-1, 0] };
var PAN_PIXELS = 60;
function listenToKeys(viewer, on) {
  const root = viewer.root;
  on(window, "keydown", (event) => {
    if (takeBack(viewer, event)) return;
    if (!isMeantFor(root, event)) return;
    const target = event.composedPath()[0];
    if (event.key === "Escape") return void viewer.escape();
    if (reservedByControl(target, event.key)) return;
    if (!press(viewer, event)) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
  keepCharacters(root, on);
}
function takeBack(viewer, event) {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !["z", "y"].includes(key)) return false;
  const target = event.composedPath()[0];
  if (!event.composedPath().includes(viewer.root) || target instanceof Element && target.matches("input[type=text]")) return false;
  viewer.act(key === "y" || event.shiftKey ? "redo" : "undo");
  event.preventDefault();
  event.stopPropagation();
  return true;
}
var TOOL_STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function steer(viewer, event) {
  if (!viewer.look.tool || event.composedPath()[0] !== viewer.part("stage")) return false;
  const step = TOOL_STEPS[event.key];
  const far = event.shiftKey ? 10 : 1;
  if (step) viewer.pen.step(step[0] * far, step[1] * far);
  else if (event.key === "Enter") viewer.pen.enter({ out: event.shiftKey });
  else if (event.key === "Backspace") viewer.pen.corners.pop();
  else return false;
  viewer.changeNotes();
  return true;
}
function reservedByControl(target, key) {
  if (!(target instanceof Element)) return false;
  if (target.matches("input[type=text]")) return !KEYS_IN_TEXT.includes(key);
  if (target.matches("input[type=range], .wipe")) return key in THRESHOLD_KEYS;
  if (target.closest("[data-list-body]")) return key in THRESHOLD_KEYS;
  return target.matches("button") && (key === " " || key === "Enter");
}
function press(viewer, event) {
  if (!viewer.scene) return false;
  if (steer(viewer, event)) return true;
  if (pressThreshold(viewer, event)) return true;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key in PAN_KEYS) {
    viewer.view.panBy(PAN_KEYS[key][0] * PAN_PIXELS, PAN_KEYS[key][1] * PAN_PIXELS);
    viewer.changeView();
    return true;
  }
  if (!(key in ACTION_KEYS)) return false;
  if (!event.repeat || "+-[],.".includes(key)) viewer.act(ACTION_KEYS[key]);
  return true;
}

// viewer/src/link.js
var linked = /* @__PURE__ */ new Set();
function shareView(viewer) {
  const { link } = viewer.header;
  if (!link) return;
  for (const other of linked) {
    if (other === viewer || other.header?.link !== link || !other.scene) continue;
    const { width, height } = other.scene;
    if (width !== viewer.scene.width || height !== viewer.scene.height) continue;
    const before = JSON.stringify(other.view.save());
    other.view.restore(relativeTo(viewer.view, other.view));
    if (before === JSON.stringify(other.view.save())) continue;
    other.shared = true;
    other.changeView();
  }
}
function relativeTo(from, to) {
  const saved = from.save();
  return { ...saved, scale: saved.scale / from.fitScale * to.fitScale };
}

// viewer/src/mask/diameters.js
function hullOf(rows, [rowMm, columnMm]) {
  const first = rows[0][0];
  const count = 2 * rows.length + 1;
  const left = new Float64Array(count).fill(Infinity);
  const right = new Float64Array(count).fill(-Infinity);
  const widen = (at, from, to) => {
    left[at] = Math.min(left[at], from);
    right[at] = Math.max(right[at], to);
  };
  for (const [y, begin, end] of rows) {
    const at = 2 * (y - first);
    widen(at, begin, end - 1);
    widen(at + 1, begin - 0.5, end - 0.5);
    widen(at + 2, begin, end - 1);
  }
  const turn = (a, b, c) => (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  const chain = (edge, sign) => {
    const kept = [];
    edge.forEach((x, at) => {
      const point = { x: x * columnMm, y: (first - 0.5 + at / 2) * rowMm };
      while (kept.length > 1 && sign * turn(kept[kept.length - 2], kept[kept.length - 1], point) <= 0) kept.pop();
      kept.push(point);
    });
    return kept;
  };
  const [one, other] = [chain(left, -1), chain(right, 1)];
  return [...one, ...other.reverse()].filter((point, n, all) => {
    const before = all[n > 0 ? n - 1 : all.length - 1];
    return n === 0 || point.x !== before.x || point.y !== before.y;
  });
}
function diametersOf(rows, spacing) {
  const hull = hullOf(rows, spacing);
  let [a, b, most] = [hull[0], hull[0], -1];
  for (let i = 0; i < hull.length; i++) {
    for (let j = i + 1; j < hull.length; j++) {
      const squared = (hull[i].x - hull[j].x) ** 2 + (hull[i].y - hull[j].y) ** 2;
      if (squared > most) [a, b, most] = [hull[i], hull[j], squared];
    }
  }
  const longest = Math.sqrt(most);
  const along = { x: (b.x - a.x) / longest, y: (b.y - a.y) / longest };
  const places = hull.map(({ x, y }) => ({
    t: (x - a.x) * along.x + (y - a.y) * along.y,
    s: (y - a.y) * along.x - (x - a.x) * along.y
  }));
  const sides = [1, -1].map((sign) => {
    const points = places.filter(({ s }) => sign * s >= -1e-9 * longest);
    return points.sort((one, other) => one.t - other.t);
  });
  let across = { length: -1, t: 0, high: 0, low: 0 };
  for (const { t } of places) {
    const [high, low] = sides.map((points) => heightAt(points, t));
    if (high - low > across.length) across = { length: high - low, t, high, low };
  }
  const ends = [across.low, across.high].map((s) => ({
    x: a.x + across.t * along.x - s * along.y,
    y: a.y + across.t * along.y + s * along.x
  }));
  const inPixels = ({ x, y }) => ({ x: x / spacing[1] + 0.5, y: y / spacing[0] + 0.5 });
  return {
    longest: { length: longest, ends: [a, b].map(inPixels) },
    perpendicular: { length: across.length, ends: ends.map(inPixels) }
  };
}
function heightAt(points, t) {
  let n = points.findIndex((point) => point.t >= t);
  if (n < 0) n = points.length - 1;
  const [before, after] = [points[Math.max(n - 1, 0)], points[n]];
  if (after.t - before.t < 1e-12) return after.s;
  return before.s + (t - before.t) / (after.t - before.t) * (after.s - before.s);
}

// viewer/src/mask/components.js
function labelRuns(marks, k, width, height) {
  const begins = [];
  const ends = [];
  const owner = [];
  const firstOfRow = new Int32Array(height + 1);
  const find = (start) => {
    let run = start;
    while (owner[run] !== run) run = owner[run] = owner[owner[run]];
    return run;
  };
  for (let y = 0; y < height; y++) {
    let above = y > 0 ? firstOfRow[y - 1] : 0;
    const aboveEnd = firstOfRow[y] = begins.length;
    const stop = (y + 1) * width;
    for (let i = y * width; i < stop; i++) {
      if (marks[i] <= k) continue;
      const from = i;
      while (i < stop && marks[i] > k) i++;
      const [begin, end] = [from - y * width, i - y * width];
      const run = begins.length;
      begins.push(begin);
      ends.push(end);
      owner.push(run);
      while (above < aboveEnd && ends[above] < begin) above++;
      for (let n = above; n < aboveEnd && begins[n] <= end; n++) {
        const [one, other] = [find(n), find(run)];
        owner[Math.max(one, other)] = Math.min(one, other);
      }
    }
  }
  firstOfRow[height] = begins.length;
  return { begins, ends, firstOfRow, owner: Int32Array.from(owner, (_, run) => find(run)) };
}
var Components = class {
  /**
   * @param {Uint16Array} marks
   * @param {Measured} scene
   * @param {number} k
   */
  constructor(marks, scene, k) {
    const { width, height, codes } = scene;
    const runs = labelRuns(marks, k, width, height);
    const byOwner = /* @__PURE__ */ new Map();
    const all = [];
    for (let y = 0; y < height; y++) {
      for (let run = runs.firstOfRow[y]; run < runs.firstOfRow[y + 1]; run++) {
        const [begin, end, owner] = [runs.begins[run], runs.ends[run], runs.owner[run]];
        let one = byOwner.get(owner);
        if (!one) {
          one = { area: 0, sum: 0, top: y, bottom: y + 1, left: begin, right: end, rows: [], number: 0, probability: 0, atBorder: false };
          byOwner.set(owner, one);
          all.push(one);
        }
        one.area += end - begin;
        one.bottom = y + 1;
        if (begin < one.left) one.left = begin;
        if (end > one.right) one.right = end;
        let sum = 0;
        for (let i = y * width + begin; i < y * width + end; i++) sum += codes[i];
        one.sum += sum - (end - begin);
        const row = one.rows.at(-1);
        if (row && row[0] === y) row[2] = end;
        else one.rows.push([y, begin, end]);
      }
    }
    this.list = all.sort((a, b) => b.area - a.area);
    this.list.forEach((one, n) => {
      one.number = n + 1;
      one.probability = one.sum / one.area / STEPS;
      const gap = Math.min(one.top, one.left, height - one.bottom, width - one.right);
      one.atBorder = gap === 0;
    });
    this.runs = runs;
    this.byOwner = byOwner;
    this.width = width;
    this.height = height;
    this.spacing = scene.header.spacing_mm ?? null;
  }
  /**
   * The component of a pixel; undefined where there is none.
   * @param {number} x
   * @param {number} y
   */
  at(x, y) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return void 0;
    const { begins, ends, firstOfRow, owner } = this.runs;
    let low = firstOfRow[y];
    let high = firstOfRow[y + 1];
    while (low < high) {
      const middle = low + high >> 1;
      if (ends[middle] <= x) low = middle + 1;
      else high = middle;
    }
    const inside = low < firstOfRow[y + 1] && begins[low] <= x;
    return inside ? this.byOwner.get(owner[low]) : void 0;
  }
  /** Everything measured, for tests. */
  summary() {
    return this.list.map((one) => {
      const { longest, perpendicular } = this.diameters(one);
      const { number, area, top, left, bottom, right, probability, atBorder } = one;
      const box = [top, left, bottom, right];
      return {
        number,
        area,
        box,
        probability,
        atBorder,
        longest: longest.length,
        ends: longest.ends,
        perpendicular: perpendicular.length
      };
    });
  }
  /**
   * Longest diameter and the longest line at right angles to it; made once for a component.
   * @param {Component} one
   */
  diameters(one) {
    one.lines ??= diametersOf(one.rows, this.spacing ?? [1, 1]);
    return one.lines;
  }
};

// viewer/src/notes.js
var MOST_NUMBERED = 200;
var ROOM_FOR_NUMBER = 20;
function drawNotes(viewer) {
  const { place, look, pen } = viewer;
  const canvas = viewer.canvas("notes");
  if (canvas.width !== place.width || canvas.height !== place.height) {
    canvas.width = place.width;
    canvas.height = place.height;
  }
  const context = (
    /** @type {CanvasRenderingContext2D} */
    canvas.getContext("2d")
  );
  context.clearRect(0, 0, canvas.width, canvas.height);
  const toCanvas = ({ x, y }) => [
    place.originX + x * place.scaleX,
    place.originY + y * place.scaleY
  ];
  context.lineWidth = place.density;
  if (look.components && look.overlay && viewer.list.found) {
    context.globalAlpha = viewer.list.old ? 0.4 : 1;
    drawBoxes(context, viewer.list, place, toCanvas);
    context.globalAlpha = 1;
  }
  if (look.tool) drawTool(context, pen, place, toCanvas);
}
function outlined(context, density, trace, color) {
  context.lineWidth = 3 * density;
  context.strokeStyle = "rgb(0 0 0 / 60%)";
  trace();
  context.stroke();
  context.lineWidth = density;
  context.strokeStyle = color;
  trace();
  context.stroke();
}
function drawBoxes(context, list, place, toCanvas) {
  const { density } = place;
  const { found } = list;
  if (!found) return;
  const shown = found.list.slice(0, MOST_NUMBERED);
  const selected = list.selected;
  context.font = `600 ${12 * density}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  const taken = [];
  for (const one of shown) {
    const [left, top] = toCanvas({ x: one.left, y: one.top });
    const [right, bottom] = toCanvas({ x: one.right, y: one.bottom });
    if (right < 0 || bottom < 0 || left > place.width || top > place.height) continue;
    const marked = one === selected || one === list.hovered;
    const trace = () => {
      context.beginPath();
      context.rect(left - density, top - density, right - left + 2 * density, bottom - top + 2 * density);
    };
    if (marked) outlined(context, density, trace, "#ffffff");
    else {
      context.lineWidth = density;
      context.strokeStyle = "rgb(240 228 66 / 55%)";
      trace();
      context.stroke();
    }
    const small = Math.max(right - left, bottom - top) < ROOM_FOR_NUMBER * density;
    drawNumber(context, String(one.number), { left, top, density, marked, small, place, taken });
  }
  for (const one of /* @__PURE__ */ new Set([selected, list.hovered])) {
    if (one) drawDiameters(context, found.diameters(one), density, toCanvas);
  }
}
function drawNumber(context, text, { left, top, density, marked, small, place, taken }) {
  const width = context.measureText(text).width + 8 * density;
  const height = 16 * density;
  const x = clamp(left - density, 0, place.width - width);
  const y = clamp(top - density - height, 0, place.height - height);
  const meets = (other) => {
    return x < other.x + other.width && other.x < x + width && Math.abs(y - other.y) < height;
  };
  if (!marked && (small || taken.some(meets))) return;
  taken.push({ x, y, width });
  context.fillStyle = marked ? "#ffffff" : "rgb(11 13 15 / 78%)";
  context.fillRect(x, y, width, height);
  context.fillStyle = marked ? "#0b0d0f" : "#e9ecee";
  context.fillText(text, x + width / 2, y + height / 2 + density * 0.5);
}
function drawDiameters(context, lines, density, toCanvas) {
  for (const { line, dashes } of [
    { line: lines.longest, dashes: [] },
    { line: lines.perpendicular, dashes: [4, 3] }
  ]) {
    const [[x1, y1], [x2, y2]] = line.ends.map((end) => toCanvas(end));
    context.setLineDash(dashes.map((dash) => dash * density));
    const trace = () => {
      context.beginPath();
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    };
    outlined(context, density * 1.4, trace, "#ffffff");
    context.setLineDash([]);
  }
}
function drawTool(context, pen, place, toCanvas) {
  const { density } = place;
  if (pen.tool === "polygon") drawPolygon(context, pen, density, toCanvas);
  if (!pen.at) return;
  const pixel = pixelOf(pen.at);
  const [x, y] = toCanvas({ x: pixel.x + 0.5, y: pixel.y + 0.5 });
  const cross = () => {
    context.beginPath();
    context.moveTo(x - 6 * density, y);
    context.lineTo(x + 6 * density, y);
    context.moveTo(x, y - 6 * density);
    context.lineTo(x, y + 6 * density);
  };
  if (pen.tool === "polygon") return outlined(context, density, cross, "#ffffff");
  const radius = Math.max(pen.size, 1) / 2;
  context.setLineDash(pen.tool === "eraser" ? [4 * density, 3 * density] : []);
  const ring = () => {
    context.beginPath();
    context.ellipse(x, y, radius * place.scaleX, radius * place.scaleY, 0, 0, 7);
  };
  outlined(context, density, ring, "#ffffff");
  context.setLineDash([]);
  if (radius * place.scaleX < 5 * density || pen.drawing) outlined(context, density, cross, "#ffffff");
}
function drawPolygon(context, pen, density, toCanvas) {
  if (!pen.corners.length) return;
  const points = [...pen.corners, ...pen.at ? [pen.at] : []].map((corner) => toCanvas(corner));
  const trace = () => {
    context.beginPath();
    for (const [x2, y2] of points) context.lineTo(x2, y2);
  };
  outlined(context, density, trace, "#ffffff");
  const [x, y] = points[0];
  context.beginPath();
  context.arc(x, y, 5 * density, 0, 7);
  context.fillStyle = "#ffffff";
  context.fill();
}

// viewer/src/list.js
var SHORTEST_WAIT_MS = 50;
var ComponentList = class {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.found = null;
    this.selected = void 0;
    this.timer = void 0;
    this.old = true;
    this.cost = 0;
    this.anchor = null;
    this.hovered = null;
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
    this.timer = void 0;
    const { viewer } = this;
    if (!viewer.scene || !viewer.look.components) return;
    const started = performance.now();
    this.found = new Components(viewer.mask.marks, viewer.scene, viewer.threshold);
    this.cost = performance.now() - started;
    this.old = false;
    this.viewer.part("list").classList.remove("old");
    this.hovered = null;
    this.selected = this.anchor ? this.found.at(this.anchor.x, this.anchor.y) : void 0;
    this.show();
    viewer.changeNotes();
  }
  forget() {
    clearTimeout(this.timer);
    this.timer = void 0;
    Object.assign(this, { found: null, old: true, anchor: null, selected: void 0, hovered: null });
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
      one.atBorder ? "yes" : ""
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
    return row instanceof HTMLTableRowElement ? this.found?.list[this.rows.indexOf(row)] : void 0;
  }
};
function figureText(value) {
  const digits = value >= 1e3 ? 0 : value >= 100 ? 1 : value >= 1 ? 2 : 3;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString("en-US", options);
}
function listenToList(viewer, on) {
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
    if (step === void 0) return;
    list.move(step);
    if (list.selected) list.rows[list.selected.number - 1].focus();
    event.preventDefault();
  });
}

// viewer/src/look.js
var OPACITY = { contour: 100, fill: 45, heat: 60, uncertainty: 90 };
var LOOK = {
  overlay: true,
  truth: true,
  style: "contour",
  lastFlat: "contour",
  wipe: false,
  wipeAt: 0.5,
  side: false,
  components: false,
  tool: null,
  more: false
};

// viewer/src/memory.js
var DECISIONS_KEPT = 64;
var memory = /* @__PURE__ */ new Map();
var decided = /* @__PURE__ */ new Map();
function keepDecision(name, decision) {
  decided.set(name, decision);
  const [oldest] = decided.keys();
  if (decided.size > DECISIONS_KEPT) decided.delete(oldest);
}

// shared/pointer.js
function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}
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

// viewer/src/pointer.js
var CLICK_PIXELS = 4;
var WIPE_STEPS = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02 };
var WIPE_ENDS = { Home: 0, End: 1 };
function listenToPicture(viewer, on) {
  const stage = viewer.part("stage");
  const held = /* @__PURE__ */ new Map();
  const position = (event) => {
    return positionIn(viewer.paneOf(event), event);
  };
  let drawing = null;
  let levelling = null;
  let travel = 0;
  const inImage = (at) => viewer.view.toImage(at.x, at.y);
  on(stage, "contextmenu", (event) => {
    if (viewer.scene?.raw) event.preventDefault();
  });
  on(stage, "pointerdown", (event) => {
    if (!viewer.scene || closest(event, "button, .keys, .wipe")) return;
    if (event.button === 2 && viewer.scene.raw) levelling = event.pointerId;
    else if (event.button > 1) return;
    const now = position(event);
    held.set(event.pointerId, now);
    stage.setPointerCapture(event.pointerId);
    travel = 0;
    if (held.size > 1) {
      viewer.pen.cancel();
      drawing = null;
    } else if (event.button === 0 && viewer.look.tool) {
      drawing = event.pointerId;
      stage.focus({ preventScroll: true });
      viewer.pen.down(inImage(now));
    }
    if (drawing === null) stage.classList.add("held");
    if (event.button === 1) event.preventDefault();
  });
  on(stage, "pointermove", (event) => {
    const before = held.get(event.pointerId);
    const now = position(event);
    if (viewer.scene && viewer.look.tool && held.size < 2) {
      viewer.pen.move(inImage(now), event.pointerId === drawing);
    }
    if (!before) {
      hoverComponent(viewer, inImage(now));
      return readOut(viewer, now);
    }
    travel += Math.hypot(now.x - before.x, now.y - before.y);
    const others = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (event.pointerId === drawing) {
      held.set(event.pointerId, now);
      return readOut(viewer, now);
    }
    if (event.pointerId === levelling) {
      viewer.window.drag(now.x - before.x, now.y - before.y);
    } else if (others.length === 0) {
      viewer.view.panBy(now.x - before.x, now.y - before.y);
    } else if (others.length === 1) {
      pinch(viewer.view, before, now, others[0]);
    }
    held.set(event.pointerId, now);
    viewer.changeView();
    readOut(viewer, now);
  });
  const release = (event) => {
    if (!held.delete(event.pointerId)) return;
    if (event.pointerId === drawing) {
      drawing = null;
      viewer.pen.up();
    } else if (travel < CLICK_PIXELS && event.type === "pointerup" && event.button === 0) {
      pickComponent(viewer, inImage(position(event)));
    }
    if (event.pointerId === levelling) levelling = null;
    if (held.size === 0) stage.classList.remove("held");
  };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  on(stage, "pointerleave", () => {
    readOut(viewer, null);
    viewer.list.hover(null);
    if (!viewer.pen.drawing) viewer.pen.at = null;
    viewer.changeNotes();
  });
  on(stage, "dblclick", (event) => {
    if (closest(event, "button, .keys, .wipe")) return;
    if (viewer.look.tool) return;
    const at = position(event);
    if (viewer.view.fitted) viewer.view.zoomAt(2, at.x, at.y);
    else viewer.view.fit();
    viewer.changeView();
  });
  on(stage, "wheel", (event) => {
    if (closest(event, ".keys")) return;
    event.preventDefault();
    const at = position(event);
    if (viewer.look.tool && event.shiftKey) return viewer.pen.grow(-Math.sign(wheelDelta(event)));
    zoomByWheel(viewer.view, event, at);
    viewer.changeView();
    readOut(viewer, at);
  });
  listenToWipe(viewer, on);
}
function hoverComponent(viewer, { x, y }) {
  const { list, look } = viewer;
  if (!look.components || !list.found || list.old) return;
  list.hover(list.found.at(Math.floor(x), Math.floor(y)) ?? null);
}
function pickComponent(viewer, { x, y }) {
  const { list, look } = viewer;
  if (!look.components || look.tool) return;
  if (list.old) list.measure();
  list.select(list.found?.at(Math.floor(x), Math.floor(y)), { scroll: true });
}
function listenToWipe(viewer, on) {
  const handle = viewer.part("wipe");
  on(handle, "pointerdown", (event) => {
    if (event.button !== 0) return;
    handle.setPointerCapture(event.pointerId);
    event.stopPropagation();
  });
  on(handle, "pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = (
      /** @type {HTMLElement} */
      handle.parentElement.getBoundingClientRect()
    );
    viewer.setWipe((event.clientX - box.left) / box.width);
    event.stopPropagation();
  });
  on(handle, "keydown", (event) => {
    const step = WIPE_STEPS[event.key];
    const end = WIPE_ENDS[event.key];
    if (step === void 0 && end === void 0) return;
    viewer.setWipe(end ?? viewer.look.wipeAt + step * (event.shiftKey ? 5 : 1));
    event.preventDefault();
  });
}

// viewer/src/viewer.js
var COMMIT_DELAY_MS = 300;
var Viewer = class extends Mounted {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    this.view = new View();
    this.raster = new Raster();
    this.scene = /** @type {Scene} */
    /** @type {unknown} */
    null;
    this.mask = /** @type {MaskMap} */
    /** @type {unknown} */
    void 0;
    this.place = /** @type {Place} */
    /** @type {unknown} */
    void 0;
    this.header = /** @type {SceneHeader} */
    /** @type {unknown} */
    void 0;
    this.send = () => {
    };
    this.commitTimer = void 0;
    this.frame = void 0;
    this.trackWidth = 0;
    this.shared = false;
    this.threshold = 0;
    this.reported = "";
    this.typing = false;
    this.look = { ...LOOK };
    this.opacity = { ...OPACITY };
    this.cleaning = null;
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
    let scene;
    try {
      scene = await sceneOf(header, body);
    } catch {
      if (this.header !== header) return;
      this.header = /** @type {SceneHeader} */
      /** @type {unknown} */
      void 0;
      return this.say("This image could not be decoded. Reload the page to try again.");
    }
    const mask = new MaskMap(scene);
    const wanted = () => this.header?.token === header.token;
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
    this.window.open(scene, same ? saved.window : void 0);
    this.reported = this.signature();
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
    const [view, window2] = [this.view.save(), this.window.save()];
    memory.set(key, { map, start, threshold, look: { ...look }, opacity, view, window: window2 });
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
    this.header = /** @type {SceneHeader} */
    /** @type {unknown} */
    void 0;
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
    const runs = (kind) => all || mask.applied ? mask.runs(kind) : [];
    return {
      k: threshold,
      minimum_area_px: mask.leastArea,
      fill_holes: mask.holes,
      added: runs(PUT_IN),
      removed: runs(TAKEN_OUT)
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
    let made;
    while (this.mask === mask && this.cleaning && made !== this.cleaning) {
      const aim = made = this.cleaning;
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
    const over = (at, middle, reach) => Math.sign(at - middle) * Math.max(0, Math.abs(at - middle) - reach);
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
    if (inputTime !== void 0) this.pendingInput ??= inputTime;
    this.frame ??= requestAnimationFrame(() => this.draw());
  }
  draw() {
    this.frame = void 0;
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
};

// viewer/src/main.js
var main_default = (component) => mount(component, Viewer, hook);
export {
  main_default as default
};
