// What happened to a run, the latest first: asked for as it changes, each time only what is new.

import { get, instance, query } from "./api.js";
import { clock, h, mark } from "./dom.js";

const MOST = 300;

const STEP = {
  stepStarted: ["queued", "began"], attemptFailed: ["errored", "failed"], stepComplete: ["complete", "complete"],
  stepErrored: ["errored", "failed for good"], stepUndone: ["undone", "undone"],
};
const RUN = { created: "queued", paused: "paused", terminated: "terminated", complete: "complete", errored: "errored" };

/** Return {element, update(), left()}: `left` asks for what was not told yet, if there is any. */
export function historyPanel(workflow, id, signal) {
  const list = h("ul", { class: "happened" });
  const element = h("section", { class: "panel", "aria-label": "History" }, h("h2", {}, "History"), list);
  let after;
  let more = false;
  let asking = Promise.resolve();
  const ask = async () => {
    more = true;
    const told = await get(`${instance(workflow, id)}/events${query({ after })}`, signal);
    ({ cursor: after, more } = told);
    list.prepend(...told.events.map(line).reverse());
    while (list.childElementCount > MOST) list.lastChild.remove();
  };
  const update = () => { asking = asking.catch(() => {}).then(ask); return asking; };
  return { element, update, left: () => (more ? update() : undefined) };
}

function line(event) {
  const [status, did] = STEP[event.type] ?? [RUN[event.type] ?? "running", event.type];
  const attempt = event.attempt > 1 && did !== "complete" ? ` · attempt ${event.attempt}` : "";
  return h("li", {}, h("time", { class: "dim", dateTime: event.at, title: new Date(event.at).toLocaleString() }, clock(event.at)),
    h("span", { class: `part s-${status}` }, mark(status), event.key ? h("code", {}, event.key) : "the run"),
    h("span", {}, did, h("span", { class: "dim" }, attempt)),
    event.error && h("span", { class: "dim" }, event.error.name));
}
