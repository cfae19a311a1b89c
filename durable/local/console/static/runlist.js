// The list of a workflow's runs, of which only what is seen is drawn: further pages come as somebody scrolls.

import { get, instance, instances, poll, query, Refused } from "./api.js";
import { h, pill, replace, time } from "./dom.js";
import { icon } from "./icons.js";

const ROW = 44;
const PAGE = 100;
const AHEAD = 30;
const TYPED = 250; // milliseconds after which somebody has stopped typing
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const STEPS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };

export class RunList {
  /** `filters` are {status, where, prefix, since, until}, as the server takes them; `onPick` hears what is picked. */
  constructor(workflow, filters, signal, onPick) {
    Object.assign(this, { workflow, filters, signal, onPick, picked: new Set() });
    this.forget();
    this.space = h("div", { class: "space", role: "presentation" });
    this.scroller = h("div", { class: "rows", tabIndex: 0, role: "listbox", "aria-label": "Runs", "aria-multiselectable": "true",
      onscroll: () => this.draw(), onkeydown: (event) => this.key(event) }, this.space);
    this.note = h("p", { class: "dim note", role: "status" });
    this.element = h("div", { class: "list" },
      h("div", { class: "row heading", "aria-hidden": "true" }, h("span"), h("span", {}, "Status"), h("span", {}, "Id"), h("span", {}, "Started"), h("span", {}, "Changed")),
      this.scroller, this.note);
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || document.querySelector("dialog[open]");
      if (!typing && ["j", "k", "x"].includes(event.key) && !event.ctrlKey && !event.metaKey) { this.scroller.focus(); this.key(event); }
    }, { signal });
    addEventListener("resize", () => this.draw(), { signal });
  }

  forget() {
    this.runs = [];
    this.exact = null;
    this.cursor = undefined;
    this.at = -1;
    this.generation = (this.generation ?? 0) + 1;
  }

  async filter(filters) {
    const typed = filters.prefix !== this.filters.prefix;
    this.filters = filters;
    this.forget();
    this.pick([]);
    const { generation } = this;
    this.scroller.scrollTop = 0;
    this.draw();
    if (typed) await new Promise((done) => setTimeout(done, TYPED));
    if (generation !== this.generation) return;
    await Promise.all([this.find(generation), this.refresh()]);
  }

  path(cursor) {
    return instances(this.workflow) + query({ ...this.filters, limit: String(PAGE), cursor });
  }

  /** Ask for the run that has exactly this id: a search by prefix may come upon it late. */
  async find(generation) {
    const { prefix, ...others } = this.filters;
    if (!ID.test(prefix ?? "") || Object.values(others).some(Boolean)) return;
    try {
      const found = await get(instance(this.workflow, prefix), this.signal);
      if (generation === this.generation) { this.exact = found; this.draw(); }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }

  live() {
    return poll(this.signal, async () => {
      await this.refresh();
      return this.filters.prefix ? 5000 : 1000;
    });
  }

  /** Take the newest page: above what is known, or, while somebody reads further down, in place. */
  async refresh() {
    const { generation } = this;
    const page = await get(this.path(), this.signal);
    if (generation !== this.generation) return;
    const first = this.cursor === undefined;
    if (first) this.cursor = page.cursor;
    const fresh = new Map(page.instances.map((each) => [each.id, each]));
    const at = this.shown()[this.at]?.id;
    if (this.scroller.scrollTop >= ROW) this.runs = this.runs.map((each) => fresh.get(each.id) ?? each);
    else if (first || (!this.filters.prefix && (page.cursor === null || !this.adjoins(fresh)))) {
      this.runs = page.instances;
      this.cursor = page.cursor;
    } else this.runs = [...page.instances, ...this.runs.filter((each) => !fresh.has(each.id))];
    if (at) this.at = this.shown().findIndex((each) => each.id === at);
    this.draw();
  }

  /** Return whether nothing can be missing between the newest page and what is known: a run on it has not changed. */
  adjoins(fresh) {
    return this.runs.some((each) => fresh.get(each.id)?.updatedAt === each.updatedAt);
  }

  async more() {
    if (this.loading === this.generation || !this.cursor) return;
    const { generation } = this;
    this.loading = generation;
    try {
      const page = await get(this.path(this.cursor), this.signal);
      if (generation !== this.generation) return;
      const known = new Set(this.runs.map((each) => each.id));
      this.runs.push(...page.instances.filter((each) => !known.has(each.id)));
      this.cursor = page.cursor;
    } finally {
      if (this.loading === generation) this.loading = null;
    }
    this.draw();
  }

  shown() {
    return this.exact ? [this.exact, ...this.runs.filter((each) => each.id !== this.exact.id)] : this.runs;
  }

  draw() {
    const runs = this.shown();
    this.space.style.height = `${runs.length * ROW}px`;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - 8);
    const last = Math.min(runs.length, first + Math.ceil(this.scroller.clientHeight / ROW) + 16);
    replace(this.space, runs.slice(first, last).map((run, index) => this.row(run, first + index)));
    const at = this.space.querySelector(".at");
    if (at) this.scroller.setAttribute("aria-activedescendant", at.id);
    else this.scroller.removeAttribute("aria-activedescendant");
    this.note.textContent = this.words(runs);
    if (last > this.runs.length - AHEAD) this.more();
  }

  words(runs) {
    const number = runs.length.toLocaleString();
    if (this.cursor === undefined) return "Looking …";
    if (this.filters.prefix && this.cursor) return `${number} found; looking on …`;
    if (!runs.length) return Object.values(this.filters).some(Boolean) ? "No runs fit." : "No runs.";
    return this.cursor ? `${number} loaded; more as you scroll` : `${number} in all`;
  }

  row(run, index) {
    const isPicked = this.picked.has(run.id);
    const box = h("span", { class: "tick", title: "Choose  x", onclick: (event) => { event.preventDefault(); this.at = index; this.toggle(run.id); } },
      isPicked && icon("complete"));
    const row = h("a", { class: `row${index === this.at ? " at" : ""}`, role: "option", id: `run-${index}`, href: this.href(run), tabIndex: -1,
      "aria-selected": String(isPicked), data: { id: run.id } },
    box, pill(run.status), h("span", { class: "id" }, run.id, run.error && h("span", { class: "why" }, run.error.name)),
    h("span", { class: "dim" }, time(run.createdAt)), h("span", { class: "dim" }, time(run.updatedAt)));
    row.style.transform = `translateY(${index * ROW}px)`;
    return row;
  }

  href(run) {
    return `#/workflows/${encodeURIComponent(this.workflow)}/runs/${encodeURIComponent(run.id)}`;
  }

  open() {
    const run = this.shown()[Math.max(this.at, 0)];
    if (run) location.hash = this.href(run);
  }

  toggle(id) {
    const picked = new Set(this.picked);
    if (!picked.delete(id)) picked.add(id);
    this.pick(picked);
    this.draw();
  }

  pick(ids) {
    this.picked = new Set(ids);
    this.onPick(this.picked);
  }

  key(event) {
    if (event.key === "Enter") return this.open();
    if (event.key === "x" || event.key === " ") {
      const run = this.shown()[Math.max(this.at, 0)];
      event.preventDefault();
      event.stopPropagation();
      return run && this.toggle(run.id);
    }
    if (!(event.key in STEPS)) return undefined;
    event.preventDefault();
    event.stopPropagation();
    this.at = Math.min(Math.max(this.at + STEPS[event.key], 0), this.shown().length - 1);
    const top = this.at * ROW;
    const { scroller } = this;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + ROW > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + ROW - scroller.clientHeight;
    return this.draw();
  }

  /** Return the ids of all runs that fit the filters; `onPage` hears how many were found so far. */
  async all(onPage) {
    const ids = new Set(this.exact ? [this.exact.id] : []);
    let cursor;
    do {
      const page = await get(this.path(cursor), this.signal);
      for (const each of page.instances) ids.add(each.id);
      ({ cursor } = page);
      onPage(ids.size);
    } while (cursor);
    return ids;
  }
}
