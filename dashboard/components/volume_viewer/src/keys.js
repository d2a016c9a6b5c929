// The keyboard on the planes.

import { STEPS } from "../../shared/levels.js";

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

export function listenToVolumeKeys(viewer, on) {
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
