// One viewer: its state, and how the parts above act on it.

const OPACITY = { contour: 100, fill: 45, heat: 60 };
const LOOK = {
  overlay: true,
  truth: true,
  style: "contour",
  lastFlat: "contour", // what the heat map goes back to
  wipe: false,
  wipeAt: 0.5,
  side: false,
};
const COMMIT_DELAY_MS = 300;
const LATENCIES_KEPT = 2000;

// What a viewer remembers when Streamlit unmounts it and mounts it again, by its key.
const memory = new Map();

class Viewer {
  constructor(root) {
    this.root = root;
    this.view = new View();
    this.raster = new Raster();
    this.scene = null;
    this.threshold = 0;
    this.committed = 0;
    this.typing = false;
    this.look = { ...LOOK };
    this.opacity = { ...OPACITY };
    this.latencies = [];
    this.paintedAt = 0;
    this.pendingInput = null;
    this.stale = { view: true, overlay: true };
    this.parts = new Map();
    this.listening = new AbortController();
    const on = (target, type, act, options) =>
      target.addEventListener(type, act, { passive: false, signal: this.listening.signal, ...options });
    listenToTrack(this, on);
    listenToNumber(this, on);
    listenToPicture(this, on);
    listenToKeys(this, on);
    for (const button of root.querySelectorAll("[data-action]")) {
      on(button, "click", () => this.act(button.dataset.action));
    }
    on(this.part("opacity"), "input", () => {
      this.opacity[this.look.style] = Number(this.part("opacity").value);
      this.repaint();
    });
    on(document, "fullscreenchange", () => this.markButtons());
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.part("stage"));
    this.sizes.observe(this.part("track"));
  }

  /** The element with attribute data-<name>, or with data-<name>="<value>". */
  part(name, value) {
    const selector = value === undefined ? `[data-${name}]` : `[data-${name}="${value}"]`;
    if (!this.parts.has(selector)) this.parts.set(selector, this.root.querySelector(selector));
    return this.parts.get(selector);
  }

  paneOf(event) {
    const pane = event.target instanceof Element ? event.target.closest(".pane") : null;
    if (pane || !this.look.side) return pane ?? this.part("pane", "main");
    const bare = this.part("pane", "bare").getBoundingClientRect();
    const inBare = event.clientX <= bare.right && event.clientY <= bare.bottom;
    return this.part("pane", inBare ? "bare" : "main");
  }

  /** Takes what Python sent; decodes only content it has not seen. */
  async receive(bytes, send) {
    this.send = send;
    const { header, body } = readHeader(bytes);
    this.root.style.setProperty("--stage-height", `${header.stage_height}px`);
    if (this.header?.token === header.token) return this.restart(header);
    const first = this.header === undefined;
    this.header = header;
    this.root.classList.add("waiting");
    let scene;
    try {
      scene = await sceneOf(header, body);
    } catch {
      if (this.header !== header) return;
      this.header = undefined;
      return this.say("This picture could not be decoded. Reload the page to try again.");
    }
    if (this.header.token !== header.token) return; // a newer one came meanwhile
    this.root.classList.remove("waiting");
    this.open(scene, first ? memory.get(header.key) : undefined);
  }

  restart(header) {
    const moved = header.start !== this.header.start;
    this.header = header;
    if (moved && header.start !== this.committed) {
      this.committed = header.start;
      this.setThreshold(header.start);
    }
    this.remember();
    if (this.scene) drawTrack(this);
  }

  open(scene, saved) {
    this.scene = scene;
    this.threshold = this.committed = this.header.start;
    this.view.fitted = true;
    this.view.show(scene);
    if (saved) Object.assign(this.look, saved.look);
    if (saved) Object.assign(this.opacity, saved.opacity);
    if (saved?.token === this.header.token && saved.start === this.header.start) {
      this.threshold = saved.threshold;
      this.committed = saved.committed;
      this.view.restore(saved.view);
      // Leaving a page makes Streamlit forget a widget's value; the picture is what was chosen.
      if (saved.committed !== this.header.start) this.tell();
    }
    describeScene(this);
    this.applyLook();
    drawTrack(this);
    this.resize();
  }

  remember() {
    const { token, start, key } = this.header;
    const { threshold, committed, look, opacity } = this;
    memory.set(key, { token, start, threshold, committed, look, opacity, view: this.view.save() });
  }

  close() {
    if (this.scene) this.remember();
    clearTimeout(this.commitTimer);
    cancelAnimationFrame(this.frame);
    this.listening.abort();
    this.sizes.disconnect();
    delete this.root.__isoline;
  }

  // ---- Threshold ----

  setThreshold(k, inputTime) {
    const next = clamp(Math.round(k), 0, STEPS);
    if (!this.scene || next === this.threshold) return;
    this.threshold = next;
    this.stale.overlay = true;
    this.schedule(inputTime);
  }

  /** Tells Python, which makes the page run again; only when something has changed. */
  commit() {
    clearTimeout(this.commitTimer);
    if (!this.scene || this.threshold === this.committed) return;
    this.committed = this.threshold;
    this.remember();
    this.tell();
  }

  tell() {
    const { token, start } = this.header;
    this.send("choice", { token, start, k: this.committed });
  }

  commitSoon() {
    clearTimeout(this.commitTimer);
    this.commitTimer = setTimeout(() => this.commit(), COMMIT_DELAY_MS);
  }

  // ---- Switches ----

  act(action) {
    const look = this.look;
    const { width, height } = this.view.pane;
    const actions = {
      overlay: () => (look.overlay = !look.overlay),
      truth: () => (look.truth = !look.truth),
      contour: () => (look.style = look.lastFlat = "contour"),
      fill: () => (look.style = look.lastFlat = "fill"),
      contourOrFill: () => (look.style = look.lastFlat = look.style === "contour" ? "fill" : "contour"),
      heat: () => (look.style = look.style === "heat" ? look.lastFlat : "heat"),
      wipe: () => [look.wipe, look.side] = [!look.wipe, false],
      side: () => [look.side, look.wipe] = [!look.side, false],
      zoomIn: () => this.view.zoomAt(1.25, width / 2, height / 2),
      zoomOut: () => this.view.zoomAt(0.8, width / 2, height / 2),
      fit: () => this.view.fit(),
      less: () => this.setThreshold(this.threshold - 1),
      more: () => this.setThreshold(this.threshold + 1),
      snap: () => this.setThreshold(this.header.operating_point),
      full: () => this.toggleFull(),
      help: () => (this.part("keys").hidden = !this.part("keys").hidden),
    };
    if (!this.scene || (action === "truth" && !this.scene.tally.known)) return;
    const focused = this.root.contains(this.root.getRootNode().activeElement);
    actions[action]();
    if (["less", "more", "snap"].includes(action)) this.commitSoon();
    else this.applyLook();
    if (focused) this.keepFocus();
  }

  /** What had the focus may just have been hidden; the keys must go on working. */
  keepFocus() {
    const active = this.root.getRootNode().activeElement;
    if (!active?.checkVisibility()) this.part("stage").focus({ preventScroll: true });
  }

  escape() {
    this.part("keys").hidden = true;
    this.keepFocus();
    if (this.root.classList.contains("full")) this.toggleFull();
    this.markButtons();
  }

  async toggleFull() {
    if (document.fullscreenElement) return void document.exitFullscreen();
    if (this.root.classList.contains("full")) {
      this.root.classList.remove("full");
    } else {
      // Phones and embedded pages may refuse; then the viewer covers the page by itself.
      await this.root.requestFullscreen().catch(() => this.root.classList.add("full"));
    }
    this.markButtons();
  }

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
    handle.setAttribute("aria-valuenow", percent);
    handle.setAttribute("aria-valuetext", `${percent} % of the width shows the bare image`);
    this.part("canvas", "overlay").style.clipPath = wipe ? `inset(0 0 0 ${wipeAt * 100}%)` : "";
  }

  applyLook() {
    const { look } = this;
    this.part("pane", "bare").hidden = !look.side;
    this.part("pane-name").hidden = !look.side;
    this.part("stage").classList.toggle("side", look.side);
    this.part("canvas", "overlay").style.visibility = look.overlay ? "" : "hidden";
    this.part("opacity").value = this.opacity[look.style];
    this.placeWipe();
    this.markButtons();
    this.resize();
  }

  markButtons() {
    const { look } = this;
    const pressed = {
      overlay: look.overlay,
      truth: look.truth,
      contour: look.style === "contour",
      fill: look.style === "fill",
      heat: look.style === "heat",
      wipe: look.wipe,
      side: look.side,
      full: this.root.matches(":fullscreen, .full"),
      help: !this.part("keys").hidden,
    };
    for (const [action, state] of Object.entries(pressed)) {
      this.part("action", action).setAttribute("aria-pressed", state);
    }
    const shown = legendKeys(look, this.scene?.tally.known);
    for (const entry of this.root.querySelectorAll("[data-key]")) {
      entry.hidden = !shown.includes(entry.dataset.key);
    }
    this.part("legend").hidden = shown.length === 0;
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

  repaint() {
    this.stale.overlay = true;
    this.schedule();
  }

  /** Many events, one frame. */
  schedule(inputTime) {
    if (inputTime !== undefined) this.pendingInput ??= inputTime;
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = undefined;
    if (!this.scene) return;
    if (this.stale.view) this.drawPicture();
    if (this.stale.view || this.stale.overlay) this.drawOverlay();
    this.stale = { view: false, overlay: false };
    this.drawFigures();
    this.noteLatency();
  }

  drawPicture() {
    const place = (this.place = this.view.place());
    paintImage(this.part("canvas", "image"), this.scene, place);
    if (this.look.side) paintImage(this.part("canvas", "bare"), this.scene, place);
    const overlay = this.part("canvas", "overlay");
    if (overlay.width !== place.width || overlay.height !== place.height) {
      overlay.width = place.width;
      overlay.height = place.height;
    } else {
      overlay.getContext("2d").clearRect(0, 0, place.width, place.height);
    }
    this.raster.gather(this.scene, place);
    drawScaleBar(this);
  }

  drawOverlay() {
    const { style } = this.look;
    const alpha = this.opacity[style] / 100;
    const look = {
      style,
      alpha,
      lineAlpha: style === "contour" ? alpha : 1,
      contour: style !== "fill",
      truth: this.look.truth && this.scene.tally.known,
    };
    const context = this.part("canvas", "overlay").getContext("2d");
    this.raster.paint(context, this.place, look, this.threshold);
  }

  drawFigures() {
    const { scene, threshold } = this;
    const value = (threshold / STEPS).toFixed(3);
    if (!this.typing) this.part("number").value = value;
    const texts = figures(scene, threshold);
    for (const [name, text] of Object.entries(texts)) writeText(this.part("value", name), text);
    this.say(remark(scene, threshold));
    const track = this.part("track");
    track.style.setProperty("--at", threshold / STEPS);
    track.setAttribute("aria-valuenow", value);
    track.setAttribute("aria-valuetext", `${value}, ${texts.share} of the image`);
    writeText(this.part("zoom"), `${Math.round(this.view.scale * 100)}%`);
    const snapped = threshold === this.header.operating_point;
    this.part("action", "snap").classList.toggle("reached", snapped);
  }

  say(text) {
    const message = this.part("message");
    writeText(message, text);
    message.hidden = text === "";
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
}

/** What tests and benchmarks may ask a viewer. */
function hook(viewer) {
  return {
    get threshold() { return viewer.threshold; },
    get ready() { return viewer.scene !== null && !viewer.stale.view; },
    get token() { return viewer.header?.token; },
    get paintedAt() { return viewer.paintedAt; },
    get latencies() { return viewer.latencies; },
    get view() { return viewer.view.save(); },
    get look() { return { ...viewer.look }; },
    counts: (k) => viewer.scene.tally.at(k),
    setThreshold: (k) => viewer.setThreshold(k, performance.now()),
  };
}

export default function (component) {
  const root = component.parentElement.querySelector(".isoline");
  const viewer = (root.viewer ??= new Viewer(root));
  root.__isoline ??= hook(viewer);
  // Streamlit may clean up an overtaken call after a newer one: only the newest may close.
  const call = (viewer.call = Symbol());
  viewer.receive(component.data, component.setStateValue);
  return () => {
    if (viewer.call !== call) return;
    viewer.close();
    delete root.viewer;
  };
}
