// What is live, drawn again whenever the server says something else than before.
const SECONDS = 5;
let drawn = "";

async function look() {
  try {
    const response = await api("/v1/releases");
    if (!response.ok) throw await refusal(response);
    draw(await response.text());
  } catch (error) {
    $("about").textContent = `${error.message} This page looks again by itself.`;
    drawn = "";
  }
  setTimeout(look, SECONDS * 1000);
}

function draw(text) {
  if (text === drawn) return;
  const report = JSON.parse(text), open = new Set([...document.querySelectorAll("details[open]")].map((one) => one.id));
  const index = report.index_id ? ["Index ", code(report.index_id), " is searched for every twin."] : ["No index is live."];
  $("about").replaceChildren(...index, report.index_error ? ` ${report.index_error}` : "", ` This page looks again every ${SECONDS} seconds.`);
  $("dagster").href = report.dagster;
  $("dagster").hidden = false;
  $("twins").replaceChildren(...report.twins.map(twin));
  for (const one of document.querySelectorAll("details")) one.open = open.has(one.id);
  if (drawn) announce("Something changed.");
  drawn = text;
}

function code(id) { return element("code", "", short(id)); }

function pill(kind, text) { return element("span", `pill ${kind}`, text); }

function faint(...children) { return element("p", "faint", ...children); }

function moment(iso) {
  const made = element("time", "", new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  made.dateTime = iso;
  return made;
}

function part(title, ...children) {
  return element("section", "", element("h3", "", title), ...children);
}

function twin(one) {
  const name = element("h2", "", one.author, element("small", "", one.twin));
  const made = element("article", "twin", element("header", "", name, standing(one)));
  const left = element("div", "", live(one), one.canary && canary(one.canary), one.ended && ended(one.ended), evaluation(one), drift(one.drift));
  const right = element("div", "", timeline(one), one.quarantined.length > 0 && quarantined(one.quarantined));
  made.setAttribute("aria-label", one.author);
  made.append(left, right);
  return made;
}

function standing({ live, canary }) {
  if (!live) return pill("", "not in service");
  if (live.error) return pill("bad", "cannot be served");
  if (live.release_id !== live.desired) return pill("trial", "loading");
  return canary ? pill("trial", `live · canary at ${canary.share} %`) : pill("good", "live");
}

function live({ live }) {
  if (!live) return part("Live", faint("Nothing has been released yet."));
  const problem = live.error && element("p", "failed", live.error);
  if (!live.release_id) return part("Live", element("p", "", "Release ", code(live.desired), " is being loaded."), problem);
  const follows = live.parent ? ["It follows ", code(live.parent), "."] : ["It is the first."];
  const next = live.desired !== live.release_id && element("p", "", "Release ", code(live.desired), " should take its place.");
  return part("Live", element("p", "", "Release ", code(live.release_id), ` speaks as ${live.author}.`),
    faint("Made ", moment(live.made_at), ". ", ...follows), next, problem);
}

function canary(one) {
  const bar = element("progress"), { canary, control, due } = one.conversations;
  Object.assign(bar, { max: 100, value: one.share });
  bar.setAttribute("aria-label", `Share of conversations: ${one.share} %`);
  const counted = one.looks ? counts({ canary, control, "next look at": due }) : faint(`It is first looked at after ${due} conversations in each arm.`);
  const quality = one.measured.quality && faint(`Quality differs by ${signed(one.measured.quality.difference)}, at most ${signed(one.measured.quality.upper)}.`);
  return part("Canary", element("p", "", "Release ", code(one.release_id), ` answers ${one.share} % of the conversations.`), bar,
    faint("Since ", moment(one.since), one.serving ? "." : "; it is not loaded yet."), counted, one.reason && element("p", "", sentence(one.reason)), quality);
}

function counts(numbers) {
  const list = element("dl", "arms");
  for (const [name, count] of Object.entries(numbers)) list.append(element("div", "", element("dt", "", name), element("dd", "", String(count))));
  return list;
}

function ended(one) {
  const how = one.action === "promote" ? pill("good", "promoted") : pill("bad", "rolled back");
  return part("Last canary", element("p", "", how, " release ", code(one.release_id)), one.reason && faint(sentence(one.reason)));
}

function sentence(text) { return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : "."); }

function signed(number) { return (number > 0 ? "+" : number < 0 ? "−" : "") + Math.abs(number).toFixed(4); }

const KIND = { promote: "good", keep: "", refuse: "bad", holds: "good", fails: "bad", undecided: "" };

function evaluation({ twin, evaluation: one }) {
  if (!one) return part("Last evaluation", faint("Not evaluated yet."));
  const guards = element("ul", "pills", ...one.guards.map((guard) => element("li", "", pill(KIND[guard.verdict], `${guard.name.replaceAll("_", " ")} ${guard.verdict}`))));
  const found = one.findings > 0 && element("p", "failed", `${one.findings} zero-tolerance findings`);
  return part("Last evaluation", element("p", "", pill(KIND[one.decision], one.decision)), ...(one.gain ? gain(one.gain) : []), guards, found,
    reasons(twin, one), one.page && faint("Whole report: ", element("code", "", one.page)));
}

function reasons(twin, one) {
  const list = element("ul", "", ...[one.reason, ...one.guards.map((guard) => guard.reason)].map((reason) => element("li", "", reason)));
  const made = element("details", "", element("summary", "", "Reasons"), list);
  made.id = `reasons-${twin}`;
  return made;
}

function gain(one) {
  const ends = one.low === null || one.high === null ? "" : ` [${signed(one.low)}, ${signed(one.high)}]`;
  const told = `${signed(one.mean)}${ends} ${one.unit || "bits per byte"} over ${one.over}`;
  return [interval(one, told), faint(`${told}, better on ${one.improved} of ${one.documents} documents.`)];
}

// The mean and its interval beside zero, which stands in the middle.
function interval({ mean, low, high }, told) {
  const widest = Math.max(...[mean, low, high].map((value) => Math.abs(value || 0))) * 1.15 || 1;
  const at = (value) => 200 + (value / widest) * 190;
  const picture = drawing("svg", { viewBox: "0 0 400 46", class: "interval", role: "img", "aria-label": `Gain: ${told}` },
    drawing("line", { class: "zero", x1: 200, x2: 200, y1: 4, y2: 30 }),
    drawing("line", { class: "span", x1: at(low ?? -widest), x2: at(high ?? widest), y1: 17, y2: 17, "stroke-opacity": low === null || high === null ? .3 : 1 }),
    drawing("circle", { class: "mean", cx: at(mean), cy: 17, r: 6 }));
  for (const [x, anchor, text] of [[0, "start", "worse"], [200, "middle", "0"], [400, "end", "better"]]) {
    picture.append(drawing("text", { x, y: 43, "text-anchor": anchor }, text));
  }
  return picture;
}

function drift(one) {
  if (!one) return part("Drift", faint("Not measured yet."));
  return part("Drift", element("p", "", sentence(one.state)), one.reason && faint(one.reason));
}

function quarantined(all) {
  const items = all.map((one) => element("p", "", "Adapter ", code(one.adapter), " of release ", code(one.release_id), ": ", one.reason));
  return part("In quarantine", ...items);
}

function timeline(one) {
  if (!one.timeline.length) return part("Releases", faint("None yet."));
  const list = element("ol", "timeline", ...one.timeline.map((release) => entry(release, one)));
  const earlier = one.releases - one.timeline.length;
  return part("Releases", list, earlier > 0 && faint(`and ${earlier} earlier`));
}

function entry(release, { live, canary }) {
  const marks = [];
  if (release.release_id === live?.release_id) marks.push(["live", "good", "live"]);
  if (release.release_id === canary?.release_id) marks.push(["trial", "trial", "canary"]);
  if (release.quarantined) marks.push(["bad", "bad", "quarantined"]);
  const item = element("li", marks[0]?.[0] || "", code(release.release_id), ...marks.map(([, kind, text]) => pill(kind, text)));
  item.append(moment(release.made_at));
  return item;
}

look();
