// The sides together: one view, one hand, one place to tell Python.

const COMMIT_MS = 300;
const remembered = new Map(); // by key: what a remount finds again

class Comparison extends Mounted {
  constructor(root) {
    super(root);
    this.view = new View();
    this.sides = [];
    this.look = { overlay: true, truth: true, style: "contour" };
    this.stale = new Set();
    this.listenToButtons();
    this.on(root, "keydown", (event) => this.key(event));
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.part("sides"));
  }

  async receive(bytes, send) {
    this.send = send;
    const { header, body } = readHeader(bytes);
    if (this.header?.token === header.token) {
      const moved = JSON.stringify(header.start) !== JSON.stringify(this.header.start);
      const title = header.figure !== this.header.figure;
      this.header = header;
      const told = JSON.stringify(header.start) === JSON.stringify(this.thresholds());
      if (moved && !told) header.start.forEach((k, n) => this.setThreshold(n, k));
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
        }),
      );
    } catch {
      this.header = undefined;
      return this.say("This picture could not be decoded. Reload the page to try again.");
    }
    if (this.header.token !== header.token) return; // a newer one came meanwhile
    this.root.classList.remove("waiting");
    this.open(scenes);
  }

  open(scenes) {
    const { header } = this;
    const saved = remembered.get(header.key);
    const same = saved?.token === header.token;
    if (saved) Object.assign(this.look, saved.look);
    this.sides = header.sides.map((facts) => new Side(this, facts));
    this.part("sides").replaceChildren(...this.sides.map((side) => side.root));
    this.part("title").textContent = scenes[0].header.title;
    this.view.fitted = true;
    this.view.show(scenes[0]);
    if (same) this.view.restore(saved.view);
    this.sides.forEach((side, n) => {
      side.show(scenes[n], same ? saved.thresholds[n] : header.start[n], header.figure_title);
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
    if (!this.sides.length) return;
    const { token, key } = this.header;
    const thresholds = this.thresholds();
    remembered.set(key, { token, thresholds, look: { ...this.look }, view: this.view.save() });
  }

  close() {
    this.remember();
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    super.close();
  }

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
      this.send("choice", { token: this.header.token, thresholds: this.thresholds() });
    }, COMMIT_MS);
  }

  act(action) {
    const { look, view } = this;
    const middle = [view.pane.width / 2, view.pane.height / 2];
    if (action === "overlay" || action === "truth") look[action] = !look[action];
    else if (action === "contour" || action === "fill") look.style = action;
    else if (action === "fit") view.fit();
    else view.zoomAt(action === "zoomIn" ? 1.5 : 1 / 1.5, ...middle);
    this.mark();
    this.redraw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const switched = this.look.style === "contour" ? "fill" : "contour";
    const keys = { " ": "overlay", t: "truth", c: switched, 0: "fit", "+": "zoomIn", "-": "zoomOut" };
    const action = keys[event.key.toLowerCase()];
    if (!action || (event.key === " " && event.target.closest("button"))) return;
    event.preventDefault();
    this.act(action);
  }

  mark() {
    const { look } = this;
    const pressed = { overlay: look.overlay, truth: look.truth };
    for (const style of ["contour", "fill"]) pressed[style] = look.style === style;
    for (const [action, on] of Object.entries(pressed)) {
      this.root.querySelector(`[data-action="${action}"]`).setAttribute("aria-pressed", on);
    }
    const contour = look.overlay && look.style === "contour";
    const errors = look.overlay && look.style === "fill" && look.truth;
    const shown = { contour, truth: look.truth, errors };
    shown.fill = look.overlay && look.style === "fill" && !look.truth;
    for (const note of this.root.querySelectorAll("[data-shown]")) {
      note.hidden = !shown[note.dataset.shown];
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
      this.frame = undefined;
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
}

/** Pan, zoom and pinch on one pane move all of them. */
function listenToSide(comparison, side) {
  const { view, on } = comparison;
  const { stage } = side;
  const held = new Map();
  const position = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
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
    const at = position(event);
    const delta = event.deltaMode ? event.deltaY * 33 : event.deltaY || event.deltaX;
    view.zoomAt(Math.exp(-clamp(delta, -240, 240) * 0.0022), at.x, at.y);
    comparison.redraw();
  });
}

/** What tests may ask, at root.__isoline. */
function compareHook(comparison) {
  return {
    get ready() { return Boolean(comparison.painted) && !comparison.moved; },
    get thresholds() { return comparison.thresholds(); },
    get view() { return comparison.view.save(); },
    counts: (n, k) => comparison.sides[n].scene.tally.at(k),
    pixels: (n) => {
      const { width, height } = comparison.sides[n].overlay;
      const { data } = comparison.sides[n].overlay.getContext("2d").getImageData(0, 0, width, height);
      return data.reduce((sum, value, at) => sum + (at % 4 === 3 && value > 0), 0);
    },
  };
}

export default (component) => mount(component, Comparison, compareHook);
