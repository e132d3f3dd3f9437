const words = {
  en: { title: "Speech to text", other: "中文", speak: "Speak", stop: "Stop", file: "Choose a recording", drop: "or drop it here: WAV, FLAC, MP3, OGG",
        hello: "Speak, or choose a recording.", wait: "Listening …", none: "Nothing was said.", copy: "Copy", copied: "Copied", clear: "Clear",
        problem: "Something went wrong.", noMic: "The microphone cannot be used: allow it in the browser, and open this page by https or on this machine.",
        unsure: "Underlined words are unsure.", hot: "Names and words to expect, divided by commas" },
  zh: { title: "语音转文字", other: "English", speak: "说话", stop: "停止", file: "选择录音", drop: "或拖放到此处：WAV、FLAC、MP3、OGG",
        hello: "请说话，或选择一段录音。", wait: "识别中……", none: "没有识别到语音。", copy: "复制", copied: "已复制", clear: "清空",
        problem: "出错了。", noMic: "无法使用麦克风：请在浏览器中允许，并通过 https 或在本机打开此页。",
        unsure: "带下划线的词不太确定。", hot: "预期出现的名称和词语，用逗号分隔" },
};
const app = document.getElementById("app");
let lang = app.dataset.lang === "zh" ? "zh" : "en";
let done = [];        // words that stand
let open = [];        // words that may still change
let settled = 0;
let busy = false;
let mic = null;
let problem = "";
let quiet = false;
let hot = "";
const say = (key) => words[lang][key];

// Everything is put in as text: nothing that was said becomes a link or a tag.
function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  for (const child of children) if (child !== null) node.append(child);
  return node;
}
const han = /[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff]/;
const clock = (s) => `${String(Math.floor(s / 60)).padStart(2, "0")}:${(s % 60).toFixed(2).padStart(5, "0")}`;

function text(list) {
  return list.reduce((all, w) => all + (all && !(han.test(w.word[0]) && han.test(all[all.length - 1])) ? " " : "") + w.word, "");
}

function written(list, from) {
  return list.flatMap((w, i) => {
    const before = i || from ? (han.test(w.word[0]) && (i ? han.test(list[i - 1].word.slice(-1)) : true) ? "" : " ") : "";
    const node = make("span", { className: `word${w.confidence < 0.6 ? " unsure" : ""}${w.open ? " open" : ""}`, textContent: w.word,
      title: `${clock(w.start)} – ${clock(w.end)} · ${Math.round(100 * w.confidence)} %` });
    return [before, node];
  });
}

function stamp(s, sign) {
  const ms = Math.round(s * 1000);
  const two = (v) => String(v).padStart(2, "0");
  return `${two(Math.floor(ms / 3600000))}:${two(Math.floor(ms / 60000) % 60)}:${two(Math.floor(ms / 1000) % 60)}${sign}${String(ms % 1000).padStart(3, "0")}`;
}

function lines() {
  const out = [];
  for (const w of done) {
    const last = out[out.length - 1];
    if (last && w.start - last[last.length - 1].end < 0.6 && w.end - last[0].start < 8) last.push(w); else out.push([w]);
  }
  return out;
}

function subtitles(kind) {
  const cues = lines().map((l, i) => `${kind === "srt" ? `${i + 1}\n` : ""}${stamp(l[0].start, kind === "srt" ? "," : ".")} --> ${stamp(l[l.length - 1].end, kind === "srt" ? "," : ".")}\n${text(l)}\n`);
  return (kind === "vtt" ? "WEBVTT\n\n" : "") + cues.join("\n");
}

function save(kind) {
  const made = kind === "txt" ? `${lines().map(text).join("\n")}\n` : subtitles(kind);
  const link = make("a", { href: URL.createObjectURL(new Blob([made], { type: "text/plain" })), download: `transcript.${kind}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const out = make("div", { className: "said" });
out.setAttribute("role", "log");
out.setAttribute("aria-live", "polite");

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  const pick = make("input", { type: "file", accept: "audio/*,.wav,.flac,.mp3,.ogg,.opus", hidden: true, onchange: () => { if (pick.files[0]) send(pick.files[0]); } });
  const names = make("input", { className: "hot", value: hot, placeholder: say("hot"), maxLength: 1000, oninput: () => { hot = names.value; } });
  names.setAttribute("aria-label", say("hot"));
  const speak = make("button", { className: mic ? "go stop" : "go", textContent: mic ? say("stop") : say("speak"), disabled: busy, onclick: () => (mic ? end() : begin()) });
  const choose = make("button", { className: "second", textContent: say("file"), disabled: busy || Boolean(mic), onclick: () => pick.click() });
  const has = done.length > 0;
  const tools = has && !mic && !busy ? make("div", { className: "tools" },
    make("button", { className: "plain", textContent: say("copy"), onclick: async (e) => { await navigator.clipboard.writeText(lines().map(text).join("\n")); e.target.textContent = say("copied"); } }),
    ...["txt", "srt", "vtt"].map((k) => make("button", { className: "plain", textContent: k.toUpperCase(), onclick: () => save(k) })),
    make("button", { className: "plain", textContent: say("clear"), onclick: () => { done = []; open = []; quiet = false; problem = ""; show(); } })) : null;
  const parts = [
    make("header", {}, make("h1", { textContent: say("title") }),
      make("button", { className: "plain", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; show(); } })),
    make("div", { className: "ways" }, speak, choose, make("span", { className: "hint", textContent: say("drop") }), pick), names, out, tools,
    done.concat(open).some((w) => w.confidence < 0.6) ? make("p", { className: "hint", textContent: say("unsure") }) : null];
  app.replaceChildren(...parts.filter((p) => p !== null));
  tell();
}

function tell() {
  const rest = open.map((w, i) => ({ ...w, open: i >= settled }));
  const nodes = [...written(done, 0), ...written(rest, done.length)];
  if (problem) nodes.push(make("p", { className: "problem", textContent: problem }));
  else if (busy || mic) nodes.push(make("span", { className: "wait", textContent: nodes.length ? " …" : say("wait") }));
  else if (!nodes.length) nodes.push(make("p", { className: "hint", textContent: quiet ? say("none") : say("hello") }));
  out.replaceChildren(...nodes);
}

async function send(file) {
  busy = true; problem = ""; done = []; open = []; quiet = false;
  show();
  try {
    const form = new FormData();
    form.append("file", file);
    form.append("response_format", "verbose_json");
    form.append("timestamp_granularities[]", "word");
    if (hot.trim()) form.append("prompt", hot);
    const answer = await fetch("v1/audio/transcriptions", { method: "POST", body: form, headers: { "Accept-Language": lang } });
    const data = await answer.json().catch(() => null);
    if (!answer.ok) throw new Error(data && data.error ? data.error.message : say("problem"));
    done = data.words || [];
    quiet = !done.length;
  } catch (error) { problem = error.message; }
  busy = false;
  show();
}

async function begin() {
  problem = ""; done = []; open = []; quiet = false;
  let stream;
  try { stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true } }); }
  catch { problem = say("noMic"); show(); return; }
  const sound = new AudioContext();
  const address = new URL("v1/audio/stream", document.baseURI);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = `rate=${Math.round(sound.sampleRate)}`;
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  const source = sound.createMediaStreamSource(stream);
  const reader = sound.createScriptProcessor(4096, 1, 1);
  reader.onaudioprocess = (e) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    const from = e.inputBuffer.getChannelData(0);
    const to = new Int16Array(from.length);
    for (let i = 0; i < from.length; i += 1) to[i] = Math.max(-32768, Math.min(32767, Math.round(from[i] * 32767)));
    socket.send(to.buffer);
  };
  source.connect(reader);
  reader.connect(sound.destination);
  mic = { stream, sound, socket, reader };
  socket.onmessage = (e) => {
    const event = JSON.parse(e.data);
    if (event.type === "partial") { open = event.words; settled = event.settled; }
    if (event.type === "final") { done = done.concat(event.words); open = []; }
    if (event.type === "error") problem = lang === "zh" ? event.message_zh : event.message;
    tell();
  };
  socket.onclose = () => { close(); };
  show();
}

function end() {
  if (mic && mic.socket.readyState === WebSocket.OPEN) { mic.socket.send(JSON.stringify({ type: "end" })); stopSound(); } else close();
}

function stopSound() {
  mic.reader.disconnect();
  mic.stream.getTracks().forEach((t) => t.stop());
  if (mic.sound.state !== "closed") mic.sound.close();
}

function close() {
  if (!mic) return;
  stopSound();
  mic = null;
  done = done.concat(open);
  open = [];
  quiet = !done.length;
  show();
}

app.ondragover = (e) => { e.preventDefault(); app.classList.add("over"); };
app.ondragleave = () => app.classList.remove("over");
app.ondrop = (e) => { e.preventDefault(); app.classList.remove("over"); if (!busy && !mic && e.dataTransfer.files[0]) send(e.dataTransfer.files[0]); };
show();
