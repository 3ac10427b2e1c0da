import type { Answer } from './appliance.ts';

/** An answer whose ids, times and tokens are replaced by their kind; the rest exactly as it came. */
export function maskAnswer({ status, headers, body }: Answer): unknown {
  const text = JSON.stringify({ status, headers: [...headers].sort(), body });
  return JSON.parse(
    text
      .replaceAll(/ft_[\w-]{43}/g, 'FLOW')
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
      .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, 'TIME')
      .replaceAll(/\w{3}, \d{2} \w{3} \d{4} [\d:]+ GMT/g, 'DATE')
      .replaceAll(/r=\d+;t=\d+/g, 'BUDGET')
      .replaceAll(/"retry-after","\d+"/g, '"retry-after","SECONDS"'),
  );
}
