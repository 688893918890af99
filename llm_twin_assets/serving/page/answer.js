// How an answer is shown: its words, its quotations with their sources, and what a reader says of it.
const THUMB = "M8 11v9H4.5v-9zM8 11l3.6-7c1.5 0 2.6 1.1 2.6 2.6V10h4.3a1.9 1.9 0 0 1 1.9 2.2l-1 6a2.1 2.1 0 0 1-2.1 1.8H8";

// What the author emphasised is shown so, without ever reading text as HTML.
function prose(text) {
  const found = document.createDocumentFragment();
  const pattern = /\*\*([^*\n]+)\*\*|`([^`\n]+)`|(?<![\w*])[*_]([^*_\n]+)[*_](?![\w*])/g;
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    found.append(text.slice(at, match.index));
    const tag = match[1] ? "strong" : match[2] ? "code" : "em";
    found.append(element(tag, "", match[1] || match[2] || match[3]));
    at = match.index + match[0].length;
  }
  found.append(text.slice(at));
  return found;
}

// The same server under whatever name this page was opened by; an address elsewhere becomes one here.
function link(className, text, url) {
  const made = element("a", className, text), address = new URL(url, location.href);
  made.href = address.pathname + address.search + address.hash;
  made.target = "_blank";
  made.rel = "noopener";
  return made;
}

// The text with a link in the place of each mark, [parts to append, the text without marks].
function quoted(turn) {
  const found = document.createDocumentFragment();
  let at = 0, plain = "";
  turn.notes.forEach((note, index) => {
    const mark = ` [${index + 1}]`;
    if (note.start_index < at || !turn.text.startsWith(mark, note.end_index)) return;
    found.append(prose(turn.text.slice(at, note.start_index)), prose(turn.text.slice(note.start_index, note.end_index)));
    const made = link("mark", String(index + 1), note.url);
    made.title = note.title;
    made.setAttribute("aria-label", `Source ${index + 1}: ${note.title}`);
    found.append(made);
    plain += turn.text.slice(at, note.end_index);
    at = note.end_index + mark.length;
  });
  found.append(prose(turn.text.slice(at)));
  return [found, plain + turn.text.slice(at)];
}

function sources(notes) {
  const list = element("ol", "sources");
  list.setAttribute("aria-label", "Sources");
  notes.forEach((note, index) => list.append(element("li", "", element("span", "", String(index + 1)), link("", note.title, note.url))));
  return list;
}

function asked(question) { return element("p", "asked", question); }

function speaker(author) { return element("p", "speaker", `Twin of ${author}`); }

// A finished or stopped turn, as it is shown live and out of the history; `changed` keeps what was said of it.
function turnShown(turn, changed) {
  const shown = element("section", "turn", asked(turn.question), speaker(turn.author));
  if (turn.standalone) shown.append(element("p", "standalone", `understood as: ${turn.standalone}`));
  const [parts, plain] = quoted(turn);
  shown.append(element("p", turn.declined ? "answer declined" : "answer", parts));
  if (turn.notes.length) shown.append(sources(turn.notes));
  if (turn.stopped) return shown.append(element("p", "stopped", "You stopped this answer.")), shown;
  shown.append(...opinion(turn, plain, changed));
  const ids = `Release ${short(turn.release_id)} · index ${short(turn.index_id)} · trace ${turn.trace_id}`;
  shown.append(element("p", "ids", ids));
  return shown;
}

// Thumbs, and a form for a comment and a better answer. What was said last is sent whole and counts.
function opinion(turn, plain, changed) {
  const said = element("span"), bar = element("div", "below");
  const given = () => turn.feedback || {};
  const tell = async (feedback) => {
    try {
      const response = await api("/feedback", { method: "POST", body: JSON.stringify({ trace_id: turn.trace_id, ...feedback }) });
      if (!response.ok) throw await refusal(response);
      turn.feedback = feedback;
      changed();
      said.textContent = "Noted. Thank you.";
    } catch (error) {
      said.textContent = `Not noted: ${error.message}`;
    }
    announce(said.textContent);
    for (const thumb of thumbs) thumb.setAttribute("aria-pressed", String(Number(thumb.value) === given().value));
    return turn.feedback === feedback;
  };
  const thumbs = [["Good answer", 1, ""], ["Bad answer", -1, "rotate(180 12 12)"]].map(([name, value, turned]) => {
    const made = button("quiet", icon(THUMB, turned), () => tell({ ...given(), value: given().value === value ? 0 : value }));
    made.value = value;
    made.setAttribute("aria-label", name);
    made.title = name;
    made.setAttribute("aria-pressed", String(given().value === value));
    return made;
  });
  const words = wordsForm(given, plain, tell, () => more);
  const more = button("quiet", "Comment or correct", () => {
    words.hidden = !words.hidden;
    more.setAttribute("aria-expanded", String(!words.hidden));
    if (words.hidden) return;
    words.querySelector("textarea").focus();
    words.scrollIntoView({ block: "nearest" });
  });
  more.setAttribute("aria-expanded", "false");
  bar.append(...thumbs, more, said);
  return [bar, words];
}

function wordsForm(given, plain, tell, more) {
  const form = element("form", "words"), comment = field("What is right or wrong with it?", 2, 2000, given().comment || "");
  const correction = field("A better answer", 4, 8000, given().correction || plain);
  correction.lastChild.classList.add("correction");
  form.hidden = true;
  const close = () => { more().click(); more().focus(); };
  form.append(...comment.childNodes, ...correction.childNodes, element("div", "", element("button", "", "Send"), button("quiet", "Cancel", close)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [remark, better] = [...form.querySelectorAll("textarea")].map((area) => area.value.trim());
    const corrected = better && better !== plain.trim();
    const said = { ...given(), comment: remark || undefined, correction: corrected ? better : undefined };
    if (!remark && !corrected || await tell(said)) close();
  });
  return form;
}

function field(name, rows, maxLength, value) {
  const label = element("label", "", name), area = element("textarea", "field");
  label.htmlFor = area.id = `field-${crypto.randomUUID()}`;
  Object.assign(area, { rows, maxLength, value });
  return element("div", "", label, area);
}
