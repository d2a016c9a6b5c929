// The words and figures around the picture.

const WHOLE = new Intl.NumberFormat("en-US");

function threeDecimals(value) {
  return Number.isFinite(value) ? value.toFixed(3) : "–";
}

function areaText(mm2) {
  const digits = mm2 >= 1000 ? 0 : mm2 >= 10 ? 1 : 3;
  return mm2.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Text of every figure at threshold k; an undefined score (0/0) is a dash. */
function figures(scene, k) {
  const { foreground } = scene.tally.at(k);
  const area = scene.header.pixel_area_mm2;
  const pixels = `${WHOLE.format(foreground)} px`;
  const texts = {
    area: area ? `${areaText(foreground * area)} mm²  ·  ${pixels}` : pixels,
    share: `${((100 * foreground) / scene.tally.pixels).toFixed(2)} %`,
  };
  if (scene.tally.known) {
    for (const [name, value] of Object.entries(scene.tally.scores(k))) texts[name] = threeDecimals(value);
  }
  return texts;
}

/** A sentence where the mask is empty or everything; an empty string otherwise. */
function remark(scene, k) {
  const { foreground } = scene.tally.at(k);
  const threshold = (k / STEPS).toFixed(3);
  if (foreground === 0) {
    let highest = STEPS;
    while (highest > 0 && !scene.tally.all[highest]) highest--;
    return `No pixel reaches ${threshold}; the highest probability is ${(highest / STEPS).toFixed(3)}`;
  }
  if (foreground === scene.tally.pixels) return `Every pixel reaches ${threshold}`;
  return "";
}

/** A round length that takes a fair part of the pane: 1, 2 or 5 times a power of ten. */
function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  const factor = longest / power;
  return power * (factor >= 5 ? 5 : factor >= 2 ? 2 : 1);
}

function writeText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Which entries of the legend the present look needs. */
function legendKeys(look, truthKnown) {
  if (!look.overlay) return [];
  const truth = look.truth && truthKnown;
  if (look.style === "heat") return ["heat", "line", ...(truth ? ["truth"] : [])];
  if (look.style === "contour") return ["line", ...(truth ? ["truth"] : [])];
  return truth ? ["hit", "extra", "missed", "truth"] : ["mask"];
}
