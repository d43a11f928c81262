// What is live: changes come as Server-Sent Events, and only what differs is touched. Nothing moves under the pointer.

import { UNSENT, post } from "./send.js";

const HIDDEN_SECONDS = 30, HELD_MS = 4000;
const cells = new WeakMap(); // row -> the HTML of its children as it came
const pending = new Map(); // list -> the latest order, while somebody points at the list
const held = new Map(); // list -> until when
let source, last, ahead = 0, retry, asleep;

const now = () => Date.now() / 1000 + ahead;
const page = () => document.querySelector("[data-stream]");

function connect() {
  const url = new URL(page().dataset.stream, location);
  url.searchParams.set("last", last);
  source = new EventSource(url);
  source.onopen = () => {
    state("");
    const did = document.getElementById("did");
    if (did.textContent === UNSENT) did.textContent = "";
  };
  source.onmessage = (event) => {
    last = event.lastEventId;
    show(JSON.parse(event.data));
  };
  source.onerror = async () => {
    state("Not connected: this is how it was. The page is trying again by itself.");
    if (source.readyState !== EventSource.CLOSED) return;
    if (await hasEnded()) return location.replace("/login?ended=1"); // nobody stays on the screen
    clearTimeout(retry);
    retry = setTimeout(connect, 3000);
  };
}

/** Whether usertrack answers, but lets nobody in any more. */
async function hasEnded() {
  try {
    const answer = await fetch("/leave", { method: "HEAD", redirect: "manual" });
    return answer.status === 403 || answer.type === "opaqueredirect";
  } catch {
    return false;
  }
}

const state = (text) => put("live-state", text);

function put(id, html) {
  const place = document.getElementById(id);
  if (!place || place.contains(document.activeElement)) return;
  if (place.innerHTML !== html) place.innerHTML = html;
}

function show({ now: at, texts, lists }) {
  ahead = at - Date.now() / 1000;
  for (const [id, html] of Object.entries(texts)) put(id, html);
  for (const [id, change] of Object.entries(lists)) {
    const list = document.getElementById(id);
    if (list) rows(list, change);
  }
  const need = Number(document.querySelector("[data-need]")?.dataset.need || 0);
  document.title = document.title.replace(/^(\(\d+\) )?/, need ? `(${need}) ` : "");
  tick();
}

function rows(list, { order, rows: changed }) {
  const fresh = pending.get(list)?.fresh || new Map();
  const known = new Map([...list.children].map((row) => [row.dataset.key, row]));
  for (const [key, html] of Object.entries(changed)) {
    if (known.has(key)) update(known.get(key), html);
    else fresh.set(key, html);
  }
  pending.set(list, { order, fresh });
  if (Date.now() >= (held.get(list) || 0)) arrange(list);
}

function arrange(list) {
  const { order, fresh } = pending.get(list);
  pending.delete(list);
  const stays = new Set(order), known = new Map(), said = [];
  for (const row of [...list.children]) {
    if (stays.has(row.dataset.key)) known.set(row.dataset.key, row);
    else remove(row);
  }
  let at = list.firstElementChild;
  for (const key of order) {
    let row = known.get(key);
    if (!row && fresh.has(key)) {
      row = parse(fresh.get(key));
      if (row.dataset.said) said.push(row.dataset.said);
    }
    if (!row) continue;
    if (row === at) at = at.nextElementSibling;
    else if (row.isConnected && list.moveBefore) list.moveBefore(row, at);
    else list.insertBefore(row, at);
  }
  if (said.length) document.getElementById("live-said").textContent = said.join(". ");
}

function remove(row) {
  const next = row.nextElementSibling || row.previousElementSibling;
  const focused = row.contains(document.activeElement);
  row.remove();
  if (focused) next?.querySelector("a, button")?.focus();
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const row = template.content.firstElementChild;
  remember(row);
  return row;
}

const remember = (row) => cells.set(row, [...row.children].map((cell) => cell.outerHTML));

function update(row, html) {
  const fresh = parse(html), before = cells.get(row) || [];
  const reasons = (of) => of.querySelectorAll(".why > p").length;
  if (reasons(fresh) > reasons(row)) document.getElementById("live-said").textContent = fresh.dataset.said;
  row.className = fresh.className;
  [...fresh.children].forEach((cell, place) => {
    const old = row.children[place];
    if (cell.outerHTML === before[place]) return;
    const focused = old?.contains(document.activeElement);
    if (old) old.replaceWith(cell);
    else row.append(cell);
    if (focused) (cell.querySelector("a, button") || row.querySelector("a"))?.focus();
  });
  cells.set(row, cells.get(fresh));
}

// Ages count on by themselves.

function words(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  for (const [unit, word] of [[86400, "d"], [3600, "h"]]) if (whole >= 2 * unit) return `${Math.floor(whole / unit)} ${word}`;
  return whole >= 60 ? `${Math.floor(whole / 60)} min` : `${whole} s`;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  for (const each of document.querySelectorAll("[data-age]")) say(each, words(now() - each.dataset.age));
  for (const each of document.querySelectorAll("[data-deadline]")) {
    const left = each.dataset.deadline - now();
    say(each, left > 0 ? `${words(left)} left` : `late by ${words(-left)}`);
    each.closest(".alert").classList.toggle("late", left <= 0);
  }
  for (const each of document.querySelectorAll("progress[data-from]")) each.value = Math.min(each.max, now() - each.dataset.from);
  for (const [list, until] of held) if (Date.now() >= until && held.delete(list) && pending.has(list)) arrange(list);
}

// Actions are sent without leaving the page.

async function act(event) {
  event.preventDefault();
  document.getElementById("did").textContent = (await post(event.target, event.submitter)).did;
}

function hold(event) {
  const list = event.target.closest?.("#live-alerts, #live-people, #live-feed, #live-timeline");
  if (list) held.set(list, Date.now() + HELD_MS);
}

function sleep() {
  clearTimeout(asleep);
  if (document.hidden) asleep = setTimeout(() => source.close(), HIDDEN_SECONDS * 1000);
  else if (source.readyState === EventSource.CLOSED) connect();
}

function begin() {
  ({ last } = page().dataset);
  ahead = page().dataset.now - Date.now() / 1000;
  for (const row of document.querySelectorAll("[data-key]")) remember(row);
  document.getElementById("act").addEventListener("submit", act);
  document.addEventListener("pointermove", hold, { passive: true });
  document.addEventListener("visibilitychange", sleep);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  tick();
  setInterval(tick, 1000);
  connect();
}

if (page()) begin();
