// The bare image on its canvas.

/** @import { Scene } from "../scene.js" */
/** @import { Place } from "../view.js" */

/**
 * The bare image; smooth where it is minified, with crisp pixels from twofold on.
 * @param {HTMLCanvasElement} canvas
 * @param {Pick<Scene, "width" | "height" | "pyramid">} scene
 * @param {Place} place
 */
export function paintImage(canvas, scene, place) {
  if (canvas.width !== place.width || canvas.height !== place.height) {
    canvas.width = place.width;
    canvas.height = place.height;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
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
