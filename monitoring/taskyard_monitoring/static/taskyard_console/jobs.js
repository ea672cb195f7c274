// The list of jobs and the page of one: completion, rows that live, keys. Both pages work without it.
(() => {
  "use strict";

  const $ = (selector, where = document) => where.querySelector(selector);
  const $$ = (selector, where = document) => [...where.querySelectorAll(selector)];
  const setText = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };

  // --- completion: a combobox whose options the server knows ---

  const startCompletion = () => {
    const input = $("#q"), list = $("#offers");
    if (!input) return;
    const options = () => $$("[role=option]", list);
    const active = () => $("[aria-selected=true]", list);
    const isOpen = () => !list.hidden;
    const ask = () => input.dispatchEvent(new CustomEvent("complete"));
    let askedFor = "";

    const show = (isShown) => {
      list.hidden = !isShown;
      input.setAttribute("aria-expanded", String(isShown));
      if (!isShown) choose(null);
    };
    const choose = (option) => {
      active()?.setAttribute("aria-selected", "false");
      option?.setAttribute("aria-selected", "true");
      option?.scrollIntoView({ block: "nearest" });
      if (option) input.setAttribute("aria-activedescendant", option.id); else input.removeAttribute("aria-activedescendant");
    };
    const take = (option) => {
      if (askedFor !== input.value) return ask();
      const { word, start, end } = option.dataset;
      const isWhole = !("open" in option.dataset);
      const after = input.value.slice(Number(end)).replace(/^ /, "");
      const before = input.value.slice(0, Number(start)) + word + (isWhole ? " " : "");
      input.value = before + after;
      input.setSelectionRange(before.length, before.length);
      input.focus();
      if (isWhole) show(false); else ask();
    };

    input.addEventListener("htmx:configRequest", (event) => {
      event.detail.parameters.caret = input.selectionStart;
      askedFor = input.value;
    });
    list.addEventListener("htmx:afterSwap", () => {
      const typed = input.value.slice(Number(options()[0]?.dataset.start), Number(options()[0]?.dataset.end));
      const isKnown = options().length === 1 && options()[0].dataset.word === typed;
      show(document.activeElement === input && options().length > 0 && !isKnown);
    });
    input.addEventListener("focus", ask);
    input.addEventListener("blur", () => show(false));
    input.addEventListener("keydown", (event) => {
      const all = options(), place = all.indexOf(active());
      switch (event.key) {
        case "ArrowDown":
        case "ArrowUp": {
          event.preventDefault();
          if (!isOpen()) return ask();
          const step = event.key === "ArrowDown" ? 1 : -1;
          return choose(all[place < 0 ? (step > 0 ? 0 : all.length - 1) : (place + step + all.length) % all.length]);
        }
        case "Enter":
        case "Tab":
          if (isOpen() && place >= 0) { event.preventDefault(); take(all[place]); }
          return undefined;
        case "Escape":
          if (isOpen()) { event.preventDefault(); event.stopPropagation(); show(false); }
          return undefined;
      }
      return undefined;
    });
    // Before the field loses the focus.
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) take(option);
    });
  };

  // --- rows that follow their jobs, each in its place ---

  const showState = (cell, state) => {
    if (!cell || cell.textContent.trim() === state) return;
    const badge = $(`[data-state="${CSS.escape(state)}"]`, $("#badges").content)?.firstElementChild;
    cell.replaceChildren(badge ? badge.cloneNode(true) : state);
  };

  const showTime = (cell, news) => {
    const isRunning = news.started && !news.is_finished && ["running", "cancelling"].includes(news.state);
    if (!isRunning) return setText(cell, news.run_time);
    if (Date.parse($("time", cell)?.dateTime) === Date.parse(news.started)) return undefined;
    const time = document.createElement("time");
    time.dateTime = news.started;
    time.dataset.for = "";
    return cell.replaceChildren(time);
  };

  const showNote = (cell, news) => {
    const time = $("time", cell);
    if (news.due === null) return setText(cell, news.note);
    if (time && Date.parse(time.dateTime) === Date.parse(news.due)) return undefined;
    const fresh = document.createElement("time");
    fresh.dateTime = news.due;
    fresh.dataset.ago = "";
    return cell.replaceChildren("starts ", fresh);
  };

  const showProgress = (where, news) => {
    const bar = $("[data-cell=progress]", where);
    if (!bar) return;
    bar.hidden = news.percent === null;
    if (news.percent !== null) bar.value = news.percent;
    setText($("[data-cell=percent]", where), String(news.percent));
  };

  const showRow = (row, news) => {
    const cell = (name) => $(`[data-cell=${name}]`, row);
    showState(cell("state"), news.state);
    setText(cell("attempt"), news.attempt ? String(news.attempt) : "");
    showTime(cell("time"), news);
    setText(cell("worker"), news.worker);
    cell("worker").title = news.worker;
    showNote(cell("note"), news);
    cell("note").title = news.note;
    showProgress(row, news);
  };

  // The page of a job is fetched anew when the job has moved on; what it says of its progress is put in place.
  const showJob = (page, news) => {
    const seen = `${news.state} ${news.attempt}`;
    const pull = () => {
      if (page.dataset.seen === seen || page.dataset.wanted !== seen) return;
      page.dispatchEvent(new CustomEvent("moved"));
      setTimeout(pull, 3000);  // a selected text keeps the page from changing
    };
    showProgress(page, news);
    if (news.note) setText($("[data-cell=note]", page), news.note);
    page.dataset.wanted = seen;
    pull();
  };

  document.addEventListener("taskyard:job", (event) => {
    if (event.target.id === "job") showJob(event.target, event.detail);
    else if (event.target.closest("#jobs")) showRow(event.target, event.detail);
  });

  // --- jobs that have come since: offered, not pushed in under the pointer ---

  const startNews = () => {
    const list = $("#bulk[data-live-newest]"), button = $("#new-jobs");
    if (!list) return;
    let isAsking = false, nextAt = 0;
    const rows = () => $$("[data-live-job]", list);
    const look = async (event) => {
      if (isAsking || Date.now() < nextAt) return;
      isAsking = true;
      nextAt = Date.now() + 4500;
      try {
        const query = new URLSearchParams({ q: list.dataset.text });
        // Where there is no stream, what rows are to show comes this way.
        if (event.type === "taskyard:poll") query.set("shown", rows().map((row) => row.dataset.liveJob).join());
        const answer = await fetch(`${list.dataset.firstUrl}?${query}`);
        if (!answer.ok) return;
        const { ids, counts, news } = await answer.json();
        tell(ids);
        for (const each of news) showRow($(`[data-live-job="${CSS.escape(each.id)}"]`, list), each);
        for (const [state, count] of Object.entries(counts)) {
          const shown = $(`[data-count="${CSS.escape(state)}"]`);
          setText(shown, count);
          shown?.classList.toggle("none", count === "0");
        }
      } catch { /* the next one will tell */ } finally { isAsking = false; }
    };
    const tell = (ids) => {
      const shown = new Set(rows().map((row) => row.dataset.liveJob));
      const count = ids.filter((id) => !shown.has(id)).length;
      button.hidden = count === 0;
      setText(button, count === 1 ? "1 new job" : `${count === ids.length && count > 1 ? `${count}+` : count} new jobs`);
    };
    for (const name of ["taskyard:newest", "taskyard:refresh", "taskyard:poll"]) list.addEventListener(name, look);
  };

  // --- choosing rows ---

  const startPicking = () => {
    const form = $("#bulk"), all = $("#all-matching"), picked = $("#picked");
    if (!picked) return;
    const boxes = () => $$(".jobs tbody .pick input", form);
    let latest = null;
    const tell = () => {
      const count = boxes().filter((box) => box.checked).length;
      setText(picked, all.checked ? "All chosen" : count ? `${count} chosen` : "None chosen");
      for (const button of $$("[data-for-picked]", form)) button.disabled = !all.checked && !count;
    };
    form.addEventListener("change", () => setTimeout(tell));
    form.addEventListener("click", (event) => {
      const box = event.target.closest(".jobs tbody .pick input");
      if (!box) return;
      if (event.shiftKey && latest) {
        const [from, to] = [boxes().indexOf(latest), boxes().indexOf(box)].sort((a, b) => a - b);
        for (const each of boxes().slice(from, to + 1)) each.checked = box.checked;
      }
      latest = box;
    });
    addEventListener("pageshow", tell);
    tell();
  };

  const startKeys = () => {
    const rows = () => $$("#jobs tbody tr");
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
      if (event.target.closest("input:not([type=checkbox]), textarea, select") || !rows().length) return;
      const place = rows().indexOf(document.activeElement.closest("#jobs tbody tr"));
      if (event.key === "j" || event.key === "k") {
        const next = rows()[event.key === "j" ? place + 1 : Math.max(0, place - 1)];
        if (next) { event.preventDefault(); $(".job-link", next).focus(); next.scrollIntoView({ block: "nearest" }); }
      } else if (event.key === "x" && place >= 0) {
        $(".pick input", rows()[place])?.click();
      }
    });
  };

  // --- copying ---

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    event.preventDefault();
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {  // only pages that came by HTTPS may
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    setText(button, "Copied");
    setTimeout(() => setText(button, "Copy"), 1500);
  });

  document.addEventListener("DOMContentLoaded", () => {
    startCompletion();
    startNews();
    startPicking();
    startKeys();
    // What takes many requests goes on by itself; there is time to stop it.
    const form = $("form[data-goes-on]");
    if (form) setTimeout(() => form.requestSubmit(), 1000);
  });
})();
