// Keeps the bars of `{% job_progress %}` up to date: by one stream of events for all of a page, and by asking
// where there is no stream. Each bar sends `taskyard:update` and `taskyard:finished`, with the job as `detail`.
// Whoever cancels `taskyard:finished` (`event.preventDefault()`) keeps the page from going on to `data-then`.

const SHORTEST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
const PATIENCE = 25; // seconds that the server may keep a question
const BETWEEN_QUESTIONS = 2000;
const STREAM_AGAIN = 60000; // how long questions do, where streams do not come through
const HOPELESS = new Set([400, 401, 403, 404]);

const pause = (milliseconds, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});

/** Pauses that double, with chance in them: else all pages of a server that was away come back in one moment. */
class Backoff {
  #next = SHORTEST_PAUSE;

  reset() { this.#next = SHORTEST_PAUSE; }

  take() {
    const longest = this.#next;
    this.#next = Math.min(LONGEST_PAUSE, 2 * longest);
    return longest * (0.5 + Math.random() / 2);
  }
}

/** All bars of this page that show jobs of one site. */
class Line {
  #bars = new Set();
  #url;
  #stop = new AbortController();
  #source = null;
  #isDue = false;
  #backoff = new Backoff();

  constructor(url) {
    this.#url = url;
    // A browser has few connections to a host for all its tabs, so those that nobody sees give theirs back.
    document.addEventListener("visibilitychange", () => this.#change());
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", (event) => { if (event.persisted) this.#change(); });
  }

  add(bar) { this.#bars.add(bar); this.#change(); }

  remove(bar) { if (this.#bars.delete(bar)) this.#change(); }

  // Bars come and go many at a time.
  #change() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => { this.#isDue = false; this.#follow(); });
  }

  #leave() {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#source?.close();
    this.#source = null;
  }

  #follow() {
    this.#leave();
    if (document.hidden || !this.#bars.size) return;
    const jobs = [...new Set([...this.#bars].map((bar) => bar.job))];
    const source = new EventSource(`${this.#url}?jobs=${jobs.join(",")}`);
    this.#source = source;
    source.addEventListener("open", () => this.#backoff.reset());
    source.addEventListener("job", (event) => this.#tell(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      // A stream that ended is opened again by the browser; one that was refused is not.
      if (source.readyState === EventSource.CLOSED && source === this.#source) this.#ask(this.#stop.signal);
    });
  }

  #tell(job) { for (const bar of [...this.#bars]) if (bar.job === job.id) bar.show(job); }

  // Without a stream: one question after the other, for a while.
  async #ask(signal) {
    const until = Date.now() + STREAM_AGAIN;
    while (!signal.aborted && this.#bars.size && Date.now() < until) {
      const bars = [...this.#bars];
      const isAnswered = await this.#askAll(bars, bars.length === 1 ? PATIENCE : 0, signal);
      await pause(isAnswered ? BETWEEN_QUESTIONS : this.#backoff.take(), signal);
    }
    if (!signal.aborted) this.#follow();
  }

  async #askAll(bars, patience, signal) {
    let isAnswered = true;
    for (const bar of bars) {
      try {
        const answer = await fetch(`${bar.question}?timeout=${patience}&state=${bar.state}`, { signal });
        if (answer.ok && answer.status === 200) this.#tell(await answer.json());
        else if (HOPELESS.has(answer.status)) bar.show({ id: bar.job, state: "unknown" });
        else if (!answer.ok) isAnswered = false;
      } catch {
        isAnswered = false;
      }
      if (signal.aborted) return false;
    }
    if (isAnswered) this.#backoff.reset();
    return isAnswered;
  }
}

const lines = new Map();
const lineTo = (url) => {
  if (!lines.has(url)) lines.set(url, new Line(url));
  return lines.get(url);
};

class Progress extends HTMLElement {
  #line = null;
  #words = {};

  get job() { return this.dataset.job; }

  get state() { return this.dataset.state; }

  get question() { return this.dataset.wait; }

  connectedCallback() {
    this.#words = JSON.parse(this.dataset.words);
    if (["successful", "failed", "cancelled", "unknown"].includes(this.state)) return;
    this.#line = lineTo(this.dataset.events);
    this.#line.add(this);
  }

  disconnectedCallback() { this.#line?.remove(this); this.#line = null; }

  show(job) {
    const isFinished = job.is_finished || job.state === "unknown";
    this.#draw(job);
    if (isFinished) this.disconnectedCallback();
    this.dispatchEvent(new CustomEvent("taskyard:update", { bubbles: true, detail: job }));
    if (!job.is_finished) return;
    const finished = new CustomEvent("taskyard:finished", { bubbles: true, cancelable: true, detail: job });
    const goesOn = this.dispatchEvent(finished) && job.state === "successful" && this.dataset.then;
    if (goesOn) location.assign(this.dataset.then);
  }

  #draw(job) {
    const bar = this.querySelector("progress");
    this.dataset.state = job.state;
    if (job.state === "running" && job.percent == null) bar.removeAttribute("value");
    else if (job.state === "running") bar.value = job.percent;
    else if (job.state === "successful") bar.value = bar.max;
    else bar.value = 0;
    // Only the word is announced, and only when it changes: nobody wants to hear each percent.
    const [word, detail] = [this.querySelector("[data-part=word]"), this.querySelector("[data-part=detail]")];
    const text = this.#words[job.state] ?? job.state;
    if (word.textContent !== text) word.textContent = text;
    detail.textContent = job.note ?? "";
  }
}

if (!customElements.get("taskyard-progress")) customElements.define("taskyard-progress", Progress);
