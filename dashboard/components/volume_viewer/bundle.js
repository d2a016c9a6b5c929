// Generated from volume_viewer/src/main.js by "make js"; edit the sources, not this file.
// Sources: sha256 f14447f91c2a7d11d23e1710b6c886d82d6500638505df6302f1f5309ac595e8

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

// volume_viewer/src/hook.js
function volumeHook(viewer) {
  return {
    get ready() {
      return Boolean(viewer.volume) && viewer.frame === void 0;
    },
    get threshold() {
      return viewer.threshold;
    },
    get at() {
      return viewer.at;
    },
    get slices() {
      return viewer.panes.map((pane) => pane.wholeSlice);
    },
    get look() {
      return { ...viewer.look };
    },
    get window() {
      return [viewer.intensities.center, viewer.intensities.width];
    },
    get latencies() {
      return viewer.latencies;
    },
    get paintedAt() {
      return viewer.paintedAt;
    },
    voxels: (k) => viewer.volume.tally.foreground[k + 1],
    sizes: (n, k) => Array.from({ length: viewer.panes[n].plane.whole }, (_, s) => viewer.panes[n].plane.sizeOf(s, k)),
    codes: (n) => Array.from(viewer.panes[n].codes),
    values: (n) => Array.from(viewer.panes[n].values),
    toScreen: (n, row, column) => viewer.panes[n].view.toPane(column + 0.5, row + 0.5)
  };
}

// shared/levels.js
var STEPS = 1e3;
var REMOVED = 0;
var ADDED = STEPS + 2;
var LEVELS = STEPS + 1;

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

// volume_viewer/src/actions.js
var zoom = (viewer, factor) => {
  const { view } = viewer.active;
  view.zoomAt(factor, view.pane.width / 2, view.pane.height / 2);
  viewer.active.spoil("view");
};
var VOLUME_ACTIONS = {
  overlay: (_, look) => look.overlay = !look.overlay,
  contour: (_, look) => look.style = look.lastFlat = "contour",
  fill: (_, look) => look.style = look.lastFlat = "fill",
  contourOrFill: (_, look) => look.style = look.lastFlat = look.style === "contour" ? "fill" : "contour",
  heat: (_, look) => look.style = look.style === "heat" ? look.lastFlat : "heat",
  projection: (_, look) => look.projection = !look.projection,
  cross: (_, look) => look.cross = !look.cross,
  less: (viewer) => viewer.setThreshold(viewer.threshold - 1),
  more: (viewer) => viewer.setThreshold(viewer.threshold + 1),
  snap: (viewer) => viewer.setThreshold(viewer.header.operating_point),
  fit: (viewer) => viewer.panes.forEach((pane) => (pane.view.fit(), pane.spoil("view"))),
  zoomIn: (viewer) => zoom(viewer, 1.5),
  zoomOut: (viewer) => zoom(viewer, 1 / 1.5),
  full: (viewer) => viewer.toggleFull(),
  help: (viewer) => viewer.part("keys").hidden = !viewer.part("keys").hidden
};

// shared/tally.js
function suffixSums(histogram) {
  const sums = (
    /** @type {T} */
    histogram.slice()
  );
  for (let at = sums.length - 2; at >= 0; at--) sums[at] += sums[at + 1];
  return sums;
}

// volume_viewer/src/plane.js
var Plane = class _Plane {
  /**
   * @param {import("./decode.js").Volume} volume
   * @param {PlaneHeader} plane
   */
  constructor(volume, { name, axes, flips, sides }) {
    const { shape, steps, header } = volume;
    this.volume = volume;
    this.name = name;
    this.axes = axes;
    this.flips = flips;
    this.sides = sides;
    this.depth = shape[axes[0]];
    this.height = shape[axes[1]];
    this.width = shape[axes[2]];
    this.whole = header.whole[axes[0]];
    this.step = steps[axes[0]];
    const [, rows, columns] = axes.map((axis) => header.spacing_mm[axis]);
    this.aspect = rows / columns;
    this.column_mm = columns;
    this.strides = axes.map((axis, n) => volume.strides[axis] * (flips[n] ? -1 : 1));
    this.origin = axes.reduce((sum, axis, n) => sum + (flips[n] ? (shape[axis] - 1) * volume.strides[axis] : 0), 0);
    this.sizes = _Plane.suffixSums(volume.sizes[axes[0]], this.whole, flips[0]);
  }
  /**
   * Voxels at and above each level in every slice, in the order of this plane.
   * @param {Uint32Array} counts
   * @param {number} whole
   * @param {boolean} flipped
   */
  static suffixSums(counts, whole, flipped) {
    const sums = new Uint32Array(whole * LEVELS);
    for (let n = 0; n < whole; n++) {
      const from = (flipped ? whole - 1 - n : n) * LEVELS;
      let sum = 0;
      for (let k = STEPS; k >= 0; k--) {
        sum += counts[from + k];
        sums[n * LEVELS + k] = sum;
      }
    }
    return sums;
  }
  /**
   * Predicted voxels in a slice at threshold k; the slice counts in the whole volume.
   * @param {number} slice
   * @param {number} k
   */
  sizeOf(slice, k) {
    return this.sizes[slice * LEVELS + k];
  }
  /**
   * Where a position in the volume lies in this plane, and the way back.
   * @param {number[]} at
   */
  toPlane(at) {
    const [slice, row, column] = this.axes.map((axis, n) => {
      return this.flips[n] ? this.volume.shape[axis] - 1 - at[axis] : at[axis];
    });
    return { slice, row, column };
  }
  /** @param {{ slice: number, row: number, column: number }} place */
  toVolume({ slice, row, column }) {
    const at = [0, 0, 0];
    [slice, row, column].forEach((value, n) => {
      const axis = this.axes[n];
      const last = this.volume.shape[axis] - 1;
      const inside = clamp(Math.floor(value), 0, last);
      at[axis] = this.flips[n] ? last - inside : inside;
    });
    return at;
  }
  /**
   * A slice of an array of the volume.
   * @template {Voxels} T
   * @param {Voxels} array
   * @param {number} slice
   * @param {T} out
   */
  extract(array, slice, out) {
    const [deep, down, right] = this.strides;
    for (let y = 0, i = 0; y < this.height; y++) {
      let from = this.origin + slice * deep + y * down;
      for (let x = 0; x < this.width; x++, i++, from += right) out[i] = array[from];
    }
    return out;
  }
  /**
   * The largest value along this plane's slices.
   * @template {Voxels} T
   * @param {Voxels} array
   * @param {T} out
   */
  project(array, out) {
    const [deep, down, right] = this.strides;
    out.fill(0);
    for (let slice = 0; slice < this.depth; slice++) {
      for (let y = 0, i = 0; y < this.height; y++) {
        let from = this.origin + slice * deep + y * down;
        for (let x = 0; x < this.width; x++, i++, from += right) {
          if (array[from] > out[i]) out[i] = array[from];
        }
      }
    }
    return out;
  }
};

// volume_viewer/src/decode.js
async function decodeVolume(header, body) {
  const blob = async (name, type) => {
    const [offset, length] = header.blobs[name];
    return new type(await inflate(body.subarray(offset, offset + length)));
  };
  const wide = header.grey.window !== null;
  const [codes, grey, ...sizes] = await Promise.all([
    blob("levels", Uint16Array),
    wide ? blob("grey", Uint16Array) : blob("grey", Uint8Array),
    blob("sizes0", Uint32Array),
    blob("sizes1", Uint32Array),
    blob("sizes2", Uint32Array)
  ]);
  const { shape, steps } = header;
  if (codes.length !== shape[0] * shape[1] * shape[2]) throw new Error("the volume has the wrong size");
  for (let i = 0; i < codes.length; i++) codes[i]++;
  const strides = [shape[1] * shape[2], shape[2], 1];
  const volume = { header, shape, steps, strides, codes, grey, sizes };
  const planes = header.planes.map((plane) => new Plane(volume, plane));
  return { ...volume, planes, tally: wholeTally(planes[0]) };
}
function wholeTally(plane) {
  const all = new Float64Array(ADDED + 1);
  for (let n = 0; n < plane.whole; n++) {
    for (let k = 0; k <= STEPS; k++) {
      all[k + 1] += plane.sizes[n * LEVELS + k] - (k < STEPS ? plane.sizes[n * LEVELS + k + 1] : 0);
    }
  }
  const foreground = suffixSums(all);
  return { all, on: new Float64Array(ADDED + 1), known: false, foreground, voxels: foreground[0] };
}
var lastVolume = null;
function volumeOf(header, body) {
  if (lastVolume?.token === header.token) return lastVolume.promise;
  const promise = decodeVolume(header, body);
  lastVolume = { token: header.token, promise };
  promise.catch(() => lastVolume = null);
  return promise;
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

// volume_viewer/src/hand.js
function listenToPlane(viewer, pane, on) {
  const { stage } = pane;
  const held = /* @__PURE__ */ new Map();
  let mode = null;
  let travel = 0;
  const position = (event) => positionIn(stage, event);
  on(stage, "contextmenu", (event) => event.preventDefault());
  on(stage, "pointerdown", (event) => {
    if (!viewer.volume || closest(event, "button")) return;
    stage.setPointerCapture(event.pointerId);
    held.set(event.pointerId, position(event));
    viewer.active = pane;
    if (held.size > 1) mode = "pinch";
    else if (event.button === 2) mode = "level";
    else if (event.button === 1 || event.shiftKey) mode = "pan";
    else mode = "cross";
    stage.focus({ preventScroll: true });
    if (mode === "cross") viewer.moveTo(pane.voxelAt(position(event)), event.timeStamp);
    if (event.button === 1) event.preventDefault();
  });
  on(stage, "pointermove", (event) => {
    if (!viewer.volume) return;
    const now = position(event);
    const before = held.get(event.pointerId);
    pane.readOut(now);
    if (!before) return;
    held.set(event.pointerId, now);
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    if (mode === "cross") return viewer.moveTo(pane.voxelAt(now), event.timeStamp);
    if (mode === "level") return viewer.level(dx, dy);
    if (mode === "pan") pane.view.panBy(dx, dy);
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    if (mode === "pinch" && other) pinch(pane.view, before, now, other);
    viewer.changeView(pane);
  });
  const release = (event) => {
    held.delete(event.pointerId);
    if (held.size === 0) mode = null;
  };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  on(stage, "pointerleave", () => viewer.volume && pane.readOut(null));
  on(stage, "dblclick", () => {
    pane.view.fit();
    viewer.changeView(pane);
  });
  on(stage, "wheel", (event) => {
    if (!viewer.volume) return;
    event.preventDefault();
    if (event.ctrlKey || event.shiftKey) {
      zoomByWheel(pane.view, event, position(event));
      return viewer.changeView(pane);
    }
    travel -= wheelDelta(event);
    const notches = Math.trunc(travel / 40);
    travel -= notches * 40;
    if (notches) viewer.showSlice(pane, pane.slice + clamp(notches, -3, 3));
  });
}

// volume_viewer/src/intensities.js
var Intensities = class {
  /** @param {Coding} coding */
  constructor(coding) {
    this.coding = coding;
    this.center = 0;
    this.width = 0;
    this.table = new Uint8ClampedArray(coding.window ? 65536 : 256);
    if (coding.window) this.set(...coding.window);
    else this.table.forEach((_, code) => this.table[code] = code);
  }
  get adjustable() {
    return this.coding.window !== null;
  }
  /**
   * @param {number} center
   * @param {number} width
   */
  set(center, width) {
    const { low, high, scale } = this.coding;
    const range = Math.max(high - low, scale);
    this.center = clamp(center, low - range, high + range);
    this.width = clamp(width, range / 1e3, 3 * range);
    const black = this.center - this.width / 2;
    const gain = 255 / this.width;
    for (let code = 0; code < this.table.length; code++) {
      this.table[code] = (low + code * scale - black) * gain;
    }
  }
  /** @param {number} code */
  valueText(code) {
    const { low, scale, unit } = this.coding;
    const value = low + code * scale;
    return `${Number.isInteger(value) ? value : value.toPrecision(4)}${unit ? ` ${unit}` : ""}`;
  }
};

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

// volume_viewer/src/keys.js
var SLICE_KEYS = { ArrowUp: 1, ArrowDown: -1 };
var RIBBON_KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
var VOLUME_KEYS = {
  " ": "overlay",
  c: "contourOrFill",
  h: "heat",
  p: "projection",
  x: "cross",
  r: "snap",
  0: "fit",
  "+": "zoomIn",
  "=": "zoomIn",
  "-": "zoomOut",
  f: "full",
  "?": "help"
};
function listenToVolumeKeys(viewer, on) {
  const { root } = viewer;
  on(window, "keydown", (event) => {
    if (!viewer.volume || !isMeantFor(root, event)) return;
    if (!press(viewer, event)) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
  keepCharacters(root, on);
}
function press(viewer, event) {
  const target = event.composedPath()[0];
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (reservedByControl(target, key)) return false;
  if (turnSlices(viewer, event, target) || pressThreshold(viewer, event)) return true;
  if (key === "Escape") return viewer.escape();
  if (!(key in VOLUME_KEYS)) return false;
  if (!event.repeat || "+-=".includes(key)) viewer.act(VOLUME_KEYS[key]);
  return true;
}
function reservedByControl(target, key) {
  if (!(target instanceof Element)) return false;
  if (target.matches("input[type=text]")) return !KEYS_IN_TEXT.includes(key);
  return target.matches("button") && [" ", "Enter"].includes(key);
}
function turnSlices(viewer, event, target) {
  const pane = viewer.panes.find(({ element }) => target instanceof Node && element.contains(target));
  if (!pane) return false;
  const onRibbon = target === pane.part("ribbon");
  const ends = { Home: 0, End: pane.plane.depth - 1 };
  const end = onRibbon ? ends[event.key] : void 0;
  const step = onRibbon && RIBBON_KEYS[event.key] || SLICE_KEYS[event.key];
  if (end === void 0 && step === void 0) return false;
  viewer.showSlice(pane, end ?? pane.slice + step * (event.shiftKey ? 10 : 1));
  return true;
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

// shared/orientation.js
var SIDE_NAMES = { R: "right", L: "left", A: "anterior", P: "posterior", S: "superior", I: "inferior" };
function writeSides(box, sides = "") {
  box.hidden = !sides;
  [...box.children].forEach((letter, n) => writeText(letter, sides[n] ?? ""));
  const [left, , top] = [...sides].map((letter) => SIDE_NAMES[letter]);
  box.setAttribute("aria-label", `Patient's ${left} at the left, ${top} at the top`);
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

// volume_viewer/src/pane.js
var OPACITY_OF = { contour: 1, fill: 0.45, heat: 0.6 };
var PlanePane = class {
  /**
   * @param {import("./volume.js").VolumeViewer} viewer
   * @param {HTMLElement} element
   */
  constructor(viewer, element) {
    this.viewer = viewer;
    this.element = element;
    this.stage = this.part("stage");
    this.view = new View();
    this.place = this.view.place();
    this.raster = new Raster();
    this.stale = { slice: true, view: true, overlay: true };
    this.shownSlice = null;
    this.projected = null;
    this.plane = /** @type {Plane} */
    /** @type {unknown} */
    null;
    this.codes = new Uint16Array();
    this.values = new Uint8Array();
    this.picture = document.createElement("canvas");
    this.context = /** @type {CanvasRenderingContext2D} */
    this.picture.getContext("2d");
    this.pixels = new ImageData(1, 1);
    this.scene = this.sceneOf({ width: 1, height: 1, aspect: 1 });
  }
  /**
   * The element with attribute data-<name>; which kind it is, the markup says.
   * @param {string} name
   * @returns {any}
   */
  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }
  /** @param {{ width: number, height: number, aspect: number }} plane */
  sceneOf({ width, height, aspect }) {
    return { width, height, aspect, truth: null, uncertainty: null, codes: this.codes, pyramid: [this.picture] };
  }
  /** @param {Plane} plane */
  open(plane) {
    this.plane = plane;
    const { width, height } = plane;
    this.codes = new Uint16Array(width * height);
    const { grey } = plane.volume;
    this.values = grey instanceof Uint8Array ? new Uint8Array(width * height) : new Uint16Array(width * height);
    Object.assign(this.picture, { width, height });
    this.pixels = new ImageData(width, height);
    this.scene = this.sceneOf(plane);
    this.view.fitted = true;
    this.view.show(this.scene);
    this.projected = null;
    this.shownSlice = null;
    this.spoil("slice");
    writeSides(this.part("sides"), plane.sides);
    this.stage.setAttribute("aria-label", `${this.title} plane: arrows up and down change the slice`);
  }
  get title() {
    return this.plane.name[0].toUpperCase() + this.plane.name.slice(1);
  }
  get slice() {
    return this.plane.toPlane(this.viewer.at).slice;
  }
  /** The slice as people count it, in the whole volume. */
  get wholeSlice() {
    const { flips, step, whole } = this.plane;
    const along = this.viewer.at[this.plane.axes[0]] * step;
    return flips[0] ? whole - 1 - along : along;
  }
  resize() {
    this.view.resize(this.stage.clientWidth, this.stage.clientHeight);
    this.spoil("view");
  }
  /** @param {Part} what */
  spoil(what) {
    this.stale[what] = true;
  }
  /** Takes the slice under the cross, or the projection along all. */
  gatherSlice() {
    const { viewer, plane, codes, values } = this;
    const { volume } = plane;
    const wanted = viewer.look.projection ? "projection" : this.slice;
    if (wanted === this.shownSlice) return;
    this.shownSlice = wanted;
    if (wanted === "projection") {
      this.projected ??= {
        codes: plane.project(volume.codes, codes.slice()),
        values: plane.project(volume.grey, values.slice())
      };
      codes.set(this.projected.codes);
      values.set(this.projected.values);
    } else {
      plane.extract(volume.codes, wanted, codes);
      plane.extract(volume.grey, wanted, values);
    }
    this.paintPicture();
    this.spoil("view");
  }
  paintPicture() {
    const { table: table2 } = this.viewer.intensities;
    const { data } = this.pixels;
    for (let i = 0, to = 0; i < this.values.length; i++, to += 4) {
      data[to] = data[to + 1] = data[to + 2] = table2[this.values[i]];
      data[to + 3] = 255;
    }
    this.context.putImageData(this.pixels, 0, 0);
  }
  draw() {
    if (!this.stage.clientWidth) return;
    if (this.stale.slice) this.gatherSlice();
    const { view, overlay } = this.stale;
    if (view) this.drawPicture();
    if (view || overlay) this.drawOverlay();
    this.placeCross();
    this.stale = { slice: false, view: false, overlay: false };
  }
  drawPicture() {
    const place = this.place = this.view.place();
    paintImage(this.part("image"), this.scene, place);
    const canvas = this.part("overlay");
    Object.assign(canvas, { width: place.width, height: place.height });
    this.raster.gather(this.scene, place, this.codes, false);
  }
  drawOverlay() {
    const { look, threshold } = this.viewer;
    const canvas = this.part("overlay");
    canvas.style.visibility = look.overlay ? "" : "hidden";
    const alpha = OPACITY_OF[look.style];
    this.raster.paint(
      canvas.getContext("2d"),
      this.place,
      this.scene,
      { style: look.style, alpha, lineAlpha: 1, contour: look.style !== "fill", truth: false },
      threshold
    );
  }
  /** Lines where the other two planes lie; a gap in the middle leaves the point free. */
  placeCross() {
    const { row, column } = this.plane.toPlane(this.viewer.at);
    const { x, y } = this.view.toPane(column + 0.5, row + 0.5);
    this.element.style.setProperty("--cross-x", `${x}px`);
    this.element.style.setProperty("--cross-y", `${y}px`);
    this.part("cross").hidden = !this.viewer.look.cross || this.viewer.look.projection;
    const { projection } = this.viewer.look;
    const place = projection ? "projection" : `${this.wholeSlice + 1} / ${this.plane.whole}`;
    writeText(this.part("plane-name"), `${this.title} ${place}`);
    this.placeScale();
  }
  placeScale() {
    const bar = this.part("scale");
    const known = this.viewer.header.voxel_mm3 !== null;
    bar.hidden = !known;
    if (!known) return;
    const pixelsPerMm = this.view.scale / this.plane.column_mm;
    const length = roundLength(Math.min(120, this.view.pane.width / 4) / pixelsPerMm);
    bar.firstElementChild.style.width = `${length * pixelsPerMm}px`;
    writeText(bar.lastElementChild, lengthText(length));
  }
  /**
   * The voxel under a pane position; null outside the image.
   * @param {{ x: number, y: number }} position
   */
  voxelAt({ x, y }) {
    const point = this.view.toImage(x, y);
    const outside = point.x < 0 || point.y < 0 || point.x >= this.plane.width || point.y >= this.plane.height;
    return outside ? null : this.plane.toVolume({ slice: this.slice, row: point.y, column: point.x });
  }
  /**
   * Grey value and probability under a position.
   * @param {{ x: number, y: number } | null} at
   */
  readOut(at) {
    const chip = this.part("readout");
    const point = at ? this.view.toImage(at.x, at.y) : { x: -1, y: -1 };
    const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
    chip.hidden = !at || x < 0 || y < 0 || x >= this.plane.width || y >= this.plane.height;
    if (chip.hidden) return;
    const i = y * this.plane.width + x;
    const p = ((this.codes[i] - 1) / STEPS).toFixed(3);
    writeText(chip, `p ${p}  ${this.viewer.intensities.valueText(this.values[i])}`);
  }
};

// volume_viewer/src/ribbon.js
function paintRibbon(pane, color) {
  const { plane, viewer } = pane;
  const canvas = pane.part("ribbon-canvas");
  const density = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * density);
  const height = Math.round(canvas.clientHeight * density);
  if (!width || !height) return;
  Object.assign(canvas, { width, height });
  let most = 1;
  for (let n = 0; n < plane.whole; n++) most = Math.max(most, plane.sizeOf(n, viewer.threshold));
  const context = canvas.getContext("2d");
  context.fillStyle = color;
  for (let n = 0; n < plane.whole; n++) {
    const left = Math.floor(n / plane.whole * width);
    const right = Math.max(left + 1, Math.floor((n + 1) / plane.whole * width));
    const tall = plane.sizeOf(n, viewer.threshold) / most * height;
    context.fillRect(left, height - tall, right - left, tall);
  }
}
function describeRibbon(pane) {
  const { plane, viewer } = pane;
  const slice = pane.wholeSlice;
  const ribbon = pane.part("ribbon");
  ribbon.style.setProperty("--at", (slice + 0.5) / plane.whole);
  ribbon.setAttribute("aria-label", `${pane.title} slice`);
  ribbon.setAttribute("aria-valuemin", 1);
  ribbon.setAttribute("aria-valuemax", plane.whole);
  ribbon.setAttribute("aria-valuenow", slice + 1);
  const size = WHOLE.format(plane.sizeOf(slice, viewer.threshold));
  ribbon.setAttribute("aria-valuetext", `${slice + 1} of ${plane.whole}, ${size} voxels predicted`);
}
function listenToRibbon(viewer, pane, on) {
  const ribbon = pane.part("ribbon");
  const sliceAt = (event) => {
    const box = ribbon.getBoundingClientRect();
    const share = clamp((event.clientX - box.left) / box.width, 0, 0.99999);
    return Math.floor(share * pane.plane.depth);
  };
  on(ribbon, "pointerdown", (event) => {
    if (event.button !== 0 || !viewer.volume) return;
    ribbon.setPointerCapture(event.pointerId);
    ribbon.focus({ preventScroll: true });
    viewer.showSlice(pane, sliceAt(event));
    event.preventDefault();
  });
  on(ribbon, "pointermove", (event) => {
    if (ribbon.hasPointerCapture(event.pointerId)) viewer.showSlice(pane, sliceAt(event));
  });
  on(ribbon, "wheel", (event) => {
    event.preventDefault();
    viewer.showSlice(pane, pane.slice - Math.sign(event.deltaY || event.deltaX));
  });
}

// volume_viewer/src/summary.js
function fullestVoxel({ shape, planes, tally }, k) {
  const at = shape.map((size) => Math.floor(size / 2));
  if (!tally.foreground[k + 1]) return at;
  for (const plane of planes) {
    let best = 0;
    for (let n = 1; n < plane.whole; n++) {
      if (plane.sizeOf(n, k) > plane.sizeOf(best, k)) best = n;
    }
    const along = plane.flips[0] ? plane.whole - 1 - best : best;
    at[plane.axes[0]] = Math.floor(along / plane.step);
  }
  return at;
}
function volumeText(voxels, whole, voxel_mm3) {
  const count = `${WHOLE.format(voxels)} voxels`;
  if (voxel_mm3 === null) return count;
  const whole_ml = whole * voxel_mm3 / 1e3;
  const [size, name] = whole_ml >= 1 ? (
    /** @type {const} */
    [1e3, "ml"]
  ) : (
    /** @type {const} */
    [1, "mm³"]
  );
  const digits = whole_ml >= 100 || whole_ml < 1 ? 2 : 3;
  return `${(voxels * voxel_mm3 / size).toFixed(digits)} ${name}  ·  ${count}`;
}

// volume_viewer/src/volume.js
var VOLUME_LOOK = { overlay: true, style: "contour", lastFlat: "contour", projection: false, cross: true };
var TELL_DELAY_MS = 300;
var rememberedVolumes = /* @__PURE__ */ new Map();
var VolumeViewer = class extends Mounted {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    this.look = { ...VOLUME_LOOK };
    this.threshold = 0;
    this.typing = false;
    this.at = [0, 0, 0];
    this.send = () => {
    };
    this.header = /** @type {Header} */
    /** @type {unknown} */
    void 0;
    this.volume = /** @type {import("./decode.js").OpenVolume} */
    /** @type {unknown} */
    void 0;
    this.intensities = /** @type {Intensities} */
    /** @type {unknown} */
    void 0;
    this.reported = -1;
    this.trackWidth = 0;
    this.ribbonsOld = true;
    this.frame = void 0;
    this.tellTimer = void 0;
    const { on } = this;
    const first = this.part("plane");
    for (let n = 1; n < 3; n++) first.parentElement?.append(first.cloneNode(true));
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
    const header = (
      /** @type {Header} */
      message.header
    );
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
      this.header = /** @type {any} */
      void 0;
      return this.say("This volume could not be decoded. Reload the page to try again.");
    }
    if (this.header.token !== header.token) return;
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
    const window2 = intensities.adjustable ? [intensities.center, intensities.width] : null;
    const { shape } = this.volume;
    const big = this.panes.find(({ element }) => element.classList.contains("big"))?.plane.name;
    rememberedVolumes.set(key, { map, start, threshold, at, window: window2, shape, big, look: { ...this.look } });
  }
  close() {
    this.remember();
    clearTimeout(this.tellTimer);
    if (this.frame !== void 0) cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    super.close();
  }
  describe() {
    const { header } = this;
    writeText(this.part("title"), header.title);
    this.part("title").title = header.title;
    writeText(this.part("point-name"), header.operating_point_name);
    writeText(this.part("point"), (header.operating_point / STEPS).toFixed(3));
    writeText(
      /** @type {HTMLElement} */
      this.root.querySelector(".tones span"),
      "Voxels by probability (log)"
    );
    const thin = header.steps.some((step) => step > 1);
    this.part("thinned").hidden = !thin;
    if (thin) {
      writeText(this.part("thinned"), `Shown thinned by ${header.steps.join(" x ")}; figures are of all voxels`);
    }
    const box = this.part("presets");
    box.replaceChildren();
    if (!header.grey.window) return;
    const presets = [[AS_OPENED, ...header.grey.window], ...header.presets];
    const named = presets.map(([name, ...window2]) => presetOf(name, window2, "Grey window: "));
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
      help: !this.part("keys").hidden
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
    if (inputTime !== void 0) this.pendingInput ??= inputTime;
    this.frame ??= requestAnimationFrame(() => this.draw());
  }
  draw() {
    this.frame = void 0;
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
    const share = `${(100 * foreground / volume.tally.voxels).toFixed(2)} %`;
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
};

// volume_viewer/src/main.js
var main_default = (component) => mount(component, VolumeViewer, volumeHook);
export {
  main_default as default
};
