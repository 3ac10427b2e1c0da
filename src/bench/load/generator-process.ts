import { serveTask } from '../child/serve-task.ts';
import { runLoad } from './generator.ts';
import type { LoadPlan, LoadResult, LoadSecond } from './plan.ts';

/** The load generator's own process. */
serveTask<LoadPlan, LoadResult, LoadSecond>((plan, onSecond) => runLoad(plan, { onSecond }));
