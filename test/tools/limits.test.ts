import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constantsUsed, limitsIn, sharedNames } from '../../tools/limits.ts';

describe('the page of limits', () => {
  it('has every constant whose name is a limit’s, with its reason', () => {
    const [bytes, ms, rate, ...others] = limitsIn(`
/**
 * Largest thing, {@link OTHER} included:
 * so many.
 */
export const THING_BYTES_MAX = 4 * 1_024;
/** A pause. @tuning */
const PAUSE_MS_MAX = 5;
const PAUSE_MS_MIN = 1;

export const THING_RATE: BucketRate = Object.freeze({ tokensPerSecond: 1, burstTokens: 2 });
/** No limit. */
const THINGS = 7;
`).toSpliced(2, 1);
    assert.deepEqual(bytes, {
      name: 'THING_BYTES_MAX',
      expression: '4 * 1_024',
      isExported: true,
      isTuning: false,
      reason: 'Largest thing, `OTHER` included: so many.',
    });
    assert.deepEqual([ms?.name, ms?.isTuning, ms?.reason], ['PAUSE_MS_MAX', true, 'A pause.']);
    assert.deepEqual([rate?.name, rate?.isTuning, rate?.reason], ['THING_RATE', false, '']);
    assert.deepEqual(others, []);
  });

  it('takes the comment above the first of two declarations for both', () => {
    const limits = limitsIn('/** Between these. @tuning */\nconst A_MIN = 1;\nconst A_MAX = 2;\n');
    assert.deepEqual(
      limits.map(({ name, isTuning, reason }) => [name, isTuning, reason]),
      [
        ['A_MIN', true, 'Between these.'],
        ['A_MAX', true, 'Between these.'],
      ],
    );
  });

  it('counts a test that takes the constant from its own module and uses it, and no other', () => {
    const used = constantsUsed(
      'test/a/b.test.ts',
      `import {
  type Thing,
  THING_MAX,
  UNUSED_MAX,
} from '../../src/a/thing.ts';
import { THING_MAX as OTHER_MAX } from '../../src/b/thing.ts';
it(\`THING_MAX: \${THING_MAX}\`, (thing: Thing) => push(OTHER_MAX + 1));
// ALONE_MAX is only named
`,
    );
    assert.deepEqual([...used].toSorted(), ['src/a/thing.ts THING_MAX', 'src/b/thing.ts THING_MAX']);
  });

  it('refuses two limits of one name', () => {
    const limit = (name: string, file: string) => ({ name, file });
    const own = [limit('FRAME_BYTES_MAX', 'src/a/frame.ts'), limit('CALL_MS_MAX', 'src/b/desk.ts')];
    assert.deepEqual(sharedNames(own), []);
    const [fault, ...others] = sharedNames([...own, limit('CALL_MS_MAX', 'src/c/caller.ts')]);
    assert.match(fault ?? '', /^src\/b\/desk\.ts, src\/c\/caller\.ts: CALL_MS_MAX /);
    assert.deepEqual(others, []);
  });
});
