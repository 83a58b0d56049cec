// Sends scans by resumable upload (tus 1.0.0) and keeps the list fresh. No library, no outside host.
"use strict";
(() => {
  const PART = 4 * 1024 * 1024;
  const ATTEMPTS = 8;
  const REFRESH_MS = { soonest: 2000, latest: 30000 };
  const ja = document.documentElement.lang === "ja";
  const say = (inJapanese, inEnglish) => (ja ? inJapanese : inEnglish);
  const byId = (id) => document.getElementById(id);
  // Waits, but goes on at once when the network comes back.
  const wait = (ms) =>
    new Promise((done) => {
      const timer = setTimeout(done, ms);
      window.addEventListener("online", () => (clearTimeout(timer), done()), { once: true });
    });
  const jobs = [];
  let isSending = false;

  const base64 = (text) => {
    const bytes = new TextEncoder().encode(text);
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  };

  const digest = async (file) => {
    const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  const refusal = async (response) => {
    try {
      const problem = await response.json();
      return `${problem.title} ${problem.detail || ""}`;
    } catch {
      return say("送信できませんでした。", "Could not be sent.") + ` (${response.status})`;
    }
  };

  const tus = (url, method, headers, body) =>
    fetch(url, { method, body, headers: { "Tus-Resumable": "1.0.0", ...headers } });

  const isPassing = (status) => status >= 500 || [408, 409, 423, 429].includes(status);

  // Asks again while the network or the server has a passing trouble; other answers are final.
  const persist = async (job, attempt) => {
    for (let tries = 1; ; tries += 1) {
      try {
        const response = await attempt();
        if (response.ok || !isPassing(response.status)) return response;
        if (tries >= ATTEMPTS) throw new Error("passing trouble that does not pass");
      } catch (error) {
        if (tries >= ATTEMPTS) throw error;
      }
      job.isWaiting = true;
      show(job);
      await wait(Math.min(30000, 500 * 2 ** tries));
      job.isWaiting = false;
      show(job);
    }
  };

  const create = async (job) => {
    job.sha256 ??= await digest(job.file);
    show(job);
    const metadata = {
      filename: job.file.name,
      sha256: job.sha256,
      application: job.application,
    };
    const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${base64(value)}`);
    const headers = { "Upload-Length": job.file.size, "Upload-Metadata": pairs.join(",") };
    return persist(job, () => tus("/uploads", "POST", headers));
  };

  const sendParts = async (job, url) => {
    let offset = 0;
    while (offset < job.file.size) {
      const response = await persist(job, async () => {
        const status = await tus(url, "HEAD", {});
        if (!status.ok) return status;
        offset = Number(status.headers.get("Upload-Offset"));
        job.sent = offset;
        show(job);
        if (offset >= job.file.size) return status;
        const headers = {
          "Content-Type": "application/offset+octet-stream",
          "Upload-Offset": offset,
        };
        return tus(url, "PATCH", headers, job.file.slice(offset, offset + PART));
      });
      if (!response.ok) return response;
      offset = Number(response.headers.get("Upload-Offset"));
      job.sent = offset;
      show(job);
      const receipt = response.headers.get("Upload-Receipt");
      if (receipt) job.receipt = receipt;
    }
    return null;
  };

  const send = async (job) => {
    job.state = "sending";
    show(job);
    try {
      const created = await create(job);
      let failed = created.ok ? null : created;
      if (created.ok) {
        job.receipt = created.headers.get("Upload-Receipt");
        job.isRepeat = Boolean(job.receipt);
        if (!job.receipt) failed = await sendParts(job, created.headers.get("Location"));
      }
      job.state = failed ? "refused" : "received";
      if (failed) job.error = await refusal(failed);
      else job.sent = job.file.size;
    } catch {
      job.state = "stopped";
      job.error = say(
        "つながりません。ネットワークを確かめてください。",
        "No connection. Please check the network.",
      );
    }
    show(job);
  };

  const showResult = (job) => {
    const words = {
      waiting: say("待機中", "Waiting"),
      sending: say("送信中…", "Sending…"),
      received: `✓ ${job.receipt}` + (job.isRepeat ? say("（送信済みでした）", " (sent before)") : ""),
      refused: `✕ ${job.error}`,
      stopped: `✕ ${job.error} `,
    };
    job.result.textContent = job.isWaiting
      ? say("接続が切れました。つなぎ直しています…", "Connection lost. Connecting again…")
      : words[job.state];
    job.result.className = { received: "receipt number", refused: "bad", stopped: "bad" }[job.state] || "";
    if (job.state === "stopped") {
      const again = document.createElement("button");
      again.type = "button";
      again.className = "quiet";
      again.textContent = say("続きから送る", "Continue");
      again.addEventListener("click", () => {
        job.state = "waiting";
        show(job);
        sendAll();
      });
      job.result.append(again);
    }
  };

  const show = (job) => {
    job.bar.value = job.sent / (job.file.size || 1);
    if (job.sha256) {
      job.digest.textContent = `${job.sha256.slice(0, 8)}…`;
      job.digest.title = `SHA-256 ${job.sha256}`;
    }
    showResult(job);
    const bytes = jobs.reduce((sum, each) => sum + each.file.size, 0);
    const sent = jobs.reduce((sum, each) => sum + each.sent, 0);
    const count = (...states) => jobs.filter((each) => states.includes(each.state)).length;
    const [done, failed] = [count("received"), count("refused", "stopped")];
    byId("total").value = bytes ? sent / bytes : 0;
    const overall = say(
      `${jobs.length}件中 ${done}件受付` + (failed ? `、${failed}件送れませんでした` : ""),
      `${done} of ${jobs.length} received` + (failed ? `, ${failed} not sent` : ""),
    );
    // Said aloud by screen readers: only when it changes.
    if (byId("overall").textContent !== overall) byId("overall").textContent = overall;
  };

  const line = (job) => {
    const row = byId("upload-rows").insertRow();
    row.insertCell().textContent = job.file.name;
    row.insertCell().textContent = job.applicationLabel;
    job.bar = document.createElement("progress");
    job.bar.max = 1;
    job.bar.setAttribute("aria-label", job.file.name);
    row.insertCell().append(job.bar);
    job.digest = row.insertCell();
    job.digest.className = "number";
    job.result = row.insertCell();
  };

  const sendAll = async () => {
    if (isSending) return;
    isSending = true;
    for (let next; (next = jobs.find((job) => job.state === "waiting")); ) await send(next);
    isSending = false;
    refreshSoon();
  };

  const add = (files) => {
    const chosen = document.querySelector("input[name=application]:checked");
    for (const file of files) {
      const job = {
        file,
        application: chosen.value,
        applicationLabel: chosen.labels[0].textContent.trim(),
        state: "waiting",
        sent: 0,
        receipt: null,
        error: null,
      };
      jobs.push(job);
      line(job);
      if (file.size === 0) {
        job.state = "refused";
        job.error = say("ファイルが空です。", "The file is empty.");
      }
      show(job);
    }
    byId("uploads").hidden = false;
    sendAll();
  };

  let listed = "";
  let pause = REFRESH_MS.soonest;
  let timer = 0;

  // Puts the new list in place of the old one; the focus stays on the link it was on.
  const replaceList = (text) => {
    const table = byId("table");
    const focused = table.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const fresh = new DOMParser().parseFromString(text, "text/html");
    table.replaceChildren(...fresh.body.childNodes);
    if (focused) table.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  };

  const refresh = async () => {
    if (!document.hidden) {
      try {
        const response = await fetch(`/scans/table?${new URLSearchParams(location.search)}`);
        const text = response.ok ? await response.text() : listed;
        // Asks less often while nothing changes: every look is recorded at the gateway.
        pause = text === listed ? Math.min(REFRESH_MS.latest, pause * 1.5) : REFRESH_MS.soonest;
        if (text !== listed) replaceList(text);
        listed = text;
      } catch {
        // The next round tries again; the list shown stays true as of its time.
      }
    }
    clearTimeout(timer);
    timer = setTimeout(refresh, pause);
  };

  const refreshSoon = () => {
    pause = REFRESH_MS.soonest;
    refresh();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const drop = byId("drop");
    const files = byId("files");
    const button = byId("send");
    const count = () => {
      const chosen = files.files.length;
      const bytes = Array.from(files.files).reduce((sum, file) => sum + file.size, 0);
      const megabytes = (bytes / 1048576).toFixed(1);
      button.disabled = chosen === 0;
      byId("chosen").textContent = chosen
        ? say(`${chosen}件（${megabytes} MB）`, `${chosen} (${megabytes} MB)`)
        : say("まだ選んでいません", "None chosen yet");
      button.textContent = chosen
        ? say(`${chosen}件を送信`, `Send ${chosen}`)
        : say("送信", "Send");
    };
    files.addEventListener("change", count);
    button.addEventListener("click", () => {
      add(files.files);
      files.value = "";
      count();
      files.focus();
    });
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    }
    for (const name of ["dragleave", "drop"]) {
      drop.addEventListener(name, () => drop.classList.remove("over"));
    }
    // Dropped files are chosen, not sent: the kind of application is looked at first.
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      files.files = event.dataTransfer.files;
      count();
      button.focus();
    });
    window.addEventListener("beforeunload", (event) => {
      if (isSending) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => document.hidden || refreshSoon());
    count();
    timer = setTimeout(refresh, pause);
  });
})();
