// Sends scans by resumable upload (tus 1.0.0) and keeps the list fresh. No library, no outside host.
"use strict";
(() => {
  const PART = 4 * 1024 * 1024;
  const ATTEMPTS = 8;
  const ja = document.documentElement.lang === "ja";
  const say = (inJapanese, inEnglish) => (ja ? inJapanese : inEnglish);
  const byId = (id) => document.getElementById(id);
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
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
  const persist = async (attempt) => {
    for (let tries = 1; ; tries += 1) {
      try {
        const response = await attempt();
        if (response.ok || !isPassing(response.status) || tries >= ATTEMPTS) return response;
      } catch (error) {
        if (tries >= ATTEMPTS) throw error;
      }
      await wait(Math.min(30000, 500 * 2 ** tries));
    }
  };

  const create = async (job) => {
    const metadata = {
      filename: job.file.name,
      sha256: await digest(job.file),
      application: job.application,
    };
    const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${base64(value)}`);
    const headers = { "Upload-Length": job.file.size, "Upload-Metadata": pairs.join(",") };
    return persist(() => tus("/uploads", "POST", headers));
  };

  const sendParts = async (job, url) => {
    let offset = 0;
    while (offset < job.file.size) {
      const response = await persist(async () => {
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
    try {
      const created = await create(job);
      if (!created.ok) {
        job.error = await refusal(created);
        return;
      }
      job.receipt = created.headers.get("Upload-Receipt");
      job.isRepeat = Boolean(job.receipt);
      const failed = job.receipt ? null : await sendParts(job, created.headers.get("Location"));
      if (failed) job.error = await refusal(failed);
      job.sent = job.file.size;
    } catch {
      job.error = say(
        "つながりません。ネットワークを確かめ、このファイルをもう一度選んでください。",
        "No connection. Check the network and choose the file again.",
      );
    }
  };

  const show = (job) => {
    job.bar.value = job.sent / job.file.size;
    if (job.error) {
      job.result.textContent = `✕ ${job.error}`;
      job.result.className = "message";
    } else if (job.receipt) {
      const first = job.isRepeat ? say("（送信済みでした）", " (sent before)") : "";
      job.result.textContent = `✓ ${say("受付番号", "Receipt")} ${job.receipt}${first}`;
    } else {
      job.result.textContent = say("送信中…", "Sending…");
    }
    const bytes = jobs.reduce((sum, each) => sum + each.file.size, 0);
    const sent = jobs.reduce((sum, each) => sum + each.sent, 0);
    const done = jobs.filter((each) => each.receipt).length;
    const failed = jobs.filter((each) => each.error).length;
    byId("total").value = bytes ? sent / bytes : 0;
    byId("overall").textContent = say(
      `${jobs.length}件中 ${done}件受付、${failed}件失敗`,
      `${done} of ${jobs.length} received, ${failed} failed`,
    );
  };

  const line = (job) => {
    const row = byId("upload-rows").insertRow();
    row.insertCell().textContent = job.file.name;
    job.bar = document.createElement("progress");
    job.bar.max = 1;
    row.insertCell().append(job.bar);
    job.result = row.insertCell();
    job.result.textContent = say("待機中", "Waiting");
  };

  const sendAll = async () => {
    if (isSending) return;
    isSending = true;
    for (let next = 0; next < jobs.length; next += 1) {
      if (!jobs[next].receipt && !jobs[next].error) {
        await send(jobs[next]);
        show(jobs[next]);
      }
    }
    isSending = false;
    refresh();
  };

  const add = (files) => {
    const application = byId("application").value;
    for (const file of files) {
      const job = { file, application, sent: 0, receipt: null, error: null };
      jobs.push(job);
      line(job);
      if (file.size === 0) {
        job.error = say("ファイルが空です。", "The file is empty.");
        show(job);
      }
    }
    byId("uploads").hidden = false;
    sendAll();
  };

  const refresh = async () => {
    const table = byId("table");
    const query = new URLSearchParams(location.search);
    try {
      const response = await fetch(`/scans/table?${query}`);
      if (!response.ok) return;
      const fresh = await response.text();
      // The fragment comes from our own server, which escapes every text in it.
      if (!table.contains(document.activeElement)) table.innerHTML = fresh;
    } catch {
      // The next round tries again; the list shown stays true as of its time.
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const drop = byId("drop");
    const files = byId("files");
    const button = byId("send");
    files.addEventListener("change", () => {
      button.disabled = files.files.length === 0;
    });
    button.addEventListener("click", () => {
      add(files.files);
      files.value = "";
      button.disabled = true;
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
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      add(event.dataTransfer.files);
    });
    window.addEventListener("beforeunload", (event) => {
      if (isSending) event.preventDefault();
    });
    setInterval(refresh, 4000);
  });
})();
