// What the checks found, as a list; where a finding is can be gone to, and from there back to it.

const LEVELS = { error: "Error", warning: "Warning", note: "Note" };
const TABS = { html: "mail", text: "text", headers: "message" };

export function made(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export class Findings {
  // `go(tab, finding)`: show the place of a finding there.
  constructor(list, summary, go) {
    this.list = list;
    this.summary = summary;
    this.go = go;
    this.findings = [];
    this.at = -1;
  }

  show(findings) {
    this.findings = findings;
    this.at = -1;
    const counts = Object.keys(LEVELS)
      .map((level) => [level, findings.filter((each) => each.level === level && !each.accepted).length])
      .filter(([, count]) => count)
      .map(([level, count]) => `${count} ${count === 1 ? level : `${level}s`}`);
    this.summary.textContent = counts.join(", ") || "All checks passed.";
    this.list.replaceChildren(...findings.map((each, index) => this.row(each, index)));
  }

  row(finding, index) {
    const row = made("li", "", { class: finding.level, id: `finding-${index}` });
    const level = finding.accepted ? `${LEVELS[finding.level]}, accepted` : LEVELS[finding.level];
    row.append(made("span", level, { class: "level" }), made("span", finding.words), made("span", finding.advice, { class: "small" }));
    if (finding.accepted) row.append(made("span", `Accepted: ${finding.accepted}`, { class: "small" }));
    if (finding.file) row.append(made("span", `${finding.file}:${finding.source_line}`, { class: "rule source" }));
    const buttons = made("div", "", { class: "buttons" });
    const to = TABS[finding.part];
    if (to && (finding.element >= 0 || to !== "mail")) buttons.append(this.button(index, to, "Show"));
    if (finding.part === "html" && finding.line) buttons.append(this.button(index, "source", `Source, line ${finding.line}`));
    row.append(buttons, made("span", finding.rule, { class: "rule" }));
    return row;
  }

  button(index, tab, words) {
    const button = made("button", words, { type: "button", class: "to", "aria-describedby": `finding-${index}` });
    button.addEventListener("click", () => this.choose(index, tab));
    return button;
  }

  choose(index, tab = "") {
    if (!this.findings.length) return;
    this.at = (index + this.findings.length) % this.findings.length;
    const finding = this.findings[this.at];
    for (const [number, row] of [...this.list.children].entries()) row.classList.toggle("chosen", number === this.at);
    const row = this.list.children[this.at];
    row.scrollIntoView({ block: "nearest" });
    (row.querySelector("button") || row).focus({ preventScroll: true });
    this.go(tab || TABS[finding.part] || "", finding);
  }

  // From the mail: the next finding of that element.
  pick(element) {
    const after = this.findings.findIndex((each, index) => each.element === element && index > this.at);
    const index = after >= 0 ? after : this.findings.findIndex((each) => each.element === element);
    if (index >= 0) this.choose(index);
  }
}
