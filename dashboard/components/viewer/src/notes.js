// What is drawn over the image: boxes and numbers of components, diameters, and the tool in use.

import { clamp } from "../../shared/numbers.js";
import { pixelOf } from "./tools.js";

/** @import { Place, Point } from "../../shared/view.js" */
/** @import { Lines } from "./mask/diameters.js" */
/** @import { ComponentList } from "./list.js" */
/** @import { Pen } from "./tools.js" */
/** @import { Viewer } from "./viewer.js" */

/** @typedef {{ x: number, y: number, width: number }} Box */
/** @typedef {(point: Point) => [number, number]} ToCanvas */

export const MOST_NUMBERED = 200;
const ROOM_FOR_NUMBER = 20; // CSS pixels a box needs in one direction to carry its number

/** @param {Viewer} viewer */
export function drawNotes(viewer) {
  const { place, look, pen } = viewer;
  const canvas = viewer.canvas("notes");
  if (canvas.width !== place.width || canvas.height !== place.height) {
    canvas.width = place.width;
    canvas.height = place.height;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, canvas.width, canvas.height);
  /** @type {ToCanvas} */
  const toCanvas = (/** @type {Point} */ { x, y }) => [
    place.originX + x * place.scaleX,
    place.originY + y * place.scaleY,
  ];
  context.lineWidth = place.density;
  if (look.components && look.overlay && viewer.list.found) {
    context.globalAlpha = viewer.list.old ? 0.4 : 1;
    drawBoxes(context, viewer.list, place, toCanvas);
    context.globalAlpha = 1;
  }
  if (look.tool) drawTool(context, pen, place, toCanvas);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} density
 * @param {() => void} trace
 * @param {string} color
 */
function outlined(context, density, trace, color) {
  context.lineWidth = 3 * density;
  context.strokeStyle = "rgb(0 0 0 / 60%)";
  trace();
  context.stroke();
  context.lineWidth = density;
  context.strokeStyle = color;
  trace();
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ComponentList} list
 * @param {Place} place
 * @param {ToCanvas} toCanvas
 */
function drawBoxes(context, list, place, toCanvas) {
  const { density } = place;
  const { found } = list;
  if (!found) return;
  const shown = found.list.slice(0, MOST_NUMBERED);
  const selected = list.selected;
  context.font = `600 ${12 * density}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  /** @type {Box[]} */
  const taken = []; // places of numbers; where it is crowded the larger component keeps its own
  for (const one of shown) {
    const [left, top] = toCanvas({ x: one.left, y: one.top });
    const [right, bottom] = toCanvas({ x: one.right, y: one.bottom });
    if (right < 0 || bottom < 0 || left > place.width || top > place.height) continue;
    const marked = one === selected || one === list.hovered;
    const trace = () => {
      context.beginPath();
      context.rect(left - density, top - density, right - left + 2 * density, bottom - top + 2 * density);
    };
    if (marked) outlined(context, density, trace, "#ffffff");
    else {
      context.lineWidth = density;
      context.strokeStyle = "rgb(240 228 66 / 55%)";
      trace();
      context.stroke();
    }
    const small = Math.max(right - left, bottom - top) < ROOM_FOR_NUMBER * density;
    drawNumber(context, String(one.number), { left, top, density, marked, small, place, taken });
  }
  for (const one of new Set([selected, list.hovered])) {
    if (one) drawDiameters(context, found.diameters(one), density, toCanvas);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {{ left: number, top: number, density: number, marked: boolean, small: boolean, place: Place, taken: Box[] }} where
 */
function drawNumber(context, text, { left, top, density, marked, small, place, taken }) {
  const width = context.measureText(text).width + 8 * density;
  const height = 16 * density;
  const x = clamp(left - density, 0, place.width - width);
  const y = clamp(top - density - height, 0, place.height - height);
  const meets = (/** @type {Box} */ other) => {
    return x < other.x + other.width && other.x < x + width && Math.abs(y - other.y) < height;
  };
  if (!marked && (small || taken.some(meets))) return;
  taken.push({ x, y, width });
  context.fillStyle = marked ? "#ffffff" : "rgb(11 13 15 / 78%)";
  context.fillRect(x, y, width, height);
  context.fillStyle = marked ? "#0b0d0f" : "#e9ecee";
  context.fillText(text, x + width / 2, y + height / 2 + density * 0.5);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Lines} lines
 * @param {number} density
 * @param {ToCanvas} toCanvas
 */
function drawDiameters(context, lines, density, toCanvas) {
  for (const { line, dashes } of [
    { line: lines.longest, dashes: [] }, { line: lines.perpendicular, dashes: [4, 3] },
  ]) {
    const [[x1, y1], [x2, y2]] = line.ends.map((end) => toCanvas(end));
    context.setLineDash(dashes.map((dash) => dash * density));
    const trace = () => {
      context.beginPath();
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    };
    outlined(context, density * 1.4, trace, "#ffffff");
    context.setLineDash([]);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Pen} pen
 * @param {Place} place
 * @param {ToCanvas} toCanvas
 */
function drawTool(context, pen, place, toCanvas) {
  const { density } = place;
  if (pen.tool === "polygon") drawPolygon(context, pen, density, toCanvas);
  if (!pen.at) return;
  const pixel = pixelOf(pen.at);
  const [x, y] = toCanvas({ x: pixel.x + 0.5, y: pixel.y + 0.5 });
  const cross = () => {
    context.beginPath();
    context.moveTo(x - 6 * density, y);
    context.lineTo(x + 6 * density, y);
    context.moveTo(x, y - 6 * density);
    context.lineTo(x, y + 6 * density);
  };
  if (pen.tool === "polygon") return outlined(context, density, cross, "#ffffff");
  const radius = Math.max(pen.size, 1) / 2;
  context.setLineDash(pen.tool === "eraser" ? [4 * density, 3 * density] : []);
  const ring = () => {
    context.beginPath();
    context.ellipse(x, y, radius * place.scaleX, radius * place.scaleY, 0, 0, 7);
  };
  outlined(context, density, ring, "#ffffff");
  context.setLineDash([]);
  if (radius * place.scaleX < 5 * density || pen.drawing) outlined(context, density, cross, "#ffffff");
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Pen} pen
 * @param {number} density
 * @param {ToCanvas} toCanvas
 */
function drawPolygon(context, pen, density, toCanvas) {
  if (!pen.corners.length) return;
  const points = [...pen.corners, ...(pen.at ? [pen.at] : [])].map((corner) => toCanvas(corner));
  const trace = () => {
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
  };
  outlined(context, density, trace, "#ffffff");
  const [x, y] = points[0];
  context.beginPath();
  context.arc(x, y, 5 * density, 0, 7);
  context.fillStyle = "#ffffff";
  context.fill();
}
