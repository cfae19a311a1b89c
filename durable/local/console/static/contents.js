// What is kept: a list of names, the keys of one, and what stands under a key. Namespaces and buckets are shown by it.

import { get, query } from "./api.js";
import { h, replace } from "./dom.js";
import { icon } from "./icons.js";

const TYPED = 250;

/**
 * Show keys of one of several stores beside what is chosen.
 * `kind` is {section, title, one, none, draw(holder, path, key, again)}; draw shows a key in the holder.
 */
export async function contentsView(root, kind, { name, key }, signal) {
  document.title = `${kind.title} · Durable`;
  const path = `/api/console/${kind.section}`;
  const stores = (await get(path, signal))[kind.list];
  root.append(h("h1", {}, kind.title));
  if (!stores.length) return void root.append(h("p", { class: "empty" }, kind.none));
  const chosen = name ?? stores[0].name;
  const store = stores.find((each) => each.name === chosen);
  const own = `${path}/${encodeURIComponent(chosen)}`;
  const href = (to) => `#/${kind.section}/${encodeURIComponent(chosen)}/${encodeURIComponent(to)}`;
  const shown = h("section", { class: "panel", "aria-label": kind.one });
  const keys = new KeyList(own, href, signal, key);
  const again = async (at) => { keys.chosen = at; history.replaceState(null, "", at === null ? `#/${kind.section}/${encodeURIComponent(chosen)}` : href(at)); await keys.begin(); await draw(at); };
  const draw = async (at) => {
    if (at === null || at === undefined) replace(shown, h("p", { class: "dim" }, `Choose a key to see its ${kind.one}.`));
    else await kind.draw(shown, own, at, again, store, signal);
  };
  root.append(
    h("nav", { class: "chips", "aria-label": kind.title }, stores.map((each) => h("a", { class: "chip", href: `#/${kind.section}/${encodeURIComponent(each.name)}`,
      "aria-current": each.name === chosen ? "page" : null }, each.name))),
    h("div", { class: "split" }, keys.element(kind.add(own, again, store)), shown));
  await Promise.all([keys.begin(), draw(key)]);
}

class KeyList {
  constructor(path, href, signal, chosen) {
    Object.assign(this, { path, href, signal, chosen, prefix: "" });
    this.list = h("ul", { class: "keylist" });
    this.more = h("button", { type: "button", hidden: true, onclick: () => this.next() }, "More");
  }

  element(add) {
    const find = h("input", { type: "search", placeholder: "Keys that begin with …", "aria-label": "Search by the beginning of a key", data: { shortcut: "/" },
      spellcheck: false, autocomplete: "off", oninput: async () => {
        this.prefix = find.value;
        await new Promise((done) => setTimeout(done, TYPED));
        if (this.prefix === find.value) await this.begin();
      } });
    return h("div", { class: "panel keys-panel" }, h("div", { class: "filters" }, h("span", { class: "find" }, icon("search"), find), add), this.list, this.more);
  }

  async begin() {
    const { prefix } = this;
    const page = await get(`${this.path}${query({ prefix })}`, this.signal);
    if (prefix !== this.prefix) return;
    replace(this.list, page.keys.length ? page.keys.map((each) => this.row(each)) : h("li", { class: "dim" }, prefix ? "No key begins so." : "It is empty."));
    this.until(page.cursor);
  }

  async next() {
    const page = await get(`${this.path}${query({ prefix: this.prefix, cursor: this.cursor })}`, this.signal);
    this.list.append(...page.keys.map((each) => this.row(each)));
    this.until(page.cursor);
  }

  until(cursor) {
    this.cursor = cursor;
    this.more.hidden = cursor === null;
  }

  row(key) {
    return h("li", {}, h("a", { href: this.href(key), "aria-current": key === this.chosen ? "true" : null }, key));
  }
}
