// The labels and numbers around the image.

import { paintHistogram } from "../../shared/histogram.js";
import { STEPS } from "../../shared/levels.js";
import { writeText } from "../../shared/mounted.js";
import { WHOLE, areaText, lengthText, roundLength } from "../../shared/numbers.js";
import { writeSides } from "../../shared/orientation.js";
import { MOST_CLEANED } from "./area_tree.js";
import { placeOfArea } from "./tools.js";
import { rawText } from "./window.js";

/** What stays the same at every threshold of one scene. */
export function describeScene(viewer) {
  const { header, tally } = viewer.scene;
  writeText(viewer.part("title"), header.title);
  viewer.part("title").title = header.title;
  const size = `${header.width} by ${header.height} pixels`;
  viewer.part("canvas", "image").setAttribute("aria-label", `${header.title || "Image"}, ${size}`);
  for (const box of viewer.root.querySelectorAll("[data-sides]")) writeSides(box, header.sides);
  viewer.part("action", "truth").hidden = !tally.known;
  viewer.part("action", "uncertainty").hidden = !viewer.scene.uncertainty;
  if (viewer.scene.uncertainty) {
    writeText(viewer.part("uncertain-most"), (header.uncertainty.most / STEPS).toFixed(3));
    writeText(viewer.part("uncertain-name"), header.uncertainty.name);
  }
  viewer.part("window").hidden = !viewer.scene.raw;
  viewer.part("clean").disabled = tally.pixels > MOST_CLEANED;
  for (const element of viewer.root.querySelectorAll("[data-score], [data-tones]")) {
    element.hidden = !tally.known;
  }
  writeText(viewer.part("point-name"), header.operating_point_name);
  writeText(viewer.part("point"), (header.operating_point / STEPS).toFixed(3));
}

/** What clean-up and corrections did, in figures. */
export function describeMask(viewer) {
  const { mask, scene } = viewer;
  const area = scene.header.pixel_area_mm2;
  const { area: least } = viewer.wanted;
  viewer.part("clean").value = placeOfArea(least, scene);
  viewer.part("clean").setAttribute("aria-valuetext", `${least} pixels`);
  if (viewer.root.getRootNode().activeElement !== viewer.part("clean-number")) {
    viewer.part("clean-number").value = least;
  }
  const physical = area && least ? ` = ${areaText(least * area, scene.tally.pixels * area)}` : "";
  writeText(viewer.part("clean-text"), `px${physical}`);
  const [, added, removed] = mask.amount;
  const counts = `+${WHOLE.format(added)} px, −${WHOLE.format(removed)} px by hand`;
  writeText(viewer.part("by-hand"), mask.corrected ? counts : "Nothing corrected yet");
  viewer.part("action", "undo").disabled = mask.done.length === 0;
  viewer.part("action", "redo").disabled = mask.undone.length === 0;
  for (const name of ["corrections", "clear"]) viewer.part("action", name).disabled = !mask.corrected;
  const notes = [];
  if (mask.leastArea > 1) notes.push(`components under ${WHOLE.format(mask.leastArea)} px dropped`);
  if (mask.holes) notes.push("holes filled");
  if (mask.corrected) notes.push(mask.applied ? "corrected by hand" : "corrections switched off");
  writeText(viewer.part("state"), notes.join(" · "));
  viewer.part("state-box").hidden = notes.length === 0;
}

export function drawTrack(viewer) {
  const track = viewer.part("track");
  viewer.trackWidth = track.clientWidth;
  track.style.setProperty("--point", viewer.header.operating_point / STEPS);
  // A custom property is text that not every canvas can read; the key's squares have the colours.
  const [off, on] = ["off", "on"].map((name) => {
    return getComputedStyle(viewer.root.querySelector(`.tones .${name}`)).backgroundColor;
  });
  paintHistogram(viewer.part("canvas", "histogram"), viewer.scene.tally, { off, on });
}

export function drawScaleBar(viewer) {
  const bar = viewer.part("scale");
  const spacing = viewer.scene.header.spacing_mm;
  bar.hidden = !spacing;
  if (!spacing) return;
  const pixelsPerMm = viewer.view.scale / spacing[1];
  const length = roundLength(Math.min(160, viewer.view.pane.width / 4) / pixelsPerMm);
  bar.firstElementChild.style.width = `${length * pixelsPerMm}px`;
  writeText(bar.lastElementChild, lengthText(length));
}

/** Pixel and probability under a pane position; nothing outside the picture. */
export function readOut(viewer, at) {
  const chip = viewer.part("readout");
  const { scene } = viewer;
  const point = at && scene ? viewer.view.toImage(at.x, at.y) : { x: -1, y: -1 };
  const x = Math.floor(point.x);
  const y = Math.floor(point.y);
  chip.hidden = !scene || x < 0 || y < 0 || x >= scene.width || y >= scene.height;
  if (chip.hidden) return;
  const pixel = y * scene.width + x;
  const pad = (value) => String(value).padStart(4, "\u2007");
  const parts = [`x ${pad(x)}`, `y ${pad(y)}`, `p ${((scene.codes[pixel] - 1) / STEPS).toFixed(3)}`];
  if (scene.uncertainty) parts.push(`± ${(scene.uncertainty[pixel] / STEPS).toFixed(3)}`);
  if (scene.raw) parts.push(`${pad(rawText(scene, scene.raw[pixel]))}`);
  writeText(chip, parts.join("  "));
}
