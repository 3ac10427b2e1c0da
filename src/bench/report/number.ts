/** A number for people: grouped thousands, three significant digits below a thousand. */
export function formatNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1_000 || Number.isInteger(value)) return Math.round(value).toLocaleString('en');
  if (magnitude >= 100) return value.toFixed(0);
  return magnitude >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** With its unit: `12,300/s`, `4.21 ms`. */
export function formatQuantity(value: number, unit: string): string {
  const gap = unit === '' || unit.startsWith('/') ? '' : ' ';
  return `${formatNumber(value)}${gap}${unit}`;
}
