// The timeline of a run: a row for each step, a bar for each attempt, hatched where it waits between two or sleeps.

import { CLOSED, duration, h, mark, moment, replace, titled, tries } from "./dom.js";

const MOST_ROWS = 200;

/** Return {element, move(now)}: move draws open bars up to now. `waits` says of a step's key whether it does nothing but wait. */
export function timeline(run, waits, onChoose) {
  if (!run.steps.length && !run.sleeps.length) return { element: h("p", { class: "dim" }, "No step has begun."), move: null };
  const start = Date.parse(run.createdAt);
  const steps = run.steps.slice(0, MOST_ROWS);
  const rows = [...steps.map((step) => new Row(step, run, waits(step.key), onChoose)), ...run.sleeps.map((each) => new SleepRow(each, onChoose))];
  const axis = h("div", { class: "axis", "aria-hidden": "true" });
  const more = run.steps.length - steps.length;
  const move = (now) => {
    const end = Math.max(start + 1, CLOSED.has(run.status) ? lastOf(run) : now);
    for (const each of rows) each.place(start, end);
    replace(axis, [0, 0.25, 0.5, 0.75, 1].map((part) => {
      const tick = h("span", {}, duration((end - start) * part));
      tick.style.left = `${part * 100}%`;
      return tick;
    }));
  };
  move(Date.now());
  const element = h("div", { class: "timeline" }, rows.map((each) => each.element), h("div", { class: "t-row t-axis" }, h("span"), axis, h("span")),
    more > 0 && h("p", { class: "dim" }, `${more.toLocaleString()} more steps are not shown.`));
  return { element, move };
}

function lastOf(run) {
  return Math.max(Date.parse(run.updatedAt), ...run.steps.map((each) => Date.parse(each.finishedAt ?? each.startedAt)));
}

/** The attempts of a step as [from, to, status]; to is null for one that is under way. */
function attempts(step) {
  return step.attempts.map((each, index) => {
    const last = index === step.attempts.length - 1;
    const from = Date.parse(each.startedAt);
    const next = last ? null : Date.parse(step.attempts[index + 1].startedAt);
    const open = last && !step.finishedAt && step.status !== "retrying";
    const to = each.finishedAt ? Date.parse(each.finishedAt) : open ? null : next ?? from;
    return [from, to, each.error || !last ? "errored" : step.status];
  });
}

class Row {
  constructor(step, run, waits, onChoose) {
    this.step = step;
    this.kind = waits ? "wait " : "";
    this.open = !step.finishedAt && !CLOSED.has(run.status);
    this.parts = attempts(step);
    this.track = h("div", { class: "track" });
    this.took = h("span", { class: "took dim" });
    const many = tries(step) > 1 ? ` · ${tries(step)} attempts` : "";
    this.element = h("div", { class: "t-row" },
      h("button", { type: "button", class: `t-name s-${step.status}`, title: `${step.key}${many}`, onclick: () => onChoose(step.key) },
        mark(step.status), h("span", {}, titled(step))), this.track, this.took);
  }

  place(start, end) {
    if (!this.open && this.track.childElementCount && this.end === end) return;
    this.end = end;
    const at = (when) => `${Math.min(100, Math.max(0, ((when - start) / (end - start)) * 100))}%`;
    const bars = [];
    let before = null;
    for (const [from, to, status] of this.parts) {
      if (before !== null && from > before) bars.push(bar(at(before), at(from), "wait s-retrying", `waited ${duration(from - before)}`));
      bars.push(bar(at(from), at(to ?? end), `${this.kind}s-${status}`, `${status} after ${duration((to ?? end) - from)}`));
      before = to ?? end;
    }
    if (this.step.status === "retrying" && this.open) bars.push(bar(at(before), at(end), "wait s-retrying", `waits for ${duration(end - before)}`));
    replace(this.track, bars);
    const first = this.parts[0]?.[0] ?? start;
    const many = tries(this.step) > 1 ? `×${tries(this.step)}  ` : "";
    if (this.open && this.step.wakeAt) {
      this.took.textContent = `${many}until ${moment(this.step.wakeAt)}`;
      return;
    }
    this.took.textContent = many + duration((this.open ? end : this.parts.at(-1)?.[1] ?? end) - first);
  }
}

class SleepRow {
  constructor(sleep, onChoose) {
    this.sleep = sleep;
    this.track = h("div", { class: "track" });
    this.took = h("span", { class: "took dim" });
    this.element = h("div", { class: "t-row" },
      h("button", { type: "button", class: "t-name s-sleeping", title: sleep.name, onclick: () => onChoose(sleep.name) },
        mark("sleeping"), h("span", {}, sleep.name)), this.track, this.took);
  }

  place(start, end) {
    const { startedAt, wakeAt } = this.sleep;
    const since = Date.parse(startedAt);
    const left = `${Math.max(0, ((since - start) / (end - start)) * 100)}%`;
    replace(this.track, bar(left, "100%", "wait s-sleeping", wakeAt ? `sleeps until ${moment(wakeAt)}` : "sleeps"));
    this.took.textContent = wakeAt ? `until ${moment(wakeAt)}` : duration(end - since);
  }
}

function bar(left, right, kind, title) {
  const element = h("span", { class: `t-bar ${kind}`, title });
  element.style.left = `min(${left}, 100% - 3px)`;
  element.style.right = `calc(100% - ${right})`;
  return element;
}
