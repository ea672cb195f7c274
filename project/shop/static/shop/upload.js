// Shows how far the browser is with sending a file. Without JavaScript the form does the same, less talkatively.

const form = document.querySelector("[data-upload]");
const [sending, button] = [form.querySelector("[data-sending]"), form.querySelector("button")];
const [bar, words] = [sending.querySelector("progress"), sending.querySelector("p")];
const megabytes = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

function stop(why) {
  button.disabled = false;
  sending.hidden = false;
  bar.hidden = true;
  words.className = "wrong";
  words.textContent = why;
}

function finish(request) {
  if (request.status === 200) return location.assign(request.responseURL); // it followed the way to the job
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const main = page.querySelector("main");
  const fault = main?.querySelector(".errorlist, .hero p")?.textContent.trim();
  stop(fault ?? `The server answered with ${request.status}. Try again later.`);
}

form.addEventListener("submit", (event) => {
  const file = form.elements.file.files[0];
  if (!file) return; // the server says what to do
  event.preventDefault();
  const limit = Number(form.dataset.limit);
  if (file.size > limit) {
    return stop(`The file has ${megabytes(file.size)}; the limit is ${megabytes(limit)}. Split it and upload the parts.`);
  }
  // XMLHttpRequest, as fetch() does not tell how much has been sent.
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = (100 * loaded) / total;
    words.textContent = `Sent ${megabytes(loaded)} of ${megabytes(total)}.`;
  });
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => stop("The connection broke off. Try again."));
  request.open("POST", form.action);
  request.send(new FormData(form));
  button.disabled = true;
  sending.hidden = bar.hidden = false;
  words.className = "hint";
  words.textContent = "Sending…";
});
