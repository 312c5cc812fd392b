"use strict";
// A link to a failure opens it.
(() => {
  function open() {
    const target = location.hash.startsWith("#failure-") && document.getElementById(location.hash.slice(1));
    if (!target) return;
    target.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", open);
  open();
})();
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const bodies = [...document.querySelectorAll("#tests-table tbody")];
  const shown = document.getElementById("shown");
  const fields = ["text", "verdict", "group", "requirement", "device"];
  const value = (name) => form.elements[name].value;
  function apply() {
    const words = value("text").toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0, all = 0;
    for (const body of bodies) {
      let here = 0;
      for (const row of body.querySelectorAll("tr.test")) {
        const data = row.dataset;
        const fits = words.every((word) => row.textContent.toLowerCase().includes(word))
          && (!value("verdict") || data.verdict === value("verdict"))
          && (!value("group") || data.group === value("group"))
          && (!value("requirement") || data.requirements.split(" ").includes(value("requirement")))
          && (!value("device") || data.device === value("device"));
        row.hidden = !fits;
        here += fits;
        all += 1;
      }
      body.hidden = here === 0;
      visible += here;
    }
    shown.textContent = visible === all ? `${all} instances` : `${visible} of ${all} instances`;
  }
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  // A link to a requirement filters the tests that check it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-requirement]");
    if (!link) return;
    for (const name of fields) form.elements[name].value = "";
    form.elements.requirement.value = link.dataset.requirement;
    apply();
  });
  apply();
})();
