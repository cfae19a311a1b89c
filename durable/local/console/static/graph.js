// The graph of a run: boxes nested as the program is nested, each with the state of its steps.

import { h, mark, moment, replace, tries, word } from "./dom.js";
import { icon } from "./icons.js";

const ROUND = /\[\d*\]/g;
const TITLES = { loop: "loop", map: "map", parallel: "parallel", try: "try", branch: "if" };
const SIGNS = new Set(["sleep", "event", "call", "return", "raise", "break", "continue"]);
const KEYS = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 };
/** What a node of several rows is, the first that one of them is. */
const WEIGHT = ["errored", "retrying", "running", "waiting", "sleeping", "undone", "stopped", "complete", "slept"];

export const nodeKey = (key) => key.replace(ROUND, "");

export class Graph {
  constructor(lane, onChoose) {
    this.onChoose = onChoose;
    this.boxes = new Map();
    this.byKey = new Map();
    this.found = new Map();
    this.start = h("div", { class: "terminal" }, "start");
    this.element = h("div", { class: "graph", onkeydown: (event) => this.key(event) }, this.start, this.lane(lane));
  }

  /** Go from box to box by the arrows. */
  key(event) {
    if (!(event.key in KEYS) || event.ctrlKey || event.metaKey) return;
    const boxes = [...this.element.querySelectorAll(".box")];
    const next = boxes[boxes.indexOf(document.activeElement) + KEYS[event.key]];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  lane(lane) {
    const inside = [];
    const boxes = lane.nodes.map((node) => {
      const known = this.boxes.size;
      const element = this.node(node);
      inside.push([...this.boxes.values()].slice(known));
      return element;
    });
    lane.nodes.forEach((node, index) => {
      if (node.kind === "sleep") this.boxes.get(node.id).after = inside.slice(index + 1).flat();
    });
    return h("div", { class: "lane" }, boxes);
  }

  node(node) {
    if (node.kind === "step" || node.kind === "event" || node.kind === "call" || node.kind === "sleep") return this.box(node);
    if (node.lanes) return this.block(node);
    return h("div", { class: `node end k-${node.kind}` }, h("span", { class: "sign" }, icon(node.kind)), h("code", {}, node.label));
  }

  box(node) {
    const state = h("span", { class: "box-state" });
    const box = h("button", { class: `node box k-${node.kind}`, type: "button", data: { key: node.key, node: node.id }, "aria-pressed": "false",
      onclick: () => this.choose(this.chosen?.id === node.id ? null : node.key || node.id) },
    h("span", { class: "box-name" }, SIGNS.has(node.kind) ? h("span", { class: "sign" }, icon(node.kind)) : null, node.label),
    h("span", { class: "box-detail" }, node.detail), state);
    const entry = { node, box, state, rows: [], text: null };
    this.boxes.set(node.id, entry);
    if (node.key) this.byKey.set(node.key, entry);
    return box;
  }

  block(node) {
    const title = node.kind === "branch" ? null : h("div", { class: "block-title" }, h("b", {}, node.kind === "loop" && icon("loop"), TITLES[node.kind]),
      node.label === TITLES[node.kind] ? null : h("code", {}, node.label), node.detail ? h("span", { class: "box-detail" }, node.detail) : null);
    const lanes = node.lanes.map((lane) => h("div", { class: "lane-holder" },
      lane.label ? h("div", { class: "lane-label" }, h("code", {}, lane.label)) : null, this.lane(lane),
      lane.nodes.length ? null : h("div", { class: "through", title: "goes on" })));
    return h("section", { class: `node block k-${node.kind}`, "aria-label": `${node.kind} ${node.label}` }, title, h("div", { class: "lanes" }, lanes));
  }

  /** Show what each step is at. */
  update(run) {
    for (const entry of this.boxes.values()) entry.rows = [];
    for (const step of run.steps) this.byKey.get(nodeKey(step.key))?.rows.push(step);
    for (const sleep of run.sleeps) this.byKey.get(sleep.name)?.rows.push({ ...sleep, status: "sleeping", attempts: [] });
    for (const { rows, after } of this.boxes.values()) {
      if (after && !rows.length && after.some((each) => each.rows.length)) rows.push({ status: "slept", attempts: [] });
    }
    for (const entry of this.boxes.values()) this.draw(entry);
  }

  draw(entry) {
    const { box, state, rows } = entry;
    const text = rows.map((row) => `${row.status} ${tries(row)} ${row.wakeAt}`).join();
    if (text === entry.text) return;
    entry.text = text;
    const counts = new Map();
    for (const row of rows) counts.set(row.status, (counts.get(row.status) ?? 0) + 1);
    const status = WEIGHT.find((each) => counts.has(each)) ?? rows[0]?.status ?? "";
    box.className = `node box k-${entry.node.kind} ${status ? `s-${status}` : "idle"}`;
    const tried = rows.length === 1 && tries(rows[0]) > 1 ? tries(rows[0]) : 0;
    const until = rows.length === 1 && rows[0].wakeAt ? ` until ${moment(rows[0].wakeAt)}` : "";
    const attempts = tried ? (rows[0].finishedAt ? `, ${tried} attempts` : `, attempt ${tried}`) : "";
    replace(state, rows.length > 1
      ? [...counts].map(([each, number]) => h("span", { class: `part s-${each}` }, mark(each), `${number} ${word(each)}`))
      : status ? h("span", { class: "part" }, mark(status), word(status) + attempts + until) : []);
  }

  /** Return the type of the event that a step waits for. */
  eventOf(key) {
    return this.byKey.get(nodeKey(key))?.node.event;
  }

  /** Return whether a step does nothing but wait: for an event, or for another run. */
  waits(key) {
    return ["event", "call"].includes(this.byKey.get(nodeKey(key))?.node.kind);
  }

  rows(node) {
    return (this.boxes.get(node.id)?.rows ?? []).filter((each) => each.startedAt);
  }

  /** Choose the node of a step's key, or of an id; null for none. */
  choose(key) {
    const entry = key === null ? null : this.byKey.get(nodeKey(key)) ?? this.boxes.get(key);
    this.chosen = entry?.node ?? null;
    for (const each of this.boxes.values()) each.box.setAttribute("aria-pressed", String(each === entry));
    this.onChoose(this.chosen);
  }
}
