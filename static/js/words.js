// What scripts say to people. The words stand in templates/_words.html, in the language of the page, as data-NAME of #words:
//   words("offline")                       the text of data-offline
//   words("ago-min", { n: 5 })             with {n} filled in
//   words("started", { n: 3 })             data-started-one or data-started-other, whichever the language uses for n
(() => {
  "use strict";

  const language = document.documentElement.lang || "en";
  const plural = new Intl.PluralRules(language);

  globalThis.words = (name, values = {}) => {
    const from = document.getElementById("words");
    const said = (key) => from && from.getAttribute(`data-${key}`);
    const text = said(name) ?? said(`${name}-${plural.select(values.n ?? 1)}`) ?? said(`${name}-other`) ?? name;
    return text.replace(/\{(\w+)\}/g, (all, key) => (key in values ? String(values[key]) : all));
  };
})();
