// What buttons and keys do, by name; and how the buttons show what is on.

import { legendKeys } from "./legend.js";

/** @import { Look, Style } from "./look.js" */
/** @import { Viewer } from "./viewer.js" */

/**
 * @param {Look} look
 * @param {Style} style
 */
const toggled = (look, style) => (look.style === style ? look.lastFlat : style);
/**
 * @param {Viewer} viewer
 * @param {number} factor
 */
const zoomBy = (viewer, factor) => {
  const { width, height } = viewer.view.pane;
  viewer.view.zoomAt(factor, width / 2, height / 2);
};
/**
 * @param {Viewer} viewer
 * @param {number} rows
 */
const stepTable = (viewer, rows) => {
  viewer.look.components = true;
  if (viewer.list.old) viewer.list.measure();
  viewer.list.move(rows);
};

/** @type {Record<string, (viewer: Viewer, look: Look) => unknown>} */
export const ACTIONS = {
  overlay: (_, look) => (look.overlay = !look.overlay),
  truth: (_, look) => (look.truth = !look.truth),
  contour: (_, look) => (look.style = look.lastFlat = "contour"),
  fill: (_, look) => (look.style = look.lastFlat = "fill"),
  contourOrFill: (_, look) => {
    look.style = look.lastFlat = look.style === "contour" ? "fill" : "contour";
  },
  heat: (_, look) => (look.style = toggled(look, "heat")),
  uncertainty: (_, look) => (look.style = toggled(look, "uncertainty")),
  components: (_, look) => (look.components = !look.components),
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
  options: (_, look) => (look.more = !look.more),
  wipe: (_, look) => ([look.wipe, look.side] = [!look.wipe, false]),
  side: (_, look) => ([look.side, look.wipe] = [!look.side, false]),
  zoomIn: (viewer) => zoomBy(viewer, 1.25),
  zoomOut: (viewer) => zoomBy(viewer, 0.8),
  fit: (viewer) => viewer.view.fit(),
  less: (viewer) => viewer.setThreshold(viewer.threshold - 1),
  more: (viewer) => viewer.setThreshold(viewer.threshold + 1),
  snap: (viewer) => viewer.setThreshold(viewer.header.operating_point),
  full: (viewer) => viewer.toggleFull(),
  help: (viewer) => (viewer.part("keys").hidden = !viewer.part("keys").hidden),
};

/**
 * Whether the scene has what an action is about.
 * @param {Viewer} viewer
 * @param {string} action
 */
export function canAct({ scene, mask, pen }, action) {
  if (action === "truth") return scene.tally.known;
  if (action === "uncertainty") return scene.uncertainty !== null;
  if (action === "corrections") return mask.corrected;
  return !(pen.drawing && ["undo", "redo", "clear"].includes(action));
}

/** @param {Viewer} viewer */
export function markButtons(viewer) {
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
    help: !viewer.part("keys").hidden,
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
