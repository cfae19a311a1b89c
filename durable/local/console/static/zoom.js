// Zoom of the graph: by buttons, by keys, and by the wheel with Ctrl. It begins as wide as its place.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const LEAST = 0.3;
const MOST = 2;
const STEP = 1.2;
const BESIDE = 160; // pixels of the window's height that the graph does not have

/** Return {tools, view}: buttons, and the element inside a place that scrolls. */
export function zoomable(element, signal) {
  const view = h("div", { class: "graph-view" }, element);
  const percent = h("output", { class: "dim", "aria-label": "Zoom" }, "100 %");
  let zoom = 1;
  const set = (wanted) => {
    zoom = Math.min(MOST, Math.max(LEAST, wanted));
    element.style.zoom = zoom;
    percent.textContent = `${Math.round(zoom * 100)} %`;
  };
  const size = () => {
    element.style.zoom = 1;
    const natural = { width: element.scrollWidth, height: element.scrollHeight };
    element.style.zoom = zoom;
    return natural;
  };
  // Letters do not shrink by exactly the zoom, and so a graph is a little wider than computed: what is over is taken off.
  const hold = () => {
    for (let turn = 0; turn < 4 && zoom > LEAST && view.scrollWidth > view.clientWidth; turn += 1) {
      set(zoom * (view.clientWidth / view.scrollWidth) - 0.005);
    }
  };
  const fitWidth = () => { if (view.clientWidth) { set(Math.min(1, view.clientWidth / size().width)); hold(); } };
  const fit = () => {
    const { width, height } = size();
    set(Math.min(1.2, view.clientWidth / width, (innerHeight - BESIDE) / height));
    hold();
    view.scrollIntoView({ block: "nearest" });
  };
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    set(zoom * (event.deltaY < 0 ? 1.08 : 1 / 1.08));
  }, { passive: false, signal });
  const button = (name, label, key, onclick) => h("button", { type: "button", class: "quiet", "aria-label": label, title: `${label}  ${key}`, data: { shortcut: key }, onclick }, icon(name));
  const tools = h("div", { class: "zoom", role: "group", "aria-label": "Zoom of the graph" },
    button("minus", "Smaller", "-", () => set(zoom / STEP)), percent, button("plus", "Larger", "+", () => set(zoom * STEP)),
    button("fit", "Fit the window", "0", fit));
  requestAnimationFrame(fitWidth);
  return { tools, view };
}
