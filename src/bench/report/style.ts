/** The report's one style sheet. Light and dark are the reader's choice; print is light. */
export const STYLE = `
:root {
  --bg: #f6f7f9; --card: #ffffff; --text: #1c2330; --muted: #5d6778; --line: #e1e5eb;
  --good: #12784a; --good-bg: #e2f4ea; --bad: #b3261e; --bad-bg: #fbe6e4;
  --c0: #2f6fde; --c1: #d9730d; --c2: #1b8a6b; --c3: #9b4fcf; --c4: #c0395f; --c5: #6b7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #10141b; --card: #181e28; --text: #e4e8ef; --muted: #97a2b4; --line: #2a3240;
    --good: #5fd39a; --good-bg: #16382a; --bad: #ff8f86; --bad-bg: #46211f;
    --c0: #6ea3ff; --c1: #ffa14d; --c2: #4fd0aa; --c3: #c792f5; --c4: #ff7f9f; --c5: #a0a9b8;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
article + article { margin-top: 72px; padding-top: 48px; border-top: 1px solid var(--line); }
.eyebrow { margin: 0; color: var(--muted); font-size: 13px; letter-spacing: .02em; }
h1 { margin: 4px 0 8px; font-size: 28px; line-height: 1.2; letter-spacing: -.015em; }
h2 { margin: 0 0 8px; font-size: 13px; text-transform: uppercase; letter-spacing: .06em; color: var(--muted); }
.method { margin: 0 0 24px; max-width: 78ch; color: var(--muted); }
.verdict { display: inline-block; padding: 3px 10px; border-radius: 999px; font-size: 13px; font-weight: 600; letter-spacing: 0; vertical-align: 5px; }
.verdict.good { background: var(--good-bg); } .verdict.bad { background: var(--bad-bg); }
.good { color: var(--good); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 10px 16px; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--muted); font-size: 12.5px; font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; }
small { display: block; color: var(--muted); font-size: 12.5px; font-weight: 400; }
.value { font-size: 17px; font-weight: 600; white-space: nowrap; }
.runs { font-size: 13.5px; } .runs td { white-space: nowrap; } .runs b { font-weight: 600; color: var(--muted); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 24px 40px; margin: 28px 0; }
ul { margin: 0; padding-left: 18px; } li + li { margin-top: 3px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 20px; margin: 28px 0; }
figure { margin: 0; padding: 16px 18px 14px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
figcaption { margin-bottom: 6px; font-weight: 600; }
figure > svg { display: block; width: 100%; height: auto; }
.grid { stroke: var(--line); } .axis { stroke: var(--muted); }
.tick, .label { fill: var(--muted); font-size: 12px; }
.series { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); stroke-dasharray: 7 5; } .s2 { stroke: var(--c2); stroke-dasharray: 2 5; }
.s3 { stroke: var(--c3); stroke-dasharray: 12 5; } .s4 { stroke: var(--c4); stroke-dasharray: 9 4 2 4; } .s5 { stroke: var(--c5); stroke-dasharray: 4 4; }
.dot { fill: var(--card); stroke-width: 1.6; stroke-dasharray: none; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 6px 0 0; padding: 0; list-style: none; font-size: 13px; color: var(--muted); }
.legend li { display: flex; align-items: center; gap: 8px; margin: 0; } .legend svg { width: 28px; height: 8px; overflow: visible; }
.hint { color: var(--muted); font-size: 13px; }
section + section { margin-top: 0; } article > section { margin-top: 28px; }
@media print { :root { color-scheme: light; } body { background: #fff; } figure, table { break-inside: avoid; } }
`;
