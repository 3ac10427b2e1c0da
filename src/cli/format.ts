import { styleText } from 'node:util';
import Table from 'cli-table3';

const BORDERLESS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

type Cell = string | number | Date | null;

/**
 * Rows under a head, in columns. Control characters are shown as `?`: cells hold what strangers typed,
 * and a terminal obeys escape sequences, and marks that turn the rest of a row around. The head is bold on a terminal unless `NO_COLOR` is set.
 */
export function formatTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const bold = (text: string) => styleText('bold', text, { stream: process.stdout });
  const table = new Table({
    // Heads without a word would be an empty line above the rows.
    head: head.some((word) => word !== '') ? head.map(bold) : [],
    chars: BORDERLESS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => row.map(formatCell)));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** A length of time in its two largest units, `1h 30m`; below a second in milliseconds. */
export function formatElapsed(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)}ms`;
  let rest = Math.round(milliseconds / 1_000);
  const parts: string[] = [];
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.slice(0, 2).join(' ');
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** Controls, ends of lines, and what changes the direction of all text after it (Unicode UAX #9). */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

function formatCell(cell: Cell): string {
  if (cell === null) return '-';
  return cell instanceof Date ? cell.toISOString() : String(cell).replaceAll(UNSAFE, '?');
}
