/** Round numbers, at most `count` of them, that cover 0 to `max`. */
export function linearTicks(max: number, count: number): number[] {
  if (!(max > 0)) return [0, 1];
  const rough = max / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * magnitude).find((n) => n >= rough)!;
  const ticks = [0];
  while (ticks.at(-1)! < max - step * 1e-9) ticks.push(step * ticks.length);
  return ticks;
}

/** Powers of ten from the one below `min` to the one above `max`. */
export function logTicks(min: number, max: number): number[] {
  const first = Math.floor(Math.log10(min));
  const last = Math.max(first + 1, Math.ceil(Math.log10(max) - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}
