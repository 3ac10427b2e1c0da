/**
 * Makes the runs of a benchmark, each between two measurements of its limit. A shared machine changes
 * its speed within seconds: a run is compared with the mean of what was possible just before it and
 * just after.
 * @param measureLimit what is possible now, a second; called once more often than `measureRun`
 * @returns the runs, and the limit of each
 */
export async function measureBeside<Run>(
  repeat: number,
  measureLimit: () => Promise<number>,
  measureRun: (round: number) => Promise<Run>,
): Promise<{ runs: Run[]; limits: number[] }> {
  const runs: Run[] = [];
  const limits: number[] = [];
  let before = await measureLimit();
  for (let round = 0; round < repeat; round++) {
    runs.push(await measureRun(round));
    const after = await measureLimit();
    limits.push((before + after) / 2);
    before = after;
  }
  return { runs, limits };
}
