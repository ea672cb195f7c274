// The console's one script: colours, times, live updates, keys and dialogs. No page needs it to be read or steered.
(() => {
  "use strict";

  const root = document.documentElement;
  root.classList.add("js");

  const memory = {
    get(name) { try { return localStorage.getItem(`taskyard.${name}`) || ""; } catch { return ""; } },
    set(name, value) { try { localStorage.setItem(`taskyard.${name}`, value); } catch { /* not remembered, then */ } },
  };

  // --- colours: before anything is painted ---

  const setTheme = (theme) => { if (theme) root.dataset.theme = theme; else delete root.dataset.theme; };
  setTheme(memory.get("theme"));

  const startTheme = () => {
    const choice = document.getElementById("theme");
    if (!choice) return;
    choice.value = memory.get("theme");
    choice.hidden = false;
    choice.addEventListener("change", () => { memory.set("theme", choice.value); setTheme(choice.value); });
  };

  // --- times: in the viewer's zone, by the server's clock ---

  const ABSOLUTE = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  });
  const NEAR = new Intl.DateTimeFormat(undefined, {
    month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  });
  const HALF_A_YEAR = 182 * 86400 * 1000;
  const SAME_DAY = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const FEW = 10;
  let clockSkew = 0;

  const now = () => Date.now() + clockSkew;

  // As taskyard.operating.presenting.span has it, without its milliseconds: ages tick by the second.
  const span = (milliseconds) => {
    let seconds = Math.floor(Math.abs(milliseconds) / 1000);
    const parts = [];
    for (const [size, unit] of UNITS) {
      const whole = Math.floor(seconds / size);
      seconds -= whole * size;
      if (whole || parts.length) parts.push(whole ? `${whole} ${unit}` : "");
      if (parts.length === 2 || whole >= FEW) break;
    }
    return parts.filter(Boolean).join(" ") || "0 s";
  };

  const shown = (time) => {
    const moment = new Date(time.dateTime);
    const distance = now() - moment;
    if ("for" in time.dataset) return span(Math.max(0, distance));
    if ("ago" in time.dataset) return distance >= -500 ? `${span(Math.max(0, distance))} ago` : `in ${span(distance)}`;
    if ("due" in time.dataset) return distance < 0 ? `in ${span(distance)}` : distance < 30000 ? "now" : `since ${span(distance)}`;
    if (new Date(now()).toDateString() === moment.toDateString()) return SAME_DAY.format(moment);
    return (Math.abs(distance) < HALF_A_YEAR ? NEAR : ABSOLUTE).format(moment);
  };

  const tellTimes = (where) => {
    for (const time of where.querySelectorAll("time[datetime]")) {
      const text = shown(time);
      if (time.textContent !== text) time.textContent = text;
      if (!time.hasAttribute("data-shown")) {
        time.setAttribute("data-shown", "");
        time.title = ABSOLUTE.format(new Date(time.dateTime));
      }
    }
    for (const mark of where.querySelectorAll("[data-clock]")) {
      const text = CLOCK.format(new Date(mark.dataset.clock));
      if (mark.textContent !== text) mark.textContent = text;
    }
  };

  const startTimes = () => {
    const serverTime = Date.parse(document.body.dataset.now);
    if (serverTime) clockSkew = serverTime - Date.now();
    tellTimes(document);
    document.getElementById("zone").textContent =
      `Times in your zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
    setInterval(() => { if (!document.hidden) tellTimes(document); }, 1000);
  };

  // --- morphing: what has not changed stays as it is, with its focus, its selection and what is open ---

  const KEPT = new Set(["open", "data-shown"]);
  const identity = (node) => node.nodeType === 1 ? node.id || node.dataset?.key || "" : "";
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && identity(a) === identity(b);

  const morph = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== 1) { if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue; return; }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value && !KEPT.has(name)) old.setAttribute(name, value);
    if (old.dataset && "kept" in old.dataset) return; // what the viewer asked for goes on standing there
    morphChildren(old, fresh);
  };

  const morphChildren = (old, fresh) => {
    const keyed = new Map([...old.children].filter(identity).map((child) => [identity(child), child]));
    let place = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const found = identity(wanted) ? keyed.get(identity(wanted)) : place && !identity(place) ? place : null;
      if (found && alike(found, wanted)) {
        if (found === place) place = place.nextSibling; else old.insertBefore(found, place);
        morph(found, wanted);
      } else {
        old.insertBefore(wanted, place);
      }
    }
    while (place) { const next = place.nextSibling; place.remove(); place = next; }
  };

  const isBeingRead = (element) => {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(element, true);
  };

  // --- live updates ---

  const POLL = 5000;
  const GRACE = 4000;
  const RETRY_STREAM = 30000;

  const live = {
    source: null, polling: null, retry: null, mourning: null, lostAt: 0,
    paused: memory.get("paused") === "yes",

    get wanted() { return !this.paused && !document.hidden; },

    get url() {
      const regions = [...document.querySelectorAll("[data-region]")].map((each) => each.dataset.region);
      const jobs = new Set([...document.querySelectorAll("[data-live-job]")].map((each) => each.dataset.liveJob));
      const query = new URLSearchParams();
      if (regions.length) query.set("regions", [...new Set(regions)].join(","));
      if (jobs.size) query.set("jobs", [...jobs].join(","));
      if (!regions.length && !jobs.size && !document.querySelector("[data-live-newest]")) return "";
      return `${document.body.dataset.live}?${query}`;
    },

    follow() {
      this.leave();
      if (!this.wanted) return;
      const url = this.url;
      if (!url) return;
      this.source = new EventSource(url);
      this.source.addEventListener("open", () => { this.stopPolling(); this.found(); });
      this.source.addEventListener("region", (event) => { const news = JSON.parse(event.data); showRegion(news.name, news.html); });
      this.source.addEventListener("job", (event) => {
        const news = JSON.parse(event.data);
        if (news.state === "unknown") return;  // deleted meanwhile: what the page shows of it stays
        for (const each of document.querySelectorAll(`[data-live-job="${CSS.escape(news.id)}"]`)) send(each, "taskyard:job", news);
      });
      this.source.addEventListener("newest", (event) => {
        for (const each of document.querySelectorAll("[data-live-newest]")) send(each, "taskyard:newest", JSON.parse(event.data));
      });
      this.source.addEventListener("trouble", (event) => {
        const { words } = JSON.parse(event.data);
        if (words) this.lose(words); else this.found();
      });
      this.source.addEventListener("error", () => {
        if (this.source.readyState === EventSource.CONNECTING) {
          // Streams end now and then, and are back at once: only what lasts is worth a word.
          this.mourning ||= setTimeout(() => this.lose(), GRACE);
          return;
        }
        // This server does not stream, or not now.
        this.leave();
        this.poll();
        this.polling = setInterval(() => this.poll(), POLL);
        this.retry = setTimeout(() => this.follow(), RETRY_STREAM);
      });
    },

    poll() { for (const each of document.querySelectorAll("[data-region], [data-polled]")) send(each, "taskyard:poll", {}); },

    stopPolling() { clearInterval(this.polling); this.polling = null; },

    leave() {
      this.source?.close();
      this.source = null;
      this.stopPolling();
      clearTimeout(this.retry);
      clearTimeout(this.mourning);
      this.mourning = null;
    },

    lose(words = "Connection lost, trying again.") {
      this.lostAt ||= now();
      document.getElementById("lost-words").textContent = words;
      document.getElementById("lost-since").textContent = `at ${SAME_DAY.format(new Date(this.lostAt))}`;
      document.getElementById("lost").hidden = false;
      this.tell();
    },

    found() {
      clearTimeout(this.mourning);
      this.mourning = null;
      this.lostAt = 0;
      document.getElementById("lost").hidden = true;
      this.tell();
    },

    tell() {
      const button = document.getElementById("live");
      button.dataset.state = this.paused ? "paused" : this.lostAt ? "lost" : "live";
      document.getElementById("live-word").textContent = this.paused ? "Paused" : this.lostAt ? "Lost" : "Live";
      button.setAttribute("aria-pressed", String(!this.paused));
    },

    toggle() {
      this.paused = !this.paused;
      memory.set("paused", this.paused ? "yes" : "");
      this.lostAt = 0;
      this.found();
      this.follow();
    },

    start() {
      const button = document.getElementById("live");
      button.hidden = false;
      button.addEventListener("click", () => this.toggle());
      this.tell();
      this.follow();
      document.addEventListener("visibilitychange", () => { this.follow(); if (!document.hidden) tellTimes(document); });
      addEventListener("pagehide", () => this.leave());
      addEventListener("pageshow", (event) => { if (event.persisted) this.follow(); });
      let seconds = 0;
      setInterval(() => {
        if (!this.wanted) return;
        seconds += 1;
        for (const each of document.querySelectorAll("[data-refresh]"))
          if (seconds % Number(each.dataset.refresh) === 0) send(each, "taskyard:refresh", {});
      }, 1000);
    },
  };

  const send = (element, name, detail) => element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));

  // Regions in which somebody selects text: drawn once they are done.
  const waiting = new Map();
  document.addEventListener("selectionchange", () => { for (const [name, html] of [...waiting]) showRegion(name, html); });

  const showRegion = (name, html) => {
    for (const region of document.querySelectorAll(`[data-region="${CSS.escape(name)}"]`)) {
      if (isBeingRead(region)) { waiting.set(name, html); continue; }
      waiting.delete(name);
      const fresh = document.createElement("template");
      fresh.innerHTML = html;
      tellTimes(fresh.content);
      morphChildren(region, fresh.content);
      htmx.process(region);
    }
  };

  const startHtmx = () => {
    // hx-swap="steady": as live updates do it.
    htmx.defineExtension("steady", {
      isInlineSwap: (style) => style === "steady",
      handleSwap: (style, target, fragment) => {
        if (style !== "steady") return false;
        if (isBeingRead(target)) return [];
        tellTimes(fragment);
        const only = fragment.children.length === 1 ? fragment.firstElementChild : null;
        if (only && alike(only, target)) morph(target, only); else morphChildren(target, fragment);
        return [target];
      },
    });
    addEventListener("htmx:sendError", () => live.lose());
    // A question that cannot be asked here is asked on a page of its own, which says what is wrong.
    addEventListener("htmx:responseError", (event) => {
      if (event.detail.target?.id === "dialog") location.assign(event.detail.requestConfig.path);
    });
    addEventListener("htmx:afterSwap", (event) => { if (live.polling && event.detail.successful !== false) live.found(); });
    addEventListener("htmx:afterSettle", (event) => tellTimes(event.target));
  };

  // --- the chart: what it says under the pointer, as its table has it ---

  const startReadout = () => {
    const hide = () => { for (const each of document.querySelectorAll("#readout")) each.hidden = true; };
    document.addEventListener("pointermove", (event) => {
      const area = event.target.closest(".plot-area");
      const rows = document.querySelectorAll("#chart .figures tbody tr");
      if (!area || !rows.length) return hide();
      const frame = area.getBoundingClientRect();
      const part = Math.min(1, Math.max(0, (event.clientX - frame.left) / frame.width));
      const place = Math.round(part * (rows.length - 1));
      const [from, ...values] = [...rows[rows.length - 1 - place].cells].map((cell) => cell.textContent);
      const names = [...document.querySelectorAll("#chart .figures thead th")].slice(1).map((cell) => cell.textContent);
      const readout = document.getElementById("readout");
      readout.replaceChildren(...[from, ...names.map((name, number) => `${name}  ${values[number]}`)].map((text) => {
        const line = document.createElement("span");
        line.textContent = text;
        return line;
      }));
      readout.hidden = false;
      const left = area.getBoundingClientRect().left - readout.parentElement.getBoundingClientRect().left
        + (place / Math.max(1, rows.length - 1)) * frame.width;
      readout.style.left = `${left}px`;
      readout.classList.toggle("to-the-left", part > 0.5);
    });
    root.addEventListener("pointerleave", hide);
  };

  // --- dialogs ---

  const startDialogs = () => {
    const dialog = document.getElementById("dialog");
    const open = async (url) => {
      await htmx.ajax("GET", url, { target: dialog, swap: "innerHTML" });
      if (dialog.querySelector("form") && !dialog.open) dialog.showModal();
    };
    document.addEventListener("click", (event) => {
      const opener = event.target.closest("[data-dialog]");
      if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        if (opener.form) {
          const query = new URLSearchParams(new FormData(opener.form, opener));
          open(`${opener.formAction}?${query}`);
        } else {
          open(opener.href);
        }
      }
      const closer = event.target.closest("dialog [data-close]");
      if (closer) { event.preventDefault(); closer.closest("dialog").close(); }
      event.target.closest("[data-dismiss]")?.parentElement.remove();
      if (event.target.nodeName === "DIALOG") event.target.close();
    });
    // Once is enough.
    document.addEventListener("submit", (event) => {
      if (event.target.method !== "post") return;
      for (const button of event.target.querySelectorAll("button:not([type=button])")) button.disabled = true;
    });
    // A box that checks all others of its table.
    document.addEventListener("change", (event) => {
      const all = event.target.closest("[data-check-all]");
      if (!all) return;
      for (const box of all.closest("form, table").querySelectorAll("tbody input[type=checkbox]")) box.checked = all.checked;
    });
    const help = document.getElementById("help-title").closest("dialog");
    const button = document.getElementById("show-help");
    button.hidden = false;
    button.addEventListener("click", () => help.showModal());
  };

  // --- keys ---

  const startKeys = () => {
    let afterG = 0;
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
      if (event.key === "Escape" && typing) return typing.blur();
      if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (Date.now() < afterG) {
        afterG = 0;
        const place = document.querySelector(`.places [data-key="${CSS.escape(event.key)}"]`);
        if (place) { event.preventDefault(); place.click(); }
        return;
      }
      switch (event.key) {
        case "g": afterG = Date.now() + 1500; break;
        case "/": {
          const search = document.querySelector("[data-search]");
          if (search) { event.preventDefault(); search.focus(); search.select(); }
          break;
        }
        case "?": document.getElementById("help").showModal(); break;
        case "p": document.getElementById("live").click(); break;
      }
    });
  };

  // A toast that says what went well has been read after a while.
  const startToasts = () => setTimeout(() => {
    for (const toast of document.querySelectorAll(".toast.success")) toast.remove();
  }, 12000);

  document.addEventListener("DOMContentLoaded", () => {
    startTimes();
    startTheme();
    if (!document.body.dataset.live) return;
    startHtmx();
    startDialogs();
    startKeys();
    startReadout();
    startToasts();
    live.start();
  });
})();
