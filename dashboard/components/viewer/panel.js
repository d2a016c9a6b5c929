// The words and figures around the picture.

const WHOLE = new Intl.NumberFormat("en-US");

function threeDecimals(value) {
  return Number.isFinite(value) ? value.toFixed(3) : "–";
}

/** An area in the unit that suits the whole picture, so that it never changes with the threshold. */
function areaText(mm2, whole_mm2) {
  const [value, unit] = whole_mm2 >= 1 ? [mm2, "mm²"] : [mm2 * 1e6, "µm²"];
  const digits = value >= 1000 ? 0 : value >= 10 ? 1 : 3;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${value.toLocaleString("en-US", options)} ${unit}`;
}

function lengthText(mm) {
  const units = [[10, "cm"], [1, "mm"], [1e-3, "µm"], [1e-6, "nm"]];
  const [size, unit] = units.find(([size]) => mm >= 0.999 * size) ?? units.at(-1);
  return `${Number((mm / size).toPrecision(1))} ${unit}`;
}

/** Text of every figure at threshold k; an undefined score (0/0) is a dash. */
function figures(scene, tally, k) {
  const { foreground } = tally.at(k);
  const area = scene.header.pixel_area_mm2;
  const pixels = `${WHOLE.format(foreground)} px`;
  const texts = {
    area: area
      ? `${areaText(foreground * area, tally.pixels * area)}  ·  ${pixels}`
      : pixels,
    share: `${((100 * foreground) / tally.pixels).toFixed(2)} %`,
  };
  if (tally.known) {
    for (const [name, value] of Object.entries(tally.scores(k))) {
      texts[name] = threeDecimals(value);
    }
  }
  return texts;
}

/** A sentence where the mask is empty or everything; an empty string otherwise. */
function remark(scene, tally, k) {
  const { foreground } = tally.at(k);
  const threshold = (k / STEPS).toFixed(3);
  if (foreground === 0 && scene.tally.at(k).foreground > 0) {
    return `Nothing is left at ${threshold} after clean-up and corrections`;
  }
  if (foreground === 0) {
    let highest = STEPS;
    while (highest > 0 && !scene.tally.all[highest + 1]) highest--;
    return `No pixel reaches ${threshold}; the highest probability is ${(highest / STEPS).toFixed(3)}`;
  }
  if (foreground === tally.pixels) return `Every pixel reaches ${threshold}`;
  return "";
}

/** A round length that takes a fair part of the pane: 1, 2 or 5 times a power of ten. */
function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  const factor = longest / power;
  return power * (factor >= 5 ? 5 : factor >= 2 ? 2 : 1);
}

const SIDE_NAMES = { R: "right", L: "left", A: "anterior", P: "posterior", S: "superior", I: "inferior" };

/** Letters at the edges: what of the patient lies at the left, right, top and bottom. */
function writeSides(box, sides = "") {
  box.hidden = !sides;
  [...box.children].forEach((letter, n) => writeText(letter, sides[n] ?? ""));
  const [left, , top] = [...sides].map((letter) => SIDE_NAMES[letter]);
  box.setAttribute("aria-label", `Patient's ${left} at the left, ${top} at the top`);
}

/** Which entries of the legend the present look needs. */
function legendKeys(look, truthKnown, corrected) {
  if (!look.overlay) return [];
  const truth = look.truth && truthKnown;
  const by = { contour: [], fill: [], heat: ["heat"], uncertainty: ["uncertainty"] }[look.style];
  const hand = corrected && by.length === 0 ? ["added", "removed"] : [];
  if (look.style !== "fill") return [...by, "line", ...(truth ? ["truth"] : []), ...hand];
  return [...(truth ? ["hit", "extra", "missed", "truth"] : ["mask"]), ...hand];
}

/** What stays the same at every threshold of one scene. */
function describeScene(viewer) {
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
function describeMask(viewer) {
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

function drawTrack(viewer) {
  const track = viewer.part("track");
  viewer.trackWidth = track.clientWidth;
  track.style.setProperty("--point", viewer.header.operating_point / STEPS);
  // A custom property is text that not every canvas can read; the key's squares have the colours.
  const [off, on] = ["off", "on"].map((name) => {
    return getComputedStyle(viewer.root.querySelector(`.tones .${name}`)).backgroundColor;
  });
  paintHistogram(viewer.part("canvas", "histogram"), viewer.scene.tally, { off, on });
}

function drawScaleBar(viewer) {
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
function readOut(viewer, at) {
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
