const { api, ready } = document.querySelector("main").dataset;
const condition = document.getElementById("condition");
const list = document.getElementById("tasks");
const message = document.getElementById("message");
const form = document.getElementById("create");
const more = document.getElementById("more");
const template = document.getElementById("task").content;
let loads = 0; // an answer to anything but the last question is dropped

function say(text, error = false) {
  message.textContent = text;
  message.classList.toggle("error", error);
}

/** Call the API; return the JSON of its answer (null if there is none), or throw its reason. */
async function call(path = "", options = {}) {
  if (options.body) options.headers = { "Content-Type": "application/json" };
  const answer = await fetch(api + path, { ...options, signal: AbortSignal.timeout(15000) });
  if (answer.status === 204) return null;
  const json = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  if (!answer.ok) throw new Error(json?.detail ?? `the server answered ${answer.status}`);
  return json;
}

/** Run what a person asked for; say what came of it. */
async function attempt(action, done) {
  try {
    await action();
    if (done) say(done);
    return true;
  } catch (error) {
    say(`That did not work: ${error.message}`, true);
    return false;
  }
}

function show(task) {
  const item = template.cloneNode(true).firstElementChild;
  const box = item.querySelector("input");
  const remove = item.querySelector(".delete");
  item.querySelector(".title").textContent = task.title;
  item.querySelector(".description").textContent = task.description;
  remove.setAttribute("aria-label", `Delete ${task.title}`);
  box.checked = task.completed;
  box.addEventListener("change", async () => {
    const completed = box.checked;
    const body = JSON.stringify({ completed });
    const done = `${completed ? "Completed" : "Opened again"}: ${task.title}`;
    const ok = await attempt(() => call(`/${task.id}`, { method: "PATCH", body }), done);
    if (!ok) box.checked = !completed;
  });
  remove.addEventListener("click", async () => {
    const ok = await attempt(() => call(`/${task.id}`, { method: "DELETE" }), `Deleted: ${task.title}`);
    if (!ok) return;
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    (next?.querySelector(".delete") ?? document.getElementById("heading")).focus();
  });
  return item;
}

async function load(before) {
  const current = ++loads;
  const query = new URLSearchParams();
  const status = document.querySelector("[name=status]:checked").value;
  if (status) query.set("status", status);
  if (before) query.set("before", before);
  const page = await call(`?${query}`);
  if (current !== loads) return;
  const items = page.tasks.map(show);
  if (before) list.append(...items);
  else list.replaceChildren(...items);
  more.hidden = page.next_before === null;
  more.dataset.before = page.next_before;
  if (!list.children.length) say("Nothing here.");
}

/** Show how one dependency is doing; return whether that is news. */
function showCondition(item, failing) {
  if (item.classList.contains("failing") === failing) return false;
  item.classList.toggle("failing", failing);
  item.querySelector(".state").textContent = failing ? "does not answer" : "works";
  item.querySelector(".meaning").textContent = failing ? item.dataset.failing : item.dataset.working;
  return true;
}

/** Ask how the dependencies are doing; when the database is back, so are the tasks. */
async function watch() {
  if (document.hidden) return;
  let checks = null;
  try {
    const answer = await fetch(ready, { signal: AbortSignal.timeout(5000) });
    ({ checks } = await answer.json());
  } catch {
    say("The server does not answer.", true);
    return;
  }
  for (const item of condition.children) {
    const check = checks[item.dataset.name];
    const news = check && showCondition(item, !check.ok);
    if (news && check.ok && item.dataset.name === "database") attempt(() => load(), "The tasks are back.");
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify(Object.fromEntries(new FormData(form)));
  const ok = await attempt(() => call("", { method: "POST", body }), `Added: ${form.elements.title.value}`);
  if (!ok) return;
  form.reset();
  form.elements.title.focus();
  await attempt(() => load());
});
document.getElementById("filter").addEventListener("change", () => {
  say("");
  attempt(() => load());
});
more.addEventListener("click", () => attempt(() => load(more.dataset.before)));
attempt(() => load());
setInterval(watch, 15000);
document.addEventListener("visibilitychange", watch);
