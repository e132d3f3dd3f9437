const words = {
  en: { go: "Send", stop: "Stop", clear: "New chat", other: "中文", ask: "Write a message", go_on: "Write how the text begins",
        hello: "Ask away", hello_text: "Begin a text", help: "Answers are written by a model and may be wrong. Nothing is kept when you close this page.",
        you: "You", more: "Settings", heat: "Temperature", top: "Top-p", most: "Longest answer, tokens", system: "Instructions for the model (system)",
        told: (n, s) => `${n} tokens, ${s} a second`, cut: " · cut at the longest length", problem: "Something went wrong.", keys: "Enter sends, Shift + Enter begins a line." },
  zh: { go: "发送", stop: "停止", clear: "新对话", other: "English", ask: "输入消息", go_on: "输入文章的开头",
        hello: "请提问", hello_text: "写下开头", help: "回答由模型生成，可能有误。关闭页面后不保留任何内容。",
        you: "您", more: "设置", heat: "温度", top: "Top-p", most: "回答最长词元数", system: "给模型的指示（system）",
        told: (n, s) => `${n} 个词元，每秒 ${s} 个`, cut: " · 已达最长长度", problem: "出错了。", keys: "回车发送，Shift + 回车换行。" },
};
const app = document.getElementById("app");
const facts = JSON.parse(app.dataset.facts);
let lang = facts.lang;
const settings = { heat: 0.8, top: 0.95, most: Math.max(16, Math.min(512, Math.floor(facts.context / 2))), system: "" };
let turns = [];
let under = null;
const say = (key) => words[lang][key];

function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

function slider(key, low, high, step) {
  const shown = make("b", { textContent: settings[key] });
  const input = make("input", { type: "range", min: low, max: high, step, value: settings[key],
    oninput: () => { settings[key] = Number(input.value); shown.textContent = input.value; } });
  return make("label", {}, make("span", {}, `${say(key)} `, shown), input);
}

const log = make("div", { className: "log" });
log.setAttribute("role", "log");
log.setAttribute("aria-live", "polite");

function turn(t) {
  const text = make("p", { textContent: t.content });
  const node = make("div", { className: `turn ${t.role}` }, make("span", { className: "by", textContent: t.role === "user" ? say("you") : facts.model }), text);
  if (t.told) node.append(make("small", { className: "told", textContent: t.told }));
  if (t.problem) node.append(make("p", { className: "problem", textContent: t.problem }));
  t.node = node;
  t.text = text;
  return node;
}

function near() { return window.innerHeight + window.scrollY > document.body.scrollHeight - 120; }
function down() { window.scrollTo({ top: document.body.scrollHeight }); }

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  log.replaceChildren(...(turns.length ? turns.map(turn)
    : [make("div", { className: "empty" }, make("strong", { textContent: say(facts.speaks ? "hello" : "hello_text") }), say("help"))]));
  const area = make("textarea", { rows: 1, placeholder: say(facts.speaks ? "ask" : "go_on"), title: say("keys") });
  area.setAttribute("aria-label", say(facts.speaks ? "ask" : "go_on"));
  area.oninput = () => { area.style.height = "auto"; area.style.height = `${area.scrollHeight}px`; };
  area.onkeydown = (e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); form.requestSubmit(); } };
  const go = make("button", { className: under ? "go stop" : "go", textContent: under ? say("stop") : say("go") });
  const system = make("textarea", { rows: 2, value: settings.system, oninput: () => { settings.system = system.value; } });
  const form = make("form", { onsubmit: (e) => { e.preventDefault(); under ? under.abort() : ask(area.value); } },
    make("div", { className: "box" }, area, go),
    make("details", {}, make("summary", { textContent: say("more") }),
      make("div", { className: "settings" }, slider("heat", 0, 2, 0.05), slider("top", 0.05, 1, 0.05),
        slider("most", 16, Math.max(32, facts.context - 16), 16),
        facts.speaks ? make("label", { className: "whole" }, say("system"), system) : null)));
  const header = make("header", {}, make("h1", { textContent: facts.model }),
    make("button", { className: "plain", type: "button", textContent: say("clear"), onclick: () => { under?.abort(); turns = []; show(); } }),
    make("button", { className: "plain", type: "button", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; show(); } }));
  app.replaceChildren(header, log, form);
  if (!under) area.focus({ preventScroll: true });
}

async function ask(text) {
  if (!text.trim()) return;
  turns.push({ role: "user", content: text });
  const answer = { role: "assistant", content: "" };
  const sent = turns.map(({ role, content }) => ({ role, content }));
  if (settings.system.trim()) sent.unshift({ role: "system", content: settings.system });
  turns.push(answer);
  under = new AbortController();
  show();
  down();
  answer.node.classList.add("writing");
  const begun = performance.now();
  let tokens = 0;
  let cut = false;
  try {
    const reply = await fetch("v1/chat/completions", {
      method: "POST", signal: under.signal, headers: { "Content-Type": "application/json", "Accept-Language": lang },
      body: JSON.stringify({ model: facts.model, messages: sent, stream: true, stream_options: { include_usage: true },
        temperature: settings.heat, top_p: settings.top, max_tokens: settings.most }),
    });
    if (!reply.ok) throw new Error((await reply.json().catch(() => null))?.error?.message || say("problem"));
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let held = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      held += value;
      const lines = held.split("\n\n");
      held = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
        const data = JSON.parse(line.slice(6));
        if (data.error) throw new Error(data.error.message);
        if (data.usage) tokens = data.usage.completion_tokens;
        const choice = data.choices[0];
        if (!choice) continue;
        if (choice.finish_reason === "length") cut = true;
        if (choice.delta?.content) {
          const follow = near();
          answer.content += choice.delta.content;
          answer.text.append(choice.delta.content);
          if (follow) down();
        }
      }
    }
    const seconds = (performance.now() - begun) / 1000;
    if (tokens) answer.told = say("told")(tokens, (tokens / seconds).toFixed(tokens / seconds < 10 ? 1 : 0)) + (cut ? say("cut") : "");
  } catch (e) {
    if (e.name !== "AbortError") answer.problem = e.message || say("problem");
  }
  under = null;
  show();
  down();
}

show();
