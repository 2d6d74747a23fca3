// Results as a picture for documents: bars of what a request costs beside Redis alone, which stands on its own in an SVG.
import { nameOf, type Result } from "./measurement";
import type { PeerName } from "./peers";

const WIDTH = 720;
const LEFT = 260;
const BAR = 14;
const GAP = 12;
const TOP = 48;

const colours: Readonly<Record<PeerName, string>> = {
  direct: "#8d99ae",
  shim: "#d1495b",
  nutcracker: "#30638e",
  HAProxy: "#00798c",
  "direct, TLS": "#c3cad6",
  "shim, TLS": "#e39aa4",
  "HAProxy, TLS": "#7fbcc5",
  "shim, sink": "#edae49",
  blind: "#6a4c93",
};

/** Draws processor time per request, proxy and Redis, as multiples of direct Redis's; what has none is left out. */
export function renderChart(results: readonly Result[]): string {
  const bars = results.flatMap(({ load, peer, ratios }) => {
    const cost = ratios.direct?.cost ?? Number.NaN;
    return Number.isFinite(cost) ? [{ title: nameOf(load), peer, cost }] : [];
  });
  const scale = (WIDTH - LEFT - 60) / Math.max(1, ...bars.map(({ cost }) => cost));
  let y = TOP;
  const rows = bars.map(({ title, peer, cost }, index) => {
    const isFirst = bars[index - 1]?.title !== title;
    if (isFirst && index > 0) y += GAP;
    const width = cost * scale;
    const base = y + BAR - 3;
    const row = [
      ...(isFirst ? [text(8, base, title, 'font-weight="bold"')] : []),
      text(LEFT - 8, base, peer, 'text-anchor="end"'),
      `<rect x="${LEFT}" y="${y + 1}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${colours[peer]}"/>`,
      text(LEFT + width + 5, base, cost.toFixed(2)),
    ];
    y += BAR;
    return row.join("");
  });
  const height = y + GAP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="10">`,
    "<title>Processor time per request of the shim and its peers</title>",
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(8, 22, "Processor time per request, proxy and Redis together; Redis without a proxy = 1", 'font-size="13"'),
    ...rows,
    "</svg>\n",
  ].join("\n");
}

/** Of words that need no escaping. */
function text(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${words}</text>`;
}
