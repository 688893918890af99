// Past conversations, in this browser only: a list for each twin, the newest first, MOST at most.
const MOST = 50;

function shelf(twin) { return `llm-twin/conversations/${twin}`; }

function begun(twin) { return { id: crypto.randomUUID(), twin, title: "", at: 0, turns: [] }; }

function conversationsOf(twin) {
  const found = kept("localStorage", shelf(twin));
  return Array.isArray(found) ? found : [];
}

// What stands there is read again each time, so that two tabs do not overwrite each other's.
function save(conversation) {
  const others = conversationsOf(conversation.twin).filter((one) => one.id !== conversation.id);
  const all = [conversation, ...others].sort((one, other) => other.at - one.at).slice(0, MOST);
  while (!keep("localStorage", shelf(conversation.twin), all) && all.length > 1) all.pop();
}

function forget(conversation) {
  keep("localStorage", shelf(conversation.twin), conversationsOf(conversation.twin).filter((one) => one.id !== conversation.id));
}

// The whole conversation as the API reads it, ending with the question; what has no answer is left out.
function messages(conversation, question) {
  const said = conversation.turns.filter((turn) => turn.text).flatMap((turn) => [
    { role: "user", content: turn.question },
    { role: "assistant", content: turn.text },
  ]);
  return [...said, { role: "user", content: question }];
}

function day(at) {
  const date = new Date(at), now = new Date();
  if (date.toDateString() === now.toDateString()) return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return date.toLocaleDateString([], { day: "numeric", month: "short", year: date.getFullYear() === now.getFullYear() ? undefined : "numeric" });
}

// One line of the list: opens the conversation, or deletes it, which can be undone until the list is drawn again.
function listed(conversation, here, open, removed) {
  const item = element("li", here ? "here" : "");
  const opening = button("open quiet", [element("span", "", conversation.title), element("small", "", day(conversation.at))], () => open(conversation));
  if (here) opening.setAttribute("aria-current", "true");
  const removing = button("delete quiet", icon("M6 6l12 12M18 6L6 18"), () => {
    forget(conversation);
    const undo = button("quiet", "Undo", () => { save(conversation); removed(conversation, false); });
    item.replaceWith(element("li", "gone", "Deleted", undo));
    undo.focus();
    removed(conversation, true);
  });
  removing.setAttribute("aria-label", `Delete “${conversation.title}”`);
  item.append(opening, removing);
  return item;
}
