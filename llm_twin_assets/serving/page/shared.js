"use strict";
// What both pages need: elements without HTML, storage, and requests that carry a key where one is asked for.
const KEY = "llm-twin/key";
const $ = (id) => document.getElementById(id);

// Children that are null, undefined or false are left out, so that `there && child` may stand among them.
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

function button(className, children, act) {
  const made = element("button", className, ...[children].flat());
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function drawing(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function icon(path, transform = "") {
  return drawing("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, drawing("path", { d: path, transform }));
}

// To those who hear the page rather than see it.
function announce(text) { $("status").textContent = text; }

function short(id) { return id ? id.slice(0, 12) : "none"; }

// Storage that a browser forbids, or that is full or spoilt, is like an empty one.
function kept(where, name) {
  try { return JSON.parse(window[where].getItem(name)); } catch { return null; }
}

function keep(where, name, value) {
  try { window[where].setItem(name, JSON.stringify(value)); return true; } catch { return false; }
}

class Refused extends Error {
  constructor(status, message, seconds) {
    super(message);
    this.status = status;
    this.seconds = seconds;
  }
}

const PLAIN = {
  403: "This key may not do that.",
  413: "This conversation is longer than the server reads. Begin a new one.",
  429: "The server has as many questions as it can answer at the moment.",
  502: "The server does not answer.",
  503: "The twin is not ready to answer yet.",
  504: "The answer took too long.",
};

async function refusal(response) {
  const said = await response.json().then((body) => body.error.message, () => response.statusText);
  return new Refused(response.status, PLAIN[response.status] || said, secondsToWait(response));
}

// Retry-After holds seconds, or a date.
function secondsToWait(response) {
  const said = response.headers.get("Retry-After");
  if (!said) return 0;
  const seconds = /^\d+$/.test(said) ? Number(said) : (Date.parse(said) - Date.now()) / 1000;
  return Math.max(0, Math.ceil(seconds)) || 0;
}

// A response that is not 401: a request without a key that the server knows waits until one is given.
async function api(path, options = {}) {
  for (;;) {
    const key = kept("sessionStorage", KEY);
    const headers = options.body ? { "Content-Type": "application/json" } : {};
    if (key) headers.Authorization = `Bearer ${key}`;
    const response = await fetch(path, { ...options, headers, cache: "no-store" }).catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, "The server does not answer.", 0);
    });
    if (response.status !== 401) return response;
    await anotherKey(key, options.signal);
  }
}

let keyGiven = null;

async function anotherKey(refused, signal) {
  if (kept("sessionStorage", KEY) !== refused) return;
  keyGiven ||= askForKey(refused).finally(() => { keyGiven = null; });
  const stopped = new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  await Promise.race([keyGiven, stopped]);
}

// The form stands at the top of <main>; the promise is kept once a key was typed.
function askForKey(refused) {
  const form = element("form"), input = element("input"), label = element("label", "unseen", "API key");
  const said = element("p", refused ? "failed" : "", refused ? "The server does not know this key." :
    "It is kept in this tab until you close it, and sent to no other server.");
  form.id = "key";
  label.htmlFor = input.id = "api-key";
  Object.assign(input, { type: "password", required: true, autocomplete: "off", spellcheck: false });
  said.setAttribute("role", refused ? "alert" : "note");
  form.append(element("h2", "", "This server asks for a key"), said, label, element("div", "", input, element("button", "", "Use this key")));
  document.querySelector("main").prepend(form);
  input.focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      // What cannot stand in a header is no key of ours.
      keep("sessionStorage", KEY, input.value.replace(/[^\x21-\x7e]/g, "") || "none");
      form.remove();
      resolve();
    });
  });
}
