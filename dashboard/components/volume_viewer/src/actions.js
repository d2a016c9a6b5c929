// What buttons and keys do, by name.

/** @typedef {import("./volume.js").VolumeViewer} VolumeViewer */

const zoom = (/** @type {VolumeViewer} */ viewer, /** @type {number} */ factor) => {
  const { view } = viewer.active;
  view.zoomAt(factor, view.pane.width / 2, view.pane.height / 2);
  viewer.active.spoil("view");
};

/** @type {Record<string, (viewer: VolumeViewer, look: import("./volume.js").Look) => void>} */
export const VOLUME_ACTIONS = {
  overlay: (_, look) => (look.overlay = !look.overlay),
  contour: (_, look) => (look.style = look.lastFlat = "contour"),
  fill: (_, look) => (look.style = look.lastFlat = "fill"),
  contourOrFill: (_, look) => (look.style = look.lastFlat = look.style === "contour" ? "fill" : "contour"),
  heat: (_, look) => (look.style = look.style === "heat" ? look.lastFlat : "heat"),
  projection: (_, look) => (look.projection = !look.projection),
  cross: (_, look) => (look.cross = !look.cross),
  less: (viewer) => viewer.setThreshold(viewer.threshold - 1),
  more: (viewer) => viewer.setThreshold(viewer.threshold + 1),
  snap: (viewer) => viewer.setThreshold(viewer.header.operating_point),
  fit: (viewer) => viewer.panes.forEach((pane) => (pane.view.fit(), pane.spoil("view"))),
  zoomIn: (viewer) => zoom(viewer, 1.5),
  zoomOut: (viewer) => zoom(viewer, 1 / 1.5),
  full: (viewer) => viewer.toggleFull(),
  help: (viewer) => (viewer.part("keys").hidden = !viewer.part("keys").hidden),
};
