// The page: which view is shown, whether the server is there, keys, theme.

import { Gone, Refused, onLink, get, poll } from "./api.js";
import { h, replace } from "./dom.js";
import { tell, helpDialog } from "./dialogs.js";
import { icon } from "./icons.js";
import { bucketsView } from "./buckets.js";
import { databasesView } from "./databases.js";
import { kvView } from "./kv.js";
import { outboxView } from "./outbox.js";
import { queuesView } from "./queues.js";
import { runView } from "./run.js";
import { runsView } from "./runs.js";
import { schedulesView } from "./schedules.js";
import { workflowsView } from "./workflows.js";

const main = document.getElementById("main");
const gone = document.getElementById("gone");
const link = document.getElementById("link");
let leave = new AbortController();

/** Each view takes (root, parameters, signal), draws into root and stops what it started when the signal says so. */
function viewOf(parts) {
  const [first, second, third, fourth] = parts;
  if (first === "outbox") return ["outbox", outboxView, { email: second }];
  if (first === "schedules") return ["schedules", schedulesView, {}];
  if (first === "kv") return ["kv", kvView, { name: second, key: third }];
  if (first === "buckets") return ["buckets", bucketsView, { name: second, key: third }];
  if (first === "databases") return ["databases", databasesView, { name: second, table: third }];
  if (first === "queues") return ["queues", queuesView, { queue: second }];
  if (first === "workflows" && second && third === "runs" && fourth) {
    return ["workflows", runView, { workflow: second, id: fourth }];
  }
  if (first === "workflows" && second) return ["workflows", runsView, { workflow: second }];
  return ["workflows", workflowsView, {}];
}

async function show() {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const [path, search] = location.hash.slice(1).split("?");
  const [section, view, parameters] = viewOf(path.split("/").filter(Boolean).map(decodeURIComponent));
  for (const each of document.querySelectorAll("[data-section]")) {
    if (each.dataset.section === section) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  toSection();
  for (const each of document.querySelectorAll("dialog")) each.remove();
  const root = h("div", { class: "view" });
  replace(main, root);
  window.scrollTo(0, 0);
  try {
    await view(root, { ...parameters, search: new URLSearchParams(search ?? "") }, signal);
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    if (error instanceof Gone) return whenBack(signal);
    if (!(error instanceof Refused)) throw error;
    replace(root, h("div", { class: "empty" }, h("h1", {}, error.status === 404 ? "There is nothing here" : "That did not work"),
      h("p", {}, error.message), h("p", {}, h("a", { href: "#/" }, "To the workflows"))));
  }
}

/** Show the view again once the server answers. */
function whenBack(signal) {
  return poll(signal, async () => {
    await get("/api/console/project", signal);
    show();
    return 60000;
  });
}

onLink((there) => {
  gone.hidden = there;
  document.body.classList.toggle("is-gone", !there);
  link.textContent = there ? "live" : "no answer";
  link.classList.toggle("off", !there);
  if (!there) {
    replace(gone, h("strong", {}, "The server does not answer. "),
      `It was at ${location.host}; start it again with `, h("code", {}, "durable dev"),
      ". What was under way goes on then. What you see here is how it was. Trying again every second.");
  }
});
link.textContent = "live";

const theme = document.getElementById("theme");
const setTheme = (name) => { document.documentElement.dataset.theme = name; };
if (localStorage.getItem("theme")) setTheme(localStorage.getItem("theme"));
theme.addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  localStorage.setItem("theme", next);
  setTheme(next);
});
theme.append(icon("sun"));
document.getElementById("help").append(icon("help"));
document.getElementById("help").addEventListener("click", helpDialog);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return undefined;
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return undefined;
  }
  if (event.key === "Escape" || event.key === "u") return up();
  if (event.key === "?") return helpDialog();
  if (event.key === "t") return theme.click();
  const section = document.querySelectorAll("[data-section]:not([hidden])")[Number(event.key) - 1];
  if (section) { location.hash = section.hash; return undefined; }
  const chosen = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (chosen) {
    event.preventDefault();
    if (chosen.tagName === "INPUT" || chosen.dataset.focus) chosen.focus();
    else chosen.click();
  }
  return undefined;
});

/** Have the current section in sight where not all fit beside each other. */
function toSection() {
  const nav = document.querySelector("nav");
  const current = nav.querySelector("[aria-current]");
  nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;
}

/** Show the sections that this server has, and which stage it shows. */
async function introduce() {
  const { sections, stage } = await get("/api/console/project");
  for (const each of document.querySelectorAll("[data-section]")) {
    each.hidden = each.dataset.section !== "workflows" && !sections.includes(each.dataset.section);
  }
  toSection();
  if (stage) document.querySelector(".brand").append(h("span", { class: "stage" }, stage));
}

/** Go from a run to its list, from there to the workflows; from an e-mail or a queue to all of them. */
function up() {
  const [first, second, third] = location.hash.slice(1).split("?")[0].split("/").filter(Boolean);
  if (third) location.hash = `#/${first}/${second}`;
  else if (second && first !== "workflows") location.hash = `#/${first}`;
  else if (first) location.hash = "#/";
}

addEventListener("hashchange", show);
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name === "AbortError" || event.reason instanceof Gone) event.preventDefault();
  else tell(event.reason?.message ?? "Something went wrong in this page.", "bad");
});
show();
introduce().catch(() => {}); // a server that is gone is told of by the view
