import { PATH_ELEMENTS_MAX } from '../../../src/pki/path/path-work.ts';
import { commonName, judge, make, testKey } from '../../support/make-certificate.ts';
import { leafOf, root, table } from './path-table.ts';
import { A, ANY, along, B, C, constraint, inhibitAny, mapped, policies, required, unmapped } from './policy-recipes.ts';

const NO = 'ERR_PATH_CONSTRAINT';

table('policies (RFC 5280 sections 6.1.3 d to 6.1.5)', [
  ['none asked for', 'ok', () => along([], [policies(A)], [policies(B)])],
  ['required and carried through', 'ok', () => along([policies(A), required(0)], [policies(A)], [policies(A)])],
  ['required and missing in the leaf', NO, () => along([policies(A), required(0)], [policies(A)], [])],
  ['required and lost on the way', NO, () => along([policies(A), required(0)], [policies(B)], [policies(A)])],
  ['required from the leaf on', NO, () => along([policies(A), required(1)], [policies(A)], [policies(B)])],
  ['required at the leaf', NO, () => along([policies(A), required(2)], [policies(A)], [policies(B)])],
  ['required behind the leaf', 'ok', () => along([policies(A), required(3)], [policies(A)], [policies(B)])],
  [
    'self-issued certificates do not count',
    'ok',
    () => {
      const name = commonName('twice');
      const first = make({ issuer: root, isCa: true, subject: name, moreExtensions: [policies(A), required(2)] });
      const renewed = make({ issuer: first, isCa: true, subject: name, moreExtensions: [policies(A)] });
      return judge(leafOf(renewed), [first, renewed], [root]);
    },
  ],
  ['required by the leaf itself', NO, () => along([], [], [required(0)])],
  ['any in the intermediates', 'ok', () => along([policies(ANY), required(0)], [policies(ANY)], [policies(A)])],
  ['any in the leaf', 'ok', () => along([policies(A), required(0)], [policies(A)], [policies(ANY)])],
  ['any inhibited', NO, () => along([policies(A), required(0), inhibitAny(0)], [policies(A)], [policies(ANY)])],
  [
    'any inhibited below any',
    NO,
    () => along([policies(ANY), required(0), inhibitAny(0)], [policies(ANY)], [policies(A)]),
  ],
  ['any inhibited later', 'ok', () => along([policies(A), required(0), inhibitAny(1)], [policies(ANY)], [policies(A)])],
  ['mapped', 'ok', () => along([policies(A), required(0), mapped(A, B)], [policies(B)], [policies(B)])],
  ['mapped, the old one used', NO, () => along([policies(A), required(0), mapped(A, B)], [policies(A)], [policies(A)])],
  ['mapped from any', 'ok', () => along([policies(ANY), required(0), mapped(C, B)], [policies(B)], [policies(B)])],
  [
    'mapped where that is inhibited',
    NO,
    () => along([policies(A), unmapped(0)], [policies(A), mapped(A, B), required(0)], [policies(B)]),
  ],
  ['anyPolicy mapped', 'ERR_PATH_EXTENSION', () => along([policies(A), mapped(ANY, B)], [policies(B)], [])],
  ['mapped to anyPolicy', 'ERR_PATH_EXTENSION', () => along([policies(A), mapped(A, ANY)], [policies(B)], [])],
  ['constraints, not critical', 'ERR_PATH_EXTENSION', () => along([constraint(0, 9, false)], [], [])],
  [
    'constraints, not critical, beside policies',
    'ok',
    () => along([policies(A), constraint(0, 0, false)], [policies(A)], [policies(A)]),
  ],
  [
    'constraints, not critical, beside policies, hold all the same',
    NO,
    () => along([policies(A), constraint(0, 0, false)], [policies(A)], [policies(B)]),
  ],
  ['inhibit anyPolicy, not critical', 'ERR_PATH_EXTENSION', () => along([inhibitAny(0, false)], [], [])],
]);

/** Many policies at the top, CAs that take any, and so many at the bottom that may stand for each other. */
function manyPolicies(twins: number) {
  const many = policies(...Array.from({ length: POLICIES }, (_, i) => `1.2.3.${i}`));
  const cas = [make({ issuer: root, isCa: true, moreExtensions: [many, required(0)] })];
  for (let i = 0; i < 16; i++)
    cas.push(make({ issuer: cas.at(-1) ?? root, isCa: true, moreExtensions: [policies(ANY)] }));
  const shared = { issuer: cas.at(-1) ?? root, isCa: true, subject: commonName('twin'), key: testKey() };
  const bottom = Array.from({ length: twins }, () => make({ ...shared, moreExtensions: [policies(ANY)] }));
  const leaf = leafOf(bottom[0] ?? root, { moreExtensions: [policies('1.2.4')] });
  return judge(leaf, [...cas, ...bottom], [root]);
}

const POLICIES = 8_000;

table(`policies that stay valid below, ${PATH_ELEMENTS_MAX} over all paths`, [
  ['one path', NO, () => manyPolicies(1)],
  ['more than may be looked at', 'ERR_PATH_LIMIT', () => manyPolicies(Math.ceil(PATH_ELEMENTS_MAX / POLICIES / 16))],
]);
