import { isMeshError } from '../../src/base/errors.ts';
import { loadP256Addon, type P256Addon } from '../../src/host/p256/addon.ts';

/** Why the addon cannot be tested here, for a test's `skip`; `false` where it is built. */
export function missingP256Addon(): string | false {
  try {
    loadP256Addon();
    return false;
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return `${error.message}; ${error.hint ?? ''}`;
  }
}

/** Says yes to everything, or no; counts what it is asked. */
export class FakeP256Addon implements P256Addon {
  readonly answer: boolean;
  tables = 0;
  asked = 0;

  constructor(answer: boolean) {
    this.answer = answer;
  }

  createTable(): object {
    this.tables++;
    return {};
  }

  verify(): boolean {
    this.asked++;
    return this.answer;
  }
}
