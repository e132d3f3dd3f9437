const words = {
  en: { title: "Recommendations", other: "中文", user: "User id", session: "Session: items seen or bought", add: "Find an item …", where: "Conditions", wherehint: "price<=50, category=shoes",
        many: "Items", diverse: "Variety", seen: "also what the user had", go: "Recommend", problem: "Something went wrong.", because: "because of", click: "Clicked", clicked: "Counted",
        like: "More like this", known: "known user", unknown: "new user", none: "Nothing is left under these conditions.", hello: "Name a user, or put items into the session.", remove: "Remove", score: "score", form: "All fields" },
  zh: { title: "推荐", other: "English", user: "用户编号", session: "会话：看过或买过的物品", add: "查找物品……", where: "条件", wherehint: "price<=50, category=shoes",
        many: "数量", diverse: "多样性", seen: "包含用户已有的物品", go: "推荐", problem: "出错了。", because: "因为", click: "点击了", clicked: "已记录",
        like: "更多类似", known: "已知用户", unknown: "新用户", none: "在这些条件下没有可推荐的物品。", hello: "请填写用户编号，或把物品加入会话。", remove: "移除", score: "得分", form: "完整表单" },
};
const app = document.getElementById("app");
let lang = app.dataset.lang === "zh" ? "zh" : "en";
const pictures = app.dataset.pictures === "1";
const asked = { user: "", session: [], where: "", k: 12, diverse: 0, seen: false };
const titles = new Map();
let about = { columns: [], titles: {} };
let answer = null, problem = null, busy = false;
const clicked = new Set();
const say = (key) => words[lang][key];

// Everything is put in as text: nothing that a table holds becomes a link or a tag.
function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

async function call(path, body) {
  const found = await fetch(path, body ? { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "Accept-Language": lang } } : {});
  const data = await found.json().catch(() => null);
  if (!found.ok) throw new Error(data && data.error ? (lang === "zh" && data.error.message_zh) || data.error.message : say("problem"));
  return data;
}

const named = (item) => titles.get(item) || item;
const titled = () => about.titles[lang];

// Titles are in the language of the page, so another language asks for them anew.
async function turn() {
  lang = lang === "zh" ? "en" : "zh";
  titles.clear();
  await Promise.all(asked.session.map(name));
  if (answer) await go(); else show();
}

async function name(item) {
  const data = await call(`items?q=${encodeURIComponent(item)}&lang=${lang}`).catch(() => ({ items: [] }));
  const hit = data.items.find((found) => found.item === item);
  titles.set(item, hit ? hit.title : item);
}

function field(key, input, more = "") {
  const id = `f-${key}`;
  input.id = id;
  return make("div", { className: `field ${more}` }, make("label", { htmlFor: id, textContent: say(key) }), input);
}

function chips() {
  return make("ul", { className: "chips" }, ...asked.session.map((item) => {
    const gone = make("button", { type: "button", textContent: "×", onclick: () => { asked.session = asked.session.filter((i) => i !== item); show(); } });
    gone.setAttribute("aria-label", `${say("remove")}: ${named(item)}`);
    return make("li", {}, make("span", { textContent: named(item) }), gone);
  }));
}

function finder() {
  const input = make("input", { placeholder: say("add"), autocomplete: "off", maxLength: 200 });
  const list = make("div", { className: "found", hidden: true });
  let turn = 0;
  input.oninput = async () => {
    const mine = ++turn, text = input.value.trim();
    if (!text) { list.hidden = true; return; }
    const data = await call(`items?q=${encodeURIComponent(text)}&lang=${lang}`).catch(() => null);
    if (mine !== turn || !data) return;
    list.replaceChildren(...data.items.slice(0, 8).map((hit) => make("button", { type: "button", textContent: hit.title, onclick: () => put(hit.item, hit.title) })));
    list.hidden = !data.items.length;
  };
  input.onkeydown = (e) => { if (e.key === "Enter" && list.firstChild && !list.hidden) { e.preventDefault(); list.firstChild.click(); } };
  return [field("session", input), list];
}

function put(item, title) {
  titles.set(item, title);
  if (!asked.session.includes(item)) asked.session.push(item);
  go();
}

function tile(hit) {
  const title = named(hit.item);
  const face = make("div", { className: "face" });
  if (pictures) {
    const image = make("img", { src: `items/picture?id=${encodeURIComponent(hit.item)}`, alt: "", loading: "lazy", onerror: () => image.replaceWith(letters(title)) });
    face.append(image);
  } else face.append(letters(title));
  const told = Object.entries(hit.columns || {}).filter(([column, value]) => !Object.values(about.titles).includes(column) && String(value).length <= 60).slice(0, 4);
  const facts = make("dl", {}, ...told.flatMap(([column, value]) => [make("dt", { textContent: column }), make("dd", { textContent: Array.isArray(value) ? value.join(" · ") : String(value) })]));
  const why = (hit.because || []).length ? make("p", { className: "why", textContent: `${say("because")} ${hit.because.map(named).join(" · ")}` }) : null;
  const done = clicked.has(`${asked.user} ${hit.item}`);
  const click = asked.user ? make("button", { type: "button", className: "plain", disabled: done, textContent: done ? say("clicked") : say("click"), onclick: () => tell(hit.item) }) : null;
  const more = make("button", { type: "button", className: "plain", textContent: say("like"), onclick: () => put(hit.item, title) });
  return make("li", {}, face, make("h2", { textContent: title, title }), facts, why, make("div", { className: "acts" }, click, more));
}

function letters(title) {
  let turn = 0;
  for (const sign of title) turn = (turn * 31 + sign.codePointAt(0)) % 6;
  return make("span", { className: `letters tone${turn}`, ariaHidden: "true", textContent: [...title.trim()].slice(0, 2).join("").toUpperCase() || "?" });
}

async function tell(item) {
  try {
    await call("events", { user: asked.user, item });
    clicked.add(`${asked.user} ${item}`);
    await go();
  } catch (error) { problem = error.message; show(); }
}

async function go() {
  busy = true; problem = null; show();
  try {
    const body = { k: asked.k, reasons: true, show: true, seen: asked.seen, diverse: asked.diverse };
    if (asked.user) body.user = asked.user;
    if (asked.session.length) body.history = asked.session;
    const where = asked.where.split(/[,，;；\n]/).map((t) => t.trim()).filter(Boolean);
    if (where.length) body.where = where;
    answer = await call("recommend", body);
    for (const hit of answer.items) if (titled() && hit.columns && hit.columns[titled()]) titles.set(hit.item, String(hit.columns[titled()]));
    const unnamed = [...new Set(answer.items.flatMap((hit) => hit.because || []))].filter((item) => !titles.has(item)).slice(0, 30);
    await Promise.all(unnamed.map(name));
  } catch (error) { problem = error.message; answer = null; }
  busy = false; show();
}

function results() {
  if (problem) return [make("p", { className: "problem", role: "alert", textContent: problem })];
  if (!answer) return [make("p", { className: "empty", textContent: say("hello") })];
  const told = (answer.warnings || []).map((w) => make("p", { className: "warning", textContent: lang === "zh" ? w.message_zh : w.message }));
  if (!answer.items.length) return [...told, make("p", { className: "empty", textContent: say("none") })];
  return [...told, make("ul", { className: "tiles" }, ...answer.items.map(tile))];
}

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  const focused = document.activeElement && document.activeElement.id;
  const user = make("input", { value: asked.user, maxLength: 200, autocomplete: "off", oninput: () => { asked.user = user.value.trim(); } });
  const where = make("input", { value: asked.where, placeholder: say("wherehint"), maxLength: 500, oninput: () => { asked.where = where.value; } });
  if (about.columns.length) where.title = about.columns.map((c) => c.name).join(", ");
  const many = make("select", { onchange: () => { asked.k = Number(many.value); } }, ...[6, 12, 24, 48].map((n) => make("option", { value: n, textContent: n, selected: n === asked.k })));
  const diverse = make("input", { type: "range", min: 0, max: 1, step: 0.1, value: asked.diverse, oninput: () => { asked.diverse = Number(diverse.value); } });
  const seen = make("input", { type: "checkbox", checked: asked.seen, onchange: () => { asked.seen = seen.checked; } });
  const [find, list] = finder();
  const form = make("form", { onsubmit: (e) => { e.preventDefault(); go(); } },
    make("div", { className: "row" }, field("user", user), make("div", { className: "finder" }, find, list)),
    asked.session.length ? chips() : null,
    make("div", { className: "row" }, about.columns.length ? field("where", where) : null, field("many", many, "small"), field("diverse", diverse, "small")),
    make("div", { className: "row last" }, make("label", { className: "check" }, seen, ` ${say("seen")}`), make("button", { className: "go", textContent: say("go"), disabled: busy })));
  const header = make("header", {}, make("h1", { textContent: say("title") }), make("a", { href: `./?form=1&lang=${lang}`, textContent: say("form") }),
    make("button", { type: "button", className: "plain", textContent: say("other"), onclick: turn }));
  const section = make("section", { ariaBusy: busy }, ...results());
  section.setAttribute("aria-live", "polite");
  app.replaceChildren(header, form, section);
  const again = focused && document.getElementById(focused);
  if (again) again.focus();
}

show();
call("items?q=").then((data) => { about = data; show(); }).catch(() => {});
