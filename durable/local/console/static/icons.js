// Icons: strokes on a field of 16, in the colour of the text around them.

const SVG = "http://www.w3.org/2000/svg";
const CIRCLE = "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2";
const PATHS = {
  queued: "M8 2a6 6 0 0 1 3 .8M13.2 5a6 6 0 0 1 .8 3M13.2 11a6 6 0 0 1-2.2 2.2M8 14a6 6 0 0 1-3-.8M2.8 11A6 6 0 0 1 2 8M2.8 5A6 6 0 0 1 5 2.8",
  running: "M8 2a6 6 0 1 0 6 6",
  waiting: `${CIRCLE}M8 4.8V8l2.2 1.6`,
  waitingForPause: `${CIRCLE}M6.4 6v4M9.6 6v4`,
  paused: "M5.5 3.5v9M10.5 3.5v9",
  complete: "M3 8.6l3.2 3.2L13 4.6",
  errored: "M4 4l8 8M12 4l-8 8",
  terminated: "M4.5 4.5h7v7h-7z",
  rollingBack: "M5.5 3L2.5 6l3 3M2.5 6H10a3.5 3.5 0 0 1 0 7H6",
  retrying: "M13.5 3v3.5H10M13.2 6.5A5.5 5.5 0 1 0 13.5 9",
  sleeping: "M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1z",
  event: "M2 4h12v8.5H2zM2.4 4.4L8 9l5.6-4.6",
  call: "M8 2l6 3-6 3-6-3zM2.5 8L8 10.8 13.5 8M2.5 11L8 13.8 13.5 11",
  return: "M2 8h10M8.5 4.5L12 8l-3.5 3.5",
  raise: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6v.2",
  break: "M8 2v8M4.5 7L8 10.5 11.5 7M3 13.5h10",
  continue: "M12.5 6.5A5 5 0 1 0 13 9M13 3v3.5H9.5",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M3.2 12.8l1-1M11.8 4.2l1-1",
  help: `${CIRCLE}M6.2 6.3a1.9 1.9 0 1 1 2.6 1.8c-.5.3-.8.6-.8 1.2M8 11.3v.2`,
  copy: "M5.5 5.5h8v8h-8zM3 10.5H2.5v-8h8V3",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.4 10.4l3.4 3.4",
  edit: "M3 13l.6-2.8 7.8-7.8 2.2 2.2-7.8 7.8zM9.8 4l2.2 2.2",
  play: "M5 3l8 5-8 5z",
  trash: "M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.6 9h6.8l.6-9M6.7 7v4M9.3 7v4",
  calendar: "M2.5 3.5h11v10h-11zM2.5 6.5h11M5.5 2v2.5M10.5 2v2.5",
  key: "M5.5 7.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M7.6 8.4L13.5 2.5M11 5l2 2",
  bucket: "M2.5 4c0-.9 2.5-1.6 5.5-1.6s5.5.7 5.5 1.6S11 5.6 8 5.6 2.5 4.9 2.5 4M2.7 4.4L4 12.6c.1.7 1.8 1.2 4 1.2s3.9-.5 4-1.2l1.3-8.2",
  database: "M2.5 4c0-1 2.5-1.8 5.5-1.8s5.5.8 5.5 1.8S11 5.8 8 5.8 2.5 5 2.5 4M2.5 4v8c0 1 2.5 1.8 5.5 1.8s5.5-.8 5.5-1.8V4M2.5 8c0 1 2.5 1.8 5.5 1.8s5.5-.8 5.5-1.8",
  more: "M6 3l5 5-5 5",
};
const SAME = {
  stopped: "terminated", undone: "rollingBack", slept: "complete", sleep: "sleeping", moon: "sleeping", restart: "retrying", retry: "retrying",
  resume: "play", pause: "paused", terminate: "terminated", "delete": "trash", loop: "continue",
};

/** Return an icon; it is hidden from screen readers, so what it means has to stand beside it. */
export function icon(name, kind = "icon") {
  const image = document.createElementNS(SVG, "svg");
  image.setAttribute("viewBox", "0 0 16 16");
  image.setAttribute("class", kind);
  image.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[SAME[name] ?? name] ?? "M8 7.5v1");
  image.append(path);
  return image;
}
