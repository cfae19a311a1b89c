// E-mail that was sent on this machine. A message's HTML is shown in a frame that runs and fetches nothing.

import { get, poll } from "./api.js";
import { h, replace, time } from "./dom.js";

export async function outboxView(root, { email }, signal) {
  document.title = "Outbox · Durable";
  const list = h("ul", { class: "mails", "aria-label": "E-mails" });
  const note = h("p", { class: "dim" });
  const shown = h("section", { class: "panel mail", "aria-label": "E-mail", hidden: !email });
  root.append(h("h1", {}, "Outbox"), note, h("div", { class: "split" }, list, shown));
  if (email) await show(shown, email, signal);
  let known = "";
  await poll(signal, async () => {
    const { emails, count } = await get("/api/console/outbox", signal);
    const text = JSON.stringify(emails);
    if (text !== known) draw(list, note, emails, count, email);
    known = text;
    return 2000;
  });
}

function draw(list, note, emails, count, chosen) {
  note.textContent = count > emails.length ? `The newest ${emails.length} of ${count.toLocaleString()}; all are in the data folder.`
    : count ? "" : "No e-mail was sent yet. On this machine nothing leaves it: each e-mail is kept here.";
  replace(list, emails.map((each) => h("li", {}, h("a", { href: `#/outbox/${encodeURIComponent(each.id)}`, "aria-current": each.id === chosen ? "true" : null },
    h("b", {}, each.subject || "(no subject)"), h("span", {}, each.to), h("span", { class: "dim" }, time(each.writtenAt))))));
}

async function show(root, id, signal) {
  const path = `/api/console/outbox/${encodeURIComponent(id)}`;
  const mail = await get(path, signal);
  const frame = () => h("iframe", { src: `${path}/html`, sandbox: "", title: "The e-mail as HTML", referrerPolicy: "no-referrer" });
  const text = () => h("pre", { class: "mail-text", tabIndex: 0 }, mail.text);
  const body = h("div", {}, mail.html ? frame() : text());
  const flip = (name, make) => h("button", { type: "button", class: "chip", "aria-pressed": String((name === "HTML") === mail.html),
    onclick: (event) => {
      replace(body, make());
      for (const each of event.target.parentElement.children) each.setAttribute("aria-pressed", String(each === event.target));
    } }, name);
  replace(root, h("h2", {}, mail.subject || "(no subject)"),
    h("dl", { class: "headers" }, ["from", "to", "date"].map((name) => [h("dt", {}, name), h("dd", {}, mail[name])])),
    mail.html ? h("div", { class: "chips" }, flip("HTML", frame), flip("Text", text)) : null, body);
}
