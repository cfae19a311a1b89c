// When workflows start by themselves, and to start one of these runs now.

import { call, get, instances, poll, query } from "./api.js";
import { ask, tell } from "./dialogs.js";
import { h, json, moment, replace, until } from "./dom.js";
import { icon } from "./icons.js";

export async function schedulesView(root, _, signal) {
  document.title = "Schedules · Durable";
  const list = h("ul", { class: "cards" });
  root.append(h("h1", {}, "Schedules"), list);
  let known = "";
  await poll(signal, async () => {
    const { schedules } = await get("/api/console/schedules", signal);
    const text = JSON.stringify(schedules);
    if (text !== known) replace(list, schedules.length ? schedules.map(card) : h("li", { class: "empty" }, "No workflow of app.py has a schedule."));
    known = text;
    return 5000;
  });
}

function card(schedule) {
  const runs = `#/workflows/${encodeURIComponent(schedule.workflow)}`;
  return h("li", { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, h("a", { href: runs }, schedule.workflow)), h("span", { class: "dim" }, h("code", {}, schedule.schedule)),
      h("button", { type: "button", class: "primary", data: { verb: "run-now" }, onclick: () => now(schedule) }, icon("play"), "Run now")),
    h("p", { class: "next" }, icon("calendar"), h("span", {}, "Next ", h("b", {}, moment(schedule.next)), h("span", { class: "dim" }, ` in ${until(schedule.next)}`))),
    schedule.params === null ? null : h("details", {}, h("summary", {}, "Input"), json(schedule.params)),
    h("p", {}, h("a", { href: `${runs}${query({ status: "complete" })}` }, "Complete runs"), " · ", h("a", { href: `${runs}${query({ status: "errored" })}` }, "Errored runs")));
}

function now({ workflow, params }) {
  ask({ title: `Run ${workflow} now?`, confirm: "Run", body: [h("p", {}, "A run is started with the schedule's input. The next scheduled time stays as it is.")],
    act: async () => {
      const made = await call("POST", instances(workflow), { params });
      tell(`Started ${made.id}`);
      location.hash = `#/workflows/${encodeURIComponent(workflow)}/runs/${encodeURIComponent(made.id)}`;
    } });
}
