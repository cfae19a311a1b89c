// What is done with several runs at once: those that are picked, or all that fit the filters.

import { call, instance } from "./api.js";
import { ask, tell } from "./dialogs.js";
import { h, replace } from "./dom.js";
import { icon } from "./icons.js";

const AT_ONCE = 8;
const MOST_REASONS = 5;
const VERBS = [
  ["pause", "Pause", "Each pauses once the step that is under way has ended."],
  ["resume", "Resume", "Those that are paused go on."],
  ["retry", "Retry", "Those that failed go on from the step that failed, with the code of now."],
  ["restart", "Restart", "Each begins again with its input, on the code of now."],
  ["terminate", "Terminate", "Each ends, and no further step is begun."],
  ["delete", "Delete", "Their records go: input, output, steps and events. What their steps did stays done."],
];

/** Return {element, update(picked)}: a bar that is there while runs are picked. */
export function bulkBar(list, refresh) {
  const words = h("b", {});
  const every = h("button", { type: "button", class: "quiet", onclick: async () => {
    every.disabled = true;
    try { list.pick(await list.all((found) => { words.textContent = `${found.toLocaleString()} …`; })); } finally { every.disabled = false; }
    list.draw();
  } }, "Choose all that fit");
  const clear = h("button", { type: "button", class: "quiet", onclick: () => { list.pick([]); list.draw(); } }, "Choose none");
  const buttons = VERBS.map(([verb, name, says]) => h("button", { type: "button", data: { bulk: verb }, class: verb === "delete" || verb === "terminate" ? "danger-quiet" : "",
    onclick: () => askAll(list, verb, name, says, refresh) }, icon(verb), name));
  const element = h("div", { class: "bulk", role: "group", "aria-label": "What to do with the chosen runs", hidden: true }, words, buttons, h("span", { class: "gap" }), every, clear);
  return { element, update: (picked) => {
    element.hidden = !picked.size;
    words.textContent = `${picked.size.toLocaleString()} chosen`;
  } };
}

function askAll(list, verb, name, says, refresh) {
  const ids = [...list.picked];
  const rollback = h("input", { type: "checkbox" });
  const bar = h("progress", { max: ids.length, value: 0, hidden: true, "aria-label": "How far it is" });
  const come = h("div", { class: "outcome", role: "status" });
  const stop = new AbortController();
  const dialog = ask({
    title: `${name} ${ids.length === 1 ? "1 run" : `${ids.length.toLocaleString()} runs`}?`,
    confirm: name,
    danger: verb === "delete" || verb === "terminate",
    body: [h("p", {}, says), verb === "terminate" && h("label", { class: "check field" }, rollback, "Undo the completed steps that can be undone, newest first"), bar, come],
    act: async () => {
      bar.hidden = false;
      const refused = await doAll(ids, (id) => one(list.workflow, id, verb, rollback.checked), stop.signal, (done) => { bar.value = done; });
      refresh();
      list.pick([]);
      list.draw();
      if (!refused.size) return tell(`${name}: ${ids.length.toLocaleString()} done`);
      const lines = [...refused].sort(([, a], [, b]) => b - a).slice(0, MOST_REASONS);
      replace(come, h("ul", { class: "happened" }, lines.map(([why, number]) => h("li", {}, h("b", {}, number.toLocaleString()), h("span", {}, why)))));
      throw new Error(`${[...refused.values()].reduce((sum, each) => sum + each, 0).toLocaleString()} of ${ids.length.toLocaleString()} were refused.`);
    },
  });
  dialog.addEventListener("close", () => stop.abort());
}

function one(workflow, id, verb, rollback) {
  const path = instance(workflow, id);
  if (verb === "delete") return call("DELETE", path);
  return call("PATCH", `${path}/status`, { status: verb, ...(rollback ? { rollback: true } : {}) });
}

/** Do it with each, a few at once; return how many were refused, by why. */
async function doAll(ids, act, signal, onDone) {
  const left = [...ids].reverse();
  const refused = new Map();
  let done = 0;
  const work = async () => {
    while (left.length && !signal.aborted) {
      try {
        await act(left.pop());
      } catch (error) {
        refused.set(error.message, (refused.get(error.message) ?? 0) + 1);
      }
      done += 1;
      onDone(done);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return refused;
}
