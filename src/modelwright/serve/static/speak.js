const words = {
  en: { title: "Text to speech", other: "中文", text: "Write or paste what is to be read aloud, or SSML.", speak: "Read aloud", stop: "Stop", wait: "Reading …",
        voice: "Voice", speed: "Speed", pitch: "Pitch", pause: "Pauses", save: "Save", problem: "Something went wrong.",
        unsaid: "These signs cannot be spoken and were left out:", count: (n) => `${n} characters` },
  zh: { title: "文字转语音", other: "English", text: "输入或粘贴要朗读的文本，也可以是 SSML。", speak: "朗读", stop: "停止", wait: "正在朗读……",
        voice: "声音", speed: "语速", pitch: "音高", pause: "停顿", save: "保存", problem: "出错了。",
        unsaid: "以下符号无法读出，已略去：", count: (n) => `${n} 个字符` },
};
const app = document.getElementById("app");
let lang = app.dataset.lang === "zh" ? "zh" : "en";
let known = { voices: [], formats: ["wav"] };
let text = "";
let how = { voice: "", speed: 1, pitch: 0, pause: 1 };
let busy = null;
let problem = "";
let unsaid = [];
let sound = "";
const say = (key) => words[lang][key];

function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

function slider(key, low, high, step) {
  const shown = make("output", { textContent: how[key] });
  const range = make("input", { type: "range", min: low, max: high, step, value: how[key], disabled: Boolean(busy),
    oninput: () => { how[key] = Number(range.value); shown.textContent = range.value; } });
  return make("label", { className: "dial" }, make("span", { textContent: say(key) }), range, shown);
}

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  const count = make("span", { className: "hint", textContent: say("count")([...text].length) });
  const box = make("textarea", { className: "read", rows: 8, value: text, placeholder: say("text"), maxLength: 40000,
    oninput: () => { text = box.value; count.textContent = say("count")([...text].length); go.disabled = !text.trim(); },
    onkeydown: (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && text.trim() && !busy) begin(); } });
  box.setAttribute("aria-label", say("text"));
  const go = make("button", { className: busy ? "go stop" : "go", textContent: busy ? say("stop") : say("speak"), disabled: !busy && !text.trim(),
    onclick: () => (busy ? busy.abort() : begin()) });
  const pick = known.voices.length > 1 ? make("select", { disabled: Boolean(busy), onchange: () => { how.voice = pick.value; } },
    ...known.voices.map((v) => make("option", { value: v.id, textContent: v.name, selected: v.id === how.voice }))) : null;
  const parts = [
    make("header", {}, make("h1", { textContent: say("title") }),
      make("button", { className: "plain", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; show(); } })),
    box,
    make("div", { className: "ways" }, go, pick ? make("label", { className: "dial" }, make("span", { textContent: say("voice") }), pick) : null,
      slider("speed", 0.5, 2, 0.05), slider("pitch", -6, 6, 0.5), slider("pause", 0, 3, 0.1), count)];
  const out = make("div", { className: "said" });
  out.setAttribute("role", "status");
  out.setAttribute("aria-live", "polite");
  if (problem) out.append(make("p", { className: "problem", textContent: problem }));
  else if (busy) out.append(make("span", { className: "wait", textContent: say("wait") }));
  else if (sound) {
    out.append(make("audio", { controls: true, src: sound }), make("a", { className: "plain", href: sound, download: "speech.wav", textContent: say("save") }));
    if (unsaid.length) out.append(make("p", { className: "hint", textContent: `${say("unsaid")} ${unsaid.join(" ")}` }));
  }
  app.replaceChildren(...parts, out);
  return out;
}

// Sentences are played while the next ones come: the stream is WAV, 16 bits, whose head says the rate.
async function begin() {
  busy = new AbortController();
  problem = ""; unsaid = [];
  if (sound) URL.revokeObjectURL(sound);
  sound = "";
  show();
  const context = new AudioContext();
  try {
    const body = { input: text, response_format: "wav", speed: how.speed, pitch: how.pitch, pause: how.pause, voice: how.voice };
    const answer = await fetch("v1/audio/speech", { method: "POST", body: JSON.stringify(body), signal: busy.signal,
      headers: { "Content-Type": "application/json", "Accept-Language": lang } });
    if (!answer.ok) {
      const data = await answer.json().catch(() => null);
      throw new Error(data && data.error ? data.error.message : say("problem"));
    }
    unsaid = JSON.parse(answer.headers.get("X-Unspoken") || "[]");
    await play(answer.body.getReader(), context);
  } catch (error) { if (error.name !== "AbortError") problem = error.message; context.close(); }
  busy = null;
  show();
}

async function play(reader, context) {
  let held = new Uint8Array(0);
  let head = null;
  let at = 0;
  const all = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held); joined.set(value, held.length);
    held = joined;
    if (!head) {
      head = start(held);
      if (!head) continue;
      held = held.slice(head.data);
      at = context.currentTime + 0.1;
    }
    const even = held.length - (held.length % 2);
    const samples = new Int16Array(held.slice(0, even).buffer);
    held = held.slice(even);
    if (!samples.length) continue;
    all.push(samples);
    const buffer = context.createBuffer(1, samples.length, head.rate);
    buffer.getChannelData(0).set(Float32Array.from(samples, (s) => s / 32768));
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    at = Math.max(at, context.currentTime);
    source.start(at);
    at += buffer.duration;
  }
  if (head) sound = URL.createObjectURL(new Blob([wav(all, head)], { type: "audio/wav" }));
}

function start(bytes) {
  const view = new DataView(bytes.buffer);
  let at = 12;
  let rate = 16000;
  while (at + 8 <= bytes.length) {
    const name = String.fromCharCode(...bytes.slice(at, at + 4));
    const size = view.getUint32(at + 4, true);
    if (name === "fmt " && at + 16 <= bytes.length) rate = view.getUint32(at + 12, true);
    if (name === "data") return { rate, data: at + 8, bytes: bytes.slice(0, at + 8) };
    at += 8 + size + (size % 2);
  }
  return null;
}

// The head as it came, the mark in it, with the lengths that are known now.
function wav(parts, head) {
  const size = parts.reduce((n, p) => n + 2 * p.length, 0);
  const first = head.bytes.slice();
  const view = new DataView(first.buffer);
  view.setUint32(4, first.length - 8 + size, true);
  view.setUint32(first.length - 4, size, true);
  return new Blob([first, ...parts]);
}

show();
fetch("v1/audio/voices").then((a) => a.json()).then((found) => { known = found; how.voice = found.voices.length > 1 ? found.voices[0].id : ""; show(); }).catch(() => {});
