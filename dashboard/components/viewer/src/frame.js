// What a frame draws: the image, the overlay, and the numbers beside them.

import { paintImage } from "../../shared/paint/image.js";
import { STEPS } from "../../shared/levels.js";
import { writeText } from "../../shared/mounted.js";
import { drawScaleBar } from "./panel.js";
import { figures, remark } from "./scores.js";

/** @import { Viewer } from "./viewer.js" */

export const PREPARING = "Preparing the post-processing";

/**
 * Image and map where the view moved: sampled anew.
 * @param {Viewer} viewer
 */
export function drawPicture(viewer) {
  const place = (viewer.place = viewer.view.place());
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

/**
 * The overlay at this threshold.
 * @param {Viewer} viewer
 */
export function drawOverlay(viewer) {
  const { style } = viewer.look;
  const alpha = viewer.opacity[style] / 100;
  const look = {
    style,
    alpha,
    lineAlpha: style === "contour" ? alpha : 1,
    contour: style !== "fill",
    truth: viewer.look.truth && viewer.scene.tally.known,
    editing: viewer.look.tool !== null,
    mostUncertain: viewer.header.uncertainty?.most,
  };
  const context = /** @type {CanvasRenderingContext2D} */ (viewer.canvas("overlay").getContext("2d"));
  viewer.raster.paint(context, viewer.place, viewer.scene, look, viewer.threshold);
}

/**
 * Threshold, scores and counts.
 * @param {Viewer} viewer
 */
export function drawScores(viewer) {
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
