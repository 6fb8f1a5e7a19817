import { isMeshError, messageOf } from '../../base/errors.ts';

/** What one look came to. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly name: string;
  /** `good`; `could-be-better`: works, see the advice; `bad`: does not work. */
  readonly state: 'good' | 'could-be-better' | 'bad';
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string;
}

export function good(name: string, detail: string): Finding {
  return { name, state: 'good', detail };
}

export function couldBeBetter(name: string, detail: string, hint: string): Finding {
  return { name, state: 'could-be-better', detail, hint };
}

export function bad(name: string, detail: string, hint: string | undefined): Finding {
  return hint === undefined ? { name, state: 'bad', detail } : { name, state: 'bad', detail, hint };
}

/** Runs a look; what it throws is what it found. */
export async function lookAt(name: string, look: () => Promise<Finding> | Finding): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    return bad(name, messageOf(error), isMeshError(error) ? error.hint : undefined);
  }
}
