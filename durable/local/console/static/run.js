// One run: where it is, its graph, timeline, data and events, and what can be done with it.

import { get, instance, poll } from "./api.js";
import { CLOSED, copyButton, duration, h, json, moment, pill, replace, time, titled, tries } from "./dom.js";
import { eventsPanel } from "./events.js";
import { Graph } from "./graph.js";
import { historyPanel } from "./history.js";
import { icon } from "./icons.js";
import { restartHere, resultHere, verbs } from "./lifecycle.js";
import { logLines, logsPanel } from "./logs.js";
import { timeline } from "./timeline.js";
import { zoomable } from "./zoom.js";

export async function runView(root, { workflow, id }, signal) {
  document.title = `${id} · ${workflow}`;
  const path = instance(workflow, id);
  const [first, drawing] = await Promise.all([
    get(path, signal), get(`/api/console/graphs/${encodeURIComponent(workflow)}`, signal)]);
  const view = new RunView(workflow, id, drawing, signal);
  root.append(view.element);
  await view.update(first);
  await poll(signal, async () => {
    await view.update(await get(path, signal));
    return CLOSED.has(view.run.status) ? 2000 : 500;
  });
}

class RunView {
  constructor(workflow, id, { graph, events }, signal) {
    Object.assign(this, { workflow, id, signal, chosen: null, known: "", tracebacks: new Map(), folds: new Map() });
    this.status = h("span", { class: "status" });
    this.facts = h("p", { class: "dim facts" });
    this.actions = h("div", { class: "verbs", role: "group", "aria-label": "What to do with the run" });
    this.graph = new Graph(graph, (node) => this.choose(node));
    this.side = h("section", { class: "panel data", "aria-label": "Data" });
    this.times = h("section", { class: "panel", "aria-label": "Timeline" });
    this.events = eventsPanel(workflow, id, events, this.graph);
    const { tools, view } = zoomable(this.graph.element, signal);
    this.history = historyPanel(workflow, id, signal);
    this.logs = logsPanel(workflow, id, signal, () => this.chosen && this.drawSide());
    const list = `#/workflows/${encodeURIComponent(workflow)}`;
    this.element = h("div", { class: "run" },
      h("div", { class: "head" },
        h("div", {}, h("p", { class: "crumbs" }, h("a", { href: "#/" }, "Workflows"), " / ", h("a", { href: list }, workflow)),
          h("h1", { class: "run-id" }, h("span", {}, id), copyButton(id, "Copy the id")), h("p", { class: "state" }, this.status, this.facts)),
        this.actions), this.events.asked,
      h("div", { class: "columns" },
        h("section", { class: "panel graph-panel", "aria-label": "Graph" }, h("div", { class: "panel-head" }, h("h2", {}, "Graph"), tools), view), this.side),
      this.times, this.logs.element, this.events.element, this.history.element);
    const ticking = setInterval(() => this.run && this.tick(), 200);
    signal.addEventListener("abort", () => clearInterval(ticking));
  }

  async update(run) {
    this.run = run;
    const text = JSON.stringify(run);
    if (text === this.known) return this.history.left();
    this.known = text;
    if (run.error || run.steps.some((each) => each.error)) await this.trace();
    replace(this.status, pill(run.status));
    this.drawVerbs();
    this.graph.update(run);
    this.events.update(run);
    this.drawSide();
    this.drawTimes();
    this.tick();
    await this.history.update();
  }

  /** Draw what can be done now; whoever was there by keyboard stays there. */
  drawVerbs() {
    const was = document.activeElement;
    const verb = this.actions.contains(was) ? was.dataset.verb : null;
    replace(this.actions, verbs(this.workflow, this.run));
    if (verb !== null) (this.actions.querySelector(`[data-verb="${verb}"]`) ?? this.actions.querySelector("button"))?.focus();
  }

  /** Ask where the failed steps failed; only this machine knows. */
  async trace() {
    const path = `/api/console/tracebacks/${encodeURIComponent(this.workflow)}/${encodeURIComponent(this.id)}`;
    const { tracebacks } = await get(path, this.signal);
    this.tracebacks = new Map(tracebacks.map((each) => [each.key, each]));
  }

  tick() {
    const { run } = this;
    const end = CLOSED.has(run.status) ? Date.parse(run.updatedAt) : Date.now();
    const parts = [`started ${moment(run.createdAt)}`, `${CLOSED.has(run.status) ? "took" : "for"} ${duration(end - Date.parse(run.createdAt))}`];
    if (run.epoch > 1) parts.push(`restarted ${run.epoch - 1 === 1 ? "once" : `${run.epoch - 1} times`}`);
    const wakes = run.sleeps.map((each) => each.wakeAt).filter(Boolean).sort()[0];
    if (wakes && run.status === "waiting") parts.push(`wakes ${moment(wakes)}`);
    if (run.wanted) parts.push(`${run.wanted} once the step under way has ended`);
    const text = parts.join(" · ");
    if (this.facts.textContent !== text) this.facts.textContent = text;
    if (!CLOSED.has(run.status) && this.times.isConnected) this.moving?.(Date.now());
  }

  choose(node) {
    this.chosen = node;
    this.drawSide();
    if (matchMedia("(max-width: 900px)").matches && node) this.side.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  drawTimes() {
    const { element, move } = timeline(this.run, (key) => this.graph.waits(key), (key) => this.graph.choose(key));
    this.moving = move;
    replace(this.times, h("h2", {}, "Timeline"), element);
  }

  drawSide() {
    for (const each of this.side.querySelectorAll("details")) this.folds.set(each.dataset.name, each.open);
    replace(this.side, this.chosen ? this.stepSide(this.chosen) : this.runSide());
    for (const each of this.side.querySelectorAll("details")) each.open = this.folds.get(each.dataset.name) ?? each.open;
  }

  runSide() {
    const { run } = this;
    return [h("h2", {}, "Run"),
      run.error && failure(run.error),
      part("", "Input", json(run.params)),
      run.status === "complete" && part("", "Output", output(run)),
      run.rollback?.outcome && part("", "Rollback", rollback(run.rollback)),
      !run.error && run.status !== "complete" && h("p", { class: "dim" }, "Choose a step in the graph to see its data.")];
  }

  stepSide(node) {
    const rows = this.graph.rows(node);
    const close = h("button", { class: "quiet", type: "button", "aria-label": "Back to the run", onclick: () => this.graph.choose(null) }, icon("close"));
    return [h("div", { class: "panel-head" }, h("h2", {}, node.label), close),
      h("p", { class: "dim" }, [node.kind, node.detail].filter(Boolean).join(" · ")),
      rows.length ? rows.slice(0, 100).map((row) => (node.kind === "sleep" ? sleepPart(row) : this.stepPart(row, rows.length > 1)))
        : h("p", { class: "dim" }, node.kind === "sleep" ? "The run does not sleep here now." : "It has not begun."),
      rows.length > 100 && h("p", { class: "dim" }, `${rows.length - 100} more are not shown.`)];
  }

  stepPart(step, many) {
    const trace = this.tracebacks.get(step.key);
    const begun = tries(step);
    const took = step.finishedAt ? ` in ${duration(Date.parse(step.finishedAt) - Date.parse(step.startedAt))}` : "";
    const head = h("p", { class: "state" }, pill(step.status), many ? h("code", {}, step.key) : null, titled(step) === step.key ? null : h("span", {}, titled(step)),
      h("span", { class: "dim" }, `${begun === 1 ? "1 attempt" : `${begun} attempts`}${took}, began `, time(step.startedAt)));
    const data = [step.error && failure(step.error, trace, step.key),
      step.wakeAt && h("p", { class: "dim" }, step.status === "retrying" ? `The next attempt is at ${moment(step.wakeAt)}.` : `Waits until ${moment(step.wakeAt)} at the latest.`),
      step.sensitive && h("p", { class: "dim" }, "The step is marked sensitive: its data is shown nowhere."),
      step.input !== null && part(step.key, "Input", json(step.input), many),
      step.status === "complete" && !step.sensitive && part(step.key, "Output", output(step), many)];
    const logged = this.logs.of(step.key);
    if (logged.length) data.push(part(step.key, "Logs", logLines(logged), many));
    const acts = [step.eventType && this.events.button(step.eventType), restartHere(this.workflow, this.run, step), resultHere(this.workflow, this.run, step)].filter(Boolean);
    return h("div", { class: "step-part" }, head, data.filter(Boolean), acts.length ? h("div", { class: "verbs" }, acts) : null);
  }
}

function sleepPart(sleep) {
  return h("div", { class: "step-part" }, h("p", { class: "state" }, pill("sleeping"), h("span", { class: "dim" }, "since ", time(sleep.startedAt))),
    sleep.wakeAt && h("p", { class: "dim" }, `Until ${moment(sleep.wakeAt)}.`));
}

/** Return something that folds; of whom it is, and its name, tell it apart when the page is drawn anew. */
function part(whose, name, body, folded = false) {
  return h("details", { open: !folded, data: { name: `${whose} ${name}` } }, h("summary", {}, name), body);
}

/** Return what a run or a step returned, or a link to it where it is kept beside the record. */
function output({ output, outputUrl }) {
  if (!outputUrl) return json(output);
  return h("p", {}, h("a", { href: outputUrl, target: "_blank", rel: "noreferrer" }, "Open the output"),
    h("span", { class: "dim" }, ", which is kept beside the record."));
}

function rollback({ outcome, error, steps }) {
  return h("div", { class: "step-part" }, error && failure(error),
    h("p", { class: "dim" }, outcome === "failed" ? "It stopped at an undo that failed." : "What could be undone was, newest first."),
    h("ul", { class: "happened" }, steps.map((each) => h("li", {}, h("code", {}, each.key), h("span", {}, each.status)))));
}

function failure(error, trace, whose) {
  return h("div", { class: "failure" },
    h("p", {}, h("strong", {}, error.exception ?? error.name), error.step ? [" in ", h("code", {}, error.step)] : null),
    h("p", {}, error.message),
    error.detail ? h("p", { class: "said" }, error.detail) : null,
    trace && trace.frames.length ? part(whose, "Traceback", traceback(trace)) : null);
}

function traceback(trace) {
  const frames = trace.frames.map((frame) => [
    h("span", { class: "frame" }, `${frame.file}:${frame.line}`, h("b", {}, ` in ${frame.function}`)), "\n",
    frame.source ? [`    ${frame.source}`, "\n"] : null]);
  return h("pre", { class: "traceback", tabIndex: 0 }, frames, h("strong", {}, trace.exception));
}
