// The threshold's track: histogram, thumb, operating point, and the hand on it.

const BAR_PIXELS = 3;

/** Draws the histogram of levels, log counts; where the truth is known, on and off apart. */
function paintHistogram(canvas, tally, style) {
  const density = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * density);
  const height = Math.round(canvas.clientHeight * density);
  if (!width || !height) return;
  canvas.width = width;
  canvas.height = height;
  const bars = Math.max(1, Math.min(STEPS, Math.floor(width / (BAR_PIXELS * density))));
  const off = new Float64Array(bars);
  const on = new Float64Array(bars);
  for (let k = 0; k <= STEPS; k++) {
    const bar = Math.min(bars - 1, Math.floor((k / STEPS) * bars));
    off[bar] += tally.all[k + 1] - tally.on[k + 1];
    on[bar] += tally.on[k + 1];
  }
  const most = Math.log1p(Math.max(...off, ...on));
  const context = canvas.getContext("2d");
  const draw = (counts, color) => {
    context.fillStyle = color;
    for (let bar = 0; bar < bars; bar++) {
      const left = Math.round((bar / bars) * width);
      const right = Math.round(((bar + 1) / bars) * width);
      const tall = (Math.log1p(counts[bar]) / most) * height;
      context.fillRect(left, height - tall, right - left, tall);
    }
  };
  context.clearRect(0, 0, width, height);
  draw(off, style.off);
  if (tally.known) draw(on, style.on);
}

/** Drag and wheel on the track; `viewer.setThreshold` paints, `viewer.commit` tells Python. */
function listenToTrack(viewer, on) {
  const track = viewer.part("track");
  const levelAt = (event) => {
    const box = track.getBoundingClientRect();
    return Math.round(clamp((event.clientX - box.left) / box.width, 0, 1) * STEPS);
  };
  let holding = null;
  on(track, "pointerdown", (event) => {
    if (event.button !== 0 || holding !== null) return;
    holding = event.pointerId;
    track.setPointerCapture(holding);
    track.focus({ preventScroll: true });
    viewer.setThreshold(levelAt(event), event.timeStamp);
    event.preventDefault();
  });
  on(track, "pointermove", (event) => {
    if (event.pointerId === holding) viewer.setThreshold(levelAt(event), event.timeStamp);
  });
  const release = (event) => {
    if (event.pointerId !== holding) return;
    holding = null;
    viewer.commit();
  };
  on(track, "pointerup", release);
  on(track, "pointercancel", release);
  let travel = 0;
  on(track, "wheel", (event) => {
    event.preventDefault();
    // A notch of a mouse wheel is one step; a touchpad's small deltas add up to one.
    travel += event.deltaMode ? -event.deltaY * 40 : -(event.deltaY || event.deltaX);
    const notches = Math.trunc(travel / 40);
    travel -= notches * 40;
    if (Math.abs(notches) < 1) return;
    const step = Math.sign(notches) * Math.min(Math.abs(notches), 3) * (event.shiftKey ? 10 : 1);
    viewer.setThreshold(viewer.threshold + step, event.timeStamp);
    viewer.commitSoon();
  });
}

/** The number field: Enter or leaving it sets, Escape restores. */
function listenToNumber(viewer, on) {
  const field = viewer.part("number");
  const read = () => {
    const text = field.value.trim().replace(",", ".");
    const value = text === "" ? NaN : Number(text);
    const valid = value >= 0 && value <= 1;
    viewer.part("hint").textContent = valid ? "" : "Type a number from 0 to 1";
    if (valid) viewer.setThreshold(Math.round(value * STEPS));
    return valid;
  };
  const finish = () => {
    if (!viewer.typing) return;
    viewer.typing = false;
    if (read()) viewer.commit();
    field.value = (viewer.threshold / STEPS).toFixed(3);
  };
  on(field, "focus", () => field.select());
  on(field, "input", () => {
    viewer.typing = true;
    viewer.part("hint").textContent = "";
  });
  on(field, "blur", finish);
  on(field, "keydown", (event) => {
    if (event.key === "Enter") {
      finish();
      field.select();
    }
    if (event.key === "Escape") {
      viewer.typing = false;
      viewer.part("hint").textContent = "";
      field.value = (viewer.threshold / STEPS).toFixed(3);
    }
  });
}
