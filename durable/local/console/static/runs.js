// The runs of one workflow: a list of which only what is seen is drawn, filtered, searched, live.

import { get, instance, instances, poll, query, Refused } from "./api.js";
import { STATUSES, count, h, pill, replace, time, word } from "./dom.js";
import { startDialog } from "./start.js";

const ROW = 44;
const PAGE = 100;
const AHEAD = 30;
const TYPED = 250; // milliseconds after which somebody has stopped typing
const SPANS = [["", "any time"], ["3600", "last hour"], ["86400", "last day"], ["604800", "last week"]];
const ID = /^[A-Za-z0-9_-]{1,64}$/;

export async function runsView(root, { workflow, search }, signal) {
  document.title = `${workflow} · Durable`;
  const { workflows } = await get("/api/workflows", signal);
  const declared = workflows.find((each) => each.name === workflow);
  if (!declared) throw new Refused(404, { detail: `There is no workflow called ${workflow}.` });
  const list = new RunList(workflow, search.get("status") ?? "", signal);
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Filter by status" });
  const span = h("select", { "aria-label": "Changed when", onchange: () => list.filter({ span: span.value }) },
    SPANS.map(([seconds, name]) => h("option", { value: seconds }, name)));
  const find = h("input", { type: "search", placeholder: "Search by id  /", "aria-label": "Search by id", data: { shortcut: "/" },
    spellcheck: false, autocomplete: "off", oninput: () => list.search(find.value.trim()),
    onkeydown: (event) => { if (event.key === "Enter") list.open(); } });
  root.append(
    h("div", { class: "head" },
      h("div", {}, h("p", { class: "crumbs" }, h("a", { href: "#/" }, "Workflows")), h("h1", {}, workflow)),
      h("button", { class: "primary", type: "button", data: { shortcut: "s" }, onclick: () => startDialog(declared) }, "Start a run")),
    h("div", { class: "filters" }, find, span), chips, list.element);
  drawChips(chips, declared.counts, list);
  let shown = "";
  await Promise.all([
    list.live(),
    poll(signal, async () => {
      const now = (await get("/api/workflows", signal)).workflows.find((each) => each.name === workflow);
      const text = JSON.stringify(now.counts) + list.status;
      if (text !== shown) drawChips(chips, now.counts, list);
      shown = text;
      return 1500;
    }),
  ]);
}

function drawChips(chips, counts, list) {
  const total = Object.values(counts).reduce((sum, each) => sum + each, 0);
  const focused = document.activeElement?.dataset?.chip;
  const chip = (status, name, number) => h("button", {
    type: "button", class: `chip ${status ? `s-${status}` : ""}`, "aria-pressed": String(list.status === status),
    data: { chip: status || "all", ...(status ? {} : { shortcut: "f", focus: "yes" }) },
    onclick: () => { list.filter({ status }); drawChips(chips, counts, list); },
  }, name, h("b", {}, count(number)));
  replace(chips, chip("", "all", total),
    STATUSES.filter((status) => counts[status] || list.status === status).map((status) => chip(status, word(status), counts[status] ?? 0)));
  if (focused) chips.querySelector(`[data-chip="${CSS.escape(focused)}"]`)?.focus();
}

class RunList {
  constructor(workflow, status, signal) {
    this.workflow = workflow;
    this.status = status;
    this.signal = signal;
    this.span = "";
    this.sought = "";
    this.exact = null;
    this.forget();
    this.space = h("div", { class: "space", role: "presentation" });
    this.scroller = h("div", { class: "rows", tabIndex: 0, role: "listbox", "aria-label": "Runs",
      onscroll: () => this.draw(), onkeydown: (event) => this.key(event) }, this.space);
    this.note = h("p", { class: "dim note", role: "status" });
    this.element = h("div", { class: "list" },
      h("div", { class: "row heading", "aria-hidden": "true" }, h("span", {}, "Status"), h("span", {}, "Id"), h("span", {}, "Started"), h("span", {}, "Changed")),
      this.scroller, this.note);
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || document.querySelector("dialog[open]");
      if (!typing && (event.key === "j" || event.key === "k")) { this.scroller.focus(); this.key(event); }
    }, { signal });
    addEventListener("resize", () => this.draw(), { signal });
  }

  forget() {
    this.runs = [];
    this.cursor = undefined;
    this.chosen = -1;
    this.generation = (this.generation ?? 0) + 1;
  }

  filter(what) {
    Object.assign(this, what);
    this.forget();
    this.scroller.scrollTop = 0;
    history.replaceState(null, "", `#/workflows/${encodeURIComponent(this.workflow)}${query({ status: this.status })}`);
    this.refresh();
  }

  path(cursor) {
    const since = this.span ? new Date(Date.now() - Number(this.span) * 1000).toISOString() : "";
    return instances(this.workflow) + query({ status: this.status, since, limit: String(PAGE), cursor });
  }

  async search(text) {
    this.sought = text;
    this.exact = null;
    this.chosen = text ? 0 : -1;
    this.draw();
    if (!ID.test(text) || this.runs.some((each) => each.id === text)) return;
    await new Promise((done) => setTimeout(done, TYPED));
    if (this.sought !== text) return;
    try {
      const found = await get(instance(this.workflow, text), this.signal);
      if (this.sought === text) this.exact = found;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    this.draw();
  }

  live() {
    return poll(this.signal, async () => {
      await this.refresh();
      return 1000;
    });
  }

  /** Take the newest page: above what is known, or, while somebody reads further down, in place. */
  async refresh() {
    const { generation } = this;
    const page = await get(this.path(), this.signal);
    if (generation !== this.generation) return;
    if (this.cursor === undefined) this.cursor = page.cursor;
    const fresh = new Map(page.instances.map((each) => [each.id, each]));
    const chosen = this.shown()[this.chosen]?.id;
    if (this.scroller.scrollTop >= ROW) this.runs = this.runs.map((each) => fresh.get(each.id) ?? each);
    else if (page.cursor === null || !this.adjoins(fresh)) {
      this.runs = page.instances;
      this.cursor = page.cursor;
    } else this.runs = [...page.instances, ...this.runs.filter((each) => !fresh.has(each.id))];
    if (chosen && !this.sought) this.chosen = this.shown().findIndex((each) => each.id === chosen);
    this.draw();
  }

  /** Return whether nothing can be missing between the newest page and what is known: a run on it has not changed. */
  adjoins(fresh) {
    return this.runs.some((each) => fresh.get(each.id)?.updatedAt === each.updatedAt);
  }

  async more() {
    if (this.loading || !this.cursor) return;
    this.loading = true;
    const { generation } = this;
    try {
      const page = await get(this.path(this.cursor), this.signal);
      if (generation !== this.generation) return;
      const known = new Set(this.runs.map((each) => each.id));
      this.runs.push(...page.instances.filter((each) => !known.has(each.id)));
      this.cursor = page.cursor;
    } finally {
      this.loading = false;
    }
    this.draw();
  }

  shown() {
    if (!this.sought) return this.runs;
    const found = this.runs.filter((each) => each.id.includes(this.sought) && each.id !== this.exact?.id);
    return this.exact ? [this.exact, ...found] : found;
  }

  draw() {
    const runs = this.shown();
    this.space.style.height = `${runs.length * ROW}px`;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - 8);
    const last = Math.min(runs.length, first + Math.ceil(this.scroller.clientHeight / ROW) + 16);
    replace(this.space, runs.slice(first, last).map((run, index) => this.row(run, first + index)));
    const chosen = this.space.querySelector("[aria-selected=true]");
    if (chosen) this.scroller.setAttribute("aria-activedescendant", chosen.id);
    else this.scroller.removeAttribute("aria-activedescendant");
    this.note.textContent = this.words(runs);
    if (last > this.runs.length - AHEAD && !this.sought) this.more();
  }

  words(runs) {
    if (this.cursor === undefined) return "Looking …";
    if (!runs.length) return this.sought ? "No run of those shown has this id." : "No runs.";
    return this.cursor ? `${runs.length.toLocaleString()} loaded; more as you scroll` : `${runs.length.toLocaleString()} in all`;
  }

  row(run, index) {
    const row = h("a", { class: "row", role: "option", id: `run-${index}`, href: this.href(run), tabIndex: -1,
      "aria-selected": String(index === this.chosen), data: { id: run.id } },
    pill(run.status), h("span", { class: "id" }, run.id), h("span", { class: "dim" }, time(run.createdAt)), h("span", { class: "dim" }, time(run.updatedAt)));
    row.style.transform = `translateY(${index * ROW}px)`;
    return row;
  }

  href(run) {
    return `#/workflows/${encodeURIComponent(this.workflow)}/runs/${encodeURIComponent(run.id)}`;
  }

  open() {
    const run = this.shown()[Math.max(this.chosen, 0)];
    if (run) location.hash = this.href(run);
  }

  key(event) {
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
    if (event.key === "Enter") return this.open();
    if (!(event.key in steps)) return undefined;
    event.preventDefault();
    event.stopPropagation();
    this.chosen = Math.min(Math.max(this.chosen + steps[event.key], 0), this.shown().length - 1);
    const top = this.chosen * ROW;
    const { scroller } = this;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + ROW > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + ROW - scroller.clientHeight;
    return this.draw();
  }
}
