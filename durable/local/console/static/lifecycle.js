// What can be done with a run, each asked about before it is done.

import { call, get, instance } from "./api.js";
import { ask, tell } from "./dialogs.js";
import { CLOSED, h } from "./dom.js";
import { icon } from "./icons.js";
import { startDialog } from "./start.js";

const PAUSABLE = new Set(["queued", "running", "waiting"]);

/** Return the buttons for a run's status. */
export function verbs(workflow, run) {
  const path = `${instance(workflow, run.id)}/status`;
  const { status } = run;
  const patch = (body) => call("PATCH", path, body);
  const closed = CLOSED.has(status);
  return [
    PAUSABLE.has(status) && button("Pause", () => ask({ title: "Pause this run?", confirm: "Pause",
      body: [note("The step that is under way is let finish; then nothing more is begun until you resume.")],
      act: () => done(patch({ status: "pause" }), "Pausing") })),
    (status === "paused" || status === "waitingForPause") && button("Resume", () => resume(patch), "primary"),
    status === "errored" && button("Retry", () => ask({ title: "Retry this run?", confirm: "Retry",
      body: [note("It goes on with the code of now, from the step that failed. Steps that are complete do not run again.")],
      act: () => done(patch({ status: "retry" }), "Retrying") }), "primary"),
    button("Restart", () => restart(patch, run)),
    run.params !== null && button("Edit and start", () => again(workflow, run), "", "again"),
    !closed && button("Terminate", () => terminate(patch), "danger-quiet"),
    closed && button("Delete", () => ask({ title: "Delete this run?", confirm: "Delete", danger: true,
      body: [note("Its record goes: input, output, steps and events. What its steps did stays done.")],
      act: async () => {
        await done(call("DELETE", instance(workflow, run.id)), "Deleted");
        location.hash = `#/workflows/${encodeURIComponent(workflow)}`;
      } }), "danger-quiet"),
  ];
}

function button(name, onclick, kind = "", verb = name.toLowerCase()) {
  return h("button", { type: "button", class: kind, data: { verb }, onclick }, icon(verb === "again" ? "edit" : verb), name);
}

/** Start another run with this one's input, which the form shows. */
async function again(workflow, run) {
  const { workflows } = await get("/api/workflows");
  startDialog(workflows.find((each) => each.name === workflow), run.params);
}

/** Return a button that restarts a run at one round of a step; null while it executes, which refuses that. */
export function restartHere(workflow, run, step) {
  if (!CLOSED.has(run.status) && run.status !== "paused") return null;
  const count = run.steps.filter((each) => each.name === step.name).findIndex((each) => each.key === step.key) + 1;
  return h("button", { type: "button", data: { verb: "restart-here" }, onclick: () => ask({ title: `Restart from ${step.key}?`, confirm: "Restart",
    body: [note("What came before it is kept; it and what was begun after it run again, on the code of now.")],
    act: () => done(call("PATCH", `${instance(workflow, run.id)}/status`, { status: "restart", from: { name: step.name, count } }), "Restarting") }) },
  icon("restart"), "Restart from here");
}

/** Return a button that gives a step a result, with which the run goes on; null where that cannot be. */
export function resultHere(workflow, run, step) {
  if ((!CLOSED.has(run.status) && run.status !== "paused") || step.sensitive || step.eventType !== null) return null;
  const failedAt = run.status === "errored" && step.status === "errored" && run.error?.step === step.name;
  return h("button", { type: "button", data: { verb: "result-here" }, onclick: () => giveResult(workflow, run, step, failedAt) },
    icon("edit"), "Set the result");
}

function giveResult(workflow, run, step, failedAt) {
  const text = h("textarea", { rows: 8, spellcheck: false, "aria-label": "Result", class: "raw" });
  text.value = JSON.stringify(step.output ?? null, null, 2);
  const count = run.steps.filter((each) => each.name === step.name).findIndex((each) => each.key === step.key) + 1;
  const how = failedAt ? { status: "retry" } : { status: "restart", from: { name: step.name, count } };
  ask({ title: `Set the result of ${step.key}?`, confirm: failedAt ? "Retry" : "Restart",
    body: [note(failedAt ? "The run goes on as if the step had returned this. The step does not run; what is complete stays so."
      : "The run goes on as if the step had returned this. The step does not run; what was begun after it runs again."),
    h("label", { class: "field" }, h("span", { class: "name" }, "Result, as JSON"), text)],
    act: () => done(call("PATCH", `${instance(workflow, run.id)}/status`, { ...how, result: parsed(text.value) }), "Going on") });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}`);
  }
}

const note = (text) => h("p", {}, text);

async function done(doing, said) {
  await doing;
  tell(said);
}

function resume(patch) {
  const latest = h("input", { type: "checkbox" });
  ask({ title: "Resume this run?", confirm: "Resume",
    body: [note("It goes on where it was paused."), h("label", { class: "check field" }, latest, "Go on with the code of now, should the workflow have changed")],
    act: () => done(patch({ status: "resume", ...(latest.checked ? { code: "latest" } : {}) }), "Resuming") });
}

function terminate(patch) {
  const rollback = h("input", { type: "checkbox" });
  ask({ title: "Terminate this run?", confirm: "Terminate", danger: true,
    body: [note("It ends, and no further step is begun. A step that is under way cannot be called back."),
      h("label", { class: "check field" }, rollback, "Undo the completed steps that can be undone, newest first")],
    act: () => done(patch({ status: "terminate", ...(rollback.checked ? { rollback: true } : {}) }), "Terminating") });
}

function restart(patch, run) {
  const from = h("select", { "aria-label": "From" }, h("option", { value: "" }, "from the beginning"),
    [...new Set(run.steps.map((each) => each.name))].map((name) => h("option", { value: name }, `from ${name}`)));
  ask({ title: "Restart this run?", confirm: "Restart", danger: !CLOSED.has(run.status),
    body: [note("It begins again with the same input, on the code of now. Started from a step, what came before that is kept."),
      h("label", { class: "field" }, h("span", { class: "name" }, "Begin"), from)],
    act: () => done(patch({ status: "restart", ...(from.value ? { from: from.value } : {}) }), "Restarting") });
}

