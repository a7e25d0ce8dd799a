"""The style of a report's page: one sheet, nothing loaded, light and dark, from a phone upwards."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2529; --soft: #56646b; --ground: #f4f6f6; --card: #ffffff; --line: #d9dfe1;
  --joined: #0f7d64; --left: #b4532a; --confirmed: #0b5f86; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ecee; --soft: #9fb0b7; --ground: #12181b; --card: #1b2327; --line: #313c42;
    --joined: #58c9a8; --left: #ee9d70; --confirmed: #7cc4ea; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 20px 16px 32px; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
header, main { max-width: 1040px; margin: 0 auto; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 0; font-size: 1rem; line-height: 1.4; }
header p, section p { margin: 4px 0 0; color: var(--soft); font-size: .875rem; }
main { display: grid; gap: 16px; margin-top: 20px; grid-template-columns: minmax(0, 1fr); }
section { padding: 16px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
dl { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; margin: 0; }
dl div { min-width: 0; }
dt { color: var(--soft); font-size: .875rem; }
dd { margin: 0; font-size: 1.5rem; font-weight: 650; line-height: 1.2; overflow-wrap: anywhere; }
dd.joined { color: var(--joined); }
dd.left { color: var(--left); }
figure { margin: 12px 0 0; }
figcaption { color: var(--soft); font-size: .75rem; text-align: end; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; }
.wide { display: none; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.axis.y text { text-anchor: end; }
.axis.x text { text-anchor: middle; }
.background { fill: none; }
.axis .line { fill: none; stroke: var(--line); stroke-width: 1; }
.axis.y .axis.line { stroke: var(--soft); }
.axis.x .line { stroke: none; }
.series path { fill: none; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
.series.confirmed path { stroke: var(--confirmed); }
.series.area path { fill: var(--confirmed); fill-opacity: .13; stroke: none; }
.series.joined rect, .share.joined rect { fill: var(--joined); }
.series.left rect, .share.left rect { fill: var(--left); }
.share.confirmed rect { fill: var(--confirmed); }
.keys { display: flex; flex-wrap: wrap; align-items: center; }
.key { display: inline-block; width: 10px; height: 10px; margin-inline-end: 4px; border-radius: 2px; }
.key.joined { background: var(--joined); }
.key.left { background: var(--left); margin-inline-start: 12px; }
.net { margin-inline-start: 12px; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; }
caption { padding: 12px 0 4px; color: var(--soft); text-align: start; }
th, td { padding: 6px 0 6px 12px; border-top: 1px solid var(--line); text-align: end; font-weight: 400; }
th:first-child { padding-inline-start: 0; text-align: start; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; }
.split { margin-top: 8px; }
.split td.bar { width: 36%; }
.share { display: block; width: 100%; height: 10px; }
details { overflow-x: auto; }
summary { font-weight: 650; cursor: pointer; }
.splits { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 720px) {
  body { padding: 32px 24px 48px; }
  h1 { font-size: 1.875rem; }
  section { padding: 20px 24px; }
  dl { grid-template-columns: repeat(4, 1fr); }
  dd { font-size: 1.75rem; }
  .wide { display: block; }
  .narrow { display: none; }
  .splits { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .split td.bar { width: 28%; }
}
@media print {
  body { background: none; padding: 0; }
  section { break-inside: avoid; }
}
"""
