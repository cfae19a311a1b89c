// What happened to a run since it began, and a form to send it an event.

import { Refused, call, get, instance, query } from "./api.js";
import { ask, tell } from "./dialogs.js";
import { CLOSED, h, json, replace, time } from "./dom.js";

const MOST_SHOWN = 200;

export function eventsPanel(workflow, id, runOf, signal) {
  const path = `${instance(workflow, id)}/events`;
  const list = h("ol", { class: "happened" });
  const send = h("button", { type: "button", data: { verb: "send-event" }, onclick: () => sendDialog(path, runOf()) }, "Send an event");
  const element = h("section", { class: "panel", "aria-label": "Events" }, h("div", { class: "panel-head" }, h("h2", {}, "Events"), send), list);
  let cursor = "";
  let asking = false;
  async function more() {
    if (asking) return;
    asking = true;
    try {
      for (;;) {
        const page = await get(path + query({ after: cursor }), signal);
        for (const each of page.events) list.prepend(line(each));
        while (list.childElementCount > MOST_SHOWN) list.lastElementChild.remove();
        if (!page.cursor || page.cursor === cursor || !page.events.length) break;
        cursor = page.cursor;
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    } finally {
      asking = false;
    }
    if (!list.childElementCount) replace(list, h("li", { class: "dim" }, "Nothing yet."));
  }
  return { element, update: (run) => { send.hidden = CLOSED.has(run.status); more(); } };
}

function line(event) {
  const { type, at, time: when, name, step, ...rest } = event;
  const moment = at ?? when;
  const more = Object.keys(rest).filter((each) => !["id", "cursor"].includes(each));
  return h("li", {}, moment ? h("span", { class: "dim" }, time(typeof moment === "number" ? new Date(moment).toISOString() : moment)) : null,
    h("b", {}, type ?? name ?? "event"), step ?? (type ? name : null) ? h("code", {}, step ?? name) : null,
    more.length ? h("details", {}, h("summary", {}, "data"), json(Object.fromEntries(more.map((each) => [each, rest[each]])))) : null);
}

function sendDialog(path, run) {
  const waiting = run.steps.filter((each) => each.status === "waiting" && (each.type ?? each.eventType));
  const type = h("input", { required: true, value: waiting[0]?.type ?? waiting[0]?.eventType ?? "", placeholder: "approval", autocomplete: "off", name: "type" });
  const payload = h("textarea", { rows: 6, class: "raw", spellcheck: false, value: "{}", name: "payload" });
  ask({ title: "Send an event", confirm: "Send", wide: true,
    body: [h("label", { class: "field" }, h("span", { class: "name" }, "type"), type, h("small", {}, "What wait_for_event(…, type=…) names. An event that comes early is kept.")),
      h("label", { class: "field" }, h("span", { class: "name" }, "payload"), payload, h("small", {}, "JSON"))],
    act: async () => {
      let value;
      try { value = JSON.parse(payload.value || "null"); } catch (error) { throw new Error(`The payload is no JSON: ${error.message}`); }
      await call("POST", `${path}/${encodeURIComponent(type.value)}`, { payload: value });
      tell("Sent");
    } });
}
