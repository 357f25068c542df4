const { api, ready } = document.querySelector("main").dataset;
const WATCH = 15000; // milliseconds between two looks at the dependencies; while one fails: a third of it
const conditions = document.querySelectorAll("#condition [data-name]");
const list = document.getElementById("tasks");
const empty = document.getElementById("empty");
const message = document.getElementById("message");
const create = document.getElementById("create");
const more = document.getElementById("more");
const parts = (id) => document.getElementById(id).content.cloneNode(true).firstElementChild;
let loads = 0; // an answer to anything but the last question is dropped
let stale = false; // what is shown may not be what there is
let timer;

function say(text, error = false) {
  message.textContent = text;
  message.classList.toggle("error", error);
}

/** Call the API; return the JSON of its answer (null if there is none), or throw its reason. */
async function call(path = "", options = {}) {
  if (options.body) options.headers = { "Content-Type": "application/json" };
  let answer;
  let json = null;
  try {
    answer = await fetch(api + path, { ...options, signal: AbortSignal.timeout(15000) });
    if (answer.headers.get("Content-Type")?.includes("json")) json = await answer.json();
  } catch {
    throw new Error("the server does not answer");
  }
  if (answer.ok) return json;
  throw Object.assign(new Error(json?.detail ?? `the server answered ${answer.status}`), { errors: json?.errors });
}

/** Run what a person asked for; say what came of it; return whether it worked. */
async function attempt(action, done, form) {
  try {
    await action();
    if (done) say(done);
    return true;
  } catch (error) {
    if (form && mark(form, error.errors ?? {})) say("Not saved: look at what is marked.", true);
    else {
      say(`That did not work: ${error.message}.`, true);
      watch();
    }
    return false;
  }
}

/** Show beside each field of a form what is wrong with it; return whether there is such a field. */
function mark(form, errors) {
  const wrong = [];
  for (const note of form.querySelectorAll("[data-of]")) {
    const field = form.elements[note.dataset.of];
    const reason = errors[note.dataset.of];
    note.textContent = reason ? `${reason[0].toUpperCase()}${reason.slice(1)}.` : "";
    field.setAttribute("aria-invalid", Boolean(reason));
    if (reason) wrong.push(field);
  }
  wrong[0]?.focus();
  return wrong.length > 0;
}

const entered = (form) => JSON.stringify(Object.fromEntries(new FormData(form)));
const wanted = () => document.querySelector("[name=status]:checked").value;

function show(task) {
  const item = parts("task");
  const box = item.querySelector("input");
  const remove = item.querySelector(".delete");
  const change = item.querySelector(".edit");
  item.querySelector(".title").textContent = task.title;
  item.querySelector(".description").textContent = task.description;
  remove.setAttribute("aria-label", `Delete ${task.title}`);
  change.setAttribute("aria-label", `Edit ${task.title}`);
  box.checked = task.completed;
  box.addEventListener("change", async () => {
    const completed = box.checked;
    const body = JSON.stringify({ completed });
    const done = `${completed ? "Completed" : "Opened again"}: ${task.title}`;
    const ok = await attempt(() => call(`/${task.id}`, { method: "PATCH", body }), done);
    if (!ok) box.checked = !completed;
    else if (wanted() && (wanted() === "completed") !== completed) leave(item);
    else task.completed = completed;
  });
  remove.addEventListener("click", async () => {
    const ok = await attempt(() => call(`/${task.id}`, { method: "DELETE" }), `Deleted: ${task.title}`);
    if (ok) leave(item);
  });
  change.addEventListener("click", () => edit(item, task));
  return item;
}

/** Take a task off the list; the focus goes on to its neighbour. */
function leave(item) {
  const next = item.nextElementSibling ?? item.previousElementSibling;
  const focused = item.contains(document.activeElement) || document.activeElement === document.body;
  item.remove();
  empty.hidden = list.children.length > 0;
  if (focused) (next?.querySelector("input") ?? document.getElementById("heading")).focus();
}

/** Let a task be changed where it stands; Escape leaves it as it is. One at a time: the fields have ids. */
function edit(item, task) {
  list.querySelector(".cancel")?.click();
  const form = parts("edit");
  const view = item.querySelector(".view");
  const close = (shown) => {
    const fresh = show(shown);
    item.replaceWith(fresh);
    fresh.querySelector(".edit").focus();
  };
  form.setAttribute("aria-label", `Edit ${task.title}`);
  for (const name of ["title", "description"]) form.elements[name].value = task[name];
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let changed;
    const save = async () => (changed = await call(`/${task.id}`, { method: "PATCH", body: entered(form) }));
    if (await attempt(save, `Saved: ${form.elements.title.value.trim()}`, form)) close(changed);
  });
  form.querySelector(".cancel").addEventListener("click", () => close(task));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close(task);
  });
  view.replaceWith(form);
  form.elements.title.focus();
}

async function load(before) {
  const current = ++loads;
  const query = new URLSearchParams();
  if (wanted()) query.set("status", wanted());
  if (before) query.set("before", before);
  stale = true;
  const page = await call(`?${query}`);
  if (current !== loads) return;
  stale = false;
  const items = page.tasks.map(show);
  if (before) list.append(...items);
  else list.replaceChildren(...items);
  if (before) items[0]?.querySelector("input").focus();
  more.hidden = page.next_before === null;
  more.dataset.before = page.next_before;
  empty.hidden = list.children.length > 0;
}

/** Ask how the dependencies are doing and show it; when the database is back, so are the tasks. */
async function watch() {
  clearTimeout(timer);
  if (document.hidden) return;
  let failing = true;
  try {
    const answer = await fetch(ready, { signal: AbortSignal.timeout(5000) });
    const { checks } = await answer.json();
    failing = Object.values(checks).some((check) => !check.ok);
    for (const item of conditions) if (checks[item.dataset.name]) showCondition(item, !checks[item.dataset.name].ok);
    if (!checks.database.ok) stale = true;
    else if (stale) await load().then(() => say("The tasks are back."), (error) => say(`${error.message}.`, true));
  } catch {
    stale = true;
    say("The server does not answer.", true);
  }
  clearTimeout(timer);
  timer = setTimeout(watch, failing ? WATCH / 3 : WATCH);
}

function showCondition(item, failing) {
  if (item.classList.contains("failing") === failing) return; // said already
  item.classList.toggle("failing", failing);
  item.querySelector(".state").textContent = failing ? "does not answer" : "works";
  item.querySelector(".meaning").textContent = failing ? item.dataset.failing : item.dataset.working;
}

create.addEventListener("submit", async (event) => {
  event.preventDefault();
  const title = create.elements.title.value.trim();
  const body = entered(create);
  let added;
  mark(create, {});
  const save = async () => (added = await call("", { method: "POST", body }));
  if (!(await attempt(save, `Added: ${title}`, create))) return;
  create.reset();
  create.elements.title.focus();
  if (wanted() !== "completed") list.prepend(show(added));
  empty.hidden = list.children.length > 0;
});
document.getElementById("filter").addEventListener("change", () => {
  say("");
  attempt(() => load());
});
more.addEventListener("click", () => attempt(() => load(more.dataset.before)));
document.addEventListener("visibilitychange", watch);
attempt(() => load());
timer = setTimeout(watch, WATCH);
