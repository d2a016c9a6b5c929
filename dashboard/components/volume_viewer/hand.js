// The hand on the planes: click and drag move the cross, the wheel turns slices; and the keyboard.

const SLICE_KEYS = { ArrowUp: 1, ArrowDown: -1 };
const RIBBON_KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
const TRACK_KEYS = {
  ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1,
  PageUp: 100, PageDown: -100, Home: -STEPS, End: STEPS,
};
const VOLUME_KEYS = {
  " ": "overlay", c: "contourOrFill", h: "heat", p: "projection", x: "cross", r: "snap", 0: "fit",
  "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", f: "full", "?": "help",
};

function listenToPlane(viewer, pane, on) {
  const { stage } = pane;
  const held = new Map(); // pointer id → last position
  let mode = null; // cross, level or pan
  let travel = 0;
  const position = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  on(stage, "contextmenu", (event) => event.preventDefault());
  on(stage, "pointerdown", (event) => {
    if (!viewer.volume || event.target.closest("button")) return;
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
    if (mode === "pinch" && other) {
      const span = (at) => Math.max(10, Math.hypot(at.x - other.x, at.y - other.y));
      pane.view.panBy(dx / 2, dy / 2);
      pane.view.zoomAt(span(now) / span(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    }
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
    const delta = event.deltaMode ? event.deltaY * 33 : event.deltaY || event.deltaX;
    if (event.ctrlKey || event.shiftKey) {
      const { x, y } = position(event);
      pane.view.zoomAt(Math.exp(-clamp(delta, -240, 240) * 0.0022), x, y);
      return viewer.changeView(pane);
    }
    travel -= delta; // a touchpad's small deltas add up to one slice
    const notches = Math.trunc(travel / 40);
    travel -= notches * 40;
    if (notches) viewer.showSlice(pane, pane.slice + clamp(notches, -3, 3));
  });
}

function listenToVolumeKeys(viewer, on) {
  const { root } = viewer;
  on(window, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !viewer.volume) return;
    const inside = event.composedPath().includes(root);
    const scrolls = event.key.length > 1 || event.key === " ";
    const near = !scrolls && document.activeElement === document.body && root.matches(":hover");
    if (!inside && !near) return;
    if (!pressVolume(viewer, event)) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
  for (const type of ["keydown", "keypress", "keyup"]) {
    on(root, type, (event) => {
      if (event.key?.length === 1 && !event.ctrlKey && !event.metaKey) event.stopPropagation();
    });
  }
}

function pressVolume(viewer, event) {
  const target = event.composedPath()[0];
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const typing = target.matches?.("input[type=text]");
  if (typing && !["ArrowUp", "ArrowDown", "PageUp", "PageDown"].includes(key)) return false;
  if (target.matches?.("button") && [" ", "Enter"].includes(key)) return false;
  const pane = viewer.panes.find(({ element }) => element.contains(target));
  const far = event.shiftKey ? 10 : 1;
  if (pane && target === pane.part("ribbon") && (key in RIBBON_KEYS || key === "Home" || key === "End")) {
    const end = { Home: 0, End: pane.plane.depth - 1 }[key];
    viewer.showSlice(pane, end ?? pane.slice + RIBBON_KEYS[key] * far);
    return true;
  }
  if (pane && key in SLICE_KEYS) {
    viewer.showSlice(pane, pane.slice + SLICE_KEYS[key] * far);
    return true;
  }
  if (key in TRACK_KEYS) {
    const single = Math.abs(TRACK_KEYS[key]) === 1;
    viewer.typing = false;
    viewer.setThreshold(viewer.threshold + TRACK_KEYS[key] * (single ? far : 1), event.timeStamp);
    viewer.commitSoon();
    return true;
  }
  if (key === "Escape") return viewer.escape();
  if (!(key in VOLUME_KEYS)) return false;
  if (!event.repeat || "+-=".includes(key)) viewer.act(VOLUME_KEYS[key]);
  return true;
}
