"""The look of a report: the window's colours in light and dark, and what a printer needs."""

STYLE = """
:root { color-scheme: light dark; --window: #F4F5F7; --panel: #FFFFFF; --line: #E2E6EB; --text: #1A2330;
  --muted: #5D6975; --accent: #0F766E; --soft: #D6EFEA; --attention: #B45309; --before: #94A3B8;
  --estimate: #6B7783; --code: #F4F5F7; }
@media (prefers-color-scheme: dark) { :root { --window: #12161B; --panel: #191F26; --line: #2A323B;
  --text: #E7ECF1; --muted: #93A0AD; --accent: #2DD4BF; --soft: #12403B; --attention: #F5B14C;
  --before: #64748B; --estimate: #8A97A5; --code: #12161B; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--window); color: var(--text);
  font: 15px/1.5 Inter, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif;
  font-variant-numeric: tabular-nums; }
main { max-width: 1000px; margin: 0 auto; padding: 32px 20px 48px; }
header { margin: 0 4px 20px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 12px; }
p { margin: 0 0 8px; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 20px 22px;
  margin: 0 0 16px; }
.muted, figcaption { color: var(--muted); font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 16px;
  margin: 0 0 16px; }
.tiles section { margin: 0; }
.tile b { font-size: 28px; line-height: 1.2; font-weight: 650; }
.tile .was { color: var(--muted); }
.badge { background: var(--soft); color: var(--accent); border-radius: 6px; padding: 1px 8px;
  font-size: 13px;
  font-weight: 600; white-space: nowrap; }
.badge.worse { background: none; border: 1px solid var(--attention); color: var(--attention); }
.estimate { color: var(--estimate); font-style: italic; border-bottom: 1px dashed var(--estimate); }
ul { margin: 0; padding-left: 20px; } li { margin: 0 0 4px; } li.attention { color: var(--attention); }
figure { margin: 0 0 8px; } svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--muted); font-size: 12px; } svg .grid { stroke: var(--line); }
svg .before { fill: var(--before); stroke: var(--before); } svg .after { fill: var(--accent);
  stroke: var(--accent); }
svg .line { fill: none; stroke: var(--accent); stroke-width: 2; } svg .band { fill: var(--accent);
  opacity: .14; }
svg .original { stroke: var(--before); stroke-dasharray: 5 4; stroke-width: 1.4; }
svg .guess { fill: none; stroke: var(--estimate); stroke-dasharray: 3 3; stroke-width: 1.4; }
svg .worst { fill: var(--attention); } svg .strong { fill: var(--text); }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 14px;
  font-size: 12px; }
.samples div { display: flex; flex-direction: column; overflow-wrap: anywhere; break-inside: avoid; }
.samples img { width: 88px; height: 88px; object-fit: contain; object-position: left;
  image-rendering: pixelated; }
.pairs { grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); }
.pair { display: flex; gap: 4px; } .pair svg { width: 88px; height: 88px; }
.pair image { image-rendering: pixelated; }
.samples span { color: var(--muted); } .samples .broken { color: var(--attention); }
.samples .mended { color: var(--accent); } .samples .other { color: var(--text); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { text-align: left; color: var(--muted); font-weight: 500; vertical-align: bottom; }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; white-space: nowrap; }
td.kind { white-space: nowrap; }
td.name { font-weight: 550; min-width: 120px; overflow-wrap: anywhere; max-width: 260px; }
td .note { display: block; color: var(--attention); font-weight: 400; font-size: 12px; }
.bar { display: block; position: relative; height: 8px; width: 110px; border-radius: 4px;
  overflow: hidden; }
.bar i, .bar u { position: absolute; left: 0; top: 0; bottom: 0; border-radius: 4px; }
.bar i { background: var(--before); opacity: .55; } .bar u { background: var(--accent); }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px;
  margin: 0 0 8px;
  overflow-x: auto; font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 0; font-size: 14px; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--muted); }
@media print { :root { --window: #FFFFFF; --panel: #FFFFFF; --line: #D5DAE0; --text: #000000;
  --muted: #444444;
  --accent: #0F766E; --soft: #FFFFFF; --attention: #8A3F06; --before: #94A3B8; --estimate: #555555;
  --code: #FFFFFF; }
  body { font-size: 11pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; } section { padding: 10px 0; border: 0;
  border-top: 1px solid var(--line); }
  tr, figure, .tile { break-inside: avoid; } h2 { break-after: avoid; } pre { white-space: pre-wrap; }
  .wide { overflow: visible; } thead { display: table-header-group; } }
"""
