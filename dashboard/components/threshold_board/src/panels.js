// What each chart shows. A chart answers one question, which is its title.

import { STEPS } from "../../shared/levels.js";
import { LINES } from "./charts.js";
import { labelPlace } from "./labels.js";
import { SHORT, areaText, escapeText, figure, roundUp, signed } from "./text.js";

/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./charts.js").Chart} Chart */
/** @typedef {import("./charts.js").Panel} Panel */

const THRESHOLDS = Float64Array.from({ length: STEPS + 1 }, (_, k) => k / STEPS);

/**
 * @param {Board} board
 * @param {Chart} chart
 */
function points(board, chart) {
  return board.state.points.map(({ k, name }) => chart.upright(k / STEPS, escapeText(`${name}: ${(k / STEPS).toFixed(3)}`))).join("");
}

/**
 * The chosen figures over the threshold, with their bands.
 * @param {Board} board
 * @returns {Panel}
 */
export function scoresChart(board) {
  return {
    height: 272,
    draw(chart) {
      const lines = board.lines();
      chart.x = { low: 0, high: 1, name: "threshold" };
      chart.y = { low: 0, high: 1 };
      const drawn = lines.map((line, n) => {
        const { color, dash } = LINES[n];
        return (
          `<path class="band" fill="${color}" d="${chart.band(THRESHOLDS, line.low, line.high)}"/>` +
          `<path class="line" stroke="${color}" stroke-dasharray="${dash}" d="${chart.path(THRESHOLDS, line.value)}"/>`
        );
      });
      const taken = board.state.points.map(({ k }) => {
        const x = chart.toX(k / STEPS);
        return { left: x - 8, right: x + 8, top: 0, bottom: chart.height };
      });
      const names = lines.map((line, n) => {
        const place = labelPlace(chart, lines, n, taken);
        if (!place) return ""; // the table below names it
        taken.push(place);
        return `<text class="label" style="fill:${LINES[n].color}" text-anchor="middle" x="${place.x}" y="${place.y + 4}">${escapeText(line.title)}</text>`;
      });
      return drawn.join("") + points(board, chart) + names.join("");
    },
    place(chart, k) {
      chart.moveLine(k / STEPS);
      board.lines().forEach((line, n) => chart.moveDot(n, k / STEPS, line.value[k], LINES[n].color));
    },
  };
}

/**
 * One figure against another, a point for each threshold.
 * @param {Board} board
 * @param {{ across: Float64Array, up: Float64Array, name: string, chance?: boolean, caption: (x: number, y: number) => string }} curve
 * @returns {Panel}
 */
function curveChart(board, { across, up, name, chance = false, caption }) {
  return {
    draw(chart) {
      chart.x = { low: 0, high: 1, name };
      const line = `<path class="line" stroke="var(--line-0)" d="${chart.path(across, up)}"/>`;
      const named = board.state.points.map((point) => chart.diamond(across[point.k], up[point.k], escapeText(point.name)));
      const diagonal = chance ? `<path class="chance" d="${chart.path([0, 1], [0, 1])}"/>` : "";
      return diagonal + line + named.join("");
    },
    place(chart, k) {
      chart.moveDot("here", across[k], up[k], "var(--line-0)");
      board.caption(chart, caption(across[k], up[k]));
    },
  };
}

/** @param {Board} board */
export function prChart(board) {
  const [recall, precision] = ["recall", "precision"].map((name) => board.curve("pooled", name).value);
  const mean = figure(board.data.header.average_precision ?? NaN);
  return curveChart(board, {
    across: recall,
    up: precision,
    name: "recall across, precision up",
    caption: (x, y) => `Pooled: recall ${figure(x)}, precision ${figure(y)}. Average precision ${mean}`,
  });
}

/** @param {Board} board */
export function rocChart(board) {
  const [specificity, recall] = ["specificity", "recall"].map((name) => board.curve("pooled", name).value);
  const area = figure(board.data.header.auroc ?? NaN);
  return curveChart(board, {
    across: specificity.map((value) => 1 - value),
    up: recall,
    name: "false positives across, recall up",
    chance: true,
    caption: (x, y) => `Pooled: false-positive rate ${figure(x)}, recall ${figure(y)}. AUROC ${area}`,
  });
}

/**
 * The mean area, against that of the truth, and how steep it is here.
 * @param {Board} board
 * @returns {Panel}
 */
export function areaChart(board) {
  return {
    draw(chart) {
      const { area, header } = board.data;
      const most = Math.min(area[1], Math.max(3 * header.area.truth, 1.2 * area[board.state.points[0].k]));
      chart.x = { low: 0, high: 1, name: "threshold" };
      chart.y = { low: 0, high: roundUp(most), text: (value) => SHORT.format(value) };
      const truth = chart.path([0, 1], [header.area.truth, header.area.truth]);
      const name = `<text class="label" style="fill:var(--truth-ink)" x="${chart.toX(1) - 2}" text-anchor="end" y="${chart.toY(header.area.truth) - 5}">truth</text>`;
      return `<path class="reference" d="${truth}"/><path class="line" stroke="var(--line-0)" d="${chart.path(THRESHOLDS, area)}"/>${points(board, chart)}${name}`;
    },
    place(chart, k) {
      const { area, change, header } = board.data;
      chart.moveLine(k / STEPS);
      chart.moveDot("here", k / STEPS, area[k], "var(--line-0)");
      const percent = Number.isNaN(change[k]) ? "no area left" : `${signed(change[k])} % for a threshold 0.01 higher`;
      board.caption(chart, `Mean over images: ${areaText(area[k])} ${header.area.unit}; ${percent}`);
    },
  };
}

/**
 * Each image's own best threshold: how far one threshold can suit them all.
 * @param {Board} board
 * @returns {Panel}
 */
export function optimaChart(board) {
  return {
    draw(chart) {
      chart.x = { low: 0, high: 1, name: "best threshold of each image" };
      const spots = board.data.images.map((image, n) => {
        const k = board.data.header.best[n];
        if (k < 0) return "";
        const dice = (2 * image.tp[k]) / (image.tp[k] + image.fp[k] + image.tp[0]);
        return `<circle class="spot" r="4" cx="${chart.toX(k / STEPS)}" cy="${chart.toY(dice)}"><title>${escapeText(image.id)}: Dice ${figure(dice)} at ${(k / STEPS).toFixed(3)}</title></circle>`;
      });
      return points(board, chart) + spots.join("");
    },
    place(chart, k) {
      chart.moveLine(k / STEPS);
      board.caption(chart, board.optimaCaption);
    },
  };
}
