// The hand on the picture: pan, zoom, pinch, wipe and the read-out under the pointer.

function listenToPicture(viewer, on) {
  const stage = viewer.part("stage");
  const held = new Map(); // pointer id → last position in its pane
  const position = (event) => {
    const pane = viewer.paneOf(event);
    const box = pane.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  on(stage, "pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button, .keys, .wipe")) return;
    held.set(event.pointerId, position(event));
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("held");
  });
  on(stage, "pointermove", (event) => {
    const before = held.get(event.pointerId);
    const now = position(event);
    if (!before) return readOut(viewer, now);
    const others = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (others.length === 0) {
      viewer.view.panBy(now.x - before.x, now.y - before.y);
    } else if (others.length === 1) {
      pinch(viewer.view, before, now, others[0]);
    }
    held.set(event.pointerId, now);
    viewer.changeView();
    readOut(viewer, now);
  });
  const release = (event) => {
    held.delete(event.pointerId);
    if (held.size === 0) stage.classList.remove("held");
  };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  on(stage, "pointerleave", () => readOut(viewer, null));
  on(stage, "dblclick", (event) => {
    if (event.target.closest("button, .keys, .wipe")) return;
    const at = position(event);
    if (viewer.view.fitted) viewer.view.zoomAt(2, at.x, at.y);
    else viewer.view.fit();
    viewer.changeView();
  });
  on(stage, "wheel", (event) => {
    if (event.target.closest(".keys")) return;
    event.preventDefault();
    const at = position(event);
    const delta = event.deltaMode ? event.deltaY * 33 : event.deltaY;
    viewer.view.zoomAt(Math.exp(-clamp(delta, -240, 240) * 0.0022), at.x, at.y);
    viewer.changeView();
    readOut(viewer, at);
  });
  listenToWipe(viewer, on);
}

function pinch(view, before, now, other) {
  const span = (a, b) => Math.max(10, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
  view.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
  view.zoomAt(span(now, other) / span(before, other), middle.x, middle.y);
}

function listenToWipe(viewer, on) {
  const handle = viewer.part("wipe");
  on(handle, "pointerdown", (event) => {
    if (event.button !== 0) return;
    handle.setPointerCapture(event.pointerId);
    event.stopPropagation();
  });
  on(handle, "pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = handle.parentElement.getBoundingClientRect();
    viewer.setWipe((event.clientX - box.left) / box.width);
    event.stopPropagation();
  });
  on(handle, "keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02 }[event.key];
    const end = { Home: 0, End: 1 }[event.key];
    if (step === undefined && end === undefined) return;
    viewer.setWipe(end ?? viewer.look.wipeAt + step * (event.shiftKey ? 5 : 1));
    event.preventDefault();
  });
}
