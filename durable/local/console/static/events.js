// The events that a run waits for, and a form to send it one.

import { call, instance } from "./api.js";
import { ask, tell } from "./dialogs.js";
import { CLOSED, h, pill, replace, time } from "./dom.js";
import { schemaForm } from "./form.js";

/** Return {element, update(run)}; `types` are the schemas of the payloads, by the events' types. */
export function eventsPanel(workflow, id, types, graph, runOf) {
  const path = `${instance(workflow, id)}/events`;
  const names = Object.keys(types);
  const list = h("ul", { class: "happened" });
  const send = h("button", { type: "button", data: { verb: "send-event" }, onclick: () => sendDialog(path, types, runOf().steps.filter((each) => each.status === "waiting").map(eventOf).find(Boolean)) }, "Send an event");
  const eventOf = (step) => graph.eventOf(step.key);
  const element = h("section", { class: "panel", "aria-label": "Events", hidden: !names.length },
    h("div", { class: "panel-head" }, h("h2", {}, "Events"), send), list);
  return { element, update: (run) => { send.hidden = CLOSED.has(run.status); replace(list, names.map((name) => line(name, run.steps.filter((each) => eventOf(each) === name)))); } };
}

function line(name, waits) {
  return h("li", {}, h("code", {}, name), waits.length ? waits.map((each) => [pill(each.status), h("span", { class: "dim" }, each.key, " since ", time(each.startedAt))])
    : h("span", { class: "dim" }, "not waited for yet; one that is sent now is kept"));
}

function sendDialog(path, types, waiting) {
  const type = h("select", { name: "type" }, Object.keys(types).map((name) => h("option", { value: name }, name)));
  if (waiting) type.value = waiting;
  const holder = h("div", {});
  let form = null;
  const draw = () => {
    form = schemaForm(types[type.value], "payload");
    replace(holder, types[type.value].type === "null" ? h("p", { class: "dim" }, "It carries nothing.") : form.element);
  };
  type.addEventListener("change", draw);
  draw();
  ask({ title: "Send an event", confirm: "Send", wide: true,
    body: [h("label", { class: "field" }, h("span", { class: "name" }, "type"), type), holder,
      h("p", { class: "dim" }, "An event that comes before the run waits for it is kept.")],
    onFields: (fields) => form.mark(fields),
    act: async () => {
      form.mark([]);
      await call("POST", `${path}/${encodeURIComponent(type.value)}`, { payload: form.value() ?? null });
      tell("Sent");
    } });
}
