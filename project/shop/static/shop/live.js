// Brings the parts of a page that are marked [data-live] up to date, by fetching the page anew: when a job that
// the page shows has finished, when something happens in the queue it names in [data-queue], and every few
// seconds while it is [data-waiting]. Without JavaScript the page does it by <meta http-equiv="refresh">.

const EVERY = 5000;
const AT_MOST_EVERY = 500;

let due = null;
let isFetching = false;
let hasChanged = false; // while it was being fetched
let stream = null;

const waits = () => document.querySelector("[data-live][data-waiting]");

function refreshSoon() {
  if (isFetching) hasChanged = true;
  else due ??= setTimeout(refresh, AT_MOST_EVERY);
}

async function refresh() {
  due = null;
  isFetching = true;
  try {
    const response = await fetch(location.href);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = page.getElementById(part.id);
      if (!next) continue;
      part.toggleAttribute("data-waiting", next.hasAttribute("data-waiting"));
      part.replaceChildren(...next.childNodes);
    }
  } catch {
    // The server may be restarting; the next round tries again.
  }
  isFetching = false;
  if (!waits()) stream?.close();
  else if (hasChanged) refreshSoon();
  hasChanged = false;
}

document.addEventListener("taskyard:finished", refreshSoon);
setInterval(() => waits() && refreshSoon(), EVERY);

const { events, queue } = document.querySelector("[data-queue]")?.dataset ?? {};
if (queue && waits()) {
  stream = new EventSource(`${events}?queues=${queue}`);
  stream.addEventListener("job", refreshSoon);
}
