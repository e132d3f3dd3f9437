const words = {
  en: { go: "Ask", clear: "New conversation", other: "中文", ask: "Your question", title: "Ask the documents",
        hello: "What would you like to know?", help: "Answers are quoted from the documents, each with its source. What they do not say is not answered.",
        you: "You", it: "Documents", sources: "Source", sure: (p) => `confidence ${p} %`, problem: "Something went wrong.", tenant: "Tenant",
        person: "A person should take over", searched: (q) => `Understood as: ${q}`, keys: "Enter sends, Shift + Enter begins a line.", wait: "Looking …" },
  zh: { go: "提问", clear: "新对话", other: "English", ask: "您的问题", title: "向文档提问",
        hello: "您想了解什么？", help: "回答均引自文档，并注明出处。文档中没有的内容不作回答。",
        you: "您", it: "文档", sources: "出处", sure: (p) => `置信度 ${p}%`, problem: "出错了。", tenant: "租户",
        person: "建议转人工处理", searched: (q) => `理解为：${q}`, keys: "回车发送，Shift + 回车换行。", wait: "查找中……" },
};
const app = document.getElementById("app");
let lang = app.dataset.lang === "zh" ? "zh" : "en";
let session = null;
let tenant = "";
let busy = false;
let turns = [];
const say = (key) => words[lang][key];

// Everything is put in as text: nothing that a document holds becomes a link, a picture or a tag.
function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

function citation(c, i) {
  const head = [c.document, c.heading].filter(Boolean).join(" · ");
  return make("details", { className: "cite" }, make("summary", {}, make("b", { textContent: `${i + 1}` }), ` ${head}`),
    make("blockquote", { textContent: c.text }));
}

function turn(t) {
  if (t.role === "user") return make("div", { className: "turn user" }, make("span", { className: "by", textContent: say("you") }), make("p", { textContent: t.text }));
  const node = make("div", { className: "turn it" }, make("span", { className: "by", textContent: say("it") }));
  if (t.waiting) { node.append(make("p", { className: "quiet", textContent: say("wait") })); return node; }
  if (t.problem) { node.append(make("p", { className: "problem", textContent: t.problem })); return node; }
  const r = t.reply;
  if (r.refused && r.handover && r.handover.reason !== "unanswered") { /* the hand-over says all there is to say */ }
  else if (r.refused) node.append(make("p", { className: "refused", textContent: r.message }));
  else {
    const text = make("p", { className: "said", textContent: r.answer });
    if (r.citations.length) text.append(make("sup", { textContent: r.citations.map((_, i) => i + 1).join(", ") }));
    node.append(text);
    if (r.citations.length) node.append(make("div", { className: "cites" }, make("span", { className: "by", textContent: say("sources") }), ...r.citations.map(citation)));
    node.append(make("small", { className: "quiet", textContent: say("sure")(Math.min(99, Math.round(100 * r.confidence))) }));
  }
  if (r.searched !== t.asked) node.append(make("small", { className: "quiet", textContent: say("searched")(r.searched) }));
  if (r.handover) node.append(make("div", { className: "person" }, make("strong", { textContent: say("person") }), make("span", { textContent: r.handover.message })));
  return node;
}

const log = make("div", { className: "log" });
log.setAttribute("role", "log");
log.setAttribute("aria-live", "polite");

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  log.replaceChildren(...(turns.length ? turns.map(turn)
    : [make("div", { className: "empty" }, make("strong", { textContent: say("hello") }), say("help"))]));
  const area = make("textarea", { rows: 1, placeholder: say("ask"), title: say("keys"), maxLength: 2000 });
  area.setAttribute("aria-label", say("ask"));
  area.oninput = () => { area.style.height = "auto"; area.style.height = `${area.scrollHeight}px`; };
  area.onkeydown = (e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); form.requestSubmit(); } };
  const form = make("form", { onsubmit: (e) => { e.preventDefault(); ask(area.value.trim()); } },
    make("div", { className: "box" }, area, make("button", { className: "go", textContent: say("go"), disabled: busy })));
  const whose = make("input", { value: tenant, placeholder: say("tenant"), oninput: () => { tenant = whose.value.trim(); session = null; } });
  whose.setAttribute("aria-label", say("tenant"));
  const head = make("header", {}, make("h1", { textContent: say("title") }),
    app.dataset.tenanted === "1" ? whose : null,
    make("button", { className: "plain", textContent: say("clear"), onclick: () => { turns = []; session = null; show(); } }),
    make("button", { className: "plain", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; show(); } }));
  app.replaceChildren(head, log, form);
  area.focus();
  if (turns.length) window.scrollTo({ top: document.body.scrollHeight });
}

async function ask(text) {
  if (!text || busy) return;
  busy = true;
  const waiting = { role: "it", waiting: true };
  turns.push({ role: "user", text }, waiting);
  show();
  try {
    const body = { question: text };
    if (session) body.session = session;
    if (tenant) body.tenant = tenant;
    const answer = await fetch("answer", { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "Accept-Language": lang } });
    const data = await answer.json().catch(() => null);
    if (!answer.ok) throw new Error(data && data.error ? data.error.message : say("problem"));
    session = data.session;
    Object.assign(waiting, { waiting: false, reply: data, asked: text });
  } catch (error) {
    Object.assign(waiting, { waiting: false, problem: error.message });
  }
  busy = false;
  show();
}
show();
