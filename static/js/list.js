// Lists of rooms: ticked rooms that stay ticked, and stars. Without it the same forms work as plain pages.
(() => {
  "use strict";

  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const say = (text) => document.dispatchEvent(new CustomEvent("say", { detail: text }));
  const token = () => find("input[name=csrfmiddlewaretoken]")?.value || "";

  // --- Ticked rooms: the word in the room's address, and its code ------------------------------------
  const STORE = "selected-rooms";
  const LINK = "https://meet.google.com/";
  let chosen = new Map();
  try {
    chosen = new Map(JSON.parse(sessionStorage.getItem(STORE) || "[]"));
  } catch {
    sessionStorage.removeItem(STORE);
  }

  const boxes = () => all("tbody input[name=room]");

  function keep() {
    if (chosen.size) sessionStorage.setItem(STORE, JSON.stringify([...chosen]));
    else sessionStorage.removeItem(STORE);
    show();
  }

  function tick(box, on) {
    if (on) chosen.set(box.value, box.dataset.code || "");
    else chosen.delete(box.value);
  }

  function show() {
    const here = boxes();
    for (const box of here) {
      box.checked = chosen.has(box.value);
      box.closest("tr").classList.toggle("picked-row", box.checked);
    }
    const whole = find("input[data-all]");
    if (whole) {
      const number = here.filter((box) => box.checked).length;
      whole.checked = number > 0 && number === here.length;
      whole.indeterminate = number > 0 && number < here.length;
    }
    const bar = find("#selection");
    if (!bar) return;
    bar.classList.toggle("on", chosen.size > 0);
    document.body.classList.toggle("picking", chosen.size > 0);
    const number = find("strong", bar);
    if (number.textContent !== String(chosen.size)) number.textContent = chosen.size;
  }

  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target.closest("tbody input[name=room]");
    if (!box) return;
    const here = boxes();
    if (event.shiftKey && last && here.includes(last)) {
      const [from, to] = [here.indexOf(last), here.indexOf(box)].sort((a, b) => a - b);
      for (const one of here.slice(from, to + 1)) tick(one, box.checked);
    }
    last = box;
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("tbody input[name=room]")) tick(event.target, event.target.checked);
    else if (event.target.matches("input[data-all]")) for (const box of boxes()) tick(box, event.target.checked);
    else return;
    keep();
  });

  function carry(form) {
    // Rooms ticked on other pages of the list go along, too.
    const here = new Set(boxes().map((box) => box.value));
    for (const slug of chosen.keys()) {
      if (here.has(slug)) continue;
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = "room";
      field.value = slug;
      form.append(field);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-selection]");
    if (!button) return;
    const what = button.dataset.selection;
    const form = find("#selection");
    if (what === "refresh") {
      carry(form);
      if (button.form !== form) {
        const real = find("[data-selection=refresh]", form);
        if (real) form.requestSubmit(real);
      }
      return;
    }
    event.preventDefault();
    if (what === "clear") {
      chosen.clear();
      keep();
      return;
    }
    const codes = [...chosen.values()].filter(Boolean).map((code) => (what === "links" ? LINK + code : code));
    document.dispatchEvent(new CustomEvent("copy-text", { detail: { text: codes.join("\n"), button } }));
  });

  // --- Stars: what was just pressed stands, also over an answer that was on its way before ----------------
  const PRESSED_FOR = 10_000; // ms
  const pressed = new Map(); // address: [on, since]

  function paint(star, on) {
    star.setAttribute("aria-pressed", String(on));
    star.value = on ? "0" : "1";
  }

  function paintPressed() {
    for (const [address, [on, since]] of pressed) {
      if (Date.now() - since > PRESSED_FOR) pressed.delete(address);
      else for (const star of all("button.star")) if (star.formAction === address) paint(star, on);
    }
  }

  let before = Promise.resolve(); // one after the other, so that the last press is the one that stays

  document.addEventListener("click", (event) => {
    const star = event.target.closest("button.star");
    if (!star) return;
    event.preventDefault();
    const on = star.value === "1";
    const address = star.formAction;
    pressed.set(address, [on, Date.now()]);
    paintPressed(); // at once; put back when the server says no
    before = before.then(() => keepStar(address, on));
  });

  async function keepStar(address, on) {
    try {
      const answer = await fetch(address, {
        method: "POST",
        keepalive: true, // also when the page is left at once
        headers: { "X-CSRFToken": token(), "HX-Request": "true" },
        body: new URLSearchParams({ on: on ? "1" : "0" }),
      });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    } catch {
      pressed.set(address, [!on, Date.now()]);
      paintPressed();
      say(find("#stars").dataset.failed);
    }
  }

  // --- Menus under chips close when somebody turns elsewhere ---------------------------------------------
  const menus = () => all("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      if (menu.contains(document.activeElement)) find("summary", menu).focus();
    }
  });

  // Filters change the address without a new page, so the way back is where we are now.
  document.addEventListener(
    "submit",
    (event) => {
      const next = event.target.elements.next;
      if (next && next.value && find("#board")) next.value = location.pathname + location.search;
    },
    true,
  );

  document.addEventListener("htmx:after:swap", () => {
    show();
    paintPressed();
  });
  if (!find("#commands")) sessionStorage.removeItem(STORE); // signed out
  show();
})();
