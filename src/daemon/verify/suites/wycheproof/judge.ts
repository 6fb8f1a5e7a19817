import { messageOf } from '../../../../base/errors.ts';
import { judgeAead, judgeAgreement, judgeHkdf, judgeKeyWrap, judgeMac, judgePbkdf } from './secrets.ts';
import { judgeEcdsa, judgeEcdsaP1363, judgeEddsa, judgeRsaPkcs1, judgeRsaPss } from './signatures.ts';
import { count, type JudgeCase, type VectorFile, type VectorMembers, type VectorResult } from './vector.ts';

/** Kinds of groups, by the names that the files give them; older ones have other names for some. */
const JUDGES: ReadonlyMap<string, JudgeCase> = new Map([
  ['EcdsaVerify', judgeEcdsa],
  ['EcdsaBitcoinVerify', judgeEcdsa],
  ['EcdsaP1363Verify', judgeEcdsaP1363],
  ['EddsaVerify', judgeEddsa],
  ['RsassaPkcs1Verify', judgeRsaPkcs1],
  ['RsassaPssVerify', judgeRsaPss],
  ['AeadTest', judgeAead],
  ['KeywrapTest', judgeKeyWrap],
  ['MacTest', judgeMac],
  ['HkdfTest', judgeHkdf],
  ['PbkdfTest', judgePbkdf],
  ['EcdhTest', judgeAgreement],
  ['EcdhEcpointTest', judgeAgreement],
  ['EcdhPemTest', judgeAgreement],
  ['EcdhWebcryptoTest', judgeAgreement],
  ['XdhComp', judgeAgreement],
  ['XdhAsnComp', judgeAgreement],
  ['XdhPemComp', judgeAgreement],
  ['XdhJwkComp', judgeAgreement],
]);

/**
 * Runs a file of Wycheproof through this program's own primitives: what it says is `valid` they give or accept, what it
 * says is `invalid` they refuse. Cases that the file calls `acceptable` are answered as the primitives answer; SECURITY
 * and docs/VERIFY.md say how. What no code here does is SKIPPED with the reason. Never throws.
 */
export function* judgeWycheproof(file: VectorFile): IterableIterator<VectorResult> {
  const members = file as VectorMembers;
  for (const group of listOf(file.testGroups))
    for (const test of listOf(group['tests'])) yield judgeCase(members, group, test);
}

function judgeCase(file: VectorMembers, group: VectorMembers, test: VectorMembers): VectorResult {
  const id = count(test, 'tcId');
  const judge = JUDGES.get(String(group['type']));
  if (judge === undefined)
    return { id, actual_result: 'SKIPPED', context: `nothing here does ${JSON.stringify(group['type'])}` };
  try {
    const outcome = judge(group, test, file);
    if (typeof outcome === 'string') return { id, actual_result: 'SKIPPED', context: outcome };
    return outcome
      ? { id, actual_result: 'valid', context: 'it holds' }
      : { id, actual_result: 'invalid', context: 'it does not hold' };
  } catch (error) {
    return { id, actual_result: 'invalid', context: messageOf(error) };
  }
}

function listOf(value: unknown): readonly VectorMembers[] {
  return Array.isArray(value)
    ? value.filter((item): item is VectorMembers => typeof item === 'object' && item !== null)
    : [];
}
