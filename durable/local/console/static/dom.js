// Elements, texts and times. Nothing here parses HTML: every string becomes a text node.

import { icon } from "./icons.js";

/** Make an element: properties (`on…` are listeners, `data` is the dataset, false and null are left out), children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "class") element.className = value;
    else if (name in element && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false).map(shown));
  return element;
}

/** Return a child; of a text, marks that turn the text around them and show nothing themselves are written out. */
function shown(child) {
  if (typeof child !== "string") return child;
  return child.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(Boolean).map(shown));
}

const WORDS = {
  queued: "queued", running: "running", waiting: "waiting", waitingForPause: "pausing", paused: "paused",
  complete: "complete", errored: "errored", terminated: "terminated", rollingBack: "rolling back", retrying: "retrying",
  undone: "undone", stopped: "stopped", sleeping: "sleeping", slept: "over",
};
export const STATUSES = ["queued", "running", "waiting", "waitingForPause", "paused", "complete", "errored", "terminated",
  "rollingBack"];
export const CLOSED = new Set(["complete", "errored", "terminated"]);

/** Return whether the number of a status is where the server stopped counting. */
export const capped = (number) => number >= 10_000;

/** A count as it is shown; one of which there may be more says so. */
export const count = (number, orMore) => `${number.toLocaleString()}${orMore ? "+" : ""}`;
export const word = (status) => WORDS[status] ?? status;

export function pill(status) {
  return h("span", { class: `pill s-${status}`, data: { status } }, mark(status), word(status));
}

export function mark(status) {
  return h("span", { class: "mark", "aria-hidden": "true" }, icon(status));
}

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const parts = [];
  let left = Math.round(seconds);
  for (const [size, unit] of units) {
    const number = Math.floor(left / size);
    left -= number * size;
    if (number || parts.length) parts.push(`${number} ${unit}`);
    if (parts.length === 2) break;
  }
  return parts.filter((each) => !each.startsWith("0 ")).join(" ");
}

export function ago(iso) {
  const past = (Date.now() - Date.parse(iso)) / 1000;
  if (past < 1.5) return "now";
  const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([each]) => past >= each);
  return `${Math.floor(past / size)} ${unit} ago`;
}

/** Return a moment to the millisecond, with its day unless that is today. */
export function clock(iso) {
  const at = new Date(iso);
  const time = at.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
  return at.toDateString() === new Date().toDateString() ? time : `${at.toLocaleDateString()} ${time}`;
}

/** Return how long it is until a moment. */
export const until = (iso) => duration(Math.max(0, Date.parse(iso) - Date.now()));

export function bytes(number) {
  const [size, unit] = [[1e9, "GB"], [1e6, "MB"], [1e3, "KB"]].find(([each]) => number >= each) ?? [1, "bytes"];
  return `${size === 1 ? number : (number / size).toFixed(1)} ${unit}`;
}

/** Return how many attempts of a step were begun; it tells of the latest only. */
export const tries = (step) => step.attempts.at(-1)?.number ?? step.attempts.length;

/** Return what a step is called: its title where `run` computes its name, else its key. */
export const titled = (step) => step.title && step.title !== step.name ? step.title : step.key;

/** Return a moment as short as it can be told today. */
export function moment(iso) {
  const at = new Date(iso);
  const now = new Date();
  if (at.toDateString() === now.toDateString()) return at.toLocaleTimeString();
  const year = at.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return at.toLocaleString(undefined, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit", ...year });
}

/** Return a <time> that keeps itself up to date, with the moment in its title. */
export function time(iso) {
  return h("time", { dateTime: iso, title: new Date(iso).toLocaleString(), data: { ago: iso } }, ago(iso));
}

setInterval(() => {
  for (const each of document.querySelectorAll("time[data-ago]")) {
    const now = ago(each.dataset.ago);
    if (each.textContent !== now) each.textContent = now;
  }
}, 1000);

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MOST_SHOWN = 60000;

/** Return a value as coloured JSON. */
export function json(value) {
  const whole = JSON.stringify(value, null, 2) ?? "";
  const text = whole.slice(0, MOST_SHOWN);
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    parts.push(text.slice(at, match.index));
    const kind = match[2] ? "key" : match[1] ? "text" : "other";
    parts.push(h("span", { class: `j-${kind}` }, match[1] ?? match[0]), match[2] ?? "");
    at = match.index + match[0].length;
  }
  parts.push(text.slice(at));
  if (whole.length > MOST_SHOWN) parts.push(`\n… ${whole.length - MOST_SHOWN} characters more`);
  return h("pre", { class: "json", tabIndex: 0 }, parts);
}

export function copyButton(text, label) {
  return h("button", {
    class: "quiet copy", type: "button", "aria-label": label, title: label,
    onclick: (event) => {
      const button = event.currentTarget;
      navigator.clipboard?.writeText(text);
      replace(button, icon("complete"));
      setTimeout(() => replace(button, icon("copy")), 900);
    },
  }, icon("copy"));
}
