import { isMeshError } from '../../base/errors.ts';
import { loadP256Addon } from '../../host/p256/addon.ts';
import { couldBeBetter, type Finding, good } from './finding.ts';

/** What checks signatures of messages on this machine, and what would make it faster. */
export function lookAtMessageChecks(): Finding {
  const name = 'message checks';
  try {
    loadP256Addon();
    return good(name, 'node:crypto, and tables for keys that sign often');
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return couldBeBetter(name, 'node:crypto alone', `${error.message}; ${error.hint ?? ''}`);
  }
}
