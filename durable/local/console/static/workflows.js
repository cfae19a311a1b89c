// The overview: each workflow with how many of its runs are in which status.

import { get, instances, poll, query } from "./api.js";
import { STATUSES, capped, count, h, mark, pill, replace, time, word } from "./dom.js";
import { icon } from "./icons.js";
import { startDialog } from "./start.js";

const TYPED = 250;
const MOST_FOUND = 8;

export async function workflowsView(root, _, signal) {
  document.title = "Workflows · Durable";
  const list = h("ul", { class: "cards" });
  let names = [];
  root.append(h("h1", {}, "Workflows"), finder(() => names, signal), list);
  let shown = "";
  await poll(signal, async () => {
    const { workflows } = await get("/api/workflows", signal);
    names = workflows.map((each) => each.name);
    const text = JSON.stringify(workflows);
    if (text !== shown) draw(list, workflows);
    shown = text;
    return 1500;
  });
}

/** Return a field that finds runs of all workflows by the beginning of their ids. */
function finder(names, signal) {
  const found = h("ul", { class: "found", "aria-label": "Runs found", hidden: true });
  const find = h("input", { type: "search", placeholder: "Find a run by the beginning of its id", "aria-label": "Search by id", data: { shortcut: "/" },
    spellcheck: false, autocomplete: "off", onkeydown: (event) => { if (event.key === "Enter") found.querySelector("a")?.click(); },
    oninput: async () => {
      const prefix = find.value.trim();
      await new Promise((done) => setTimeout(done, TYPED));
      if (prefix !== find.value.trim() || signal.aborted) return;
      found.hidden = !prefix;
      replace(found);
      if (prefix) await Promise.all(names().map((name) => look(name, prefix, found, () => prefix === find.value.trim() && !signal.aborted, signal)));
    } });
  return h("div", { class: "finder" }, h("span", { class: "find" }, icon("search"), find), found);
}

/** Add the first runs of a workflow that fit, as long as nobody types on. */
async function look(workflow, prefix, found, still, signal) {
  let cursor;
  let number = 0;
  do {
    const page = await get(instances(workflow) + query({ prefix, limit: String(MOST_FOUND), cursor }), signal);
    if (!still()) return;
    found.append(...page.instances.map((run) => h("li", {}, h("a", { href: `#/workflows/${encodeURIComponent(workflow)}/runs/${encodeURIComponent(run.id)}` },
      pill(run.status), h("code", {}, run.id), h("span", { class: "dim" }, workflow), h("span", { class: "dim" }, time(run.updatedAt))))));
    number += page.instances.length;
    ({ cursor } = page);
  } while (cursor && number < MOST_FOUND);
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
      h("span", { class: "dim runs" }, total === 1 ? "1 run" : `${count(total, orMore)} runs`),
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
