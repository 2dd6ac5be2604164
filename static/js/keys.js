// The keyboard: the command bar, moving in lists, and single letters as shortcuts. All of it can be done with the mouse, too.
(() => {
  "use strict";

  const find = (selector, within = document) => within.querySelector(selector);
  const dialog = find("#dialog");
  const bar = find("#commands");
  if (!bar) return; // nobody is signed in

  // --- Where we are -----------------------------------------------------------------------------------
  const rows = () => [...document.querySelectorAll("main [id^=room-]")];
  const current = () => document.activeElement.closest("main [id^=room-]");
  const roomLink = (row) => find(".room a, h2 a", row);
  const slug = (address) => (new URL(address, location).pathname.match(/^\/rooms\/([^/]+)\//) || [])[1] || "";

  // --- The command bar: an input, and under it links and buttons that arrows walk through -----------------
  let before = null;

  function openBar() {
    if (bar.open) return;
    const row = current();
    const here = slug(row ? roomLink(row).href : location.href);
    const picked = Number(find("#selection.on strong")?.textContent || 0);
    const query = new URLSearchParams({ open: "1" });
    if (here && here !== "new") query.set("at", here);
    if (picked) query.set("selected", picked);
    before = document.activeElement;
    if (dialog && dialog.open) dialog.close();
    htmx.ajax("GET", `${bar.dataset.from}?${query}`, { target: "#commands", swap: "innerHTML" });
  }

  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.target === bar && !bar.open) {
      bar.showModal();
      find("input", bar).focus();
    }
  });

  // What was in it stays until it is opened again: a form that is gone could not take its answer.
  bar.addEventListener("close", () => {
    if (before && before.isConnected) before.focus();
  });

  const lines = () => [...bar.querySelectorAll("#found a, #found button")];

  bar.addEventListener("keydown", (event) => {
    const found = lines();
    const at = found.indexOf(document.activeElement);
    const input = find("input[type=search]", bar);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = event.key === "ArrowDown" ? at + 1 : at - 1;
      if (next < 0) input.focus();
      else if (found[next]) found[next].focus();
    } else if (event.key === "Enter" && event.target === input) {
      event.preventDefault();
      enter(input);
    } else if (at >= 0 && event.key.length === 1 && !event.ctrlKey && !event.metaKey && event.key !== " ") {
      input.focus(); // typing goes on where it belongs
    }
  });

  // Enter takes the first line of what was typed, also when the answer is still on its way.
  let wanted = false;
  function enter(input) {
    if (input.value === (bar.dataset.answered || "")) lines()[0]?.click();
    else wanted = true;
  }

  document.addEventListener("htmx:after:swap", () => {
    const input = find("input[type=search]", bar);
    const found = find("#found", bar);
    if (!input || !found) return;
    bar.dataset.answered = found.dataset.words;
    if (wanted && input.value.trim() === found.dataset.words) {
      wanted = false;
      lines()[0]?.click();
    }
  });

  bar.addEventListener("input", () => {
    wanted = false;
    delete bar.dataset.answered;
  });

  bar.addEventListener("click", (event) => {
    if (event.target === bar || event.target.closest("a, [data-copy], [data-selection], form:not(.ask) button")) {
      if (!event.target.closest("a:not([hx-get])")) setTimeout(() => bar.close());
    }
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-commands]");
    if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openBar();
  });

  // --- Single letters -----------------------------------------------------------------------------------
  const OFF = "single-keys-off";
  const singleKeys = () => !localStorage.getItem(OFF);

  document.addEventListener("htmx:after:swap", showChoice);
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-single-keys]")) return;
    if (event.target.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });

  function showChoice() {
    for (const box of document.querySelectorAll("[data-single-keys]")) box.checked = singleKeys();
  }

  function move(step) {
    const found = rows();
    if (!found.length) return;
    const at = found.indexOf(current());
    const next = found[at < 0 ? (step > 0 ? 0 : found.length - 1) : Math.min(Math.max(at + step, 0), found.length - 1)];
    roomLink(next).focus();
  }

  const SINGLE = {
    j: () => move(1),
    k: () => move(-1),
    x: () => current() && find("input[name=room]", current())?.click(),
    f: () => (current() ? find("button.star", current()) : find("main button.star"))?.click(),
    e: () => {
      const row = current();
      const way = row ? find("a.danger", row) : rows().length ? null : find("main a.danger");
      if (way) way.click();
    },
    "?": () => htmx.ajax("GET", bar.dataset.keys, { target: "#dialog", swap: "innerHTML" }),
    "/": () => {
      const search = find("#search");
      if (!search) return;
      search.focus();
      search.select();
    },
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openBar();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (find("dialog[open]")) return;
    const at = event.target;
    const typing = at.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    if (typing) return;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && current() && !at.matches("[type=radio]")) {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
      return;
    }
    if (!singleKeys() || !Object.hasOwn(SINGLE, event.key)) return;
    event.preventDefault();
    SINGLE[event.key]();
  });

  showChoice();
})();
