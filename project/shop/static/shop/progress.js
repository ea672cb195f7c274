// Keeps the job's card up to date without reloading the page. Without JavaScript the page does it
// by <meta http-equiv="refresh">.
const EVERY = 500;

async function update() {
  const current = document.getElementById("job");
  if (!current.hasAttribute("data-running")) return;
  try {
    const response = await fetch(location.href);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const next = page.getElementById("job");
    if (next) current.innerHTML = next.innerHTML;
    if (next && !next.hasAttribute("data-running")) current.removeAttribute("data-running");
  } catch {
    // The server may be restarting; the next round tries again.
  }
  setTimeout(update, EVERY);
}

setTimeout(update, EVERY);
