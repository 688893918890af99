// The chat: which twin, which conversation, and one question at a time.
const twins = new Map();
let conversation = null;
let running = null;

function describe() {
  const twin = twins.get($("twin").value);
  $("send").disabled = !twin;
  $("send").hidden = Boolean(running);
  $("stop").hidden = !running;
  $("title").textContent = twin ? `Twin of ${twin.owned_by}` : "LLM Twin";
  if (!twin) $("about").textContent = "No twin is in service yet. This page looks again by itself.";
  else {
    const is = `This is a twin: a language model made from the writings of ${twin.owned_by}. It is not ${twin.owned_by}. `;
    $("about").replaceChildren(is, element("span", "", `Release ${short(twin.release_id)}, index ${short(twin.index_id)}.`));
  }
}

async function look() {
  try {
    const response = await api("/v1/models");
    if (!response.ok) throw await refusal(response);
    serve((await response.json()).data);
  } catch (error) {
    $("about").textContent = `${error.message} This page looks again by itself.`;
  }
  setTimeout(look, twins.size ? 5000 : 1000);
}

function serve(models) {
  const chosen = $("twin").value || kept("localStorage", "llm-twin/twin");
  twins.clear();
  for (const model of models) twins.set(model.id, model);
  if ([...$("twin").options].map((option) => option.value).join() !== [...twins.keys()].join()) {
    $("twin").replaceChildren(...models.map((model) => new Option(model.id)));
    if (twins.has(chosen)) $("twin").value = chosen;
  }
  describe();
  if (twins.size && conversation?.twin !== $("twin").value) resume();
}

// After a reload, the conversation that was open in this tab; else a new one.
function resume() {
  const twin = $("twin").value, open = kept("sessionStorage", "llm-twin/open");
  show(conversationsOf(twin).find((one) => one.id === open) || begun(twin));
}

function show(chosen) {
  display(chosen);
  list();
}

function display(chosen) {
  running?.abort();
  conversation = chosen;
  keep("sessionStorage", "llm-twin/open", chosen.id);
  const turns = chosen.turns.map((turn) => turnShown(turn, () => save(chosen)));
  const empty = element("p", "", "Ask about anything in the writings.");
  empty.id = "empty";
  $("talk").replaceChildren(...($("key") ? [$("key")] : []), ...(turns.length ? turns : [empty]));
  reveal();
}

function list() {
  const open = (chosen) => { show(chosen); drawer(false); $("question").focus(); };
  const removed = (chosen, gone) => {
    if (!gone) show(chosen);
    else if (chosen.id === conversation.id) display(begun(chosen.twin));
  };
  const items = conversationsOf(conversation.twin).map((one) => listed(one, one.id === conversation.id, open, removed));
  $("list").replaceChildren(...(items.length ? items : [element("li", "none", "None yet.")]));
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.startsWith("data:") ? block.slice(5).trim() : "[DONE]";
      if (data !== "[DONE]") yield JSON.parse(data);
    }
  }
}

// Fills the turn piece by piece; `tell` is called after each. Raises Refused, or AbortError where it was stopped.
async function answer(turn, talk, signal, tell) {
  const body = { model: talk.twin, messages: messages(talk, turn.question), stream: true, metadata: { thread_id: talk.id } };
  const response = await api("/v1/chat/completions", { method: "POST", body: JSON.stringify(body), signal });
  if (!response.ok) throw await refusal(response);
  for await (const chunk of events(response)) {
    if (chunk.error) throw new Refused(500, chunk.error.message, 0);
    const choice = chunk.choices[0];
    turn.text += choice?.delta.content || "";
    tell();
    if (choice?.finish_reason) return finish(turn, chunk);
  }
  throw new Refused(0, "The connection was lost.", 0);
}

function finish(turn, chunk) {
  turn.notes = (chunk.choices[0].delta.annotations || []).map((note) => note.url_citation);
  for (const name of ["declined", "standalone", "release_id", "index_id", "trace_id"]) turn[name] = chunk[name];
}

async function ask(question) {
  const talk = conversation, stopper = running = new AbortController();
  const turn = { question, text: "", notes: [], author: twins.get(talk.twin).owned_by };
  const words = element("p", "answer waiting");
  const shown = element("section", "turn", asked(question), speaker(turn.author), words);
  $("empty")?.remove();
  $("talk").append(shown);
  reveal();
  describe();
  try {
    await answer(turn, talk, stopper.signal, () => write(words, turn.text));
  } catch (error) {
    turn.stopped = stopper.signal.aborted;
    if (!turn.stopped) fail(shown, words, question, error);
  }
  if (running === stopper) running = null;
  if (turn.trace_id || turn.stopped) settle(talk, turn, shown);
  describe();
}

function write(words, text) {
  if (!text) return;
  const following = atEnd();
  words.className = "answer writing";
  words.textContent = text;
  if (following) reveal();
}

// Into the conversation that it was asked in, which may not be the one that is shown by now.
function settle(talk, turn, shown) {
  talk.turns.push(turn);
  talk.title ||= turn.question.replace(/\s+/g, " ").slice(0, 80);
  talk.at = Date.now();
  save(talk);
  list();
  if (talk !== conversation) return;
  const following = atEnd();
  shown.replaceWith(turnShown(turn, () => save(talk)));
  if (following) reveal();
  announce(turn.stopped ? "Stopped." : `Twin of ${turn.author} answered: ${turn.text}`);
  rest();
}

function fail(shown, words, question, error) {
  const problem = element("p", "failed problem", element("span", "", `No answer: ${error.message}`));
  if (error.status === 0 || error.status === 429 || error.status >= 500 || error.status === undefined) {
    problem.append(again(error.seconds, () => { shown.remove(); ask(question); }));
  }
  words.className = "answer";
  words.after(problem);
  if (!words.textContent) words.remove();
  reveal();
  announce(`No answer: ${error.message}`);
  rest();
}

// A button that can be pressed once the server wants to be asked again.
function again(seconds, act) {
  const made = button("", "Try again", () => { if (!running) act(); });
  const count = (left) => {
    made.disabled = left > 0;
    made.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left > 0 && (made.isConnected || left === seconds)) setTimeout(count, 1000, left - 1);
  };
  count(seconds || 0);
  return made;
}

function atEnd() { return $("talk").scrollHeight - $("talk").scrollTop - $("talk").clientHeight < 80; }

function reveal() { $("talk").scrollTop = $("talk").scrollHeight; }

// Back to the question, unless the reader is somewhere else or a telephone's keyboard would jump up.
function rest() {
  const idle = [document.body, $("question"), $("stop")].includes(document.activeElement);
  if (idle && !matchMedia("(pointer: coarse)").matches) $("question").focus();
}

function drawer(open) {
  $("side").classList.toggle("open", open);
  $("scrim").hidden = !open;
  $("menu").setAttribute("aria-expanded", String(open));
  for (const id of ["head", "talk", "ask"]) $(id).inert = open;
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("question").value.trim();
  if (!question || running || !conversation || !twins.has(conversation.twin)) return;
  $("question").value = "";
  ask(question);
});

$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if ($("scrim").hidden) running?.abort();
  else { drawer(false); $("menu").focus(); }
});
$("stop").addEventListener("click", () => running?.abort());
$("menu").addEventListener("click", () => { drawer(true); $("new").focus(); });
$("scrim").addEventListener("click", () => drawer(false));
$("new").addEventListener("click", () => { show(begun($("twin").value)); drawer(false); $("question").focus(); });
$("twin").addEventListener("change", () => {
  keep("localStorage", "llm-twin/twin", $("twin").value);
  show(begun($("twin").value));
  describe();
});
window.addEventListener("storage", () => { if (conversation) list(); });
look();
