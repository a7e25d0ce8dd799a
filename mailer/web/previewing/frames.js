// The mail in frames of a phone and of a desktop. The frames run no scripts: what stands in a mail cannot do anything.

const WIDTHS = { phone: 375, desktop: 800 };
const MARK = "data-mailer-element";
const COLOURS = { error: "#d4202c", warning: "#c77700", note: "#3f6fb0" };

export class Frames {
  // `pick`: called with the number of the element that was clicked in a mail.
  constructor(place, pick) {
    this.place = place;
    this.pick = pick;
    this.findings = [];
    this.marking = true;
    this.chosen = -1;
    this.wanted = { width: "both", scheme: "light", images: true };
    this.number = 0;
    this.from = "";  // where mails are asked for: under another token than the page, as a mail can tell it others
    new ResizeObserver(() => this.fit()).observe(place);
  }

  // Show this view; `same`: it is the same mail, changed, so that where one was reading is kept.
  show(number, title) {
    this.number = number;
    this.title = title;
    const wanted = this.list();
    for (const device of [...this.place.children]) {
      if (!wanted.some((each) => each.key === device.dataset.key)) device.remove();
    }
    for (const each of wanted) this.load(each);
    this.fit();
  }

  list() {
    const { width, scheme } = this.wanted;
    const widths = width === "both" ? ["phone", "desktop"] : [width];
    const schemes = scheme === "both" ? ["light", "dark"] : [scheme];
    return schemes.flatMap((colours) => widths.map((name) => ({ key: `${name}-${colours}`, name, colours })));
  }

  device({ key, name, colours }) {
    const found = this.place.querySelector(`[data-key="${key}"]`);
    if (found) return found;
    const device = document.createElement("div");
    device.className = "device";
    device.dataset.key = key;
    device.dataset.name = name;
    const label = document.createElement("p");
    label.textContent = `${name === "phone" ? "Phone" : "Desktop"}, ${WIDTHS[name]} px, ${colours}`;
    const screen = document.createElement("div");
    screen.className = `screen ${colours}`;
    device.append(label, screen);
    const after = this.list().map((each) => each.key);
    const next = [...this.place.children].find((each) => after.indexOf(each.dataset.key) > after.indexOf(key));
    this.place.insertBefore(device, next || null);
    return device;
  }

  // The next mail is loaded behind the one that is shown, which goes when the other is there: nothing flickers.
  load(each) {
    const screen = this.device(each).querySelector(".screen");
    screen.querySelectorAll("iframe.coming").forEach((old) => old.remove());
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-same-origin");
    frame.title = `${this.title}, ${each.name}, ${each.colours}`;
    frame.className = "coming";
    const before = screen.querySelector("iframe:not(.coming)");
    frame.addEventListener("load", () => {
      const seen = before?.contentWindow?.scrollY || 0;
      this.listen(frame);
      this.mark(frame);
      frame.classList.remove("coming");
      frame.contentWindow?.scrollTo(0, seen);
      before?.remove();
      document.dispatchEvent(new CustomEvent("shown", { detail: { number: this.number, key: each.key } }));
    }, { once: true });
    frame.src = `${this.from}${this.number}/${each.colours}/${this.wanted.images ? "images" : "no-images"}`;
    screen.append(frame);
  }

  fit() {
    const room = this.place.clientWidth;
    const high = Math.max(460, window.innerHeight - this.place.getBoundingClientRect().top - window.scrollY - 40);
    for (const device of this.place.children) {
      const own = WIDTHS[device.dataset.name];
      const beside = this.wanted.width === "both" && room > 800 && device.dataset.name === "desktop";
      const scale = Math.min(1, (beside ? room - WIDTHS.phone - 20 : room - 2) / own);
      const screen = device.querySelector(".screen");
      screen.style.width = `${Math.round(own * scale) + 2}px`;
      screen.style.height = `${high}px`;
      for (const frame of screen.querySelectorAll("iframe")) {
        frame.style.width = `${own}px`;
        frame.style.height = `${Math.round(high / scale)}px`;
        frame.style.transform = `scale(${scale})`;
      }
    }
  }

  inside() {
    return [...this.place.querySelectorAll("iframe:not(.coming)")];
  }

  listen(frame) {
    const page = frame.contentDocument;
    page?.addEventListener("click", (event) => {
      event.preventDefault();
      const marked = event.target.closest?.("[data-mailer-found]");
      if (marked) this.pick(Number(marked.getAttribute(MARK)));
    });
    page?.addEventListener("keydown", (event) => {
      document.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, ctrlKey: event.ctrlKey,
        metaKey: event.metaKey, altKey: event.altKey, bubbles: true }));
    });
  }

  found(findings) {
    this.findings = findings.filter((each) => each.element >= 0);
    this.inside().forEach((frame) => this.mark(frame));
  }

  mark(frame) {
    const page = frame.contentDocument;
    if (!page) return;
    for (const old of page.querySelectorAll("[data-mailer-found]")) {
      old.style.outline = "";
      old.removeAttribute("data-mailer-found");
    }
    if (!this.marking) return;
    for (const each of [...this.findings].reverse()) {
      const element = page.querySelector(`[${MARK}="${each.element}"]`);
      if (!element || element === page.documentElement || element === page.body) continue;
      element.setAttribute("data-mailer-found", each.rule);
      const chosen = each.element === this.chosen;
      element.style.outline = `${chosen ? "3px solid" : "2px dashed"} ${COLOURS[each.level]}`;
      element.style.outlineOffset = "1px";
    }
  }

  choose(number) {
    this.chosen = number;
    for (const frame of this.inside()) {
      this.mark(frame);
      // Not scrollIntoView, which moves the page around the frame as well.
      const place = frame.contentDocument?.querySelector(`[${MARK}="${number}"]`)?.getBoundingClientRect();
      if (place) frame.contentWindow.scrollBy(0, place.top - frame.clientHeight / 3);
    }
  }
}
