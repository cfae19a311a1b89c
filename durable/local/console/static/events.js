// The events that a run waits for, and a form to send it one: beside what waits, and for those that may come early.

import { call, instance } from "./api.js";
import { ask, tell } from "./dialogs.js";
import { CLOSED, h, moment, pill, replace, time } from "./dom.js";
import { schemaForm } from "./form.js";
import { icon } from "./icons.js";

/** Return {asked, element, update(run), button(type)}; `types` are the schemas of the payloads, by the events' types. */
export function eventsPanel(workflow, id, types, graph) {
  const path = `${instance(workflow, id)}/events`;
  const names = Object.keys(types);
  const list = h("ul", { class: "happened" });
  const asked = h("ul", { class: "asked", "aria-label": "Waits for", hidden: true });
  const button = (type, kind = "primary") => h("button", { type: "button", class: kind, data: { verb: "send-event" },
    onclick: () => sendDialog(path, types, type) }, icon("event"), type ? `Send ${type}` : "Send an event");
  const send = button(null, "");
  const element = h("section", { class: "panel", "aria-label": "Events", hidden: !names.length }, h("div", { class: "panel-head" }, h("h2", {}, "Events"), send), list);
  const update = (run) => {
    const waits = run.steps.filter((each) => each.eventType);
    send.hidden = CLOSED.has(run.status);
    asked.hidden = !waits.length;
    replace(asked, waits.map((each) => h("li", {}, icon("waiting"), h("span", {}, h("code", {}, each.key), " waits for the event ", h("code", {}, each.eventType),
      each.wakeAt && h("span", { class: "dim" }, ` until ${moment(each.wakeAt)}`)), button(each.eventType))));
    replace(list, names.map((name) => line(name, run.steps.filter((each) => graph.eventOf(each.key) === name))));
  };
  return { asked, element, update, button };
}

function line(name, waits) {
  return h("li", {}, h("code", {}, name), waits.length ? waits.map((each) => [pill(each.status), h("span", { class: "dim" }, each.key, " since ", time(each.startedAt))])
    : h("span", { class: "dim" }, "not waited for yet; one that is sent now is kept"));
}

function sendDialog(path, types, wanted) {
  const names = Object.keys(types);
  const type = h("select", { name: "type", "aria-label": "type" }, names.map((name) => h("option", { value: name }, name)));
  if (wanted) type.value = wanted;
  const holder = h("div", {});
  let form = null;
  const draw = () => {
    form = schemaForm(types[type.value], "payload");
    replace(holder, types[type.value].type === "null" ? h("p", { class: "dim" }, "It carries nothing.") : form.element);
  };
  type.addEventListener("change", draw);
  draw();
  ask({ title: wanted ? `Send ${wanted}` : "Send an event", confirm: "Send", wide: true,
    body: [!wanted && h("label", { class: "field" }, h("span", { class: "name" }, "type"), type), holder,
      !wanted && h("p", { class: "dim" }, "An event that comes before the run waits for it is kept.")],
    onFields: (fields) => form.mark(fields),
    act: async () => {
      form.mark([]);
      await call("POST", `${path}/${encodeURIComponent(type.value)}`, { payload: form.value() ?? null });
      tell("Sent");
    } });
}
