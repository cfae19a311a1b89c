// The dialog that starts a run.

import { call, instances } from "./api.js";
import { ask, tell } from "./dialogs.js";
import { h } from "./dom.js";
import { schemaForm } from "./form.js";

/** Ask for the input of a run and start it; `given` is what the form begins with. */
export function startDialog(workflow, given) {
  const form = schemaForm(workflow.params ?? {}, "params", given);
  const id = h("input", { name: "id", pattern: "[A-Za-z0-9_\\-]{1,64}", placeholder: "drawn at random", autocomplete: "off" });
  ask({
    title: `Start ${workflow.name}`,
    wide: true,
    confirm: "Start",
    body: [form.element, h("label", { class: "field" }, h("span", { class: "name" }, "id", h("em", {}, "optional")), id,
      h("small", {}, "Up to 64 of A–Z a–z 0–9 _ -. The same id with the same input is the same run."))],
    onFields: form.mark,
    act: async () => {
      form.mark([]);
      const body = { params: form.value(), ...(id.value ? { id: id.value } : {}) };
      const made = await call("POST", instances(workflow.name), body);
      tell(`Started ${made.id}`);
      location.hash = `#/workflows/${encodeURIComponent(workflow.name)}/runs/${encodeURIComponent(made.id)}`;
    },
  });
}
