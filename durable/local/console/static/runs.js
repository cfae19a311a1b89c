// The runs of one workflow: filters, the list, and what is done with several at once.

import { get, poll, Refused } from "./api.js";
import { bulkBar } from "./bulk.js";
import { h } from "./dom.js";
import { filterBar, filtersOf } from "./filters.js";
import { RunList } from "./runlist.js";
import { startDialog } from "./start.js";

export async function runsView(root, { workflow, search }, signal) {
  document.title = `${workflow} · Durable`;
  const { workflows } = await get("/api/workflows", signal);
  const declared = workflows.find((each) => each.name === workflow);
  if (!declared) throw new Refused(404, { detail: `There is no workflow called ${workflow}.` });
  const filters = filtersOf(search);
  const list = new RunList(workflow, filters, signal, (picked) => bulk.update(picked));
  const bulk = bulkBar(list, () => list.refresh());
  const bar = filterBar(workflow, declared.search, filters, (now) => list.filter(now), () => list.open());
  root.append(
    h("div", { class: "head" },
      h("div", {}, h("p", { class: "crumbs" }, h("a", { href: "#/" }, "Workflows")), h("h1", {}, workflow)),
      h("button", { class: "primary", type: "button", data: { shortcut: "s" }, onclick: () => startDialog(declared) }, "Start a run")),
    bar.element, bar.chips, bulk.element, list.element);
  bar.update(declared.counts);
  let shown = JSON.stringify(declared.counts);
  await Promise.all([
    list.find(list.generation),
    list.live(),
    poll(signal, async () => {
      const now = (await get("/api/workflows", signal)).workflows.find((each) => each.name === workflow);
      const text = JSON.stringify(now.counts);
      if (text !== shown) bar.update(now.counts);
      shown = text;
      return 1500;
    }),
  ]);
}
