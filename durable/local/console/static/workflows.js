// The overview: each workflow with how many of its runs are in which status.

import { get, poll } from "./api.js";
import { STATUSES, capped, count, h, mark, replace, word } from "./dom.js";
import { startDialog } from "./start.js";

export async function workflowsView(root, _, signal) {
  document.title = "Workflows · Durable";
  const list = h("ul", { class: "cards" });
  root.append(h("h1", {}, "Workflows"), list);
  let shown = "";
  await poll(signal, async () => {
    const { workflows } = await get("/api/workflows", signal);
    const text = JSON.stringify(workflows);
    if (text !== shown) draw(list, workflows);
    shown = text;
    return 1500;
  });
}

function draw(list, workflows) {
  if (!workflows.length) {
    replace(list, h("li", { class: "empty" }, "app.py declares no workflow."));
    return;
  }
  replace(list, workflows.map((workflow) => card(workflow)));
}

function card(workflow) {
  const href = `#/workflows/${encodeURIComponent(workflow.name)}`;
  const counts = STATUSES.map((status) => [status, workflow.counts[status] ?? 0]).filter(([, number]) => number);
  const total = counts.reduce((sum, [, number]) => sum + number, 0);
  const orMore = counts.some(([, number]) => capped(number));
  return h("li", { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, h("a", { href }, workflow.name)),
      h("span", { class: "dim" }, total === 1 ? "1 run" : `${count(total, orMore)} runs`),
      h("button", { class: "primary", type: "button", onclick: () => startDialog(workflow) }, "Start")),
    bar(counts, total),
    h("ul", { class: "counts" }, counts.length ? counts.map(([status, number]) => h("li", {},
      h("a", { href: `${href}?status=${status}`, class: `count s-${status}` }, mark(status), h("b", {}, count(number, capped(number))), ` ${word(status)}`)))
      : h("li", { class: "dim" }, "Nothing has run yet.")));
}

function bar(counts, total) {
  return h("div", { class: "bar", "aria-hidden": "true" }, counts.map(([status, number]) => {
    const part = h("span", { class: `s-${status}` });
    part.style.flexGrow = Math.max(number / total, 0.015);
    return part;
  }));
}
