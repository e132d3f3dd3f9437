// One pair at a time, in an order of its own for each listener; answers stay in this browser until they are saved as a file.
const words = {
  en: { title: "Which sounds better?", other: "中文", how: "Listen to both, as often as you like, then choose.", one: "First", two: "Second", none: "No difference",
        at: (n, of) => `Pair ${n} of ${of}`, back: "Back", done: "That was all. Save your answers and give the file to who asked you.", save: "Save answers",
        again: "Start again", early: "Save what is done" },
  zh: { title: "哪一个更好听？", other: "English", how: "两段都可反复听，然后选择。", one: "第一段", two: "第二段", none: "没有差别",
        at: (n, of) => `第 ${n} 对，共 ${of} 对`, back: "返回", done: "全部完成。请保存答案，并把文件交给邀请您的人。", save: "保存答案",
        again: "重新开始", early: "保存已完成的部分" },
};
const app = document.getElementById("app");
const { test, pairs } = JSON.parse(document.getElementById("pairs").textContent);
let lang = app.dataset.lang === "zh" ? "zh" : "en";
const say = (key, ...given) => (typeof words[lang][key] === "function" ? words[lang][key](...given) : words[lang][key]);
const place = `modelwright-listen-${test}`;
let state = kept() || { order: shuffled(pairs.length), votes: {} };

function kept() {
  try { const found = JSON.parse(localStorage.getItem(place)); return found && found.order.length === pairs.length ? found : null; } catch { return null; }
}
function keep() { try { localStorage.setItem(place, JSON.stringify(state)); } catch { /* a browser may forbid it: the answers stand on this page alone */ } }
function shuffled(n) {
  const order = [...Array(n).keys()];
  for (let i = n - 1; i > 0; i--) { const j = Math.floor(Math.random() * (i + 1)); [order[i], order[j]] = [order[j], order[i]]; }
  return order;
}
function make(tag, props, ...children) {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...children);
  return made;
}
function vote(id, choice) { state.votes[id] = choice; keep(); draw(); }
function save() {
  const url = URL.createObjectURL(new Blob([JSON.stringify({ test, votes: state.votes }, null, 1)], { type: "application/json" }));
  const link = make("a", { href: url, download: `answers-${test.slice(0, 6)}-${Date.now().toString(36)}.json` });
  link.click();
  URL.revokeObjectURL(url);
}
function player(url, label) {
  const sound = make("audio", { src: url, controls: true, preload: "auto" });
  sound.setAttribute("aria-label", label);
  sound.addEventListener("play", () => document.querySelectorAll("audio").forEach((other) => { if (other !== sound) other.pause(); }));
  return make("label", {}, make("span", { textContent: label }), sound);
}
function draw() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  const done = state.order.filter((i) => pairs[i].id in state.votes);
  const next = state.order.find((i) => !(pairs[i].id in state.votes));
  const head = make("header", {}, make("h1", { textContent: say("title") }),
    make("button", { className: "lang", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; draw(); } }));
  const bar = make("progress", { max: pairs.length, value: done.length });
  if (next === undefined) {
    app.replaceChildren(head, bar, make("p", { className: "done", textContent: say("done") }), make("div", { className: "choices" },
      make("button", { className: "go", textContent: say("save"), onclick: save }),
      make("button", { textContent: say("again"), onclick: () => { state = { order: shuffled(pairs.length), votes: {} }; keep(); draw(); } })));
    return;
  }
  const pair = pairs[next];
  const foot = make("footer", {});
  if (done.length) {
    const last = pairs[done[done.length - 1]].id;
    foot.append(make("button", { textContent: say("back"), onclick: () => { delete state.votes[last]; keep(); draw(); } }),
      make("button", { textContent: say("early"), onclick: save }));
  }
  app.replaceChildren(head, bar, make("p", { className: "hint", textContent: `${say("at", done.length + 1, pairs.length)} · ${say("how")}` }),
    make("blockquote", { textContent: pair.text }),
    make("div", { className: "pair" }, player(pair.sounds[0], say("one")), player(pair.sounds[1], say("two"))),
    make("div", { className: "choices" },
      make("button", { className: "go", textContent: say("one"), onclick: () => vote(pair.id, "first") }),
      make("button", { textContent: say("none"), onclick: () => vote(pair.id, "none") }),
      make("button", { className: "go", textContent: say("two"), onclick: () => vote(pair.id, "second") })), foot);
}
draw();
