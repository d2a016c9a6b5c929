// The labels and numbers around the image.

import { paintHistogram } from "../../shared/paint/histogram.js";
import { STEPS } from "../../shared/levels.js";
import { writeText } from "../../shared/mounted.js";
import { WHOLE, areaText, lengthText, roundLength } from "../../shared/numbers.js";
import { writeSides } from "../../shared/orientation.js";
import { MOST_CLEANED } from "./mask/area_tree.js";
import { placeOfArea } from "./tools.js";
import { rawText } from "./window.js";

/** @import { Point } from "../../shared/view.js" */
/** @import { Viewer } from "./viewer.js" */

/**
 * What stays the same at every threshold of one scene.
 * @param {Viewer} viewer
 */
export function describeScene(viewer) {
  const { header, tally } = viewer.scene;
  writeText(viewer.part("title"), header.title);
  viewer.part("title").title = header.title;
  const size = `${header.width} by ${header.height} pixels`;
  viewer.canvas("image").setAttribute("aria-label", `${header.title || "Image"}, ${size}`);
  for (const box of viewer.elements("[data-sides]")) writeSides(box, header.sides);
  viewer.button("truth").hidden = !tally.known;
  viewer.button("uncertainty").hidden = !viewer.scene.uncertainty;
  if (header.uncertainty) {
    writeText(viewer.part("uncertain-most"), (header.uncertainty.most / STEPS).toFixed(3));
    writeText(viewer.part("uncertain-name"), header.uncertainty.name);
  }
  viewer.part("window").hidden = !viewer.scene.raw;
  viewer.field("clean").disabled = tally.pixels > MOST_CLEANED;
  for (const element of viewer.elements("[data-score], [data-tones]")) {
    element.hidden = !tally.known;
  }
  writeText(viewer.part("point-name"), header.operating_point_name);
  writeText(viewer.part("point"), (header.operating_point / STEPS).toFixed(3));
}

/**
 * What post-processing and corrections did, in figures.
 * @param {Viewer} viewer
 */
export function describeMask(viewer) {
  const { mask, scene } = viewer;
  const area = scene.header.pixel_area_mm2;
  const { area: least } = viewer.wanted;
  viewer.field("clean").value = String(placeOfArea(least, scene));
  viewer.field("clean").setAttribute("aria-valuetext", `${least} pixels`);
  if (viewer.activeElement !== viewer.field("clean-number")) {
    viewer.field("clean-number").value = String(least);
  }
  const physical = area && least ? ` = ${areaText(least * area, scene.tally.pixels * area)}` : "";
  writeText(viewer.part("clean-text"), `px${physical}`);
  const [, added, removed] = mask.amount;
  const counts = `+${WHOLE.format(added)} px, −${WHOLE.format(removed)} px manually`;
  writeText(viewer.part("by-hand"), mask.corrected ? counts : "Nothing corrected yet");
  viewer.button("undo").disabled = mask.done.length === 0;
  viewer.button("redo").disabled = mask.undone.length === 0;
  for (const name of ["corrections", "clear"]) viewer.button(name).disabled = !mask.corrected;
  const notes = [];
  if (mask.leastArea > 1) notes.push(`components under ${WHOLE.format(mask.leastArea)} px dropped`);
  if (mask.holes) notes.push("holes filled");
  if (mask.corrected) notes.push(mask.applied ? "corrected manually" : "corrections switched off");
  writeText(viewer.part("state"), notes.join(" · "));
  viewer.part("state-box").hidden = notes.length === 0;
}

/** @param {Viewer} viewer */
export function drawTrack(viewer) {
  const track = viewer.part("track");
  viewer.trackWidth = track.clientWidth;
  track.style.setProperty("--point", String(viewer.header.operating_point / STEPS));
  // A custom property is text that not every canvas can read; the key's squares have the colours.
  const [off, on] = ["off", "on"].map((name) => {
    return getComputedStyle(viewer.elements(`.tones .${name}`)[0]).backgroundColor;
  });
  paintHistogram(viewer.canvas("histogram"), viewer.scene.tally, { off, on });
}

/** @param {Viewer} viewer */
export function drawScaleBar(viewer) {
  const bar = viewer.part("scale");
  const spacing = viewer.scene.header.spacing_mm;
  bar.hidden = !spacing;
  if (!spacing) return;
  const pixelsPerMm = viewer.view.scale / spacing[1];
  const length = roundLength(Math.min(160, viewer.view.pane.width / 4) / pixelsPerMm);
  const [line, text] = /** @type {HTMLCollectionOf<HTMLElement>} */ (bar.children);
  line.style.width = `${length * pixelsPerMm}px`;
  writeText(text, lengthText(length));
}

/**
 * Pixel and probability under a pane position; nothing outside the image.
 * @param {Viewer} viewer
 * @param {Point | null} at
 */
export function readOut(viewer, at) {
  const chip = viewer.part("readout");
  const { scene } = viewer;
  const point = at && scene ? viewer.view.toImage(at.x, at.y) : { x: -1, y: -1 };
  const x = Math.floor(point.x);
  const y = Math.floor(point.y);
  chip.hidden = !scene || x < 0 || y < 0 || x >= scene.width || y >= scene.height;
  if (chip.hidden) return;
  const pixel = y * scene.width + x;
  const pad = (/** @type {number | string} */ value) => String(value).padStart(4, "\u2007");
  const parts = [`x ${pad(x)}`, `y ${pad(y)}`, `p ${((scene.codes[pixel] - 1) / STEPS).toFixed(3)}`];
  if (scene.uncertainty) parts.push(`± ${(scene.uncertainty[pixel] / STEPS).toFixed(3)}`);
  if (scene.raw) parts.push(`${pad(rawText(scene, scene.raw[pixel]))}`);
  writeText(chip, parts.join("  "));
}
