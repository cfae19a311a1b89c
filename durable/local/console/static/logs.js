// What the steps of a run logged, as it comes.

import { get, poll, query } from "./api.js";
import { clock, h, replace } from "./dom.js";

const MOST = 2000;

/** Return {element, of(key)}: a panel with the lines of a run, and those of one step. */
export function logsPanel(workflow, id, signal, onLines) {
  const lines = [];
  const list = h("ol", { class: "loglines", tabIndex: 0 });
  const note = h("span", { class: "dim" });
  const element = h("section", { class: "panel", "aria-label": "Logs", hidden: true }, h("div", { class: "panel-head" }, h("h2", {}, "Logs"), note), list);
  let after;
  poll(signal, async () => {
    const page = await get(`/api/console/logs${query({ workflow, id, after: after === undefined ? "" : String(after) })}`, signal);
    after = page.cursor;
    if (!page.lines.length) return 1000;
    lines.push(...page.lines);
    lines.splice(0, Math.max(0, lines.length - MOST));
    element.hidden = false;
    note.textContent = lines.length >= MOST ? `the last ${MOST.toLocaleString()} lines` : "";
    const below = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    replace(list, lines.map((each) => line(each, true)));
    if (below) list.scrollTop = list.scrollHeight;
    onLines();
    return page.lines.length < MOST / 2 ? 1000 : 0;
  });
  return { element, of: (key) => lines.filter((each) => each.key === key) };
}

/** Return the lines of a step as a list. */
export const logLines = (lines) => h("ol", { class: "loglines", tabIndex: 0 }, lines.map((each) => line(each, false)));

function line({ at, key, attempt, level, text }, named) {
  return h("li", { class: `l-${level}` }, h("time", { dateTime: at }, clock(at)), named && h("code", {}, key), attempt > 1 ? h("span", { class: "dim" }, `attempt ${attempt}`) : null, level === "info" ? null : h("b", {}, level), h("span", {}, text));
}
