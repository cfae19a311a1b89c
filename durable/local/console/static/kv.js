// The namespaces of the project: their keys and values, which can be changed and deleted.

import { call, get, query } from "./api.js";
import { contentsView } from "./contents.js";
import { ask, tell } from "./dialogs.js";
import { copyButton, h, json, moment, replace } from "./dom.js";
import { schemaForm } from "./form.js";
import { icon } from "./icons.js";

const KIND = { section: "kv", list: "namespaces", title: "KV namespaces", one: "value", none: "app.py declares no KVNamespace.", draw, add };

export const kvView = (root, parameters, signal) => contentsView(root, KIND, parameters, signal);

const value = (path, key) => `${path}/value${query({ key })}`;

async function draw(holder, path, key, again, store, signal) {
  const found = await get(value(path, key), signal);
  const remove = () => ask({ title: `Delete ${key}?`, confirm: "Delete", danger: true, body: [h("p", {}, "Steps that read it find nothing from then on.")],
    act: async () => { await call("DELETE", value(path, key)); tell("Deleted"); await again(null); } });
  replace(holder,
    h("div", { class: "panel-head" }, h("h2", { class: "key" }, key), copyButton(key, "Copy the key")),
    h("p", { class: "dim" }, found.expiresAt ? `Expires ${moment(found.expiresAt)}` : "Does not expire", found.version ? ` · version ${found.version}` : ""),
    found.hidden ? h("p", { class: "dim" }, "It may hold a secret, and is shown nowhere.") : json(found.value),
    h("div", { class: "verbs" },
      !found.hidden && h("button", { type: "button", data: { verb: "edit" }, onclick: () => edit(path, store, again, key, found) }, icon("edit"), "Edit"),
      h("button", { type: "button", class: "danger-quiet", data: { verb: "delete" }, onclick: remove }, icon("trash"), "Delete")));
}

function add(path, again, store) {
  return h("button", { type: "button", data: { shortcut: "s", verb: "add" }, onclick: () => edit(path, store, again) }, icon("plus"), "Put a value");
}

/** Ask for a value and write it; one that was read is replaced only where nothing else has changed it since. */
function edit(path, store, again, key, found) {
  const form = schemaForm(store.schema, "value", found?.value);
  const name = h("input", { name: "key", value: key ?? "", required: true, disabled: key !== undefined, autocomplete: "off", "aria-label": "key" });
  const ttl = h("input", { name: "ttl", placeholder: "does not expire", autocomplete: "off" });
  ask({ title: key === undefined ? `Put a value into ${store.name}` : `Change ${key}`, confirm: "Put", wide: true,
    body: [h("label", { class: "field" }, h("span", { class: "name" }, "key"), name), form.element,
      h("label", { class: "field" }, h("span", { class: "name" }, "time to live", h("em", {}, "optional")), ttl, h("small", {}, "As 1 hour, 7 days."))],
    onFields: form.mark,
    act: async () => {
      await call("PUT", value(path, name.value), { value: form.value() ?? null, ttl: ttl.value || null, version: found?.version || null });
      tell("Put");
      await again(name.value);
    } });
}
