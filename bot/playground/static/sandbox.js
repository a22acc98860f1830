// Keeps Sandbox's page live: sends its forms without leaving the page and asks for new posts.
"use strict";

const timeline = document.getElementById("timeline");
const person = document.getElementById("person");
const news = document.getElementById("news");
const segments = new Intl.Segmenter();
let etag = "";
let asking = false;

function count(area) {
  const left = Number(area.dataset.limit) - [...segments.segment(area.value.trim())].length;
  const output = area.form.querySelector("output");
  output.textContent = left;
  output.classList.toggle("over", left < 0);
}

function keepPerson() {
  const chosen = person.selectedOptions[0];
  const me = document.getElementById("me");
  me.className = `avatar hue-${chosen.dataset.hue}`;
  me.textContent = chosen.dataset.initials;
  const path = new URL(".", location.href).pathname;
  document.cookie = `sandbox_person=${person.value}; path=${path}; SameSite=Strict`;
}

// One post: only the parts that changed are replaced, so that text being typed or selected stays.
function updatePost(current, fresh) {
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = current.querySelector(`[data-part="${part.dataset.part}"]`);
    if (old.innerHTML === part.innerHTML) continue;
    const focused = old.contains(document.activeElement) && document.activeElement.dataset.key;
    old.innerHTML = part.innerHTML;
    if (focused) old.querySelector(`[data-key="${focused}"]`)?.focus();
  }
}

function syncChildren(parent, fresh, update) {
  const known = new Map([...parent.children].map((child) => [child.id, child]));
  let previous = null;
  for (const child of [...fresh.children]) {
    let current = known.get(child.id);
    if (current) {
      known.delete(child.id);
      update(current, child);
    } else {
      current = document.importNode(child, true);
      current.classList.add("new");
      const by = current.dataset.author ?? current.querySelector("[data-author]")?.dataset.author;
      if (by) news.textContent = `New post by ${by}`;
    }
    const place = previous ? previous.nextElementSibling : parent.firstElementChild;
    if (place !== current) parent.insertBefore(current, place);
    previous = current;
  }
  for (const gone of known.values()) gone.remove();
}

function updateThread(current, fresh) {
  syncChildren(current, fresh, (post, freshPost) => {
    if (post.matches("article")) updatePost(post, freshPost);
  });
}

async function refresh() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const headers = etag ? { "If-None-Match": etag } : {};
    const answer = await fetch(`${timeline.dataset.here}?fragment=1`, { headers, cache: "no-store" });
    if (answer.status === 200) {
      etag = answer.headers.get("ETag") ?? "";
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      syncChildren(timeline, page.body, updateThread);
    }
  } catch {
    // The playground is stopped or restarting: the next round asks again.
  } finally {
    asking = false;
  }
}

async function send(form, submitter) {
  const problem = form.querySelector(".problem");
  const body = new FormData(form, submitter);
  if (person && !body.has("person")) body.set("person", person.value);
  const headers = { "X-Requested-By": "sandbox" };
  let words = "";
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers });
    if (!answer.ok) words = await answer.text();
  } catch {
    words = "The playground doesn't answer. Your text is still here.";
  }
  if (problem) {
    problem.textContent = words;
    problem.hidden = !words;
  }
  if (words) return;
  const area = form.querySelector("textarea");
  if (area && !submitter?.name) {
    area.value = "";
    count(area);
  }
  form.closest("details")?.removeAttribute("open");
  await refresh();
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-live]")) return;
  event.preventDefault();
  send(event.target, event.submitter);
});
document.addEventListener("input", (event) => {
  if (event.target.matches("textarea[data-limit]")) count(event.target);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
    event.target.form.requestSubmit(event.target.form.querySelector(".primary"));
  }
});
document.addEventListener("visibilitychange", refresh);
if (person) {
  person.addEventListener("change", () => {
    keepPerson();
    refresh();
  });
}
setInterval(refresh, 1200);
