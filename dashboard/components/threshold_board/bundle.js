// Generated from threshold_board/src/main.js by "make js"; edit the sources, not this file.
// Sources: sha256 3aa2f17e87dfaf759c4e005207fc5f3091deab7caa67b18d1fb3af4e1dcc133f

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

// threshold_board/src/hook.js
function hook(board) {
  return {
    get ready() {
      return board.data !== null && board.data.header.token === board.state.token && !board.frame;
    },
    get threshold() {
      return board.threshold;
    },
    get latencies() {
      return board.latencies;
    },
    get order() {
      return [...board.part("tiles").children].map((tile) => tile.querySelector(".name")?.textContent);
    },
    get painted() {
      return board.tiles.tiles.filter((tile) => tile.painted).length;
    },
    metric: (block, name, k) => {
      const { value, low, high } = board.curve(block, name);
      return [value[k], low[k], high[k]];
    },
    pixels: (n) => [...board.tiles.tiles[n].pixels?.out ?? []],
    setThreshold: (k) => board.setThreshold(k, performance.now())
  };
}

// shared/levels.js
var STEPS = 1e3;
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

// shared/pointer.js
function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
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

// threshold_board/src/charts.js
var MARGIN = { left: 38, right: 12, top: 8, bottom: 30 };
var LINES = [
  { color: "var(--line-0)", dash: "" },
  { color: "var(--line-1)", dash: "7 3" },
  { color: "var(--line-2)", dash: "2 3" },
  { color: "var(--line-3)", dash: "9 3 2 3" }
];
var Chart = class {
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
    this.x = { low: 0, high: 1, name: "" };
    this.y = { low: 0, high: 1 };
    this.marks = /* @__PURE__ */ new Map();
    this.plot = /** @type {HTMLElement} */
    host.querySelector(".plot");
  }
  render() {
    this.width = Math.max(160, this.plot.clientWidth);
    this.plot.style.height = `${this.height}px`;
    this.marks.clear();
    const content = this.draw(this);
    this.plot.innerHTML = `<svg viewBox="0 0 ${this.width} ${this.height}" width="${this.width}" height="${this.height}" aria-hidden="true"><style>${CHART_STYLE}</style>${this.axes()}${content}</svg>`;
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
    const ticks = ({ low, high }, count) => Array.from({ length: count + 1 }, (_, n) => low + (high - low) * n / count);
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
    const drawn = (
      /** @type {SVGElement} */
      this.plot.querySelector("svg")
    );
    const copy = (
      /** @type {SVGElement} */
      drawn.cloneNode(true)
    );
    const seen = getComputedStyle(this.plot);
    const names = ["--ink", "--paper", "--rule", "--quiet", "--accent", "--truth", "--truth-ink", "--line-0", "--line-1", "--line-2", "--line-3"];
    const colors = names.map((name2) => `${name2}:${seen.getPropertyValue(name2)}`).join(";");
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("style", `${colors};background:var(--paper);font-family:sans-serif`);
    const name = document.createElementNS("http://www.w3.org/2000/svg", "title");
    name.textContent = title;
    copy.prepend(name);
    return new XMLSerializer().serializeToString(copy);
  }
};
var CHART_STYLE = `
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

// threshold_board/src/labels.js
function labelPlace(chart, lines, n, taken) {
  const half = 3.5 * lines[n].title.length + 2;
  let best = null;
  for (let k = 0; k <= STEPS; k += 10) {
    const x = chart.toX(k / STEPS);
    if (x - half < MARGIN.left || x + half > chart.width - MARGIN.right) continue;
    const spans = lines.map((line) => spanOf(chart, line.value, x - half, x + half));
    const own = spans[n];
    const others = [...spans, ...taken.filter((box) => box.left < x + half && box.right > x - half)];
    for (const y of [own.top - 12, own.bottom + 12]) {
      const [top, bottom] = [y - 8, y + 8];
      if (top < 0 || bottom > chart.height - MARGIN.bottom) continue;
      const room = Math.min(20, ...others.map((box) => Math.max(box.top - bottom, top - box.bottom)));
      const score = room - (own.bottom - own.top);
      if (room >= 2 && score > (best === null ? -20 : best.score)) best = { x, y, top, bottom, left: x - half, right: x + half, score };
    }
  }
  return best;
}
function spanOf(chart, values, left, right) {
  const span = { top: Infinity, bottom: -Infinity };
  for (let k = 0; k <= STEPS; k += 4) {
    const x = chart.toX(k / STEPS);
    if (x < left || x > right || Number.isNaN(values[k])) continue;
    const y = chart.toY(values[k]);
    span.top = Math.min(span.top, y);
    span.bottom = Math.max(span.bottom, y);
  }
  return span;
}

// threshold_board/src/text.js
function figure(value) {
  return Number.isFinite(value) ? value.toFixed(3) : "–";
}
var SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
function roundUp(value) {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10];
  return unit * (steps.find((step) => step * unit >= value) ?? 10);
}
function signed(value) {
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
}
function areaText(value) {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
function escapeText(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

// threshold_board/src/panels.js
var THRESHOLDS = Float64Array.from({ length: STEPS + 1 }, (_, k) => k / STEPS);
function points(board, chart) {
  return board.state.points.map(({ k, name }) => chart.upright(k / STEPS, escapeText(`${name}: ${(k / STEPS).toFixed(3)}`))).join("");
}
function scoresChart(board) {
  return {
    height: 272,
    draw(chart) {
      const lines = board.lines();
      chart.x = { low: 0, high: 1, name: "threshold" };
      chart.y = { low: 0, high: 1 };
      const drawn = lines.map((line, n) => {
        const { color, dash } = LINES[n];
        return `<path class="band" fill="${color}" d="${chart.band(THRESHOLDS, line.low, line.high)}"/><path class="line" stroke="${color}" stroke-dasharray="${dash}" d="${chart.path(THRESHOLDS, line.value)}"/>`;
      });
      const taken = board.state.points.map(({ k }) => {
        const x = chart.toX(k / STEPS);
        return { left: x - 8, right: x + 8, top: 0, bottom: chart.height };
      });
      const names = lines.map((line, n) => {
        const place = labelPlace(chart, lines, n, taken);
        if (!place) return "";
        taken.push(place);
        return `<text class="label" style="fill:${LINES[n].color}" text-anchor="middle" x="${place.x}" y="${place.y + 4}">${escapeText(line.title)}</text>`;
      });
      return drawn.join("") + points(board, chart) + names.join("");
    },
    place(chart, k) {
      chart.moveLine(k / STEPS);
      board.lines().forEach((line, n) => chart.moveDot(n, k / STEPS, line.value[k], LINES[n].color));
    }
  };
}
function curveChart(board, { across, up, name, chance = false, caption }) {
  return {
    draw(chart) {
      chart.x = { low: 0, high: 1, name };
      const line = `<path class="line" stroke="var(--line-0)" d="${chart.path(across, up)}"/>`;
      const named = board.state.points.map((point) => chart.diamond(across[point.k], up[point.k], escapeText(point.name)));
      const diagonal = chance ? `<path class="chance" d="${chart.path([0, 1], [0, 1])}"/>` : "";
      return diagonal + line + named.join("");
    },
    place(chart, k) {
      chart.moveDot("here", across[k], up[k], "var(--line-0)");
      board.caption(chart, caption(across[k], up[k]));
    }
  };
}
function prChart(board) {
  const [recall, precision] = ["recall", "precision"].map((name) => board.curve("pooled", name).value);
  const mean = figure(board.data.header.average_precision ?? NaN);
  return curveChart(board, {
    across: recall,
    up: precision,
    name: "recall across, precision up",
    caption: (x, y) => `Pooled: recall ${figure(x)}, precision ${figure(y)}. Average precision ${mean}`
  });
}
function rocChart(board) {
  const [specificity, recall] = ["specificity", "recall"].map((name) => board.curve("pooled", name).value);
  const area = figure(board.data.header.auroc ?? NaN);
  return curveChart(board, {
    across: specificity.map((value) => 1 - value),
    up: recall,
    name: "false positives across, recall up",
    chance: true,
    caption: (x, y) => `Pooled: false-positive rate ${figure(x)}, recall ${figure(y)}. AUROC ${area}`
  });
}
function areaChart(board) {
  return {
    draw(chart) {
      const { area, header } = board.data;
      const most = Math.min(area[1], Math.max(3 * header.area.truth, 1.2 * area[board.state.points[0].k]));
      chart.x = { low: 0, high: 1, name: "threshold" };
      chart.y = { low: 0, high: roundUp(most), text: (value) => SHORT.format(value) };
      const truth = chart.path([0, 1], [header.area.truth, header.area.truth]);
      const name = `<text class="label" style="fill:var(--truth-ink)" x="${chart.toX(1) - 2}" text-anchor="end" y="${chart.toY(header.area.truth) - 5}">truth</text>`;
      return `<path class="reference" d="${truth}"/><path class="line" stroke="var(--line-0)" d="${chart.path(THRESHOLDS, area)}"/>${points(board, chart)}${name}`;
    },
    place(chart, k) {
      const { area, change, header } = board.data;
      chart.moveLine(k / STEPS);
      chart.moveDot("here", k / STEPS, area[k], "var(--line-0)");
      const percent = Number.isNaN(change[k]) ? "no area left" : `${signed(change[k])} % for a threshold 0.01 higher`;
      board.caption(chart, `Mean over images: ${areaText(area[k])} ${header.area.unit}; ${percent}`);
    }
  };
}
function optimaChart(board) {
  return {
    draw(chart) {
      chart.x = { low: 0, high: 1, name: "best threshold of each image" };
      const spots = board.data.images.map((image, n) => {
        const k = board.data.header.best[n];
        if (k < 0) return "";
        const dice = 2 * image.tp[k] / (image.tp[k] + image.fp[k] + image.tp[0]);
        return `<circle class="spot" r="4" cx="${chart.toX(k / STEPS)}" cy="${chart.toY(dice)}"><title>${escapeText(image.id)}: Dice ${figure(dice)} at ${(k / STEPS).toFixed(3)}</title></circle>`;
      });
      return points(board, chart) + spots.join("");
    },
    place(chart, k) {
      chart.moveLine(k / STEPS);
      board.caption(chart, board.optimaCaption);
    }
  };
}

// threshold_board/src/parts.js
var PARTS_KEPT = 3;
var shared = (
  /** @type {{ isolineParts?: Map<string, Delivery> }} */
  globalThis
);
var parts = shared.isolineParts ??= /* @__PURE__ */ new Map();
function partOf(token) {
  const entry = parts.get(token) ?? awaited();
  parts.delete(token);
  parts.set(token, entry);
  while (parts.size > PARTS_KEPT) parts.delete(
    /** @type {string} */
    parts.keys().next().value
  );
  return entry;
}
function awaited() {
  let resolve = () => {
  };
  const promise = new Promise((done) => resolve = done);
  return { promise, resolve };
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

// shared/paint/sampling.js
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

// threshold_board/src/tile_pixels.js
var STRIPE_PIXELS = 6;
var ALPHA = 0.6;
var MISSED = [0, rgba(COLOR.missed, ALPHA * 0.8), 0, rgba(COLOR.missed, 1)];
var MARKED = [
  rgba(COLOR.extra, ALPHA * 0.8),
  rgba(COLOR.hit, ALPHA * 0.75),
  rgba(COLOR.extra, 1),
  rgba(COLOR.hit, ALPHA * 0.75)
];
var LINE = rgba(COLOR.prediction, 1);
var HALO = rgba([0, 0, 0], 0.55);
var DASH = rgba(COLOR.truth, 1);
var TilePixels = class {
  /** @param {Maps} maps */
  constructor(maps) {
    const { width, height, levels } = maps;
    this.maps = maps;
    this.out = new Uint32Array(width * height);
    this.first = new Uint32Array(STEPS + 2);
    for (let i = 0; i < levels.length; i++) this.first[levels[i] + 1]++;
    for (let k = 0; k <= STEPS; k++) this.first[k + 1] += this.first[k];
    const next = this.first.slice();
    this.order = new Uint32Array(levels.length);
    for (let i = 0; i < levels.length; i++) this.order[next[levels[i]]++] = i;
    this.kinds = kindsOf(maps);
    this.edges = null;
  }
  /**
   * Hits and errors at threshold k.
   * @param {number | null} from the threshold that was painted before, null for everything
   * @param {number} k
   */
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
  /** @param {number} k */
  paintContour(k) {
    this.edges ??= edgesOf(this.maps);
    const { out, maps } = this;
    const { low, high, dashed } = this.edges;
    for (let i = 0; i < out.length; i++) {
      if (low[i] < k && high[i] >= k) out[i] = maps.levels[i] >= k ? LINE : HALO;
      else out[i] = dashed[i] ? DASH : 0;
    }
  }
};
function kindsOf({ width, height, truth }) {
  const kinds = new Uint8Array(width * height);
  const step = Math.max(4, Math.round(STRIPE_PIXELS * width / 180));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const slant = truth[i] ? x + y : x - y + 65536 * step;
      kinds[i] = truth[i] + (slant % step < step * 0.4 ? 2 : 0);
    }
  }
  return kinds;
}
function edgesOf({ width, height, levels, truth }) {
  const spread = (map) => {
    const [low, high, lowRow, highRow] = Array.from({ length: 4 }, () => new Uint16Array(map.length));
    spreadRows(map, map, lowRow, highRow, width, height);
    spreadColumns(lowRow, highRow, low, high, width, height);
    return { low, high };
  };
  const reference = spread(truth);
  const dashed = new Uint8Array(levels.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      dashed[i] = Number(reference.low[i] !== reference.high[i] && (x * 0.62 + y) % 10 < 6);
    }
  }
  return { ...spread(levels), dashed };
}

// threshold_board/src/tile.js
var Tile = class {
  /**
   * @param {import("./parts.js").BoardImage} image
   * @param {number} number
   */
  constructor(image, number) {
    this.image = image;
    this.number = number;
    this.visible = false;
    this.painted = null;
    this.pixels = null;
    this.element = document.createElement("button");
    this.element.type = "button";
    this.element.className = "tile";
    this.element.innerHTML = '<span class="plane"><img alt="" decoding="async" /><canvas></canvas></span><span class="caption"><span class="name"></span><b class="figure"></b></span>';
    this.part(".name").textContent = image.id;
    this.element.style.setProperty("--aspect", String(image.width / image.height));
    this.picture = /** @type {HTMLImageElement} */
    this.part("img");
    this.picture.src = URL.createObjectURL(image.picture);
    this.canvas = /** @type {HTMLCanvasElement} */
    this.part("canvas");
    this.score = this.part("b");
  }
  /**
   * @param {string} selector
   * @returns {HTMLElement}
   */
  part(selector) {
    return (
      /** @type {HTMLElement} */
      this.element.querySelector(selector)
    );
  }
  /**
   * @param {number} k
   * @param {string} look
   */
  paint(k, look) {
    const { width, height } = this.image;
    if (!this.pixels) Object.assign(this.canvas, { width, height });
    const pixels = this.pixels ??= new TilePixels(this.image);
    const before = this.painted;
    if (before && before.k === k && before.look === look) return;
    this.painted = { k, look };
    if (look === "errors") pixels.paintErrors(before?.look === look ? before.k : null, k);
    else if (look === "contour") pixels.paintContour(k);
    else pixels.out.fill(0);
    const context = (
      /** @type {CanvasRenderingContext2D} */
      this.canvas.getContext("2d")
    );
    context.putImageData(new ImageData(new Uint8ClampedArray(pixels.out.buffer), width, height), 0, 0);
  }
  /**
   * Dice at native resolution; NaN where prediction and ground truth are both empty.
   * @param {number} k
   */
  dice(k) {
    const { tp, fp } = this.image;
    return 2 * tp[k] / (tp[k] + fp[k] + tp[0]);
  }
  forget() {
    URL.revokeObjectURL(this.picture.src);
    this.element.remove();
  }
};

// threshold_board/src/tiles.js
var TILE_GAP = 6;
var FEW_SIDE = 130;
var Tiles = class {
  /**
   * @param {HTMLElement} host
   * @param {import("./parts.js").BoardImage[]} images
   * @param {() => void} changed
   */
  constructor(host, images, changed) {
    this.host = host;
    this.tiles = images.map((image, n) => new Tile(image, n));
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
    const rank = (tile) => by === "order" ? tile.number : sign * tile.dice(k);
    const place = (tile) => Number.isNaN(rank(tile)) ? Infinity : rank(tile);
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
};

// threshold_board/src/board.js
var COMMIT_DELAY_MS = 300;
var LOOK_KEYS = { e: "errors", c: "contour" };
var LEGENDS = {
  errors: '<span><i class="hit"></i>right</span><span><i class="extra"></i>too much</span><span><i class="missed"></i>missed</span>',
  contour: '<span><i class="line"></i>prediction</span><span><i class="dashes"></i>truth</span>',
  none: ""
};
var SAVE_ICON = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.5v7M5 7l3 3 3-3M3 13h10" /></svg>';
var kept = /* @__PURE__ */ new Map();
var Board = class extends Mounted {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    this.state = /** @type {State} */
    /** @type {unknown} */
    null;
    this.data = /** @type {import("./parts.js").Part} */
    /** @type {unknown} */
    null;
    this.tiles = /** @type {Tiles} */
    /** @type {unknown} */
    void 0;
    this.send = () => {
    };
    this.reported = -1;
    this.wanted = "";
    this.optimaCaption = "";
    this.drawnWidth = 0;
    this.frame = void 0;
    this.commitTimer = void 0;
    this.cachedLines = [];
    this.cells = [];
    this.tally = { all: new Float64Array(0), on: new Float64Array(0), known: true };
    this.threshold = 0;
    this.typing = false;
    this.look = "errors";
    this.sortBy = "worst";
    this.charts = {};
    const { on } = this;
    listenToTrack(this, on);
    listenToNumber(this, on);
    this.listen(on);
    const always = this.elements("[data-saved-name], [data-tones]");
    for (const element of always) element.hidden = false;
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(root);
  }
  /** @param {On} on */
  listen(on) {
    const { root } = this;
    for (const button of this.elements("[data-sort]")) {
      on(button, "click", () => this.sort(button.dataset.sort ?? ""));
    }
    for (const button of this.elements("[data-look]")) {
      on(button, "click", () => this.show(button.dataset.look ?? ""));
    }
    for (const button of this.elements("[data-save]")) {
      button.innerHTML = SAVE_ICON;
      on(button, "click", () => this.save(button.dataset.save ?? ""));
    }
    this.listenToButtons();
    on(this.part("tiles"), "click", (event) => {
      const tile = closest(event, ".tile");
      if (tile instanceof HTMLElement) this.tiles.enlarge(tile);
    });
    for (const plot of this.elements(".plot.drag")) this.listenToPlot(plot, on);
    on(root, "keydown", (event) => this.press(event));
  }
  /**
   * A chart over thresholds is a second slider.
   * @param {HTMLElement} plot
   * @param {On} on
   */
  listenToPlot(plot, on) {
    const name = plot.parentElement?.dataset.chart ?? "";
    let holding = null;
    const follow = (event) => this.setThreshold(this.charts[name].thresholdAt(event), event.timeStamp);
    on(plot, "pointerdown", (event) => {
      if (event.button !== 0 || holding !== null || !this.data) return;
      holding = event.pointerId;
      plot.setPointerCapture(event.pointerId);
      follow(event);
    });
    on(plot, "pointermove", (event) => {
      if (event.pointerId === holding) follow(event);
    });
    for (const type of ["pointerup", "pointercancel"]) {
      on(plot, type, (event) => {
        if (event.pointerId !== holding) return;
        holding = null;
        this.commit();
      });
    }
  }
  /** @param {KeyboardEvent} event */
  press(event) {
    if (hasModifier(event) || !this.data) return;
    const target = event.composedPath()[0];
    if (!(target instanceof Element)) return;
    const step = THRESHOLD_KEYS[event.key];
    const scrolls = target.closest(".tiles") && step !== void 0;
    if (scrolls || target.matches("input") && !["ArrowUp", "ArrowDown"].includes(event.key)) {
      if (event.key.length === 1) event.stopPropagation();
      return;
    }
    if (step !== void 0) {
      this.setThreshold(this.threshold + step * (event.shiftKey ? 10 : 1), event.timeStamp);
      this.commitSoon();
    } else if (!this.pressSwitch(event.key, target)) return;
    event.preventDefault();
    event.stopPropagation();
  }
  /**
   * Keys of the buttons; false where it is none of them.
   * @param {string} key
   * @param {Element} target
   */
  pressSwitch(key, target) {
    if (key === "r") this.act("snap");
    else if (key in LOOK_KEYS) this.show(LOOK_KEYS[key]);
    else if (key === " " && !target.matches("button")) this.show(this.look === "none" ? "errors" : "none");
    else return false;
    return true;
  }
  /** @param {string} action */
  act(action) {
    if (!this.data) return;
    const step = action === "less" ? -1 : action === "more" ? 1 : 0;
    this.setThreshold(step ? this.threshold + step : this.state.points[0].k, performance.now());
    this.commitSoon();
  }
  // ---- What Python says ----
  /**
   * @param {State} state
   * @param {(name: string, value: object) => void} send
   */
  async receive(state, send) {
    this.send = send;
    const before = this.state ?? kept.get(state.key)?.state;
    this.state = state;
    this.root.style.colorScheme = "";
    this.root.classList.toggle("waiting", this.data?.header.token !== state.token);
    const part = await partOf(state.token).promise;
    if (this.state !== state) return;
    this.root.classList.remove("waiting");
    if (before?.context !== state.context) {
      this.threshold = state.k;
    } else if (!this.data) {
      this.threshold = kept.get(state.key)?.threshold ?? this.threshold;
    }
    this.reported = state.k;
    if (this.data !== part) this.open(part);
    this.draw();
    this.redraw();
    this.tiles.sort(this.sortBy, this.threshold);
    if (this.reported !== this.threshold) this.commit();
  }
  /** @param {import("./parts.js").Part} part */
  open(part) {
    this.data = part;
    this.tiles?.close();
    const look = kept.get(this.state.key);
    if (look) Object.assign(this, { look: look.look, sortBy: look.sortBy });
    this.tiles = new Tiles(this.part("tiles"), part.images, () => this.schedule());
    const [all, on] = [new Float64Array(STEPS + 2), new Float64Array(STEPS + 2)];
    for (const { tp, fp } of part.images) {
      for (let k = 0; k <= STEPS; k++) {
        const [hits, extra] = [tp[k] - (tp[k + 1] ?? 0), fp[k] - (fp[k + 1] ?? 0)];
        on[k + 1] += hits;
        all[k + 1] += hits + extra;
      }
    }
    this.tally = { all, on, known: true };
    const { images, header } = part;
    const shown = images.length;
    const more = header.n_images > shown ? `${shown} of ${header.n_images} images` : `${shown} images`;
    writeText(this.part("pictures-note"), `${more}, Dice of each at native resolution`);
    this.optimaCaption = this.optima(header.best.filter((k) => k >= 0));
    const panels = { scores: scoresChart, pr: prChart, roc: rocChart, area: areaChart, optima: optimaChart };
    for (const [name, panel] of Object.entries(panels)) {
      this.charts[name] = new Chart(this.part("chart", name), panel(this));
    }
  }
  /** @param {number[]} best */
  optima(best) {
    if (!best.length) return "No image has foreground";
    const sorted = [...best].sort((a, b) => a - b);
    const at = (share) => (sorted[Math.round(share * (sorted.length - 1))] / STEPS).toFixed(3);
    return `A dot is an image. Half of them do best between ${at(0.25)} and ${at(0.75)}`;
  }
  // ---- Numbers ----
  /**
   * Value and band of a figure over the thresholds; `block` is pooled or per_image.
   * @param {string} block
   * @param {string} name
   * @returns {Curve}
   */
  curve(block, name) {
    const { curves, header } = this.data;
    const place = header.figures.findIndex((one) => one.name === name);
    const start = (place * 2 + (block === "pooled" ? 0 : 1)) * 3 * LEVELS;
    const row = (n) => curves.subarray(start + n * LEVELS, start + (n + 1) * LEVELS);
    return { ...header.figures[place], value: row(0), low: row(1), high: row(2) };
  }
  lines() {
    const { block, figures } = this.state;
    const wanted = `${block} ${figures.join()} ${this.state.token}`;
    if (this.wanted !== wanted) {
      this.wanted = wanted;
      this.cachedLines = figures.map((name) => this.curve(block, name));
    }
    return this.cachedLines;
  }
  /**
   * @param {Chart} chart
   * @param {string} text
   */
  caption(chart, text) {
    writeText(
      /** @type {HTMLElement} */
      chart.host.querySelector("[data-caption]"),
      text
    );
  }
  // ---- Threshold ----
  /**
   * @param {number} k
   * @param {number} [inputTime]
   */
  setThreshold(k, inputTime) {
    const next = clamp(Math.round(k), 0, STEPS);
    if (!this.data || next === this.threshold) return;
    this.threshold = next;
    this.schedule(inputTime);
  }
  commit() {
    clearTimeout(this.commitTimer);
    if (!this.data || this.threshold === this.reported) return;
    this.reported = this.threshold;
    this.tiles.sort(this.sortBy, this.threshold);
    this.send("choice", { context: this.state.context, k: this.threshold });
  }
  commitSoon() {
    clearTimeout(this.commitTimer);
    this.commitTimer = setTimeout(() => this.commit(), COMMIT_DELAY_MS);
  }
  /** @param {string} by */
  sort(by) {
    this.sortBy = by;
    this.tiles?.sort(by, this.threshold);
    this.markButtons();
  }
  /** @param {string} look */
  show(look) {
    this.look = look;
    this.markButtons();
    this.schedule();
  }
  markButtons() {
    for (const button of this.elements("[data-sort]")) {
      button.setAttribute("aria-pressed", String(button.dataset.sort === this.sortBy));
    }
    for (const button of this.elements("[data-look]")) {
      button.setAttribute("aria-pressed", String(button.dataset.look === this.look));
    }
    this.part("legend").innerHTML = LEGENDS[this.look];
  }
  // ---- Frames ----
  resize() {
    if (!this.data || this.root.clientWidth === this.drawnWidth) return;
    this.draw();
    this.redraw();
  }
  /** Everything that does not move with the threshold. */
  draw() {
    const { root, state } = this;
    this.drawnWidth = root.clientWidth;
    const paper = getComputedStyle(root).backgroundColor.match(/[\d.]+/g) ?? [0, 0, 0];
    root.classList.toggle("light", Number(paper[0]) > 128);
    const [point, saved] = state.points;
    const track = this.part("track");
    this.part("saved").hidden = !saved;
    if (saved) track.style.setProperty("--saved", String(saved.k / STEPS));
    writeText(this.part("saved-name"), saved ? `${saved.name} ${(saved.k / STEPS).toFixed(3)}` : "");
    track.style.setProperty("--point", String(point.k / STEPS));
    writeText(this.part("point-name"), point.name);
    writeText(this.part("point"), (point.k / STEPS).toFixed(3));
    const [off, on] = ["off", "on"].map((name) => getComputedStyle(this.elements(`.tones .${name}`)[0]).backgroundColor);
    paintHistogram(this.canvas("histogram"), this.tally, { off, on });
    this.tiles.arrange();
    for (const chart of Object.values(this.charts)) chart.render();
    this.fillTable(point);
    const label = this.data.header.labels[state.block];
    for (const caption of this.elements("[data-caption]")) caption.title = this.data.header.labels.pooled.long;
    const convention = this.part("convention");
    writeText(convention, label.short);
    convention.title = label.long;
    convention.setAttribute("aria-label", label.long);
    this.markButtons();
  }
  /** @param {{ k: number }} point */
  fillTable(point) {
    writeText(this.part("point-column"), `At ${(point.k / STEPS).toFixed(3)}`);
    const rows = this.lines().map((line, n) => {
      const { color, dash } = LINES[n];
      const key = `<svg viewBox="0 0 22 8" aria-hidden="true"><path d="M0 4H22" style="stroke:${color};stroke-dasharray:${dash}"/></svg>`;
      return `<tr><th scope="row" title="${escapeText(line.note)}">${key}${escapeText(line.title)}</th><td></td><td></td><td>${figure(line.value[point.k])}</td></tr>`;
    });
    this.part("scores").innerHTML = rows.join("");
    this.cells = [...this.part("scores").children].map((row) => [row.children[1], row.children[2]]);
  }
  /**
   * Many events, one frame.
   * @param {number} [inputTime]
   */
  schedule(inputTime) {
    if (inputTime !== void 0) this.pendingInput ??= inputTime;
    this.frame ??= requestAnimationFrame(() => this.redraw());
  }
  redraw() {
    if (this.frame !== void 0) cancelAnimationFrame(this.frame);
    this.frame = void 0;
    if (!this.data) return;
    const k = this.threshold;
    this.tiles.paint(k, this.look);
    for (const chart of Object.values(this.charts)) chart.place(chart, k);
    this.lines().forEach((line, n) => {
      const [here, band] = this.cells[n];
      writeText(here, figure(line.value[k]));
      writeText(band, Number.isFinite(line.low[k]) ? `${figure(line.low[k])}–${figure(line.high[k])}` : "–");
    });
    const value = (k / STEPS).toFixed(3);
    if (!this.typing) this.field("number").value = value;
    const track = this.part("track");
    track.style.setProperty("--at", String(k / STEPS));
    track.setAttribute("aria-valuenow", value);
    track.setAttribute("aria-valuetext", value);
    this.button("snap").classList.toggle("reached", k === this.state.points[0].k);
    this.noteLatency();
  }
  /** @param {string} name */
  save(name) {
    if (!this.data) return;
    const title = this.part("chart", name).querySelector("h4")?.textContent ?? name ?? "";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.charts[name].svg(title)], { type: "image/svg+xml" }));
    link.download = `${name}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1e3);
  }
  close() {
    const { threshold, look, sortBy, state } = this;
    if (state) kept.set(state.key, { threshold, look, sortBy, state });
    clearTimeout(this.commitTimer);
    if (this.frame !== void 0) cancelAnimationFrame(this.frame);
    this.tiles?.close();
    this.sizes.disconnect();
    super.close();
  }
};

// threshold_board/src/main.js
var main_default = (component) => mount(component, Board, hook);
export {
  main_default as default
};
