/* Wheel, mouse and touch of the viewer.
   Left drag or one finger: through the pictures (pans when zoomed, sets the window in that mode); right or shift drag: window;
   two fingers: zoom and pan; wheel: through the pictures; ctrl wheel: zoom; double click: fit. */
const PIXELS_A_STEP = 8;
const WHEEL_A_STEP = 40;

function middle(points) {
  const [a, b] = [...points.values()];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
}

export function bindPointers(viewer) {
  const stage = viewer.stage;
  const points = new Map();
  let act = null;
  let rest = 0;
  let wheel = 0;

  const fromMiddle = (x, y) => {
    const box = stage.getBoundingClientRect();
    return [x - box.left - box.width / 2, y - box.top - box.height / 2];
  };
  const actOf = (event) => {
    if (event.button === 2 || event.shiftKey || viewer.mode === "window") return "window";
    return viewer.view.zoom > 1 || event.button === 1 ? "pan" : "scroll";
  };

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey) {
      viewer.zoom(Math.exp(-event.deltaY / 200), ...fromMiddle(event.clientX, event.clientY));
      return;
    }
    wheel += event.deltaMode === 1 ? event.deltaY * WHEEL_A_STEP : event.deltaY;
    const steps = Math.trunc(wheel / WHEEL_A_STEP);
    if (!steps) return;
    wheel -= steps * WHEEL_A_STEP;
    viewer.step(Math.max(-3, Math.min(3, steps)));
  }, { passive: false });

  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("dblclick", () => viewer.fit());
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    points.set(event.pointerId, { x: event.clientX, y: event.clientY });
    viewer.box.focus({ preventScroll: true });
    rest = 0;
    act = points.size > 1 ? "pinch" : actOf(event);
  });
  stage.addEventListener("pointermove", (event) => {
    const was = points.get(event.pointerId);
    if (!was) return;
    const before = points.size > 1 ? middle(points) : null;
    points.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [dx, dy] = [event.clientX - was.x, event.clientY - was.y];
    if (act === "pinch" && points.size > 1) {
      const now = middle(points);
      viewer.zoom(now.apart / Math.max(1, before.apart), ...fromMiddle(now.x, now.y));
      if (viewer.view.zoom > 1) viewer.pan(now.x - before.x, now.y - before.y);
    } else if (act === "window") viewer.dragWindow(dx, dy);
    else if (act === "pan") viewer.pan(dx, dy);
    else if (act === "scroll") {
      rest += dy;
      const steps = Math.trunc(rest / PIXELS_A_STEP);
      rest -= steps * PIXELS_A_STEP;
      if (steps) viewer.step(steps);
    }
  });
  const lift = (event) => {
    points.delete(event.pointerId);
    if (points.size === 0) act = null;
    else if (act === "pinch") act = "none";
  };
  stage.addEventListener("pointerup", lift);
  stage.addEventListener("pointercancel", lift);
}
