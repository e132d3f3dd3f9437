const words = {
  en: { title: "Voices", other: "中文", who: "Whose voice", agree: "This person agrees that the voice is kept, encrypted, to be recognised by it.", purpose: "Purpose",
        enrol: "Enrol", verify: "Verify", erase: "Erase", record: "Record", stop: "Stop", file: "Choose recordings", none: "No recording yet.",
        kept: "Enrolled.", gone: "Erased.", nobody: "There was nothing to erase.", same: "The same voice", different: "Another voice", problem: "Something went wrong.",
        noMic: "The microphone cannot be used: allow it in the browser, and open this page by https or on this machine.", recordings: "recordings" },
  zh: { title: "声纹验证", other: "English", who: "说话人", agree: "本人同意加密保存其声纹，用于身份验证。", purpose: "用途",
        enrol: "登记", verify: "验证", erase: "删除", record: "录音", stop: "停止", file: "选择录音", none: "尚无录音。",
        kept: "已登记。", gone: "已删除。", nobody: "没有可删除的声纹。", same: "同一人", different: "不是同一人", problem: "出错了。",
        noMic: "无法使用麦克风：请在浏览器中允许，并通过 https 或在本机打开此页。", recordings: "段录音" },
};
const app = document.getElementById("app");
let lang = app.dataset.lang === "zh" ? "zh" : "en";
let subject = "", agreed = false, purpose = "", held = [], told = "", problem = "", busy = false, mic = null;
const say = (key) => words[lang][key];

function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

function wav(parts, rate) {
  const size = parts.reduce((n, p) => n + p.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * size));
  const text = (at, s) => { for (let i = 0; i < s.length; i += 1) view.setUint8(at + i, s.charCodeAt(i)); };
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * size, true); text(8, "WAVEfmt "); view.setUint32(16, 16, true); view.setUint16(20, 1, true);
  view.setUint16(22, 1, true); view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * size, true);
  let at = 44;
  for (const part of parts) for (const v of part) { view.setInt16(at, Math.max(-1, Math.min(1, v)) * 32767, true); at += 2; }
  return new Blob([view.buffer], { type: "audio/wav" });
}

const address = (blob) => new Promise((done, fail) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result);
  reader.onerror = () => fail(new Error(say("problem")));
  reader.readAsDataURL(blob);
});

async function ask(path, method, body) {
  busy = true; told = ""; problem = "";
  show();
  try {
    const answer = await fetch(path, { method, headers: { "Content-Type": "application/json", "Accept-Language": lang }, body: body ? JSON.stringify(body) : undefined });
    const data = await answer.json().catch(() => null);
    if (!answer.ok) {
      const said = data && data.error ? data.error : {};
      throw new Error((lang === "zh" && said.message_zh) || said.message || say("problem"));
    }
    busy = false;
    return data;
  } catch (error) { problem = error.message; busy = false; return null; }
}

async function enrol() {
  const recordings = await Promise.all(held.map(address));
  const body = { subject, recordings, consent: agreed };
  if (purpose.trim()) body.purpose = purpose.trim();
  const data = await ask("enrol", "POST", body);
  if (data) { told = `${say("kept")} ${data.recordings} ${say("recordings")}`; held = []; }
  show();
}

async function verify() {
  const data = await ask("verify", "POST", { subject, recording: await address(held[held.length - 1]) });
  if (data) { told = `${say(data.prediction)} · ${Math.round(100 * data.probability)} %`; held = []; }
  show();
}

async function erase() {
  const data = await ask(`enrol/${encodeURIComponent(subject)}`, "DELETE");
  if (data) told = data.erased ? say("gone") : say("nobody");
  show();
}

async function begin() {
  let stream;
  try { stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } }); } catch { problem = say("noMic"); show(); return; }
  const sound = new AudioContext(), parts = [];
  const source = sound.createMediaStreamSource(stream), reader = sound.createScriptProcessor(4096, 1, 1);
  reader.onaudioprocess = (e) => { if (parts.length < 2000) parts.push(Float32Array.from(e.inputBuffer.getChannelData(0))); };
  source.connect(reader);
  reader.connect(sound.destination);
  mic = { stop() { reader.disconnect(); stream.getTracks().forEach((t) => t.stop()); held.push(wav(parts, Math.round(sound.sampleRate))); sound.close(); mic = null; show(); } };
  show();
}

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  const pick = make("input", { type: "file", accept: "audio/*,.wav,.flac,.mp3,.ogg", multiple: true, hidden: true, onchange: () => { held = held.concat([...pick.files]); show(); } });
  const field = (label, value, set) => { const f = make("input", { className: "hot", value, placeholder: label, maxLength: 200, oninput: () => { set(f.value); ways(); } }); f.setAttribute("aria-label", label); return f; };
  const button = (name, act) => make("button", { className: name === "enrol" ? "go" : "second", textContent: say(name), onclick: act, id: name });
  const buttons = [button("enrol", enrol), button("verify", verify), button("erase", erase)];
  const check = make("input", { type: "checkbox", checked: agreed, id: "agree", onchange: () => { agreed = check.checked; ways(); } });
  function ways() {
    buttons[0].disabled = busy || !subject.trim() || !held.length || !agreed;
    buttons[1].disabled = busy || !subject.trim() || !held.length;
    buttons[2].disabled = busy || !subject.trim();
  }
  const out = make("div", { className: "said" });
  out.setAttribute("role", "status");
  out.append(make("p", { className: problem ? "problem" : "hint", textContent: problem || told || (held.length ? `${held.length} ${say("recordings")}` : say("none")) }));
  app.replaceChildren(
    make("header", {}, make("h1", { textContent: say("title") }), make("button", { className: "plain", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; show(); } })),
    field(say("who"), subject, (v) => { subject = v; }),
    make("div", { className: "ways" }, make("button", { className: mic ? "go stop" : "second", textContent: mic ? say("stop") : say("record"), onclick: () => (mic ? mic.stop() : begin()) }),
      make("button", { className: "second", textContent: say("file"), onclick: () => pick.click() }), pick),
    field(say("purpose"), purpose, (v) => { purpose = v; }),
    make("p", { className: "agree" }, check, make("label", { htmlFor: "agree", textContent: say("agree") })),
    make("div", { className: "ways" }, ...buttons), out);
  ways();
}
show();
