// The buckets of the project: their objects, shown where they are text, saved, uploaded and deleted.

import { call, get, query, send } from "./api.js";
import { contentsView } from "./contents.js";
import { ask, tell } from "./dialogs.js";
import { bytes, copyButton, h, json, replace } from "./dom.js";
import { icon } from "./icons.js";

const KIND = { section: "buckets", list: "buckets", title: "Buckets", one: "object", none: "app.py declares no Bucket.", draw, add };

export const bucketsView = (root, parameters, signal) => contentsView(root, KIND, parameters, signal);

const object = (path, key) => `${path}/object${query({ key })}`;

async function draw(holder, path, key, again, _, signal) {
  const found = await get(object(path, key), signal);
  const remove = () => ask({ title: `Delete ${key}?`, confirm: "Delete", danger: true, body: [h("p", {}, "Steps that read it find nothing from then on.")],
    act: async () => { await call("DELETE", object(path, key)); tell("Deleted"); await again(null); } });
  replace(holder,
    h("div", { class: "panel-head" }, h("h2", { class: "key" }, key), copyButton(key, "Copy the key")),
    h("p", { class: "dim" }, bytes(found.bytes)),
    found.text === null ? h("p", { class: "dim" }, "It is no text, or too long to be shown.") : shownAs(found.text),
    h("div", { class: "verbs" },
      h("a", { class: "button", href: `${path}/file${query({ key })}`, download: key.split("/").pop() }, icon("break"), "Save"),
      h("button", { type: "button", class: "danger-quiet", data: { verb: "delete" }, onclick: remove }, icon("trash"), "Delete")));
}

function shownAs(text) {
  try { return json(JSON.parse(text)); } catch { return h("pre", { class: "json", tabIndex: 0 }, text); }
}

function add(path, again, store) {
  return h("button", { type: "button", data: { shortcut: "s", verb: "add" }, onclick: () => {
    const file = h("input", { type: "file", required: true, "aria-label": "File" });
    const key = h("input", { name: "key", placeholder: "the file's name", autocomplete: "off", "aria-label": "key" });
    ask({ title: `Upload into ${store.name}`, confirm: "Upload",
      body: [h("label", { class: "field" }, h("span", { class: "name" }, "file"), file), h("label", { class: "field" }, h("span", { class: "name" }, "key", h("em", {}, "optional")), key)],
      act: async () => {
        const [chosen] = file.files;
        const name = key.value || chosen.name;
        await send("PUT", object(path, name), chosen);
        tell("Uploaded");
        await again(name);
      } });
  } }, icon("plus"), "Upload");
}
