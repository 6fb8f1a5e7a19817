import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PathResult } from '../../../src/pki/path/path-result.ts';
import type { InitialPolicies } from '../../../src/pki/path/policy.ts';
import { commonName, judge, make } from '../../support/make-certificate.ts';
import { leafOf, root } from './path-table.ts';
import { A, ANY, along, B, C, inhibitAny, mapped, policies, required, unmapped } from './policy-recipes.ts';

const NO = 'ERR_PATH_CONSTRAINT';
const REQUIRED: InitialPolicies = { initialExplicitPolicy: true };
const UNMAPPED: InitialPolicies = { initialPolicyMappingInhibit: true };
const NOT_ANY: InitialPolicies = { initialAnyPolicyInhibit: true };
const only = (...userInitialPolicySet: readonly string[]): InitialPolicies => ({ userInitialPolicySet });

/** The policies that a path is valid for, or why it is not. */
type Row = readonly [name: string, expected: readonly string[] | string, run: () => PathResult];

function table(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const [name, expected, run] of rows)
      it(name, () => {
        const result = run();
        assert.deepEqual(result.tag === 'ok' ? [...result.policies].sort() : result.code, expected);
      });
  });
}

const all = (...oids: readonly string[]) => [policies(...oids)];

/** The same policies in all three. */
const throughout = (oids: readonly string[], initial?: InitialPolicies) => (): PathResult =>
  along(all(...oids), all(...oids), all(...oids), initial);

table('user-initial-policy-set (RFC 5280 sections 6.1.1 c and 6.1.5 g)', [
  ['any, by default', [A], throughout([A])],
  ['any, said', [A], throughout([A], only(ANY))],
  ['any among others', [A], throughout([A], only(B, ANY))],
  ['the one that is there', [A], throughout([A], only(A))],
  ['one of two that are there', [B], throughout([A, B], only(B))],
  ['more than are there', [A], throughout([A], only(A, B, C))],
  ['another, and none is required', [], throughout([A], only(B))],
  ['nothing, and none is required', [], throughout([A], only())],
  ['nothing, where one is required', NO, throughout([A], { ...only(), ...REQUIRED })],
  ['the one that is there, where one is required', [A], throughout([A], { ...only(A), ...REQUIRED })],
  ['another, where one is required', NO, throughout([A], { ...only(B), ...REQUIRED })],
  ['another, where a CA requires one', NO, () => along([...all(A), required(0)], all(A), all(A), only(B))],
  ['another, where the leaf requires one', NO, () => along(all(A), all(A), [...all(A), required(0)], only(B))],
  ['one that the leaf alone has', [], () => along(all(A), all(A), all(A, B), only(B))],
  ['one that is lost on the way', [], () => along(all(A, B), all(A, C), all(A, B, C), only(B))],
  ['no policies in the path', [], () => along([], [], [], only(A))],
  ['no policies in the path, where one is required', NO, () => along([], [], [], { ...only(A), ...REQUIRED })],
]);

table('user-initial-policy-set and anyPolicy', [
  ['any throughout, any will do', [ANY], throughout([ANY])],
  ['any throughout, two will do', [A, B], throughout([ANY], only(A, B))],
  ['any and another in the leaf, two will do', [A, B], () => along(all(ANY), all(ANY), all(ANY, A), only(A, B))],
  ['any above the one that will do', [A], () => along(all(ANY), all(ANY), all(A), only(A))],
  ['any above another', [], () => along(all(ANY), all(ANY), all(A), only(B))],
  ['any below the one that will do', [A], () => along(all(A), all(ANY), all(ANY), only(A))],
  ['any below another', NO, () => along(all(A), all(ANY), all(ANY), { ...only(B), ...REQUIRED })],
  ['any on the way from one that will not do', [], () => along(all(B), all(ANY), all(A), only(A))],
]);

const mapping = [...all(A), mapped(A, B)];
const fromAny = [...all(ANY), mapped(A, B)];

table('user-initial-policy-set and mapped policies: known as the top calls them', [
  ['any will do', [A], () => along(mapping, all(B), all(B))],
  ['the one at the top', [A], () => along(mapping, all(B), all(B), only(A))],
  ['the one that it is mapped to', [], () => along(mapping, all(B), all(B), only(B))],
  ['the one that it is mapped to, required', NO, () => along(mapping, all(B), all(B), { ...only(B), ...REQUIRED })],
  ['mapped twice', [A], () => along(mapping, [...all(B), mapped(B, C)], all(C), only(A))],
  ['mapped there and back', [A], () => along(mapping, [...all(B), mapped(B, A)], all(A), only(A))],
  ['two mapped to one', [A, B], () => along([...all(A, B), mapped(A, C, B, C)], all(C), all(C))],
  ['two mapped to one, one of them', [B], () => along([...all(A, B), mapped(A, C, B, C)], all(C), all(C), only(B))],
  ['two exchanged, the leaf has one', [B], () => along([...all(A, B), mapped(A, B, B, A)], all(A), all(A))],
  [
    'one mapped to two, the leaf has one',
    [A],
    () => along([...all(A), mapped(A, B, A, C)], all(B, C), all(C), only(A)),
  ],
  ['mapped from any', [A], () => along(fromAny, all(B), all(B))],
  ['mapped from any, what it is mapped to', [], () => along(fromAny, all(B), all(B), only(B))],
  ['mapped from any, any below', [A, C], () => along(fromAny, all(ANY), all(ANY), only(A, C))],
  ['mapped from any, any below, any will do', [A, ANY].sort(), () => along(fromAny, all(ANY), all(ANY))],
]);

table('initial-policy-mapping-inhibit (RFC 5280 sections 6.1.1 e and 6.1.4 b)', [
  ['nothing is mapped', [A], throughout([A], UNMAPPED)],
  ['mapped at the top', [], () => along(mapping, all(B), all(B), UNMAPPED)],
  ['mapped at the top, the old one used', [], () => along(mapping, all(A), all(A), UNMAPPED)],
  ['mapped at the top, required', NO, () => along(mapping, all(B), all(B), { ...UNMAPPED, ...REQUIRED })],
  ['another is mapped', [C], () => along([...all(A, C), mapped(A, B)], all(B, C), all(B, C), UNMAPPED)],
  ['mapped further down', [], () => along(all(A), mapping, all(B), UNMAPPED)],
  [
    'a CA that allows it later takes nothing back',
    [],
    () => along([...all(A), unmapped(5)], mapping, all(B), UNMAPPED),
  ],
]);

table('initial-explicit-policy (RFC 5280 sections 6.1.1 f and 6.1.3 f)', [
  ['there', [A], throughout([A], REQUIRED)],
  ['none', NO, () => along([], [], [], REQUIRED)],
  ['lost in the middle', NO, () => along(all(A), all(B), all(A), REQUIRED)],
  ['missing in the leaf', NO, () => along(all(A), all(A), [], REQUIRED)],
  ['a CA that requires it later takes nothing back', NO, () => along([required(9)], [], [], REQUIRED)],
  ['any', [ANY], throughout([ANY], REQUIRED)],
]);

/** A CA, the same one again under a new key, and a leaf. */
function renewed(top: string, renewal: string, leaf: string, initialPolicies: InitialPolicies): PathResult {
  const name = commonName('renewed');
  const first = make({ issuer: root, isCa: true, subject: name, moreExtensions: all(top) });
  const second = make({ issuer: first, isCa: true, subject: name, moreExtensions: all(renewal) });
  return judge(leafOf(second, { moreExtensions: all(leaf) }), [first, second], [root], { initialPolicies });
}

table('initial-any-policy-inhibit (RFC 5280 sections 6.1.1 g and 6.1.3 d 2)', [
  ['named throughout', [A], throughout([A], NOT_ANY)],
  ['any at the top', [], () => along(all(ANY), all(A), all(A), NOT_ANY)],
  ['any at the top, required', NO, () => along(all(ANY), all(A), all(A), { ...NOT_ANY, ...REQUIRED })],
  ['any in the middle', NO, () => along(all(A), all(ANY), all(A), { ...NOT_ANY, ...REQUIRED })],
  ['any in the leaf', NO, () => along(all(A), all(A), all(ANY), { ...NOT_ANY, ...REQUIRED })],
  ['any beside the named one', [A], throughout([A, ANY], NOT_ANY)],
  ['any in a renewal', [A], () => renewed(A, ANY, A, NOT_ANY)],
  ['any in a renewal and the leaf', NO, () => renewed(A, ANY, ANY, { ...NOT_ANY, ...REQUIRED })],
  [
    'a CA that inhibits it later takes nothing back',
    [],
    () => along([...all(A), inhibitAny(9)], all(ANY), all(A), NOT_ANY),
  ],
]);

/** An anchor that is its own leaf: a path of one, judged as a leaf. */
const alone = (extensions: readonly Uint8Array[], initialPolicies: InitialPolicies) => (): PathResult => {
  const anchor = make({ moreExtensions: extensions });
  return judge(anchor, [], [anchor], { initialPolicies });
};

table('initial policies and the anchor', [
  ['it alone, with the policy', [A], alone(all(A), { ...only(A), ...REQUIRED })],
  ['it alone, with another', NO, alone(all(B), { ...only(A), ...REQUIRED })],
  ['it alone, without', NO, alone([], REQUIRED)],
  ['it alone, and requires one itself', NO, alone([required(0)], {})],
  [
    'above a leaf: what it says itself counts for nothing',
    [B],
    () => {
      const anchor = make({ moreExtensions: [...all(A), required(0), mapped(A, B)] });
      const leaf = leafOf(anchor, { moreExtensions: all(B) });
      return judge(leaf, [], [anchor], { initialPolicies: { ...only(B), ...REQUIRED } });
    },
  ],
]);

describe('initial policies and several paths', () => {
  it('the path with the policy is found, not the first', () => {
    const shared = make({ issuer: root, isCa: true });
    const twin = (...oids: readonly string[]) =>
      make({ issuer: root, isCa: true, subject: shared.subject, key: shared.signer, moreExtensions: all(...oids) });
    const twins = [twin(B), twin(A), twin(C)];
    const leaf = leafOf(shared, { moreExtensions: all(A, B, C) });
    for (const policy of [A, B, C]) {
      const initialPolicies = { ...only(policy), ...REQUIRED };
      const result = judge(leaf, twins, [root], { initialPolicies });
      assert.deepEqual(result.tag === 'ok' ? [...result.policies] : result.code, [policy]);
    }
  });
});
