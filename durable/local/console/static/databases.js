// The databases of the project, read only: their tables, and the rows of one.

import { get, query } from "./api.js";
import { h, replace } from "./dom.js";
import { icon } from "./icons.js";

const PAGE = 100;

export async function databasesView(root, { name, table }, signal) {
  document.title = "Databases · Durable";
  const { databases } = await get("/api/console/databases", signal);
  root.append(h("h1", {}, "Databases"));
  if (!databases.length) return void root.append(h("p", { class: "empty" }, "app.py declares no Database."));
  const chosen = name ?? databases[0].name;
  const path = `/api/console/databases/${encodeURIComponent(chosen)}`;
  const { tables } = await get(path, signal);
  const shown = table ?? (tables.find((each) => !each.name.startsWith("durable_")) ?? tables[0])?.name;
  const href = (...parts) => `#/databases/${parts.map(encodeURIComponent).join("/")}`;
  root.append(h("nav", { class: "chips", "aria-label": "Databases" }, databases.map((each) => h("a", { class: "chip", href: href(each.name), "aria-current": each.name === chosen ? "page" : null }, icon("database"), each.name))));
  if (!shown) return void root.append(h("p", { class: "dim" }, "It has no table."));
  root.append(h("nav", { class: "chips", "aria-label": "Tables" }, tables.map((each) => h("a", { class: "chip", href: href(chosen, each.name), "aria-current": each.name === shown ? "page" : null }, each.name))));
  const holder = h("section", { class: "panel", "aria-label": shown });
  root.append(holder);
  const description = tables.find((each) => each.name === shown);
  const draw = async (offset) => {
    const page = await get(`${path}/tables/${encodeURIComponent(shown)}${query({ offset: String(offset) })}`, signal);
    replace(holder, rowsTable(description, page), pager(page, offset, draw));
  };
  await draw(0);
}

function rowsTable({ columns = [], key = [] } = {}, page) {
  const types = new Map(columns.map((each) => [each.name, each.type]));
  const head = h("tr", {}, page.columns.map((each) => h("th", { scope: "col" }, key.includes(each) && icon("key"), each, h("small", {}, types.get(each) ?? ""))));
  const cell = (value) => h("td", { class: value === null ? "dim" : typeof value === "number" ? "number" : "" }, value === null ? "null" : String(value));
  return h("div", { class: "table", tabIndex: 0, role: "region", "aria-label": "Rows" }, h("table", {}, h("thead", {}, head), h("tbody", {}, page.rows.map((row) => h("tr", {}, row.map(cell))))));
}

function pager(page, offset, draw) {
  const step = (to, words, off) => h("button", { type: "button", disabled: off, onclick: () => draw(to) }, words);
  const last = offset + page.rows.length;
  return h("div", { class: "pager" }, h("span", { class: "dim", role: "status" }, page.rows.length ? `Rows ${(offset + 1).toLocaleString()} to ${last.toLocaleString()}${page.more ? "; there are more" : ""}` : "No rows."),
    step(Math.max(0, offset - PAGE), "Before", offset === 0), step(offset + PAGE, "Next", !page.more));
}
