// Queues and their dead letters: look at them, and deliver them anew.

import { call, get, poll, query } from "./api.js";
import { ask, tell } from "./dialogs.js";
import { h, json, replace, time } from "./dom.js";

export async function queuesView(root, { queue }, signal) {
  document.title = "Queues · Durable";
  const list = h("ul", { class: "cards" });
  const letters = h("section", { "aria-label": "Dead letters" });
  root.append(h("h1", {}, "Queues"), list, letters);
  let known = "";
  await poll(signal, async () => {
    const { queues } = await get("/api/console/queues", signal);
    const text = JSON.stringify(queues);
    if (text !== known) {
      replace(list, queues.length ? queues.map((each) => card(each, queue)) : h("li", { class: "empty" }, "app.py declares no queue."));
      if (queue) await drawLetters(letters, queue, signal);
    }
    known = text;
    return 1500;
  });
}

function card(queue, chosen) {
  const href = `#/queues/${encodeURIComponent(queue.name)}`;
  return h("li", { class: "card", "aria-current": queue.name === chosen ? "true" : null },
    h("div", { class: "card-head" }, h("h2", {}, h("a", { href }, queue.name)),
      h("span", { class: "dim" }, queue.consumer ? ["delivered to ", h("code", {}, queue.consumer)] : "no consumer")),
    h("ul", { class: "counts" }, h("li", { class: "count" }, h("b", {}, queue.waiting.toLocaleString()), " to be delivered"),
      h("li", {}, h("a", { href, class: `count ${queue.dead ? "s-errored" : ""}` }, h("b", {}, queue.dead.toLocaleString()), queue.dead === 1 ? " dead letter" : " dead letters"))));
}

async function drawLetters(root, queue, signal) {
  const path = `/api/console/queues/${encodeURIComponent(queue)}`;
  const first = await get(`${path}/dead-letters`, signal);
  const rows = h("ul", { class: "letters" });
  const all = h("button", { type: "button", class: "primary", onclick: () => redrive(path, { all: true }, "all dead letters") }, "Redrive all");
  const more = h("button", { type: "button", hidden: true });
  let { cursor } = first;
  const add = (page) => {
    rows.append(...page.deadLetters.map((each) => letter(path, each)));
    more.hidden = page.deadLetters.length < 100;
    cursor = page.cursor;
  };
  more.textContent = "More";
  more.addEventListener("click", async () => add(await get(`${path}/dead-letters${query({ cursor })}`, signal)));
  add(first);
  replace(root, h("div", { class: "panel-head" }, h("h2", {}, `Dead letters of ${queue}`), first.deadLetters.length ? all : null),
    first.deadLetters.length ? rows : h("p", { class: "dim" }, "None: every message was delivered, or is still tried."), more);
}

function letter(path, each) {
  let body = each.body;
  try { body = json(JSON.parse(each.body)); } catch { body = h("pre", { class: "json" }, each.body); }
  return h("li", { class: "panel" },
    h("div", { class: "panel-head" }, h("code", {}, each.id), h("span", { class: "dim" }, `${each.attempts === 1 ? "1 delivery" : `${each.attempts} deliveries`}, sent `, time(each.sentAt)),
      h("button", { type: "button", onclick: () => redrive(path, { ids: [each.id] }, "this message") }, "Redrive")), body);
}

function redrive(path, body, what) {
  ask({ title: `Redrive ${what}?`, confirm: "Redrive", body: [h("p", {}, "It is delivered anew, with all its attempts.")],
    act: async () => {
      const { redriven } = await call("POST", `${path}/redrive`, body);
      tell(redriven === 1 ? "1 message is delivered anew" : `${redriven} messages are delivered anew`);
    } });
}
