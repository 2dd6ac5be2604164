// What keeps an open page true. The server tells which rooms have changed (a stream of names, /live/); the page then fetches
// those rows, or the whole list, through its own ordinary address. Without a stream it looks every few seconds.
// The element with data-live is what is fetched again; its value is the version that it shows.
(() => {
  "use strict";

  const board = () => document.querySelector("[data-live]");
  if (!board()) return;

  const STREAM = "/live/";
  const EVERY = 5000; // ms between two looks without a stream
  const SLOWEST = 60000; // the same when the server fails, and with a stream: for ages, and for what only time changes
  const APART = 5000; // between two looks at a whole list that messages bring about; rows are fetched at once
  const SILENCE = 40000; // without a sign of life for so long a stream is taken for dead
  const SPREAD = 400; // up to so long a page waits before it fetches, so that not all of them come at once
  const SAY_EVERY = 5000; // between two announcements

  const between = (least, most) => least + Math.random() * (most - least);

  // --- Fetching: one request at a time; what comes meanwhile is put together -----------------------
  const rooms = new Set(); // rows to fetch
  let due = Infinity; // when the whole list is to be fetched
  let needs = 0; // the version of the last news that concerned this page
  let spread = SPREAD;
  let busy = false;
  let lastWhole = 0;
  let apart = APART;
  let fetching = 0;

  const hasRows = () => board().hasAttribute("data-rows"); // a long list, of which single rows can be had
  const nextWhole = () => lastWhole + (hasRows() ? apart : APART / 5);
  // A list whose rows or order hang on calls; in others a room that it does not show changes the numbers above it at most.
  const aboutCalls = () => /[?&](state|sort=-?(people|since|seen))/.test(location.search);

  async function ask(settings) {
    const live = board();
    const address = live.getAttribute("hx-get");
    await htmx.ajax("GET", address, { source: live, target: live, swap: "outerMorph", ...settings });
  }

  function fetchSoon() {
    clearTimeout(fetching);
    if (document.hidden || busy || !(due < Infinity || rooms.size)) return;
    const wait = rooms.size ? between(0, spread) : Math.max(0, due - Date.now()) + between(0, 1.5 * spread);
    fetching = setTimeout(fetchNow, wait);
  }

  async function fetchNow() {
    const whole = Date.now() >= due;
    const named = [...rooms];
    rooms.clear(); // the whole list brings its rows along
    if (whole) due = Infinity;
    busy = true;
    try {
      if (whole) await look();
      else if (named.length) await ask({ swap: "none", headers: { "Live-Rooms": named.join(","), ...asNewAs() } });
    } finally {
      busy = false;
      fetchSoon();
    }
  }

  // What is fetched has to be as new as the news that made it necessary: what another page was just sent will do.
  const asNewAs = () => (needs ? { "Live-Needs": String(needs) } : {});

  // The whole list again. `unless`: only if it differs from this version.
  async function look(unless) {
    clearTimeout(timer);
    lastWhole = Date.now();
    apart = APART * between(0.8, 1.4); // or all pages that heard of one change would go on fetching in step
    try {
      await ask({ headers: unless ? { "Live-Seen": unless } : asNewAs() });
    } finally {
      plan();
    }
  }

  function changed(news) {
    if (news.version) known = Math.max(known, news.version);
    spread = Math.max(SPREAD, news.spread || 0);
    const moved = news.moved || [];
    const named = [...moved, ...(news.changed || [])];
    const about = board().dataset.room;
    const concerned = about ? named.includes(Number(about)) : !hasRows() || (aboutCalls() && moved.length);
    let soon = Boolean(news.all || concerned);
    if (hasRows()) {
      for (const room of named) if (document.getElementById(`room-${room}`)) rooms.add(room);
      soon ||= moved.some((room) => rooms.has(room)); // it may belong in another place
      if (moved.length) due = Math.min(due, lastWhole + 3 * apart); // the numbers above the list
    }
    if (soon) due = Math.min(due, nextWhole());
    if (news.version && (due < Infinity || rooms.size)) needs = news.version;
    fetchSoon();
  }

  // --- Looking by itself ---------------------------------------------------------------------------
  let timer = 0;
  let failures = 0;
  let quiet = 0; // looks in a row that brought nothing new

  function plan() {
    clearTimeout(timer);
    const own = Number(board().dataset.every || 0) * 1000;
    let wait = connected() ? SLOWEST : EVERY * Math.min(1 + quiet / 4, 3);
    if (failures) wait = Math.min(EVERY * 2 ** failures, SLOWEST);
    else if (own) wait = Math.min(wait, own);
    timer = setTimeout(tick, wait * between(0.9, 1.1));
  }

  async function tick() {
    if (document.hidden) return;
    if (busy) return plan();
    busy = true;
    try {
      // A page that turns by itself is another one each time.
      await look(board().dataset.every ? "" : board().dataset.live);
    } finally {
      busy = false;
      fetchSoon();
    }
  }

  function offline(text) {
    const note = document.querySelector("#offline");
    if (!note || note.textContent === text) return;
    note.textContent = text;
    note.hidden = !text;
  }

  function failed() {
    failures += 1;
    due = Infinity;
    rooms.clear();
    offline(words("offline"));
    plan();
  }

  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const { status } = ctx.response;
    if (status >= 400 && status !== 422) {
      if (ctx.sourceElement.matches("[data-live]")) failed();
      return;
    }
    if (ctx.sourceElement.matches("[data-live]")) quiet = status === 304 ? quiet + 1 : 0;
    failures = 0;
    offline("");
  });
  document.addEventListener("htmx:error", (event) => {
    const ctx = event.detail.ctx;
    if (ctx && ctx.sourceElement.matches("[data-live]")) failed();
  });

  // --- The stream: one for all pages of this browser, held by one that is visible ------------------
  // A browser opens six connections to a server that speaks HTTP/1.1; a stream in each window would use them up.
  let known = Number((board().dataset.live || "0").split("-")[0]);
  let sign = 0; // when a stream was last heard of
  let misses = 0;
  let source = null;
  let letGo = null; // gives the stream back
  let again = 0;

  const others = new BroadcastChannel("meetadmin-live");
  const connected = () => Date.now() - sign < SILENCE;

  function heard(kind, data) {
    const before = connected();
    sign = Date.now();
    if (kind === "rooms" || (kind === "hello" && (data.all || (data.moved || []).length || (data.changed || []).length))) {
      changed(data);
    } else if (kind === "bye") {
      sign = 0;
      if (data.why === "session") look(); // which leads to the sign-in
    }
    if (before !== connected()) plan();
  }

  others.addEventListener("message", (event) => {
    const { kind, data } = event.data;
    if (kind === "ask" && source && connected()) others.postMessage({ kind: "here", data: { version: known } });
    else if (kind === "here") {
      sign = Date.now();
      if (!data.version || data.version > known) changed({ version: data.version, all: true });
    } else if (kind !== "ask") heard(kind, data);
  });

  function open() {
    source = new EventSource(known ? `${STREAM}?since=${known}` : STREAM);
    for (const kind of ["hello", "rooms", "beat", "bye"]) {
      source.addEventListener(kind, (event) => {
        const data = JSON.parse(event.data);
        misses = 0;
        heard(kind, data);
        others.postMessage({ kind, data });
        if (kind === "bye") reopen(between(500, 4000));
      });
    }
    source.addEventListener("error", () => {
      misses += 1;
      sign = 0;
      plan();
      reopen(Math.min(1500 * 2 ** misses, 5 * SLOWEST) * between(0.7, 1.3));
    });
  }

  function close() {
    clearTimeout(again);
    if (source) source.close();
    source = null;
  }

  function reopen(wait) {
    close();
    again = setTimeout(open, wait);
  }

  async function compete() {
    if (letGo || document.hidden) return;
    const given = new AbortController();
    letGo = () => given.abort();
    others.postMessage({ kind: "ask" });
    if (!navigator.locks) {
      letGo = () => {};
      open();
      return;
    }
    try {
      await navigator.locks.request("meetadmin-live", { signal: given.signal }, () => {
        if (given.signal.aborted) return undefined;
        open();
        return new Promise((resolve) => {
          letGo = resolve;
        });
      });
    } catch {
      // given up while another page held it
    }
  }

  function withdraw() {
    close();
    if (letGo) letGo();
    letGo = null;
    sign = 0;
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    clearTimeout(fetching);
    if (document.hidden) withdraw();
    else {
      tick();
      compete();
    }
  });
  addEventListener("pagehide", withdraw);
  addEventListener("pageshow", (event) => {
    if (event.persisted) compete();
  });

  // --- Saying what mattered, to those who do not see it --------------------------------------------
  const was = new Map(); // room: its state before the swap
  const happened = { live: new Set(), over: new Set(), stuck: new Set() };
  let saidAt = 0;
  let saying = 0;

  const states = () => [...document.querySelectorAll("[id^='room-'][data-state]")];

  document.addEventListener("htmx:before:swap", (event) => {
    if (!event.detail.ctx.sourceElement.matches("[data-live]")) return;
    was.clear();
    for (const row of states()) was.set(row.id, row.dataset.state);
  });

  document.addEventListener("htmx:after:swap", (event) => {
    if (!event.detail.ctx.sourceElement?.matches("[data-live]")) return;
    known = Math.max(known, Number((board().dataset.live || "0").split("-")[0]));
    for (const row of states()) {
      const [before, now] = [was.get(row.id), row.dataset.state];
      if (!before || before === now) continue;
      const name = row.querySelector("a")?.textContent.trim() || "";
      if (now === "stuck") happened.stuck.add(name);
      else if (now === "live" && before !== "stuck") happened.live.add(name);
      else if (now === "idle") happened.over.add(name);
    }
    if (!saying && Object.values(happened).some((names) => names.size)) {
      saying = setTimeout(say, Math.max(0, saidAt + SAY_EVERY - Date.now()));
    }
  });

  function say() {
    const parts = [];
    for (const [what, names] of Object.entries(happened)) {
      if (names.size) parts.push(words(`news-${what}`, { n: names.size, room: [...names][0] }));
      names.clear();
    }
    saidAt = Date.now();
    saying = 0;
    const region = document.querySelector("#news");
    if (region) region.textContent = parts.join(" ");
  }

  plan();
  compete();
})();
