// The little that the pages do by themselves. Every form and link works without it.
(() => {
  "use strict";

  const find = (selector, within = document) => within.querySelector(selector);

  // --- What came back -----------------------------------------------------------------------------
  function say(text) {
    const messages = find("#messages");
    if (!messages) return;
    const line = document.createElement("p");
    line.className = "message error";
    line.setAttribute("role", "alert");
    line.textContent = text;
    messages.replaceChildren(line);
  }

  // Sentences of a problem page, to be shown where the person is.
  function sentences(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    return [find("h1", page), find("[data-cure]", page)]
      .filter(Boolean)
      .map((part) => part.textContent.trim())
      .join(" ");
  }

  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const { status, raw } = ctx.response;
    const live = ctx.sourceElement.matches("[data-live]");
    if (raw.redirected && new URL(raw.url).pathname.startsWith("/accounts/")) {
      event.preventDefault(); // signed out meanwhile: load the page, so that the sign-in leads back to it
      if (!find("dialog[open]")) location.reload(); // what is typed there is kept when it is sent
      return;
    }
    if (status >= 400 && status !== 422) {
      event.preventDefault(); // an error page must not replace a part of this one
      if (!live) say(sentences(ctx.text) || words("refused", { status }));
    }
  });

  document.addEventListener("htmx:error", (event) => {
    const ctx = event.detail.ctx;
    if (ctx && !ctx.sourceElement.matches("[data-live]")) say(words("unsent"));
  });

  // Empty filters would only make the address long.
  document.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    if (request.method !== "GET" || !request.body) return;
    for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
  });

  // --- Ages go on counting, by the server's clock -------------------------------------------------
  let skew = 0;

  function setClock() {
    const stamp = find("[data-now]");
    if (stamp && stamp.dataset.now) skew = Date.parse(stamp.dataset.now) - Date.now();
  }

  function ago(seconds) {
    if (seconds >= 2 * 86400) return words("ago-d", { n: Math.floor(seconds / 86400) });
    if (seconds >= 3600) return words("ago-h", { n: Math.floor(seconds / 3600) });
    if (seconds >= 60) return words("ago-min", { n: Math.floor(seconds / 60) });
    return words("ago-s", { n: seconds });
  }

  function age() {
    if (document.hidden) return;
    const now = Date.now() + skew;
    for (const time of document.querySelectorAll("time[data-age]")) {
      const text = ago(Math.max(0, Math.floor((now - Date.parse(time.dateTime)) / 1000)));
      if (time.firstChild && time.firstChild.nodeValue !== text) time.firstChild.nodeValue = text;
    }
  }

  // --- The dialog ---------------------------------------------------------------------------------
  const dialog = find("#dialog");

  document.addEventListener("htmx:after:swap", (event) => {
    setClock();
    const target = event.detail.ctx.target;
    if (dialog && target === dialog && dialog.childElementCount && !dialog.open) {
      dialog.showModal();
      const first = find("input:checked, input:not([type=hidden]), textarea, a, button", dialog);
      if (first) first.focus();
    }
    const problem = dialog && dialog.open && find("[aria-invalid]", dialog);
    if (problem) problem.focus();
  });

  // What was pressed is gone with what it stood in: go on where the answer is.
  let held = false;
  document.addEventListener("htmx:before:swap", () => {
    held = find("main").contains(document.activeElement);
  });
  document.addEventListener("htmx:after:swap", () => {
    if (held && document.activeElement === document.body) [...document.querySelectorAll("main [data-focus]")].pop()?.focus();
    held = false;
  });

  document.body.addEventListener("rooms-changed", () => {
    if (!dialog || !dialog.open) return;
    dialog.close();
    const messages = find("#messages");
    if (messages) messages.focus({ preventScroll: true }); // the row's button may be gone
  });

  if (dialog) {
    dialog.addEventListener("close", () => dialog.replaceChildren());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }

  // --- Clicks and keys ----------------------------------------------------------------------------
  async function copy(button, given) {
    const source = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
    const text = given ?? (source ? source.value : button.dataset.copy);
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = source || document.createElement("textarea");
      if (!source) {
        area.value = text;
        (button.closest("dialog[open]") || document.body).append(area);
      }
      area.select();
      document.execCommand("copy");
      if (!source) area.remove();
    }
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
    const live = find("#copied");
    if (live) live.textContent = source ? words("copied-ticket") : words("copied", { text });
  }

  document.addEventListener("copy-text", (event) => copy(event.detail.button, event.detail.text));
  document.addEventListener("say", (event) => say(event.detail));

  // What went well goes by itself when its time is up; the style sheet counts, and waits while somebody is at it.
  document.addEventListener("animationend", (event) => {
    if (event.animationName === "passing") event.target.closest(".message")?.remove();
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (button) copy(button);
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest(".message").remove();
    const close = event.target.closest("[data-close]");
    if (close && dialog && dialog.contains(close)) {
      event.preventDefault();
      dialog.close();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && event.target.matches("[data-enter]")) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
    if (event.key === "Escape" && !find("dialog[open]")) find(".message[data-passing]")?.remove();
  });

  // On a phone the navigation is wider than the screen: where we are is to be seen.
  for (const here of document.querySelectorAll(".nav [aria-current], .tabs [aria-current]")) {
    const row = here.parentElement;
    row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }

  // A link to another view of the same page (a tab, an order, a counter) keeps the focus of who pressed Enter on it.
  const FOCUS = "focus";
  document.addEventListener("click", (event) => {
    const link = event.target.closest("main a[id]");
    if (link && event.detail === 0 && link.pathname === location.pathname) sessionStorage.setItem(FOCUS, link.id);
  });
  const pressed = document.getElementById(sessionStorage.getItem(FOCUS));
  sessionStorage.removeItem(FOCUS);

  setClock();
  setInterval(age, 1000);
  (find("[data-focus]") || pressed)?.focus();
})();
