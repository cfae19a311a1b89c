// A form generated from a JSON schema, as pydantic writes it; what has no field of its own is typed as JSON.

import { h, replace } from "./dom.js";
import { icon } from "./icons.js";

/** Return {element, value(), mark(errors)} for a schema, filled with a value; mark shows errors at their fields and returns the others. */
export function schemaForm(schema, root, given) {
  const fields = new Map();
  const context = { defs: schema.$defs ?? {}, fields };
  let editor = field(schema, root, context, { top: true, value: given });
  const holder = h("div", { class: "fields" }, editor.element);
  const asJson = h("textarea", { class: "raw", rows: 12, spellcheck: false, "aria-label": "input as JSON", hidden: true });
  const flip = h("button", { type: "button", class: "quiet" }, "Edit as JSON");
  flip.addEventListener("click", () => {
    if (asJson.hidden) asJson.value = JSON.stringify(editor.value() ?? null, null, 2);
    else {
      fields.clear();
      editor = field(schema, root, context, { top: true, value: parsed(asJson.value) });
      replace(holder, editor.element);
    }
    asJson.hidden = !asJson.hidden;
    holder.hidden = !asJson.hidden;
    flip.textContent = asJson.hidden ? "Edit as JSON" : "Edit as a form";
  });
  const fill = h("button", { type: "button", class: "quiet", hidden: example(schema, context) === undefined, onclick: () => {
    fields.clear();
    editor = field(schema, root, context, { top: true, value: example(schema, context) });
    replace(holder, editor.element);
    asJson.value = JSON.stringify(editor.value() ?? null, null, 2);
  } }, "Fill in the example");
  return {
    element: h("div", { class: "schema-form" }, h("div", { class: "tools" }, fill, flip), holder, asJson),
    value: () => (asJson.hidden ? editor.value() : parsed(asJson.value)),
    mark: (errors) => {
      for (const each of fields.values()) { each.hidden = true; each.textContent = ""; }
      return errors.filter(({ field: path, message }) => {
        const place = asJson.hidden ? fields.get(path) : null;
        if (place) { place.hidden = false; place.textContent = message; }
        return !place;
      });
    },
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}`);
  }
}

function resolved(schema, context) {
  if (schema.$ref) return { ...context.defs[schema.$ref.split("/").pop()], ...schema, $ref: undefined };
  if (schema.allOf?.length === 1) return { ...resolved(schema.allOf[0], context), ...schema, allOf: undefined };
  return schema;
}

/** Return a value made of a schema's examples and defaults; undefined where there is none. */
function example(given, context, depth = 0) {
  const schema = resolved(given, context);
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (schema.type !== "object" || !schema.properties || depth > 4) return undefined;
  const found = Object.entries(schema.properties).map(([name, each]) => [name, example(each, context, depth + 1)]);
  const known = found.filter(([, value]) => value !== undefined);
  return known.length ? Object.fromEntries(known) : undefined;
}

function field(given, path, context, { top = false, value, required = true } = {}) {
  const schema = resolved(given, context);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) {
    const real = choices.filter((each) => each.type !== "null");
    if (real.length === 1) {
      const inner = { ...schema, anyOf: undefined, oneOf: undefined, ...resolved(real[0], context) };
      inner.examples = schema.examples ?? inner.examples;
      return field(inner, path, context, { top, value, required: required && real.length === choices.length });
    }
    return rawField(schema, path, context, value);
  }
  if (schema.enum) return choiceField(schema, path, context, value, required);
  if (schema.type === "object" && schema.properties) return objectField(schema, path, context, value, top);
  if (schema.type === "array" && schema.items) return listField(schema, path, context, value);
  if (schema.type === "boolean") return switchField(schema, path, context, value);
  if (["string", "integer", "number"].includes(schema.type)) return textField(schema, path, context, value, required);
  return rawField(schema, path, context, value);
}

const KINDS = { email: "email", uri: "url", date: "date" };

function textField(schema, path, context, value, required) {
  const numeric = schema.type !== "string";
  const long = schema.type === "string" && !schema.format && (schema.maxLength ?? 0) > 400;
  const input = h(long ? "textarea" : "input", {
    value: value ?? schema.default ?? "",
    placeholder: schema.examples?.length ? String(schema.examples[0]) : "",
    autocomplete: "off",
    "aria-label": nameOf(path),
  });
  if (numeric) {
    input.type = "number";
    input.step = schema.type === "integer" ? "1" : "any";
    for (const [from, to] of [["minimum", "min"], ["maximum", "max"]]) if (schema[from] !== undefined) input[to] = schema[from];
  } else if (!long) input.type = KINDS[schema.format] ?? "text";
  if (required && numeric) input.required = true;
  return labelled(schema, path, context, required, input, () => {
    if (input.value === "") return required && !numeric ? "" : undefined;
    return numeric ? Number(input.value) : input.value;
  });
}

function choiceField(schema, path, context, value, required) {
  const select = h("select", { "aria-label": nameOf(path) }, required ? [] : h("option", { value: "" }, "—"),
    schema.enum.map((each) => h("option", { value: JSON.stringify(each) }, String(each))));
  const start = value ?? schema.default;
  if (start !== undefined && start !== null) select.value = JSON.stringify(start);
  return labelled(schema, path, context, required, select, () => (select.value ? JSON.parse(select.value) : undefined));
}

function switchField(schema, path, context, value) {
  const box = h("input", { type: "checkbox", checked: value ?? schema.default ?? false });
  const trouble = errorPlace(path, context);
  const element = h("label", { class: "field check" }, box, h("span", { class: "name" }, nameOf(path)), help(schema), trouble);
  return { element, value: () => box.checked };
}

function objectField(schema, path, context, value, top) {
  const required = new Set(schema.required ?? []);
  const parts = Object.entries(schema.properties).map(([name, each]) => [
    name,
    field(each, `${path}.${name}`, context, { value: value?.[name], required: required.has(name) }),
  ]);
  const inner = parts.map(([, each]) => each.element);
  const element = top ? h("div", { class: "fields" }, inner, errorPlace(path, context))
    : h("fieldset", {}, h("legend", {}, nameOf(path)), help(schema), inner, errorPlace(path, context));
  return {
    element,
    value: () => Object.fromEntries(parts.map(([name, each]) => [name, each.value()]).filter(([, each]) => each !== undefined)),
  };
}

function listField(schema, path, context, value) {
  const items = [];
  const place = h("div", { class: "items" });
  const add = (each) => {
    const entry = field(schema.items, `${path}.${items.length}`, context, { value: each });
    const row = h("div", { class: "item" }, entry.element, h("button", {
      type: "button", class: "quiet", "aria-label": "Remove", onclick: () => { items.splice(items.indexOf(entry), 1); row.remove(); },
    }, icon("close")));
    items.push(entry);
    place.append(row);
  };
  (value ?? schema.default ?? []).forEach(add);
  const element = h("fieldset", {}, h("legend", {}, nameOf(path)), help(schema), place,
    h("button", { type: "button", onclick: () => add(undefined) }, "Add"), errorPlace(path, context));
  return { element, value: () => items.map((each) => each.value()) };
}

function rawField(schema, path, context, value) {
  const start = value ?? schema.default ?? schema.examples?.[0];
  const area = h("textarea", { rows: 4, spellcheck: false, class: "raw", value: start === undefined ? "" : JSON.stringify(start, null, 2),
    placeholder: "JSON", "aria-label": nameOf(path) });
  return labelled(schema, path, context, false, area, () => (area.value.trim() ? parsed(area.value) : undefined));
}

function labelled(schema, path, context, required, input, value) {
  const element = h("label", { class: "field" },
    h("span", { class: "name" }, nameOf(path), required ? null : h("em", {}, "optional")), input, help(schema), errorPlace(path, context));
  return { element, value };
}

const nameOf = (path) => path.split(".").pop();
const help = (schema) => (schema.description ? h("small", {}, schema.description) : null);

function errorPlace(path, context) {
  const place = h("span", { class: "field-error", hidden: true });
  context.fields.set(path, place);
  return place;
}
