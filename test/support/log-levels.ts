import { SETTINGS } from '../../config/schema.ts';

/** Every level a log can be set to, the most talkative first. */
export const LOG_LEVELS = SETTINGS['log.level'].expects.replace('one of ', '').split(', ');
