// What a list of runs is filtered by: the beginning of an id, a search attribute, a time, a status.

import { query } from "./api.js";
import { STATUSES, capped, count, h, replace, word } from "./dom.js";
import { icon } from "./icons.js";

const NAMES = ["status", "where", "prefix", "since", "until"];
const SPANS = [["", "any time"], ["3600", "last hour"], ["86400", "last day"], ["604800", "last week"], ["between", "between …"]];

/** Return the filters that an address names. */
export const filtersOf = (search) => Object.fromEntries(NAMES.map((name) => [name, search.get(name) ?? ""]));

/** Return whether anything but the status is filtered by: the counts by status are of all runs then, not of these. */
const narrows = ({ where, prefix, since, until }) => Boolean(where || prefix || since || until);

/** Return {element, chips, update(counts)}; `apply(filters)` hears each change, and the address keeps it. */
export function filterBar(workflow, attributes, filters, apply, open) {
  let now = filters;
  let counts = {};
  const change = (what) => {
    now = { ...now, ...what };
    history.replaceState(null, "", `#/workflows/${encodeURIComponent(workflow)}${query(now)}`);
    draw();
    apply(now);
  };
  const find = h("input", { type: "search", placeholder: "Find by the beginning of an id", "aria-label": "Search by id", data: { shortcut: "/" },
    spellcheck: false, autocomplete: "off", value: now.prefix, oninput: () => change({ prefix: find.value.trim() }),
    onkeydown: (event) => { if (event.key === "Enter") open(); } });
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Filter by status" });
  const draw = () => drawChips(chips, counts, now, (status) => change({ status }));
  return {
    element: h("div", { class: "filters" }, h("span", { class: "find" }, icon("search"), find),
      attributes.length ? attributeFilter(attributes, now.where, (where) => change({ where })) : null, timeFilter(now, change)),
    chips,
    update: (fresh) => { counts = fresh; draw(); },
  };
}

function drawChips(chips, counts, filters, choose) {
  const focused = document.activeElement?.dataset?.chip;
  const numbers = !narrows(filters);
  const known = Object.values(counts);
  const total = count(known.reduce((sum, each) => sum + each, 0), known.some(capped));
  const chip = (status, name, number) => h("button", {
    type: "button", class: `chip ${status ? `s-${status}` : ""}`, "aria-pressed": String(filters.status === status),
    data: { chip: status || "all", ...(status ? {} : { shortcut: "f", focus: "yes" }) },
    onclick: () => choose(status),
  }, name, numbers && h("b", {}, number));
  replace(chips, chip("", "all", total), STATUSES.filter((status) => counts[status] || filters.status === status)
    .map((status) => chip(status, word(status), count(counts[status] ?? 0, capped(counts[status] ?? 0)))));
  if (focused) chips.querySelector(`[data-chip="${CSS.escape(focused)}"]`)?.focus();
}

function attributeFilter(names, where, change) {
  const [first, ...rest] = where.split("=");
  const name = h("select", { "aria-label": "Search attribute" }, names.map((each) => h("option", { value: each }, each)));
  if (where) name.value = first;
  const value = h("input", { placeholder: "has the value …", "aria-label": "Value of the search attribute", spellcheck: false, autocomplete: "off", value: rest.join("=") });
  const say = () => change(value.value.trim() ? `${name.value}=${value.value.trim()}` : "");
  name.addEventListener("change", () => { if (value.value.trim()) say(); });
  value.addEventListener("change", say);
  return h("span", { class: "attribute" }, name, value);
}

function timeFilter({ since, until }, change) {
  const custom = Boolean(since || until);
  const local = (iso) => (iso ? new Date(Date.parse(iso) - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16) : "");
  const ends = [["since", "from"], ["until", "to"]].map(([name, label]) => h("label", {}, h("span", { class: "dim" }, label),
    h("input", { type: "datetime-local", "aria-label": `Changed ${label}`, value: local(name === "since" ? since : until),
      onchange: (event) => change({ [name]: event.target.value ? new Date(event.target.value).toISOString() : "" }) })));
  const between = h("span", { class: "between", hidden: !custom }, ends);
  const span = h("select", { "aria-label": "Changed when", onchange: () => {
    between.hidden = span.value !== "between";
    if (between.hidden) change({ since: span.value ? new Date(Date.now() - Number(span.value) * 1000).toISOString() : "", until: "" });
    else ends[0].querySelector("input").focus();
  } }, SPANS.map(([seconds, name]) => h("option", { value: seconds }, name)));
  if (custom) span.value = "between";
  return h("span", { class: "when" }, span, between);
}
