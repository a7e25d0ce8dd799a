// Solves the puzzle of a sign-up form: a number that makes the SHA-256 of the stamp and it begin with zero bits.
// It begins when the page is shown, so that it is mostly done when somebody has typed an address.
"use strict";

(() => {
  const form = document.querySelector("form[data-bits]");
  if (!form) return;
  const bits = Number(form.dataset.bits);
  const stamp = form.elements.namedItem("stamp").value;
  const work = form.elements.namedItem("work");
  const encoder = new TextEncoder();
  let wanted = false;

  const fits = (digest) => {
    const first = new DataView(digest).getUint32(0);
    return first >>> (32 - bits) === 0;
  };

  const attempt = async (number) => {
    const digest = await crypto.subtle.digest("SHA-256", encoder.encode(`${stamp}:${number}`));
    return fits(digest) ? String(number) : "";
  };

  const solve = async () => {
    for (let number = 0; ; number += 256) {
      const found = await Promise.all(Array.from({ length: 256 }, (_, place) => attempt(number + place)));
      const answer = found.find(Boolean);
      if (answer) return answer;
    }
  };

  form.addEventListener("submit", (event) => {
    if (work.value) return;
    event.preventDefault();
    wanted = true;
  });

  solve().then((answer) => {
    work.value = answer;
    if (wanted) form.requestSubmit();
  });
})();
