// Viewers of one image under several models zoom and pan together.

/** @import { View } from "../../shared/view.js" */
/** @import { Viewer } from "./viewer.js" */

/** @type {Set<Viewer>} */
export const linked = new Set();

/**
 * Gives the view of a viewer to the others of its link that show an image of the same size.
 * @param {Viewer} viewer
 */
export function shareView(viewer) {
  const { link } = viewer.header;
  if (!link) return;
  for (const other of linked) {
    if (other === viewer || other.header?.link !== link || !other.scene) continue;
    const { width, height } = other.scene;
    if (width !== viewer.scene.width || height !== viewer.scene.height) continue;
    const before = JSON.stringify(other.view.save());
    other.view.restore(relativeTo(viewer.view, other.view));
    if (before === JSON.stringify(other.view.save())) continue;
    other.shared = true; // it must not answer
    other.changeView();
  }
}

/**
 * The same part of the image in a pane of another size.
 * @param {View} from
 * @param {View} to
 */
function relativeTo(from, to) {
  const saved = from.save();
  return { ...saved, scale: (saved.scale / from.fitScale) * to.fitScale };
}
