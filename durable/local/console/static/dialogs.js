// Dialogs that ask before something is done, and short notices.

import { h, replace } from "./dom.js";

export function tell(text, kind = "good") {
  const toast = h("div", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), kind === "bad" ? 9000 : 4000);
}

/**
 * Open a dialog with a form. `act` is called when it is confirmed; while it throws, the dialog stays and says why.
 * Fields that the server named are handed to `onFields`.
 */
export function ask({ title, body = [], confirm, danger = false, wide = false, act, onFields = null }) {
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const yes = h("button", { class: danger ? "danger" : "primary", type: "submit" }, confirm);
  const close = () => { dialog.close(); dialog.remove(); };
  const form = h("form", {
    method: "dialog",
    onsubmit: async (event) => {
      event.preventDefault();
      yes.disabled = true;
      trouble.hidden = true;
      try {
        await act();
        close();
      } catch (error) {
        const fields = error.fields ?? [];
        const left = onFields ? onFields(fields) : fields;
        replace(trouble, error.message, ...left.map((each) => h("span", { class: "field-error" }, `${each.field}: ${each.message}`)));
        trouble.hidden = false;
      } finally {
        yes.disabled = false;
      }
    },
  }, h("h2", {}, title), body, trouble,
  h("div", { class: "actions" }, h("button", { type: "button", onclick: close }, "Cancel"), yes));
  const dialog = h("dialog", { class: wide ? "wide" : "", oncancel: () => setTimeout(() => dialog.remove()) }, form);
  dialog.setAttribute("aria-label", title);
  document.body.append(dialog);
  dialog.showModal();
  (form.querySelector("input:not([type=checkbox]):not([disabled]), select, textarea:not([hidden])") ?? yes).focus();
  return dialog;
}

const KEYS = [
  ["1 … 9", "the sections"], ["/", "search"], ["s", "start a run"], ["j k", "next and previous run"], ["x", "choose a run, for several at once"],
  ["Enter", "open"], ["u, Esc", "up"], ["f", "to the filter by status"], ["+ − 0", "zoom of the graph, and fit"], ["↑ ↓", "in the graph, from step to step"],
  ["t", "light or dark"], ["Tab", "through everything"], ["?", "this list"],
];

export function helpDialog() {
  const dialog = h("dialog", { oncancel: () => setTimeout(() => dialog.remove()) },
    h("h2", {}, "Keys"),
    h("dl", { class: "keys" }, KEYS.map(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)])),
    h("div", { class: "actions" }, h("button", { onclick: () => { dialog.close(); dialog.remove(); } }, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}
